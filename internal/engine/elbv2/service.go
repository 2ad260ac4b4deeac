// Package elbv2 is Elastic Load Balancing v2, of which the engine serves
// Application Load Balancers: load balancers, listeners and their certificates,
// rules, target groups, targets and their health. Operations write what is
// wanted; the balancer's controller (package engine) makes it true and writes
// back load balancers' states and targets' health.
//
// Called by the engine's chain; ecs registers and deregisters targets (targets.go).
package elbv2

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// Network is what a load balancer has to know of its VPC.
type Network interface {
	// Subnet is a subnet's VPC and zone.
	Subnet(tx *state.Tx, scope state.Scope, id string) (vpc, zone string, ok bool)
	// ZoneOf is the zone of the VPC's subnet that the address is in.
	ZoneOf(tx *state.Tx, scope state.Scope, vpc string, addr netip.Addr) (zone string, ok bool)
	// FreeAddresses is how many addresses of a subnet nobody has.
	FreeAddresses(tx *state.Tx, scope state.Scope, subnet string) int
	// SecurityGroup is a security group's VPC.
	SecurityGroup(tx *state.Tx, scope state.Scope, id string) (vpc string, ok bool)
	// DefaultSecurityGroup is a VPC's.
	DefaultSecurityGroup(tx *state.Tx, scope state.Scope, vpc string) string
	// VPC tells whether there is such a VPC.
	VPC(tx *state.Tx, scope state.Scope, id string) bool
	// Attach and Detach make and remove a load balancer's interfaces.
	Attach(tx *state.Tx, scope state.Scope, loadBalancer *LoadBalancer) error
	Detach(tx *state.Tx, scope state.Scope, loadBalancer *LoadBalancer)
	// Instance tells whether an instance exists, in which VPC and zone.
	Instance(tx *state.Tx, scope state.Scope, id string) (vpc, zone string, ok bool)
}

// Service serves the operations.
type Service struct {
	env *operation.Env
	net Network
}

// New is the service.
func New(env *operation.Env, net Network) *Service { return &Service{env: env, net: net} }

