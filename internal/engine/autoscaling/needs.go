package autoscaling

import (
	"strconv"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// all is the need of a Describe operation: Auto Scaling has no resources for them.
func all[In any](name string) operation.Needs[In] {
	return operation.Everything[In]("autoscaling:" + name)
}

// on is the need of an operation on one group.
func on[In any](name string, group func(*In) *string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		return []operation.Need{need(tx, c, name, awsapi.V(group(in)))}
	}
}

// onInstance is the need of an operation on the group that an instance is in.
func onInstance[In any](name string, instance func(*In) *string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		group := "*"
		if i, ok := Instances.Get(tx, c.Scope(), awsapi.V(instance(in))); ok {
			group = i.Group
		}
		return []operation.Need{need(tx, c, name, group)}
	}
}

// need is an action on a group, with the keys that the group brings.
func need(tx *state.Tx, c *operation.Caller, name, group string) operation.Need {
	n := operation.Need{Action: "autoscaling:" + name, Resource: groupARN(c.Scope(), "*", group), Keys: map[string][]string{}}
	if g, ok := Groups.Get(tx, c.Scope(), group); ok {
		n.Resource = g.ARN
		for _, t := range g.Tags {
			n.Keys["aws:ResourceTag/"+t.Key] = []string{t.Value}
			n.Keys["autoscaling:ResourceTag/"+t.Key] = []string{t.Value}
		}
	}
	return n
}

func groupARN(scope state.Scope, id, name string) string {
	return arn.New("autoscaling", scope, "autoScalingGroup:"+id+":autoScalingGroupName/"+name)
}

func setOf(tags []api.Tag) tagging.Set {
	return tagging.Of(tags, func(t api.Tag) (*string, *string) { return t.Key, t.Value })
}

func key(keys map[string][]string, name string, value *string) {
	if value != nil {
		keys["autoscaling:"+name] = []string{*value}
	}
}

func keyInt(keys map[string][]string, name string, value *int) {
	if value != nil {
		keys["autoscaling:"+name] = []string{strconv.Itoa(*value)}
	}
}

// sizeKeys are the condition keys of what CreateAutoScalingGroup and
// UpdateAutoScalingGroup have in common.
func sizeKeys(keys map[string][]string, least, most *int, vpcZones, configuration *string, template *api.LaunchTemplateSpecification) {
	keyInt(keys, "MinSize", least)
	keyInt(keys, "MaxSize", most)
	key(keys, "LaunchConfigurationName", configuration)
	if ids := split(awsapi.V(vpcZones)); len(ids) > 0 {
		keys["autoscaling:VPCZoneIdentifiers"] = ids
	}
	if template != nil {
		keys["autoscaling:LaunchTemplateVersionSpecified"] = []string{strconv.FormatBool(template.Version != nil)}
	}
}

func (s *Service) needsCreate(tx *state.Tx, c *operation.Caller, in *api.CreateAutoScalingGroupType) []operation.Need {
	n := need(tx, c, "CreateAutoScalingGroup", *in.AutoScalingGroupName)
	setOf(in.Tags).RequestKeys(n.Keys)
	template, kind := templateOf(in.LaunchTemplate, in.MixedInstancesPolicy)
	sizeKeys(n.Keys, in.MinSize, in.MaxSize, in.VPCZoneIdentifier, in.LaunchConfigurationName, template)
	if kind != "" {
		n.Keys["autoscaling:InstanceTypes"] = []string{kind}
	}
	if len(in.TargetGroupARNs) > 0 {
		n.Keys["autoscaling:TargetGroupARNs"] = in.TargetGroupARNs
	}
	if len(in.LoadBalancerNames) > 0 {
		n.Keys["autoscaling:LoadBalancerNames"] = in.LoadBalancerNames
	}
	if len(in.TrafficSources) > 0 {
		n.Keys["autoscaling:TrafficSourceIdentifiers"] = identifiers(in.TrafficSources)
	}
	return append([]operation.Need{n}, s.needsTemplate(tx, c, template)...)
}

func (s *Service) needsUpdate(tx *state.Tx, c *operation.Caller, in *api.UpdateAutoScalingGroupType) []operation.Need {
	n := need(tx, c, "UpdateAutoScalingGroup", *in.AutoScalingGroupName)
	template, kind := templateOf(in.LaunchTemplate, in.MixedInstancesPolicy)
	sizeKeys(n.Keys, in.MinSize, in.MaxSize, in.VPCZoneIdentifier, in.LaunchConfigurationName, template)
	if kind != "" {
		n.Keys["autoscaling:InstanceTypes"] = []string{kind}
	}
	return append([]operation.Need{n}, s.needsTemplate(tx, c, template)...)
}

// needsTemplate is what one must be allowed to do to have instances launched
// from a template ("Launch template support" of the Auto Scaling guide):
// ec2:RunInstances, and iam:PassRole when it has an instance profile.
func (s *Service) needsTemplate(tx *state.Tx, c *operation.Caller, ref *api.LaunchTemplateSpecification) []operation.Need {
	if ref == nil {
		return nil
	}
	t, err := s.machines.Template(tx, c.Scope(), awsapi.V(ref.LaunchTemplateId), awsapi.V(ref.LaunchTemplateName), awsapi.V(ref.Version))
	if err != nil {
		return nil // the operation tells
	}
	name := arn.New("ec2", c.Scope(), "launch-template/"+t.ID)
	needs := []operation.Need{{Action: "ec2:RunInstances", Resource: name, Keys: map[string][]string{"ec2:LaunchTemplate": {name}, "ec2:IsLaunchTemplateResource": {"true"}}}}
	if t.Role != "" {
		needs = append(needs, operation.Need{Action: "iam:PassRole", Resource: t.Role, Keys: map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}}})
	}
	return needs
}

func needsDelete(tx *state.Tx, c *operation.Caller, in *api.DeleteAutoScalingGroupType) []operation.Need {
	n := need(tx, c, "DeleteAutoScalingGroup", *in.AutoScalingGroupName)
	n.Keys["autoscaling:ForceDelete"] = []string{strconv.FormatBool(awsapi.V(in.ForceDelete))}
	return []operation.Need{n}
}

// needsTags is one need for each group whose tags are touched.
func needsTags[In any](name string, tags func(*In) []api.Tag) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		byGroup, order := map[string][]api.Tag{}, []string{}
		for _, t := range tags(in) {
			g := awsapi.V(t.ResourceId)
			if byGroup[g] == nil {
				order = append(order, g)
			}
			byGroup[g] = append(byGroup[g], t)
		}
		var needs []operation.Need
		for _, g := range order {
			n := need(tx, c, name, g)
			setOf(byGroup[g]).RequestKeys(n.Keys)
			needs = append(needs, n)
		}
		return needs
	}
}

func needsTargetGroups[In any](name string, group func(*In) *string, arns func(*In) []string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		n := need(tx, c, name, awsapi.V(group(in)))
		n.Keys["autoscaling:TargetGroupARNs"] = arns(in)
		return []operation.Need{n}
	}
}

func needsSources[In any](name string, group func(*In) *string, sources func(*In) []api.TrafficSourceIdentifier) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		n := need(tx, c, name, awsapi.V(group(in)))
		n.Keys["autoscaling:TrafficSourceIdentifiers"] = identifiers(sources(in))
		return []operation.Need{n}
	}
}
