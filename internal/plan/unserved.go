package plan

import (
	"fmt"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// unserved refuses what the file may say and Slipway doesn't do yet: dropping it
// silently would be worse.
func unserved(env *slipway.Environment) error {
	refuse := func(at slipway.Position, what, instead string) error {
		return fmt.Errorf("%s: %s is not served yet; %s", at, what, instead)
	}
	switch c, d := env.Cluster, env.DNS; {
	case c.Spread && c.LoadBalancer != "":
		return refuse(c.At.Of("spread"), "cluster.spread beside a load balancer that others made", "leave one of the two out")
	case c.Owned && c.Listener != "443" && c.Listener != "":
		return refuse(c.At.Of("listener"), "another listener than 443 on an owned cluster", "leave it out")
	case d.Provider == "route53" && d.Proxied:
		return refuse(d.At.Of("proxied"), "a proxied name in Route 53", "Cloudflare alone stands in front of names; leave dns.proxied out")
	case d.Provider == "route53" && d.Account != "":
		return refuse(d.At.Of("account"), "dns.account with Route 53", "leave it out: zones of the environment's own account are written")
	}
	return nil
}
