// Package traffic makes Elastic Load Balancing true: it keeps the balancer's
// configuration as elbv2's rows have it, writes load balancers' states and
// targets' health back, and removes targets that have drained. The engine runs
// its loop. What is configured from what is a pure function (config.go).
package traffic

import (
	"context"
	"net/netip"
	"time"

	elbapi "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/acm"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/balancer"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/reach"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Firewall is what security groups let through.
type Firewall interface {
	// Clients are the addresses that the groups let in on a port; nil is everybody.
	Clients(tx *state.Tx, scope state.Scope, groups []string, port int) []netip.Prefix
	// Towards is the way from a load balancer to targets.
	Towards(tx *state.Tx, scope state.Scope, lb *elbv2.LoadBalancer) Path
	// Tables are what its answers depend on.
	Tables() []state.AnyTable
}

// Path says what stands between a load balancer and a port of a target, in words
// for the log; "" is nothing.
type Path func(target *elbv2.Target, kind elbapi.TargetTypeEnum, port int) (obstacle string)

// Certificates are a certificate's PEM texts.
type Certificates interface {
	Pair(tx *state.Tx, scope state.Scope, arn string) (chain, key []byte, ok bool)
}

// Controller is the loop's state.
type Controller struct {
	env      *operation.Env
	balancer *balancer.Balancer
	firewall Firewall
	certs    Certificates
	observed chan []balancer.TargetHealth
	ended    chan struct{}
	parsed   certificateCache
	// behind: what the balancer saw could not be written, and is to be again.
	behind bool
}

// New is a controller; Use gives it its balancer.
func New(env *operation.Env, firewall Firewall, certs Certificates) *Controller {
	return &Controller{env: env, firewall: firewall, certs: certs, observed: make(chan []balancer.TargetHealth, 64), ended: make(chan struct{}), parsed: certificateCache{}}
}

// Observe is the balancer's Options.Observe. When the loop has ended nobody
// listens any more.
func (c *Controller) Observe(h []balancer.TargetHealth) {
	select {
	case c.observed <- h:
	case <-c.ended:
	}
}

// Use sets the balancer, before Run.
func (c *Controller) Use(b *balancer.Balancer) { c.balancer = b }

// Run follows the state and the balancer until ctx ends.
func (c *Controller) Run(ctx context.Context) error {
	tables := append([]state.AnyTable{elbv2.LoadBalancers, elbv2.Listeners, elbv2.Rules, elbv2.TargetGroups, elbv2.Targets, reach.Ways, acm.Certificates}, c.firewall.Tables()...)
	watch := c.env.Store.Watch(tables...)
	defer watch.Close()
	defer close(c.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wake, err := c.pass()
		if err != nil {
			c.env.Log.Error("load balancing", "error", err)
			wake = c.env.Now().Add(time.Second)
		}
		timer.Stop()
		if !wake.IsZero() {
			timer.Reset(max(0, wake.Sub(c.env.Now())))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-watch.C():
			watch.Take()
		case batch := <-c.observed:
			if err := c.write(batch); err != nil {
				c.env.Log.Error("writing target health", "error", err)
				c.behind = true
			}
		case <-timer.C:
		}
	}
}

// pass applies the configuration and settles what is due; wake is when a target
// will have drained.
func (c *Controller) pass() (wake time.Time, err error) {
	tx := c.env.Store.View()
	if err := c.balancer.Apply(c.config(tx)); err != nil {
		return time.Time{}, err
	}
	if c.behind {
		if err := c.write(c.balancer.Health()); err != nil {
			return time.Time{}, err
		}
		c.behind = false
	}
	now := c.env.Now()
	due := false
	for _, t := range elbv2.Targets.Everywhere(tx) {
		switch {
		case t.Draining.IsZero():
			due = due || (c.env.Simulate && c.unproven(tx, t))
		case !t.Until.After(now):
			due = true
		case wake.IsZero() || t.Until.Before(wake):
			wake = t.Until
		}
	}
	for _, lb := range elbv2.LoadBalancers.Everywhere(tx) {
		due = due || lb.State == elbapi.LoadBalancerStateEnumProvisioning
	}
	if !due {
		return wake, nil
	}
	return wake, c.env.Store.Update(func(tx *state.Tx) error { c.settle(tx, now); return nil })
}

// unproven tells whether nothing is known yet of a target that is in use.
func (c *Controller) unproven(tx *state.Tx, t *elbv2.Target) bool {
	a, _ := arn.Parse(t.Group)
	return !elbv2.Healths.Has(tx, a.Scope(), elbv2.Targets.Key(t)) && len(elbv2.LoadBalancersOf(tx, a.Scope(), t.Group)) > 0
}

// settle makes load balancers active, removes targets that have drained and, in
// a simulation, finds every target healthy.
func (c *Controller) settle(tx *state.Tx, now time.Time) {
	for scope, lb := range elbv2.LoadBalancers.Everywhere(tx) {
		if lb.State == elbapi.LoadBalancerStateEnumProvisioning {
			elbv2.LoadBalancers.Change(tx, scope, lb.ARN, func(l *elbv2.LoadBalancer) { l.State = elbapi.LoadBalancerStateEnumActive })
		}
	}
	for scope, t := range elbv2.Targets.Everywhere(tx) {
		key := elbv2.Targets.Key(t)
		switch {
		case !t.Draining.IsZero() && !t.Until.After(now):
			elbv2.Targets.Delete(tx, scope, key)
			elbv2.Healths.Delete(tx, scope, key)
		case t.Draining.IsZero() && c.env.Simulate && !elbv2.Healths.Has(tx, scope, key) && len(elbv2.LoadBalancersOf(tx, scope, t.Group)) > 0:
			elbv2.Healths.Put(tx, scope, &elbv2.Health{Group: t.Group, ID: t.ID, Port: t.Port, State: elbapi.TargetHealthStateEnumHealthy, Since: now})
		}
	}
}

// write keeps what the balancer saw of targets. In a simulation it checks none,
// and settle alone says how they are: what came in between would stay.
func (c *Controller) write(batch []balancer.TargetHealth) error {
	if c.env.Simulate {
		return nil
	}
	return c.env.Store.Update(func(tx *state.Tx) error {
		for _, h := range batch {
			scope, t, ok := find(tx, h.Group, h.Target)
			if !ok || !t.Draining.IsZero() || h.State == balancer.Draining || h.State == balancer.Unused {
				continue
			}
			elbv2.Healths.Put(tx, scope, &elbv2.Health{
				Group: t.Group, ID: t.ID, Port: t.Port, State: elbapi.TargetHealthStateEnum(h.State), Reason: elbapi.TargetHealthReasonEnum(h.Reason),
				Description: h.Description, Since: later(h.At, t.Registered),
			})
		}
		return nil
	})
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
