package slipway

import "testing"

func TestDriftIsToldFromChange(t *testing.T) {
	for _, c := range []struct {
		d            Difference
		says, choice string
	}{
		{Difference{Field: "path", Have: "/api/*", Want: "/api/* /new/*"}, "path /api/* → /api/* /new/*", ""},
		{Difference{Field: "path", Have: "/old/*", Drift: true, Key: "service.paths"}, "drift: someone added path /old/* by hand", "keep with service.paths, or let it be removed"},
		{Difference{Field: "path", Have: "/api/* /old/*", Want: "/api/*", Drift: true, Key: "service.paths"}, "drift: someone added path /old/* by hand", "keep with service.paths, or let it be removed"},
		{Difference{Field: "path", Have: "/api/*", Want: "/api/* /new/*", Drift: true, Key: "service.paths"}, "drift: someone removed path /new/* by hand", "keep with service.paths, or let it be put back"},
		{Difference{Field: "health path", Have: "/", Want: "/healthz", Drift: true, Key: "service.health.path"}, "drift: someone changed health path by hand: /, was /healthz", "keep with service.health.path, or let it be put back"},
		{Difference{Field: "variables.LOG", Have: "=debug", Drift: true, Key: "service.variables.LOG"}, "drift: someone added variables.LOG debug by hand", "keep with service.variables.LOG, or let it be removed"},
		{Difference{Field: "container insights", Have: "off", Want: "on", Drift: true}, "drift: someone changed container insights by hand: off, was on", "it will be put back"},
	} {
		if got := c.d.String(); got != c.says {
			t.Errorf("%q, want %q", got, c.says)
		}
		if got := c.d.Choice(); got != c.choice {
			t.Errorf("%q, want %q", got, c.choice)
		}
	}
}
