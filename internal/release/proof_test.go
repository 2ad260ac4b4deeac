package release

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// A service is asked at the path of its health check where its rule leads there,
// else at a path that the rule does lead to it.
func TestAServiceIsAskedWhereItsRuleLeads(t *testing.T) {
	for _, c := range []struct {
		paths        []string
		health, want string
	}{
		{nil, "/healthz", "/healthz"},
		{[]string{"/api/*"}, "/api/healthz", "/api/healthz"},
		{[]string{"/v1/*", "/api/*/up"}, "/api/x/y/up", "/api/x/y/up"},
		{[]string{"/api/*"}, "/healthz", "/api/"},
		{[]string{"/v?/*"}, "/v12/up", "/va/"},
		{[]string{"/v?"}, "/v2", "/v2"},
		{[]string{"/api"}, "/api/up", "/api"},
	} {
		s := slipway.Service{Health: slipway.Health{Path: c.health}}
		if got := provable(&s, slipway.Rule{Paths: c.paths}); got != c.want {
			t.Errorf("rule %v, health check %s: asked at %s, not %s", c.paths, c.health, got, c.want)
		}
	}
}
