package release

import "testing"

func TestRemotesAreRead(t *testing.T) {
	for at, want := range map[string][2]string{
		"git@github.com:windingtree/wt-demo-app.git":        {"github.com", "windingtree/wt-demo-app"},
		"https://github.com/windingtree/wt-demo-app":        {"github.com", "windingtree/wt-demo-app"},
		"https://u:p@gitlab.com/a/b/c.git/":                 {"gitlab.com", "a/b/c"},
		"ssh://git@git.example.com:2222/group/sub/name.git": {"git.example.com", "group/sub/name"},
		"git.example.com:a/b":                               {"git.example.com", "a/b"},
	} {
		if host, slug, ok := parseRemote(at); !ok || host != want[0] || slug != want[1] {
			t.Errorf("%s is %q %q %v", at, host, slug, ok)
		}
	}
	for _, at := range []string{"/srv/git/app.git", "../app", "file:///srv/app.git", "host:app"} {
		if host, slug, ok := parseRemote(at); ok {
			t.Errorf("%s is taken for %q %q", at, host, slug)
		}
	}
}
