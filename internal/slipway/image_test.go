package slipway

import "testing"

func TestReferences(t *testing.T) {
	for _, c := range []struct {
		image      Image
		host, want string
	}{
		{Image{Repository: "demo", Tag: "{tag}-playground"}, "", "demo:v1-playground"},
		{Image{Repository: "team/demo", Tag: "{commit}"}, "", "team/demo:abc"},
		{Image{Repository: "docker.io/team/demo", Tag: "{tag}"}, "docker.io", "docker.io/team/demo:v1"},
		{Image{Repository: "localhost:5000/demo", Tag: "x"}, "localhost:5000", "localhost:5000/demo:x"},
		{Image{Repository: "ghcr.io/x@sha256:00"}, "ghcr.io", "ghcr.io/x@sha256:00"},
	} {
		if got := c.image.Host(); got != c.host {
			t.Errorf("%s is on %q, want %q", c.image.Repository, got, c.host)
		}
		if got := c.image.Reference("v1", "abc"); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestReleased(t *testing.T) {
	for _, c := range []struct{ template, tag, want string }{
		{"{tag}-playground", "v1.2.0-playground", "v1.2.0"},
		{"{tag}-playground", "v1.2.0", "v1.2.0"},
		{"{tag}", "v1.2.0", "v1.2.0"},
		{"r-{tag}", "r-7", "7"},
		{"{commit}", "abc", "abc"},
		{"{tag}-playground", "-playground", "-playground"},
		{"", "v1", "v1"},
	} {
		if got := (Image{Tag: c.template}).Released(c.tag); got != c.want {
			t.Errorf("%s of %s: got %s, want %s", c.tag, c.template, got, c.want)
		}
	}
}

func TestExpand(t *testing.T) {
	for template, want := range map[string]string{
		"{tag}-x": "v1-x", "{commit}": "abc", "{{tag}": "{tag}", `{"a":{"b":1}}`: `{"a":{"b":1}}`, `{{"a"`: `{"a"`, "{env}": "{env}", "": "",
	} {
		if got := Expand(template, "v1", "abc"); got != want {
			t.Errorf("%s became %s, want %s", template, got, want)
		}
	}
}

func TestSecretsAsECSNamesThem(t *testing.T) {
	for secret, want := range map[string]string{
		"/playground/key":                   "/playground/key",
		"secretsmanager:db":                 "arn:aws:secretsmanager:eu-west-1:029479441096:secret:db",
		"secretsmanager:a/db:password":      "arn:aws:secretsmanager:eu-west-1:029479441096:secret:a/db:password::",
		"arn:aws:ssm:eu-west-1:1:parameter": "arn:aws:ssm:eu-west-1:1:parameter",
	} {
		if got := SecretFrom(secret, "eu-west-1", "029479441096"); got != want {
			t.Errorf("%s is %s, want %s", secret, got, want)
		}
	}
	if got := SecretFrom("secretsmanager:db", "cn-north-1", "1"); got != "arn:aws-cn:secretsmanager:cn-north-1:1:secret:db" {
		t.Error(got)
	}
}
