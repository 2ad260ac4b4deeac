package ec2

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	iamapi "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

func TestTheLifeOfAnInstance(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	subnet := r.subnet(v, "10.0.5.0/24", "eu-west-1a")
	must[awsapi.Empty](r, "ModifySubnetAttribute", &api.ModifySubnetAttributeRequest{SubnetId: &subnet, MapPublicIpOnLaunch: is(true)})
	id := *r.run(subnet, 1)[0].InstanceId
	one := []string{id}
	var life []string
	look := func() {
		t.Helper()
		i := r.instance(id)
		life = append(life, string(i.State.Name)+" "+itoa(*i.State.Code)+" "+awsapi.V(i.PrivateIpAddress)+map[bool]string{true: " public"}[i.PublicIpAddress != nil])
	}
	look()
	r.refused("IncorrectInstanceState", "not in a state from which it can be stopped", "StopInstances", &api.StopInstancesRequest{InstanceIds: one})
	r.later(time.Second)
	look()
	public := *r.instance(id).PublicIpAddress
	must[api.StopInstancesResult](r, "StopInstances", &api.StopInstancesRequest{InstanceIds: one})
	look()
	r.refused("IncorrectInstanceState", "not in a state from which it can be started", "StartInstances", &api.StartInstancesRequest{InstanceIds: one})
	r.later(time.Second)
	look()
	must[api.StartInstancesResult](r, "StartInstances", &api.StartInstancesRequest{InstanceIds: one})
	r.later(time.Second)
	look()
	if again := *r.instance(id).PublicIpAddress; again == public {
		t.Errorf("the public address %s outlived the stop", public)
	}
	change := must[api.TerminateInstancesResult](r, "TerminateInstances", &api.TerminateInstancesRequest{InstanceIds: one}).TerminatingInstances[0]
	if change.PreviousState.Name != "running" || change.CurrentState.Name != "shutting-down" {
		t.Errorf("%+v", change)
	}
	look()
	r.later(time.Second)
	look()
	want := []string{
		"pending 0 10.0.5.4 public", "running 16 10.0.5.4 public", "stopping 64 10.0.5.4 public", "stopped 80 10.0.5.4", "running 16 10.0.5.4 public",
		"shutting-down 32 10.0.5.4 public", "terminated 48 ",
	}
	if diff := cmp.Diff(want, life); diff != "" {
		t.Error(diff)
	}
	if n := Volumes.Len(r.s.env.Store.View(), r.c.Scope()) + Interfaces.Len(r.s.env.Store.View(), r.c.Scope()); n != 0 {
		t.Errorf("%d volumes and interfaces are left of a terminated instance", n)
	}
	r.later(59 * time.Minute)
	r.instance(id)
	r.later(2 * time.Minute)
	r.refused("InvalidInstanceID.NotFound", id, "DescribeInstances", &api.DescribeInstancesRequest{InstanceIds: one})
}

func TestNoInstancesStateRunsBackwards(t *testing.T) {
	order := map[api.InstanceStateName][]api.InstanceStateName{
		"pending": {"running"}, "running": {}, "stopping": {"stopped"}, "stopped": {}, "shutting-down": {"terminated"}, "terminated": {},
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for from, allowed := range order {
		for _, after := range []time.Duration{0, time.Millisecond, bootTakes, stopTakes, time.Minute, 30 * 24 * time.Hour} {
			to, wake, gone := (&Instance{State: from, Since: at}).next(at.Add(after))
			if to != from && !contains(allowed, to) {
				t.Errorf("%s after %s becomes %s", from, after, to)
			}
			if gone && from != "terminated" {
				t.Errorf("a %s instance is forgotten after %s", from, after)
			}
			if to == from && !gone && !wake.IsZero() && !wake.After(at.Add(after)) {
				t.Errorf("%s after %s: nothing to do, and yet to be looked at again at once", from, after)
			}
		}
	}
}

func TestTheControllerRunsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.s.env.Now = time.Now
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- r.s.Run(ctx) }()
		id := *r.run(r.subnet(r.vpc("10.0.0.0/16"), "10.0.5.0/24", "eu-west-1a"), 1)[0].InstanceId
		time.Sleep(bootTakes + time.Millisecond)
		synctest.Wait()
		if s := r.instance(id).State.Name; s != "running" {
			t.Errorf("after %s it is %s", bootTakes, s)
		}
		must[api.TerminateInstancesResult](r, "TerminateInstances", &api.TerminateInstancesRequest{InstanceIds: []string{id}})
		time.Sleep(lingers + time.Minute)
		synctest.Wait()
		if Instances.Len(r.s.env.Store.View(), r.c.Scope()) != 0 {
			t.Error("the terminated instance is still told after more than an hour")
		}
		stop()
		if err := <-ended; err != context.Canceled {
			t.Error(err)
		}
		r.s.env.Store.Close()
	})
}

