package release

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// Remote is where a repository's origin is: its host, and owner/name.
func Remote(ctx context.Context, dir string) (host, slug string, err error) {
	at, err := repository(dir).git(ctx, "remote", "get-url", "origin")
	if err != nil {
		return "", "", fmt.Errorf("%s has no git remote named origin; name the repository with --repository OWNER/NAME", dir)
	}
	host, slug, ok := parseRemote(strings.TrimSpace(at))
	if !ok {
		return "", "", fmt.Errorf("the git remote %s is no repository of a CI service; name it with --repository OWNER/NAME", at)
	}
	return host, slug, nil
}

// parseRemote reads git@host:owner/name.git and URLs.
func parseRemote(at string) (host, slug string, ok bool) {
	if strings.Contains(at, "://") {
		u, err := url.Parse(at)
		if err != nil {
			return "", "", false
		}
		host, slug = u.Hostname(), u.Path
	} else if before, after, found := strings.Cut(at, ":"); found && !strings.Contains(before, "/") {
		host, slug = before[strings.LastIndexByte(before, '@')+1:], after
	}
	slug = strings.Trim(strings.TrimSuffix(strings.TrimSuffix(slug, "/"), ".git"), "/")
	return host, slug, host != "" && strings.Contains(slug, "/")
}
