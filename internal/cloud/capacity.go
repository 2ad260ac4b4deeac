package cloud

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// observeCapacity reads where the cluster's instances come from.
func (a *Account) observeCapacity(ctx context.Context, env *slipway.Environment) error {
	n := plan.Of(env)
	templates, err := a.ec2.DescribeLaunchTemplates(ctx, &ec2.DescribeLaunchTemplatesInput{Filters: []ec2types.Filter{filter("launch-template-name", n.Template().Name)}})
	if err != nil {
		return fmt.Errorf("reading launch templates: %w", plain(err))
	}
	if len(templates.LaunchTemplates) > 0 {
		if err := a.seeTemplate(ctx, n, aws.ToString(templates.LaunchTemplates[0].LaunchTemplateId)); err != nil {
			return err
		}
	}
	groups, err := a.groups.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{n.Group().Name}})
	if err != nil {
		return fmt.Errorf("reading Auto Scaling groups: %w", plain(err))
	}
	sizes := slipway.Settings{}
	for _, g := range groups.AutoScalingGroups {
		sizes["minimum size"], sizes["maximum size"] = strconv.Itoa(int(aws.ToInt32(g.MinSize))), strconv.Itoa(int(aws.ToInt32(g.MaxSize)))
		a.found(n.Group(), slipway.Seen{Ref: aws.ToString(g.AutoScalingGroupARN), Settings: sizes})
	}
	if err := a.observeProvider(ctx, n); err != nil {
		return err
	}
	cluster, ok := a.look(n.Cluster())
	if ok && cluster.Settings["default provider"] != "" {
		sizes["default provider"] = cluster.Settings["default provider"]
		a.found(n.Capacity(), slipway.Seen{Ref: cluster.Ref, Settings: sizes})
	}
	return nil
}

func (a *Account) seeTemplate(ctx context.Context, n plan.Names, id string) error {
	out, err := a.ec2.DescribeLaunchTemplateVersions(ctx, &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"$Latest"}})
	if err != nil {
		return fmt.Errorf("reading the launch template: %w", plain(err))
	}
	s := slipway.Settings{}
	for _, v := range out.LaunchTemplateVersions {
		s["instance type"] = string(v.LaunchTemplateData.InstanceType)
	}
	a.found(n.Template(), slipway.Seen{Ref: id, Settings: s})
	return nil
}

func (a *Account) observeProvider(ctx context.Context, n plan.Names) error {
	out, err := a.ecs.DescribeCapacityProviders(ctx, &ecs.DescribeCapacityProvidersInput{CapacityProviders: []string{n.Provider().Name}})
	if is(err, "ClientException", "ResourceNotFoundException") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading capacity providers: %w", plain(err))
	}
	for _, p := range out.CapacityProviders {
		g := p.AutoScalingGroupProvider
		if g == nil || p.Status != types.CapacityProviderStatusActive {
			continue
		}
		s := slipway.Settings{"managed scaling": "off", "managed draining": onOff(g.ManagedDraining != types.ManagedDrainingDisabled),
			"scale-in protection": onOff(g.ManagedTerminationProtection == types.ManagedTerminationProtectionEnabled)}
		if g.ManagedScaling != nil {
			s["managed scaling"] = onOff(g.ManagedScaling.Status == types.ManagedScalingStatusEnabled)
		}
		a.found(n.Provider(), slipway.Seen{Ref: aws.ToString(p.CapacityProviderArn), Settings: s})
	}
	return nil
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// ecsImage is the parameter that names the current ECS-optimized image for a
// processor.
func ecsImage(instance string) string {
	family, _, _ := strings.Cut(instance, ".")
	path := "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
	// Graviton families have a g behind their generation: t4g, m7gd, c8gn.
	if i := strings.LastIndexAny(family, "0123456789"); i >= 0 && strings.HasPrefix(family[i+1:], "g") {
		path = "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id"
	}
	return path
}

