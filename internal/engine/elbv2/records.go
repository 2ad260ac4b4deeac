package elbv2

import (
	"iter"
	"strconv"
	"strings"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// LoadBalancer is an Application Load Balancer.
type LoadBalancer struct {
	ARN, Name, DNSName string
	VPC                string
	Scheme             api.LoadBalancerSchemeEnum
	AddressType        api.IpAddressType
	Zones              []Zone
	SecurityGroups     []string
	Attributes         map[string]string // those that differ from the defaults
	Tags               tagging.Set
	Created            time.Time

	// State is observed: provisioning until the balancer serves it.
	State api.LoadBalancerStateEnum
}

// Zone is a load balancer's place in one availability zone.
type Zone struct{ Name, Subnet string }

// Listener is a port of a load balancer.
type Listener struct {
	ARN, LoadBalancer string
	Port              int
	Protocol          api.ProtocolEnum
	SSLPolicy         string
	// Certificate is the default one, Certificates are the others.
	Certificate  string
	Certificates []string
	Default      []api.Action
	Attributes   map[string]string
	Tags         tagging.Set
	// DefaultRule is the ARN of the rule that shows the default actions.
	DefaultRule string
}

// Rule is a rule of a listener beside its default.
type Rule struct {
	ARN, Listener string
	Priority      int
	Conditions    []api.RuleCondition
	Actions       []api.Action
	Transforms    []api.RuleTransform
	Tags          tagging.Set
}

// TargetGroup is a set of targets and how they are reached and checked.
type TargetGroup struct {
	ARN, Name   string
	VPC         string
	Type        api.TargetTypeEnum
	Protocol    api.ProtocolEnum
	Version     string
	Port        int
	AddressType api.TargetGroupIpAddressTypeEnum
	Check       Check
	Attributes  map[string]string
	Tags        tagging.Set
}

// Check is a target group's health check.
type Check struct {
	Enabled            bool
	Protocol           api.ProtocolEnum
	Port               string // a number, or traffic-port
	Path               string
	Interval, Timeout  int // seconds
	Healthy, Unhealthy int
	HTTPCode, GRPCCode string
}

// Target is a member of a target group.
type Target struct {
	Group, ID string
	Port      int
	Zone      string
	// Registered is when it was, Draining when it was deregistered.
	Registered time.Time
	Draining   time.Time
	// Until is when draining ends.
	Until time.Time
}

// Health is what the balancer saw of a target last.
type Health struct {
	Group, ID   string
	Port        int
	State       api.TargetHealthStateEnum
	Reason      api.TargetHealthReasonEnum
	Description string
	Since       time.Time
}

// TargetKey is a target's key, and its health's.
func TargetKey(group, id string, port int) string { return group + " " + id + ":" + strconv.Itoa(port) }

// The tables.
var (
	LoadBalancers = state.NewTable("elbv2.load-balancer", func(l *LoadBalancer) string { return l.ARN })
	Listeners     = state.NewTable("elbv2.listener", func(l *Listener) string { return l.ARN })
	Rules         = state.NewTable("elbv2.rule", func(r *Rule) string { return r.ARN })
	TargetGroups  = state.NewTable("elbv2.target-group", func(t *TargetGroup) string { return t.ARN })
	Targets       = state.NewTable("elbv2.target", func(t *Target) string { return TargetKey(t.Group, t.ID, t.Port) })
	Healths       = state.NewTable("elbv2.target-health", func(h *Health) string { return TargetKey(h.Group, h.ID, h.Port) })

	byLoadBalancerName = state.NewIndex(LoadBalancers, func(l *LoadBalancer) []string { return []string{l.Name} })
	byTargetGroupName  = state.NewIndex(TargetGroups, func(t *TargetGroup) []string { return []string{t.Name} })
	listenersOf        = state.NewIndex(Listeners, func(l *Listener) []string { return []string{l.LoadBalancer} })
	rulesOf            = state.NewIndex(Rules, func(r *Rule) []string { return []string{r.Listener} })
	// usersOf finds the rules and listeners whose actions forward to a target group.
	rulesTo     = state.NewIndex(Rules, func(r *Rule) []string { return forwardsTo(r.Actions) })
	listenersTo = state.NewIndex(Listeners, func(l *Listener) []string { return forwardsTo(l.Default) })

	// Tables are all of the service's.
	Tables = []state.AnyTable{LoadBalancers, Listeners, Rules, TargetGroups, Targets, Healths}
)

// forwardsTo are the target groups that actions forward to, each once.
func forwardsTo(actions []api.Action) []string {
	var groups []string
	seen := map[string]bool{}
	add := func(arn *string) {
		if arn != nil && !seen[*arn] {
			seen[*arn] = true
			groups = append(groups, *arn)
		}
	}
	for _, a := range actions {
		add(a.TargetGroupArn)
		if a.ForwardConfig != nil {
			for _, t := range a.ForwardConfig.TargetGroups {
				add(t.TargetGroupArn)
			}
		}
	}
	return groups
}

// LoadBalancersOf are the load balancers whose listeners or rules forward to a
// target group. A group without any takes no service.
func LoadBalancersOf(tx *state.Tx, scope state.Scope, group string) []string {
	found := []string{}
	seen := map[string]bool{}
	add := func(lb string) {
		if !seen[lb] {
			seen[lb] = true
			found = append(found, lb)
		}
	}
	for l := range listenersTo.Get(tx, scope, group) {
		add(l.LoadBalancer)
	}
	for r := range rulesTo.Get(tx, scope, group) {
		if l, ok := Listeners.Get(tx, scope, r.Listener); ok {
			add(l.LoadBalancer)
		}
	}
	return found
}

// RulesOf are a listener's rules in the order of their priorities.
func RulesOf(tx *state.Tx, scope state.Scope, listener string) []*Rule {
	var rules []*Rule
	for r := range rulesOf.Get(tx, scope, listener) {
		rules = append(rules, r)
	}
	sortRules(rules)
	return rules
}

// TargetsOf are a target group's targets, draining ones included.
func TargetsOf(tx *state.Tx, scope state.Scope, group string) []*Target {
	var targets []*Target
	for t := range Targets.Prefix(tx, scope, group+" ") {
		targets = append(targets, t)
	}
	return targets
}

// GroupOf is the target group in a target's key.
func GroupOf(key string) string {
	group, _, _ := strings.Cut(key, " ")
	return group
}

// ListenersOf are a load balancer's listeners.
func ListenersOf(tx *state.Tx, scope state.Scope, loadBalancer string) iter.Seq[*Listener] {
	return listenersOf.Get(tx, scope, loadBalancer)
}