// Operations are what is served.
func (s *Service) Operations() []operation.Operation {
	return []operation.Operation{
		operation.Bind("CreateLoadBalancer", needsNewLoadBalancer, s.CreateLoadBalancer),
		operation.Bind("DescribeLoadBalancers", all[api.DescribeLoadBalancersInput]("DescribeLoadBalancers"), s.DescribeLoadBalancers),
		operation.Bind("DeleteLoadBalancer", on("DeleteLoadBalancer", func(in *api.DeleteLoadBalancerInput) *string { return in.LoadBalancerArn }), s.DeleteLoadBalancer),
		operation.Bind("DescribeLoadBalancerAttributes", all[api.DescribeLoadBalancerAttributesInput]("DescribeLoadBalancerAttributes"), s.DescribeLoadBalancerAttributes),
		operation.Bind("ModifyLoadBalancerAttributes", on("ModifyLoadBalancerAttributes", func(in *api.ModifyLoadBalancerAttributesInput) *string { return in.LoadBalancerArn }), s.ModifyLoadBalancerAttributes),
		operation.Bind("SetSecurityGroups", on("SetSecurityGroups", func(in *api.SetSecurityGroupsInput) *string { return in.LoadBalancerArn }), s.SetSecurityGroups),
		operation.Bind("SetSubnets", on("SetSubnets", func(in *api.SetSubnetsInput) *string { return in.LoadBalancerArn }), s.SetSubnets),
		operation.Bind("SetIpAddressType", on("SetIpAddressType", func(in *api.SetIpAddressTypeInput) *string { return in.LoadBalancerArn }), s.SetIpAddressType),
		operation.Bind("DescribeCapacityReservation", all[api.DescribeCapacityReservationInput]("DescribeCapacityReservation"), s.DescribeCapacityReservation),

		operation.Bind("CreateListener", within("CreateListener", func(in *api.CreateListenerInput) *string { return in.LoadBalancerArn }, ":loadbalancer/", ":listener/",
			func(in *api.CreateListenerInput) []api.Tag { return in.Tags }), s.CreateListener),
		operation.Bind("DescribeListeners", all[api.DescribeListenersInput]("DescribeListeners"), s.DescribeListeners),
		operation.Bind("ModifyListener", on("ModifyListener", func(in *api.ModifyListenerInput) *string { return in.ListenerArn }), s.ModifyListener),
		operation.Bind("DeleteListener", on("DeleteListener", func(in *api.DeleteListenerInput) *string { return in.ListenerArn }), s.DeleteListener),
		operation.Bind("DescribeListenerAttributes", all[api.DescribeListenerAttributesInput]("DescribeListenerAttributes"), s.DescribeListenerAttributes),
		operation.Bind("ModifyListenerAttributes", on("ModifyListenerAttributes", func(in *api.ModifyListenerAttributesInput) *string { return in.ListenerArn }), s.ModifyListenerAttributes),
		operation.Bind("AddListenerCertificates", on("AddListenerCertificates", func(in *api.AddListenerCertificatesInput) *string { return in.ListenerArn }), s.AddListenerCertificates),
		operation.Bind("RemoveListenerCertificates", on("RemoveListenerCertificates", func(in *api.RemoveListenerCertificatesInput) *string { return in.ListenerArn }), s.RemoveListenerCertificates),
		operation.Bind("DescribeListenerCertificates", all[api.DescribeListenerCertificatesInput]("DescribeListenerCertificates"), s.DescribeListenerCertificates),

		operation.Bind("CreateRule", within("CreateRule", func(in *api.CreateRuleInput) *string { return in.ListenerArn }, ":listener/", ":listener-rule/",
			func(in *api.CreateRuleInput) []api.Tag { return in.Tags }), s.CreateRule),
		operation.Bind("DescribeRules", all[api.DescribeRulesInput]("DescribeRules"), s.DescribeRules),
		operation.Bind("ModifyRule", on("ModifyRule", func(in *api.ModifyRuleInput) *string { return in.RuleArn }), s.ModifyRule),
		operation.Bind("DeleteRule", on("DeleteRule", func(in *api.DeleteRuleInput) *string { return in.RuleArn }), s.DeleteRule),
		operation.Bind("SetRulePriorities", needsPriorities, s.SetRulePriorities),

		operation.Bind("CreateTargetGroup", needsNewTargetGroup, s.CreateTargetGroup),
		operation.Bind("DescribeTargetGroups", all[api.DescribeTargetGroupsInput]("DescribeTargetGroups"), s.DescribeTargetGroups),
		operation.Bind("ModifyTargetGroup", on("ModifyTargetGroup", func(in *api.ModifyTargetGroupInput) *string { return in.TargetGroupArn }), s.ModifyTargetGroup),
		operation.Bind("DeleteTargetGroup", on("DeleteTargetGroup", func(in *api.DeleteTargetGroupInput) *string { return in.TargetGroupArn }), s.DeleteTargetGroup),
		operation.Bind("DescribeTargetGroupAttributes", all[api.DescribeTargetGroupAttributesInput]("DescribeTargetGroupAttributes"), s.DescribeTargetGroupAttributes),
		operation.Bind("ModifyTargetGroupAttributes", on("ModifyTargetGroupAttributes", func(in *api.ModifyTargetGroupAttributesInput) *string { return in.TargetGroupArn }), s.ModifyTargetGroupAttributes),
		operation.Bind("RegisterTargets", on("RegisterTargets", func(in *api.RegisterTargetsInput) *string { return in.TargetGroupArn }), s.RegisterTargets),
		operation.Bind("DeregisterTargets", on("DeregisterTargets", func(in *api.DeregisterTargetsInput) *string { return in.TargetGroupArn }), s.DeregisterTargets),
		operation.Bind("DescribeTargetHealth", all[api.DescribeTargetHealthInput]("DescribeTargetHealth"), s.DescribeTargetHealth),

		operation.Bind("AddTags", needsTags("AddTags", func(in *api.AddTagsInput) []string { return in.ResourceArns }), s.AddTags),
		operation.Bind("RemoveTags", needsTags("RemoveTags", func(in *api.RemoveTagsInput) []string { return in.ResourceArns }), s.RemoveTags),
		operation.Bind("DescribeTags", all[api.DescribeTagsInput]("DescribeTags"), s.DescribeTags),
		operation.Bind("DescribeAccountLimits", all[api.DescribeAccountLimitsInput]("DescribeAccountLimits"), s.DescribeAccountLimits),
		operation.Bind("DescribeSSLPolicies", all[api.DescribeSSLPoliciesInput]("DescribeSSLPolicies"), s.DescribeSSLPolicies),
	}
}

