package plan

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// deviations are what a load balancer made by others does in another way than
// the ones that Slipway makes. They are said, and nothing is changed that nobody
// asked for.
func deviations(env *slipway.Environment, wanted []slipway.Resource, seen *slipway.Observed) []string {
	n := Of(env)
	lb, ok := seen.Resources[n.Balancer()]
	if !ok || env.Cluster.Owned && env.Cluster.LoadBalancer == "" {
		return nil
	}
	var notes []string
	say := func(format string, args ...any) {
		notes = append(notes, "load balancer "+n.Balancer().Name+": "+fmt.Sprintf(format, args...))
	}
	if lb.Settings["zones"] == "1" {
		say("it is in one zone alone; when that fails, nothing answers")
	}
	if listed(wanted, n.HTTP()) && env.Cluster.Owned {
		return notes // its listeners are the file's
	}
	switch http, ok := seen.Resources[n.HTTP()]; {
	case !ok:
		say("nothing listens on port 80: who types the name alone gets no answer; add a listener that redirects to https")
	case !strings.HasPrefix(http.Settings["default"], "redirect to https"):
		say("the listener on port 80 does not redirect to https (its default is %s)", http.Settings["default"])
	}
	if https, ok := seen.Resources[n.HTTPS()]; ok {
		if https.Settings["default"] != "404" {
			say("the HTTPS listener's default is %s, not 404: names that nobody has lead there", https.Settings["default"])
		}
		if p := https.Settings["policy"]; oldTLS(p) {
			say("its policy %s still takes TLS 1.0 or 1.1; ELBSecurityPolicy-TLS13-1-2-2021-06 does not", p)
		}
	}
	return notes
}

func listed(wanted []slipway.Resource, id slipway.ID) bool {
	for _, r := range wanted {
		if r.ID == id {
			return true
		}
	}
	return false
}

// oldTLS tells whether a security policy lets clients in that speak less than
// TLS 1.2; its name says its least version.
func oldTLS(policy string) bool {
	for _, modern := range []string{"TLS13-1-2-", "TLS13-1-3-", "TLS-1-2-", "FS-1-2-"} {
		if strings.Contains(policy, modern) {
			return false
		}
	}
	return policy != ""
}

// foreignVPC refuses a load balancer that stands in another VPC than the
// instances: no target group could have both.
func foreignVPC(env *slipway.Environment, seen *slipway.Observed) error {
	n := Of(env)
	lb, vpc := seen.Resources[n.Balancer()].Settings["vpc"], seen.Resources[n.VPC()].Ref
	if lb == "" || vpc == "" || lb == vpc {
		return nil
	}
	return fmt.Errorf("load balancer %s stands in %s, cluster %s in %s: requests can't get from one to the other; name a load balancer of %s: cluster: {load-balancer: NAME}", n.Balancer().Name, lb, env.Cluster.Name, vpc, vpc)
}

// Surveyed are what the instances of a cluster made by others deviate in, from
// what an account tells of them.
func Surveyed(env *slipway.Environment, s slipway.Survey) []string {
	var notes []string
	for _, g := range s.Open {
		notes = append(notes, fmt.Sprintf("cluster %s: security group %s is open to the world (%s); it should admit the load balancer's group alone", env.Cluster.Name, g.Group, g.What))
	}
	if s.Instances > 0 && s.Zones == 1 && s.Instances > 1 {
		notes = append(notes, fmt.Sprintf("cluster %s: all %d instances are in one zone", env.Cluster.Name, s.Instances))
	}
	if len(s.OldMetadata) > 0 {
		notes = append(notes, fmt.Sprintf("cluster %s: %s let IMDSv1 in: any request that a container can be talked into reads the instance's role", env.Cluster.Name, strings.Join(s.OldMetadata, ", ")))
	}
	if s.Denied != "" {
		notes = append(notes, fmt.Sprintf("cluster %s: its instances could not be looked at: %s", env.Cluster.Name, s.Denied))
	}
	return notes
}