// applyTemplate writes a version of the launch template: the current
// ECS-optimized image, encrypted disks, IMDSv2 alone, no key to log in with.
func (a *Account) applyTemplate(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	n := plan.Of(env)
	image, err := a.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(ecsImage(env.Cluster.Instance))})
	if err != nil {
		return fmt.Errorf("looking up the ECS-optimized image: %w", plain(err))
	}
	groups := env.Cluster.SecurityGroups
	if len(groups) == 0 {
		groups = []string{a.Ref(n.InstanceGroup())}
	}
	userData := fmt.Sprintf("#!/bin/bash\nset -e\ncat >> /etc/ecs/ecs.config <<EOF\nECS_CLUSTER=%s\nECS_AWSVPC_BLOCK_IMDS=true\nECS_CONTAINER_STOP_TIMEOUT=30s\nEOF\n", env.Cluster.Name)
	data := &ec2types.RequestLaunchTemplateData{
		ImageId: image.Parameter.Value, InstanceType: ec2types.InstanceType(env.Cluster.Instance), SecurityGroupIds: groups,
		IamInstanceProfile: &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String(n.Profile().Name)},
		MetadataOptions: &ec2types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: ec2types.LaunchTemplateHttpTokensStateRequired,
			HttpPutResponseHopLimit: aws.Int32(2)},
		BlockDeviceMappings: []ec2types.LaunchTemplateBlockDeviceMappingRequest{{DeviceName: aws.String("/dev/xvda"),
			Ebs: &ec2types.LaunchTemplateEbsBlockDeviceRequest{Encrypted: aws.Bool(true), VolumeSize: aws.Int32(30), VolumeType: ec2types.VolumeTypeGp3, DeleteOnTermination: aws.Bool(true)}}},
		UserData: aws.String(base64.StdEncoding.EncodeToString([]byte(userData))),
		TagSpecifications: []ec2types.LaunchTemplateTagSpecificationRequest{{ResourceType: ec2types.ResourceTypeInstance, Tags: []ec2types.Tag{
			{Key: aws.String("Name"), Value: &env.Cluster.Name}, {Key: aws.String(tagCluster), Value: &env.Cluster.Name}}}},
	}
	if s.Action != slipway.Create {
		id := a.Ref(s.ID)
		_, err := a.ec2.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &id, LaunchTemplateData: data})
		return err
	}
	out, err := a.ec2.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{ClientToken: aws.String(token()), LaunchTemplateName: &s.Name, LaunchTemplateData: data,
		TagSpecifications: ec2Tags(ec2types.ResourceTypeLaunchTemplate, s.Name, env.Cluster.Name)})
	if err != nil {
		return err
	}
	a.found(s.ID, slipway.Seen{Ref: aws.ToString(out.LaunchTemplate.LaunchTemplateId)})
	return nil
}

// applyAutoScalingGroup makes the group empty: instances that register before
// their capacity provider is there are never tied to it.
func (a *Account) applyAutoScalingGroup(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	n := plan.Of(env)
	var subnets []string
	for _, id := range n.Subnets() {
		subnets = append(subnets, a.Ref(id))
	}
	return a.insist(ctx, "the instance profile being known", 2*time.Minute, func(err error) bool {
		return strings.Contains(says(err), "nvalid IAM Instance Profile") || strings.Contains(says(err), "Invalid IamInstanceProfile")
	}, func(ctx context.Context) error {
		_, err := a.groups.CreateAutoScalingGroup(ctx, &autoscaling.CreateAutoScalingGroupInput{
			AutoScalingGroupName: &s.Name, MinSize: aws.Int32(0), MaxSize: aws.Int32(int32(max(env.Cluster.Max, 1))), DesiredCapacity: aws.Int32(0),
			VPCZoneIdentifier: aws.String(strings.Join(subnets, ",")), NewInstancesProtectedFromScaleIn: aws.Bool(true),
			LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: aws.String(a.Ref(n.Template())), Version: aws.String("$Latest")},
			Tags: []astypes.Tag{
				{Key: aws.String("AmazonECSManaged"), Value: aws.String(""), PropagateAtLaunch: aws.Bool(true), ResourceId: &s.Name, ResourceType: aws.String("auto-scaling-group")},
				{Key: aws.String(tagCluster), Value: &env.Cluster.Name, PropagateAtLaunch: aws.Bool(true), ResourceId: &s.Name, ResourceType: aws.String("auto-scaling-group")},
			},
		})
		if err != nil && !is(err, "AlreadyExists", "AlreadyExistsFault") {
			return err
		}
		out, err := a.groups.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{s.Name}})
		if err != nil {
			return err
		}
		if len(out.AutoScalingGroups) == 0 {
			return errLate
		}
		a.found(s.ID, slipway.Seen{Ref: aws.ToString(out.AutoScalingGroups[0].AutoScalingGroupARN)})
		return nil
	})
}