// all is the need of a Describe operation: ELB has no resources for them.
func all[In any](name string) operation.Needs[In] {
	return operation.Everything[In]("elasticloadbalancing:" + name)
}

// on is the need of an operation on one resource, with its tags.
func on[In any](name string, resource func(*In) *string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		n := operation.Need{Action: "elasticloadbalancing:" + name, Resource: "*", Keys: map[string][]string{}}
		if p := resource(in); p != nil {
			n.Resource = *p
			if tags, ok := tagsOf(tx, c.Scope(), *p); ok {
				tags.ResourceKeys(n.Keys)
			}
		}
		return []operation.Need{n}
	}
}

func needsTags[In any](name string, resources func(*In) []string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		var needs []operation.Need
		for _, r := range resources(in) {
			needs = append(needs, on(name, func(*In) *string { return &r })(tx, c, in)...)
		}
		return needs
	}
}

func needsPriorities(tx *state.Tx, c *operation.Caller, in *api.SetRulePrioritiesInput) []operation.Need {
	var needs []operation.Need
	for _, p := range in.RulePriorities {
		needs = append(needs, on("SetRulePriorities", func(*api.SetRulePrioritiesInput) *string { return p.RuleArn })(tx, c, in)...)
	}
	return needs
}

func needsNew(c *operation.Caller, name, resource string, tags []api.Tag) []operation.Need {
	n := operation.Need{Action: "elasticloadbalancing:" + name, Resource: resource, Keys: map[string][]string{}}
	setOf(tags).RequestKeys(n.Keys)
	return append([]operation.Need{n}, newTags(name, resource, tags)...)
}

// newTags is what tags at a creation need besides ("ELB API permissions to tag
// resources during creation").
func newTags(creation, resource string, tags []api.Tag) []operation.Need {
	if len(tags) == 0 {
		return nil
	}
	n := operation.Need{Action: "elasticloadbalancing:AddTags", Resource: resource, Keys: map[string][]string{"elasticloadbalancing:CreateAction": {creation}}}
	setOf(tags).RequestKeys(n.Keys)
	return []operation.Need{n}
}

// within is the need of an operation that makes something in a resource; its ARN
// is the parent's with another word and one id more.
func within[In any](creation string, parent func(*In) *string, from, to string, tags func(*In) []api.Tag) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		made := strings.Replace(awsapi.V(parent(in)), from, to, 1) + "/*"
		return append(on(creation, parent)(tx, c, in), newTags(creation, made, tags(in))...)
	}
}

func needsNewLoadBalancer(_ *state.Tx, c *operation.Caller, in *api.CreateLoadBalancerInput) []operation.Need {
	return needsNew(c, "CreateLoadBalancer", name(c.Scope(), "loadbalancer/app/"+*in.Name+"/*"), in.Tags)
}

func needsNewTargetGroup(_ *state.Tx, c *operation.Caller, in *api.CreateTargetGroupInput) []operation.Need {
	return needsNew(c, "CreateTargetGroup", name(c.Scope(), "targetgroup/"+*in.Name+"/*"), in.Tags)
}

func setOf(tags []api.Tag) tagging.Set {
	return tagging.Of(tags, func(t api.Tag) (*string, *string) { return t.Key, t.Value })
}

func sortRules(rules []*Rule) {
	slices.SortFunc(rules, func(a, b *Rule) int { return cmp.Compare(a.Priority, b.Priority) })
}
