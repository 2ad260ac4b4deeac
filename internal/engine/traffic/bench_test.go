package traffic

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	elbapi "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/acm"
	"github.com/slipway-dev/slipway/internal/engine/balancer"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// BenchmarkPass is one look at everything, as after each change of a row: so
// many services on ten load balancers, each with a host rule and two targets.
func BenchmarkPass(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			store := state.InMemory(append(elbv2.Tables, acm.Tables...)...)
			defer store.Close()
			if err := store.Update(func(tx *state.Tx) error { services(tx, n); return nil }); err != nil {
				b.Fatal(err)
			}
			c := New(&operation.Env{Store: store, Now: time.Now, Log: slog.New(slog.DiscardHandler), Simulate: true, Addresses: operation.Addresses{HTTP: "127.0.0.1:0", HTTPS: "127.0.0.1:0"}}, walls{}, nil)
			c.Use(balancer.New(balancer.Options{}))
			defer c.balancer.Close(b.Context())
			for b.Loop() {
				if err := c.balancer.Apply(c.config(store.View())); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func services(tx *state.Tx, n int) {
	for i := range 10 {
		lb := fmt.Sprintf("%sloadbalancer/app/lb%d/1", elb, i)
		elbv2.LoadBalancers.Put(tx, scope, &elbv2.LoadBalancer{ARN: lb, Created: noon})
		elbv2.Listeners.Put(tx, scope, &elbv2.Listener{ARN: lb + "/l", LoadBalancer: lb, Port: 80, Protocol: "HTTP", Default: page()})
	}
	for i := range n {
		group := fmt.Sprintf("%stargetgroup/web%d/1", elb, i)
		elbv2.TargetGroups.Put(tx, scope, &elbv2.TargetGroup{ARN: group, Type: "instance", Protocol: "HTTP"})
		for j := range 2 {
			elbv2.Targets.Put(tx, scope, &elbv2.Target{Group: group, ID: fmt.Sprintf("i-%d", j), Port: 32768 + i})
		}
		listener := fmt.Sprintf("%sloadbalancer/app/lb%d/1/l", elb, i%10)
		elbv2.Rules.Put(tx, scope, &elbv2.Rule{ARN: fmt.Sprintf("%s/r%d", listener, i), Listener: listener, Priority: i + 1, Actions: to(group), Conditions: []elbapi.RuleCondition{
			{Field: new("host-header"), HostHeaderConfig: &elbapi.HostHeaderConditionConfig{Values: []string{fmt.Sprintf("web-%d.example.test", i)}}},
		}})
	}
}
