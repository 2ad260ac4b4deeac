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
	for _, j := range env.Jobs {
		if j.Schedule != "" {
			return refuse(j.At.Of("schedule"), "a job's schedule", "leave it out and run the job on demand")
		}
	}
	switch c, d := env.Cluster, env.DNS; {
	case c.Spread:
		return refuse(c.At.Of("spread"), "cluster.spread", "leave it out")
	case c.Owned && c.Listener != "443" && c.Listener != "":
		return refuse(c.At.Of("listener"), "another listener than 443 on an owned cluster", "leave it out")
	case d.Zone != "":
		return refuse(d.At.Of("zone"), "dns.zone", "leave it out: the longest zone that fits the host is taken")
	case d.Account != "":
		return refuse(d.At.Of("account"), "dns.account", "use a token of that account alone")
	}
	return nil
}
