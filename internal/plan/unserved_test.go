package plan

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestWhatIsNotServedIsRefused(t *testing.T) {
	for name, env := range map[string]slipway.Environment{
		"spread":   {Cluster: slipway.Cluster{Spread: true, LoadBalancer: "byhand"}},
		"listener": {Cluster: slipway.Cluster{Owned: true, Listener: "8443"}},
		"proxied":  {DNS: slipway.DNS{Provider: "route53", Proxied: true}},
		"account":  {DNS: slipway.DNS{Provider: "route53", Account: "0ab1"}},
	} {
		if _, err := Make(&env, nil, &slipway.Observed{}); err == nil {
			t.Errorf("%s was not refused", name)
		}
	}
	fine := slipway.Environment{Jobs: []slipway.Job{{Name: "migrate", Schedule: "rate(1 day)"}}, Cluster: slipway.Cluster{Owned: true, Listener: "443", Spread: true}, DNS: slipway.DNS{Provider: "cloudflare", Zone: "example.com", Account: "0ab1"}}
	if _, err := Make(&fine, nil, &slipway.Observed{}); err != nil {
		t.Error(err)
	}
}
