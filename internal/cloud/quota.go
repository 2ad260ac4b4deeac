package cloud

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// What a load balancer may have where the account's limits were not raised
// ("Quotas for your Application Load Balancers"). Rules and certificates are
// counted for the load balancer, not for each listener; default ones are not.
const (
	rulesLimit        = 100
	certificatesLimit = 25
	groupsLimit       = 100
)

// observeQuotas counts what the load balancer has of what it may have. The
// account's own limits are asked for only where the usual ones come near: they
// are hardly ever lower.
func (a *Account) observeQuotas(ctx context.Context, listeners []types.Listener, https string, rules []types.Rule) error {
	count := tally{groups: map[string]bool{}}
	for _, l := range listeners {
		count.actions(l.DefaultActions)
	}
	count.rules(rules)
	if count.of >= rulesLimit/2 { // other listeners' rules matter only then
		for _, l := range listeners {
			if aws.ToString(l.ListenerArn) == https {
				continue
			}
			more, err := a.rules(ctx, aws.ToString(l.ListenerArn))
			if err != nil {
				return err
			}
			count.rules(more)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	certificates := a.seen.Certificates.Used
	limit := map[string]int{}
	if count.of >= rulesLimit*8/10 || certificates >= certificatesLimit*8/10 || len(count.groups) >= groupsLimit*8/10 {
		pages := elb.NewDescribeAccountLimitsPaginator(a.elb, &elb.DescribeAccountLimitsInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("reading the account's limits: %w", plain(err))
			}
			for _, l := range page.Limits {
				limit[aws.ToString(l.Name)], _ = strconv.Atoi(aws.ToString(l.Max))
			}
		}
	}
	of := func(name string, usual int) int {
		if n := limit[name+"-per-application-load-balancer"]; n > 0 {
			return n
		}
		return usual
	}
	a.seen.Rules = slipway.Quota{Used: count.of, Limit: of("rules", rulesLimit)}
	a.seen.Certificates = slipway.Quota{Used: certificates, Limit: of("certificates", certificatesLimit)}
	a.seen.TargetGroups = slipway.Quota{Used: len(count.groups), Limit: of("target-groups", groupsLimit)}
	return nil
}

// tally counts a load balancer's rules and the target groups that they lead to.
type tally struct {
	of     int
	groups map[string]bool
}

func (t *tally) rules(list []types.Rule) {
	t.of += len(list)
	for _, r := range list {
		t.actions(r.Actions)
	}
}

func (t *tally) actions(list []types.Action) {
	for _, act := range list {
		if act.TargetGroupArn != nil {
			t.groups[*act.TargetGroupArn] = true
		}
		if act.ForwardConfig != nil {
			for _, g := range act.ForwardConfig.TargetGroups {
				t.groups[aws.ToString(g.TargetGroupArn)] = true
			}
		}
	}
}