func (a *Account) applyProvider(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	scaling := &types.ManagedScaling{Status: types.ManagedScalingStatusEnabled, TargetCapacity: aws.Int32(100)}
	if s.Action != slipway.Create {
		_, err := a.ecs.UpdateCapacityProvider(ctx, &ecs.UpdateCapacityProviderInput{Name: &s.Name, AutoScalingGroupProvider: &types.AutoScalingGroupProviderUpdate{
			ManagedScaling: scaling, ManagedDraining: types.ManagedDrainingEnabled, ManagedTerminationProtection: types.ManagedTerminationProtectionEnabled}})
		return err
	}
	out, err := a.ecs.CreateCapacityProvider(ctx, &ecs.CreateCapacityProviderInput{Name: &s.Name, Tags: ecsTags(env.Cluster.Name),
		AutoScalingGroupProvider: &types.AutoScalingGroupProvider{AutoScalingGroupArn: aws.String(a.Ref(plan.Of(env).Group())), ManagedScaling: scaling,
			ManagedDraining: types.ManagedDrainingEnabled, ManagedTerminationProtection: types.ManagedTerminationProtectionEnabled}})
	if err != nil {
		return err
	}
	a.found(s.ID, slipway.Seen{Ref: aws.ToString(out.CapacityProvider.CapacityProviderArn)})
	return nil
}

// applyCapacity ties the provider to the cluster and gives the group its size.
func (a *Account) applyCapacity(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	n := plan.Of(env)
	provider := n.Provider().Name
	if a.defaultProvider(n) != provider {
		err := a.insist(ctx, "the cluster taking its capacity provider", 5*time.Minute, func(err error) bool {
			return is(err, "ResourceInUseException", "UpdateInProgressException") || strings.Contains(says(err), "Cluster was not ACTIVE")
		}, func(ctx context.Context) error {
			_, err := a.ecs.PutClusterCapacityProviders(ctx, &ecs.PutClusterCapacityProvidersInput{Cluster: &env.Cluster.Name,
				CapacityProviders:               []string{provider},
				DefaultCapacityProviderStrategy: []types.CapacityProviderStrategyItem{{CapacityProvider: &provider, Weight: 1}}})
			return err
		})
		if err != nil {
			return err
		}
	}
	group, err := a.groups.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{n.Group().Name}})
	if err != nil {
		return err
	}
	if len(group.AutoScalingGroups) == 0 {
		return fmt.Errorf("the Auto Scaling group %s: %w", n.Group().Name, errLate)
	}
	desired := min(max(int(aws.ToInt32(group.AutoScalingGroups[0].DesiredCapacity)), env.Cluster.Min), env.Cluster.Max)
	_, err = a.groups.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String(n.Group().Name),
		MinSize: aws.Int32(int32(env.Cluster.Min)), MaxSize: aws.Int32(int32(env.Cluster.Max)), DesiredCapacity: aws.Int32(int32(desired))})
	a.found(s.ID, slipway.Seen{Ref: a.Ref(n.Cluster())})
	return err
}

// Ready waits until the cluster has as many instances as the file wants at
// least.
func (a *Account) Ready(ctx context.Context, env *slipway.Environment, sink slipway.Sink) error {
	if !env.Cluster.Owned || env.Cluster.Min == 0 {
		return nil
	}
	start := time.Now()
	err := a.until(ctx, fmt.Sprintf("%d instances joining cluster %s", env.Cluster.Min, env.Cluster.Name), 15*time.Minute, func(ctx context.Context) (bool, error) {
		if err := a.observeInstances(ctx, env.Cluster.Name); err != nil {
			return false, err
		}
		ready := 0
		for _, i := range a.seen.Instances {
			if i.Connected && !i.Draining {
				ready++
			}
		}
		return ready >= env.Cluster.Min, nil
	})
	if err == nil {
		now := time.Now()
		sink(slipway.Event{Time: now, Phase: plan.PhaseEnvironment, Step: "instances", State: slipway.Done, Elapsed: now.Sub(start),
			Text: fmt.Sprintf("%d of %s have joined", env.Cluster.Min, env.Cluster.Instance)})
	}
	return err
}

func (a *Account) defaultProvider(n plan.Names) string {
	c, _ := a.look(n.Cluster())
	return c.Settings["default provider"]
}