func TestProtectionFromTerminationAndStop(t *testing.T) {
	r := newRig(t)
	subnet := r.subnet(r.vpc("10.0.0.0/16"), "10.0.5.0/24", "eu-west-1a")
	i := r.run(subnet, 2)
	one, two := *i[0].InstanceId, *i[1].InstanceId
	r.later(time.Second)
	must[awsapi.Empty](r, "ModifyInstanceAttribute", &api.ModifyInstanceAttributeRequest{InstanceId: &two, DisableApiTermination: is(true)})
	must[awsapi.Empty](r, "ModifyInstanceAttribute", &api.ModifyInstanceAttributeRequest{InstanceId: &two, Attribute: "disableApiStop", Value: new("true")})
	r.refused("OperationNotPermitted", "The instance '"+two+"' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", "TerminateInstances", &api.TerminateInstancesRequest{InstanceIds: []string{one, two}})
	if s := r.instance(one).State.Name; s != "running" {
		t.Errorf("the other instance of a refused request is %s", s)
	}
	r.refused("OperationNotPermitted", "'disableApiStop'", "StopInstances", &api.StopInstancesRequest{InstanceIds: []string{two}})
	out := must[api.InstanceAttribute](r, "DescribeInstanceAttribute", &api.DescribeInstanceAttributeRequest{InstanceId: &two, Attribute: "disableApiStop"})
	if !*out.DisableApiStop.Value || out.DisableApiTermination != nil {
		t.Errorf("%+v", out)
	}
	err := r.s.env.Store.Update(func(tx *state.Tx) error { // Auto Scaling may
		if s := Terminate(tx, r.c.Scope(), two, r.now); s != "shutting-down" {
			t.Errorf("another service terminated it: %s", s)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestLaunchesAreRefusedInEC2sWords(t *testing.T) {
	r := newRig(t)
	subnet := r.subnet(r.vpc("10.0.0.0/16"), "10.0.5.0/28", "eu-west-1a")
	arm, _ := catalog.ECSImage("eu-west-1", "amazon-linux-2023/arm64")
	tests := []struct {
		code, text string
		change     func(in *api.RunInstancesRequest)
	}{
		{"MissingParameter", "ImageId", func(in *api.RunInstancesRequest) { in.ImageId = nil }},
		{"InvalidAMIID.NotFound", "The image id '[ami-0123456789abcdef0]' does not exist", func(in *api.RunInstancesRequest) { in.ImageId = new("ami-0123456789abcdef0") }},
		{"InvalidParameterValue", "Invalid value 't9.small' for InstanceType.", func(in *api.RunInstancesRequest) { in.InstanceType = "t9.small" }},
		{"Unsupported", "describe-instance-types", func(in *api.RunInstancesRequest) { in.InstanceType = "p5.48xlarge" }},
		{"InvalidParameterValue", "The architecture 'x86_64' of the specified instance type does not match the architecture 'arm64' of the specified AMI", func(in *api.RunInstancesRequest) { in.ImageId = &arm.ID }},
		{"InvalidKeyPair.NotFound", "The key pair 'k' does not exist", func(in *api.RunInstancesRequest) { in.KeyName = new("k") }},
		{"InvalidSubnetID.NotFound", "subnet-0123456789abcdef0", func(in *api.RunInstancesRequest) { in.SubnetId = new("subnet-0123456789abcdef0") }},
		{"InvalidGroup.NotFound", "sg-0123456789abcdef0", func(in *api.RunInstancesRequest) { in.SecurityGroupIds = []string{"sg-0123456789abcdef0"} }},
		{"InvalidParameterValue", "Value (web) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", func(in *api.RunInstancesRequest) {
			in.IamInstanceProfile = &api.IamInstanceProfileSpecification{Name: new("web")}
		}},
		{"InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.", func(in *api.RunInstancesRequest) { in.UserData = new("#!/bin/sh") }},
		{"InvalidParameterValue", "16384", func(in *api.RunInstancesRequest) {
			in.UserData = new(base64.StdEncoding.EncodeToString(make([]byte, 16385)))
		}},
		{"InsufficientFreeAddressesInSubnet", subnet, func(in *api.RunInstancesRequest) { in.MinCount, in.MaxCount = new(12), new(12) }},
		{"InvalidParameterValue", "minCount", func(in *api.RunInstancesRequest) { in.MinCount = new(2) }},
		{"UnsupportedOperation", "InstanceMarketOptions", func(in *api.RunInstancesRequest) {
			in.InstanceMarketOptions = &api.InstanceMarketOptionsRequest{MarketType: "spot"}
		}},
		{"UnsupportedOperation", "The tenancy dedicated", func(in *api.RunInstancesRequest) { in.Placement = &api.Placement{Tenancy: "dedicated"} }},
		{"InvalidBlockDeviceMapping", "smaller than snapshot", func(in *api.RunInstancesRequest) {
			in.BlockDeviceMappings = []api.BlockDeviceMapping{{DeviceName: new("/dev/xvda"), Ebs: &api.EbsBlockDevice{VolumeSize: new(8)}}}
		}},
		{"InvalidLaunchTemplateName.NotFoundException", "web", func(in *api.RunInstancesRequest) {
			in.LaunchTemplate = &api.LaunchTemplateSpecification{LaunchTemplateName: new("web")}
		}},
	}
	before := rows(r.s.env.Store.View(), r.c.Scope())
	for _, tt := range tests {
		in := &api.RunInstancesRequest{ImageId: image(r), InstanceType: "t3.small", SubnetId: &subnet, MinCount: new(1), MaxCount: new(1)}
		tt.change(in)
		r.refused(tt.code, tt.text, "RunInstances", in)
	}
	if after := rows(r.s.env.Store.View(), r.c.Scope()); after != before {
		t.Errorf("refused launches left %d rows", after-before)
	}
}

func TestALaunchThatFailsOnItsWayTakesBackWhatItMade(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	subnet := r.subnet(v, "10.0.5.0/24", "eu-west-1a")
	eni := r.eni(api.CreateNetworkInterfaceRequest{SubnetId: &subnet}).NetworkInterfaceId
	before := rows(r.s.env.Store.View(), r.c.Scope())
	spec := []api.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{
		{DeviceIndex: new(0), NetworkInterfaceId: eni}, {DeviceIndex: new(1)}, {DeviceIndex: new(2), PrivateIpAddress: new("10.0.9.9")},
	}
	err := r.s.env.Store.Update(func(tx *state.Tx) error {
		_, err := LaunchInstances(tx, r.c.Scope(), LaunchRequest{Data: api.RequestLaunchTemplateData{ImageId: image(r), InstanceType: "t3.small", NetworkInterfaces: spec}, Min: 1, Max: 1, Now: r.now})
		if e, ok := err.(*awsapi.Error); !ok || e.Code != "InvalidParameterValue" {
			t.Errorf("launch: %v", err)
		}
		return nil // as a service does that goes on
	})
	if err != nil {
		t.Fatal(err)
	}
	if after := rows(r.s.env.Store.View(), r.c.Scope()); after != before {
		t.Errorf("%d rows more than before", after-before)
	}
	if n, _ := Interfaces.Get(r.s.env.Store.View(), r.c.Scope(), *eni); n.Attachment != nil {
		t.Errorf("the interface that the request brought is attached to %s", n.Attachment.Instance)
	}
}

func TestInstancesAreLaunchedAsTheTemplateSays(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	subnet, group := r.subnet(v, "10.0.5.0/24", "eu-west-1a"), r.group(v, "web")
	profile := r.profile("ecsInstanceRole")
	data := &api.RequestLaunchTemplateData{
		ImageId: new("resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"), InstanceType: "t3.small", SecurityGroupIds: []string{group},
		UserData: new("aGVsbG8="), IamInstanceProfile: &api.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: &profile},
		TagSpecifications: []api.LaunchTemplateTagSpecificationRequest{
			{ResourceType: "instance", Tags: []api.Tag{{Key: new("Name"), Value: new("template")}, {Key: new("env"), Value: new("test")}}},
			{ResourceType: "volume", Tags: []api.Tag{{Key: new("disk"), Value: new("root")}}},
		},
	}
	template := must[api.CreateLaunchTemplateResult](r, "CreateLaunchTemplate", &api.CreateLaunchTemplateRequest{LaunchTemplateName: new("ecs"), LaunchTemplateData: data}).LaunchTemplate
	out := must[api.Reservation](r, "RunInstances", &api.RunInstancesRequest{
		LaunchTemplate: &api.LaunchTemplateSpecification{LaunchTemplateName: new("ecs")}, InstanceType: "t3.medium", SubnetId: &subnet, MinCount: new(1), MaxCount: new(2),
		TagSpecifications: []api.TagSpecification{{ResourceType: "instance", Tags: []api.Tag{{Key: new("Name"), Value: new("request")}}}},
	})
	if len(out.Instances) != 2 {
		t.Fatalf("%d instances", len(out.Instances))
	}
	i := out.Instances[1]
	got := tagging.Of(i.Tags, func(t api.Tag) (*string, *string) { return t.Key, t.Value })
	want := tagging.Set{"Name": "request", "env": "test", "aws:ec2launchtemplate:id": *template.LaunchTemplateId, "aws:ec2launchtemplate:version": "1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	ecs, _ := catalog.ECSImage("eu-west-1", "amazon-linux-2023")
	switch {
	case i.InstanceType != "t3.medium", *i.ImageId != ecs.ID, *i.SecurityGroups[0].GroupId != group, *i.AmiLaunchIndex != 1:
		t.Errorf("%+v", i)
	case i.MetadataOptions.HttpTokens != "required", *i.MetadataOptions.HttpPutResponseHopLimit != 2:
		t.Errorf("AL2023's metadata options: %+v", i.MetadataOptions)
	case !strings.HasSuffix(*i.IamInstanceProfile.Arn, "instance-profile/"+profile):
		t.Errorf("profile %s", *i.IamInstanceProfile.Arn)
	}
	row, _ := Instances.Get(r.s.env.Store.View(), r.c.Scope(), *i.InstanceId)
	if role := row.Role(r.s.env.Store.View(), r.c.Scope()); role != "arn:aws:iam::000000000000:role/"+profile {
		t.Errorf("role %q", role)
	}
	disks := must[api.DescribeVolumesResult](r, "DescribeVolumes", &api.DescribeVolumesRequest{Filters: filter("attachment.instance-id", *i.InstanceId)}).Volumes
	if len(disks) != 1 || *disks[0].Size != 30 || disks[0].VolumeType != "gp3" || len(disks[0].Tags) != 1 {
		t.Errorf("%+v", disks)
	}
	user := must[api.InstanceAttribute](r, "DescribeInstanceAttribute", &api.DescribeInstanceAttributeRequest{InstanceId: i.InstanceId, Attribute: "userData"})
	if *user.UserData.Value != "aGVsbG8=" {
		t.Errorf("user data %q", *user.UserData.Value)
	}
}

// profile makes an instance profile with a role of the same name.
func (r *rig) profile(name string) string {
	r.Helper()
	s := iam.New(r.s.env)
	ctx := context.Background()
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	if _, err := s.CreateRole(ctx, r.c, &iamapi.CreateRoleRequest{RoleName: &name, AssumeRolePolicyDocument: &trust}); err != nil {
		r.Fatal(err)
	}
	if _, err := s.CreateInstanceProfile(ctx, r.c, &iamapi.CreateInstanceProfileRequest{InstanceProfileName: &name}); err != nil {
		r.Fatal(err)
	}
	if _, err := s.AddRoleToInstanceProfile(ctx, r.c, &iamapi.AddRoleToInstanceProfileRequest{InstanceProfileName: &name, RoleName: &name}); err != nil {
		r.Fatal(err)
	}
	return name
}

func TestATokenLaunchesOnce(t *testing.T) {
	r := newRig(t)
	subnet := r.subnet(r.vpc("10.0.0.0/16"), "10.0.5.0/24", "eu-west-1a")
	in := api.RunInstancesRequest{ImageId: image(r), InstanceType: "t3.small", SubnetId: &subnet, MinCount: new(1), MaxCount: new(2), ClientToken: new("once")}
	first, second := must[api.Reservation](r, "RunInstances", &in), must[api.Reservation](r, "RunInstances", &in)
	if *first.ReservationId != *second.ReservationId || len(second.Instances) != 2 || Instances.Len(r.s.env.Store.View(), r.c.Scope()) != 2 {
		t.Errorf("%s, %s", *first.ReservationId, *second.ReservationId)
	}
	in.MaxCount = new(3)
	r.refused("IdempotentParameterMismatch", "once", "RunInstances", &in)
	r.later(25 * time.Hour)
	if third := must[api.Reservation](r, "RunInstances", &in); *third.ReservationId == *first.ReservationId {
		t.Error("a token counts for ever")
	}
}

func TestWithoutASubnetTheDefaultOneOfTheZoneCounts(t *testing.T) {
	r := newRig(t)
	run := func(p *api.Placement) string {
		out := must[api.Reservation](r, "RunInstances", &api.RunInstancesRequest{ImageId: image(r), InstanceType: "host", Placement: p, MinCount: new(1), MaxCount: new(1)})
		return *out.Instances[0].Placement.AvailabilityZone + " " + *out.Instances[0].PrivateIpAddress
	}
	got := []string{run(nil), run(&api.Placement{AvailabilityZone: new("eu-west-1c")}), run(&api.Placement{AvailabilityZoneId: new("euw1-az2")})}
	if diff := cmp.Diff([]string{"eu-west-1a 172.31.0.4", "eu-west-1c 172.31.32.4", "eu-west-1b 172.31.16.4"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestStatusOfInstances(t *testing.T) {
	r := newRig(t)
	subnet := r.subnet(r.vpc("10.0.0.0/16"), "10.0.5.0/24", "eu-west-1a")
	id := *r.run(subnet, 1)[0].InstanceId
	status := func(all bool) (shown []string) {
		for _, s := range must[api.DescribeInstanceStatusResult](r, "DescribeInstanceStatus", &api.DescribeInstanceStatusRequest{IncludeAllInstances: &all}).InstanceStatuses {
			shown = append(shown, string(s.InstanceState.Name)+" "+string(s.InstanceStatus.Status))
		}
		return shown
	}
	var got [][]string
	got = append(got, status(false), status(true))
	r.later(time.Second)
	got = append(got, status(false))
	r.later(time.Minute)
	got = append(got, status(false))
	if diff := cmp.Diff([][]string{nil, {"pending not-applicable"}, {"running initializing"}, {"running ok"}}, got); diff != "" {
		t.Error(diff)
	}
	console := must[api.GetConsoleOutputResult](r, "GetConsoleOutput", &api.GetConsoleOutputRequest{InstanceId: &id})
	text, err := base64.StdEncoding.DecodeString(*console.Output)
	if err != nil || !strings.Contains(string(text), "2 vCPU and 2048 MiB") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestProfilesOfInstances(t *testing.T) {
	r := newRig(t)
	subnet := r.subnet(r.vpc("10.0.0.0/16"), "10.0.5.0/24", "eu-west-1a")
	one, two := r.profile("one"), r.profile("two")
	id := *r.run(subnet, 1)[0].InstanceId
	r.later(time.Second)
	spec := func(name string) *api.IamInstanceProfileSpecification {
		return &api.IamInstanceProfileSpecification{Name: &name}
	}
	a := must[api.AssociateIamInstanceProfileResult](r, "AssociateIamInstanceProfile", &api.AssociateIamInstanceProfileRequest{InstanceId: &id, IamInstanceProfile: spec(one)}).IamInstanceProfileAssociation
	r.refused("IncorrectState", "There is an existing association", "AssociateIamInstanceProfile", &api.AssociateIamInstanceProfileRequest{InstanceId: &id, IamInstanceProfile: spec(two)})
	b := must[api.ReplaceIamInstanceProfileAssociationResult](r, "ReplaceIamInstanceProfileAssociation", &api.ReplaceIamInstanceProfileAssociationRequest{AssociationId: a.AssociationId, IamInstanceProfile: spec(two)}).IamInstanceProfileAssociation
	list := must[api.DescribeIamInstanceProfileAssociationsResult](r, "DescribeIamInstanceProfileAssociations", &api.DescribeIamInstanceProfileAssociationsRequest{Filters: filter("instance-id", id)}).IamInstanceProfileAssociations
	if len(list) != 1 || *list[0].AssociationId != *b.AssociationId || !strings.HasSuffix(*list[0].IamInstanceProfile.Arn, "/two") || list[0].State != "associated" {
		t.Errorf("%+v", list)
	}
	must[api.DisassociateIamInstanceProfileResult](r, "DisassociateIamInstanceProfile", &api.DisassociateIamInstanceProfileRequest{AssociationId: b.AssociationId})
	if p := r.instance(id).IamInstanceProfile; p != nil {
		t.Errorf("%+v", p)
	}
}
