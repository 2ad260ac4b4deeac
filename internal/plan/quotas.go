package plan

import (
	"fmt"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// quotas says when a load balancer will be nearly full, and refuses what it
// can't take any more, before anything changes.
func quotas(env *slipway.Environment, p *slipway.Plan, seen *slipway.Observed) (notes []string, err error) {
	for _, q := range []struct {
		kind       slipway.Kind
		what, name string
		quota      slipway.Quota
	}{
		{slipway.KindRule, "rules", "rules", seen.Rules},
		{slipway.KindAttachment, "certificates", "certificates", seen.Certificates},
		{slipway.KindTargetGroup, "target groups", "target-groups", seen.TargetGroups},
	} {
		more := 0
		for _, s := range p.Steps {
			if s.Kind == q.kind && s.Action == slipway.Create {
				more++
			}
		}
		switch after := q.quota.Used + more; {
		case q.quota.Limit == 0 || more == 0 && after <= q.quota.Limit*9/10:
		case more > 0 && after > q.quota.Limit:
			choice := "name another: cluster: {load-balancer: NAME}"
			if env.Cluster.LoadBalancer == "" && env.Cluster.Owned && !env.Cluster.Spread {
				choice = "let services go to a second load balancer: cluster: {spread: true}"
			}
			return nil, fmt.Errorf("load balancer %s has %d of %d %s and this needs %d more; ask AWS for more (quota %s-per-application-load-balancer), or %s",
				Of(env).Balancer().Name, q.quota.Used, q.quota.Limit, q.what, more, q.name, choice)
		case after > q.quota.Limit*9/10:
			notes = append(notes, fmt.Sprintf("load balancer %s will have %d of %d %s", Of(env).Balancer().Name, after, q.quota.Limit, q.what))
		}
	}
	return notes, nil
}
