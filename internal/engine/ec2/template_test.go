package ec2

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

func (r *rig) template(name string, data api.RequestLaunchTemplateData) string {
	r.Helper()
	return *must[api.CreateLaunchTemplateResult](r, "CreateLaunchTemplate", &api.CreateLaunchTemplateRequest{LaunchTemplateName: &name, LaunchTemplateData: &data}).LaunchTemplate.LaunchTemplateId
}

func (r *rig) versions(in api.DescribeLaunchTemplateVersionsRequest) (all []string) {
	r.Helper()
	for _, v := range must[api.DescribeLaunchTemplateVersionsResult](r, "DescribeLaunchTemplateVersions", &in).LaunchTemplateVersions {
		all = append(all, itoa(*v.VersionNumber)+" "+string(v.LaunchTemplateData.InstanceType)+map[bool]string{true: " default"}[*v.DefaultVersion])
	}
	return all
}

func TestVersionsOfALaunchTemplate(t *testing.T) {
	r := newRig(t)
	id := r.template("ecs", api.RequestLaunchTemplateData{InstanceType: "t3.small", KeyName: new("k")})
	add := func(source *string, typ api.InstanceType) *api.ResponseLaunchTemplateData {
		return must[api.CreateLaunchTemplateVersionResult](r, "CreateLaunchTemplateVersion", &api.CreateLaunchTemplateVersionRequest{
			LaunchTemplateName: new("ecs"), SourceVersion: source, LaunchTemplateData: &api.RequestLaunchTemplateData{InstanceType: typ},
		}).LaunchTemplateVersion.LaunchTemplateData
	}
	if d := add(nil, "t3.medium"); d.KeyName != nil {
		t.Errorf("a version without a source has the first one's key: %+v", d)
	}
	if d := add(new("1"), "t3.large"); d.KeyName == nil || d.InstanceType != "t3.large" {
		t.Errorf("a version on top of the first: %+v", d)
	}
	got := [][]string{
		r.versions(api.DescribeLaunchTemplateVersionsRequest{LaunchTemplateId: &id}),
		r.versions(api.DescribeLaunchTemplateVersionsRequest{LaunchTemplateId: &id, Versions: []string{"$Latest", "$Default"}}),
		r.versions(api.DescribeLaunchTemplateVersionsRequest{LaunchTemplateName: new("ecs"), MinVersion: new("2"), MaxVersion: new("2")}),
		r.versions(api.DescribeLaunchTemplateVersionsRequest{Versions: []string{"$Latest"}}),
		r.versions(api.DescribeLaunchTemplateVersionsRequest{LaunchTemplateId: &id, Filters: filter("instance-type", "t3.m*")}),
	}
	want := [][]string{{"3 t3.large", "2 t3.medium", "1 t3.small default"}, {"3 t3.large", "1 t3.small default"}, {"2 t3.medium"}, {"3 t3.large"}, {"2 t3.medium"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	must[api.ModifyLaunchTemplateResult](r, "ModifyLaunchTemplate", &api.ModifyLaunchTemplateRequest{LaunchTemplateId: &id, DefaultVersion: new("3")})
	out := must[api.DeleteLaunchTemplateVersionsResult](r, "DeleteLaunchTemplateVersions", &api.DeleteLaunchTemplateVersionsRequest{LaunchTemplateId: &id, Versions: []string{"3", "1", "9"}})
	if len(out.SuccessfullyDeletedLaunchTemplateVersions) != 1 || len(out.UnsuccessfullyDeletedLaunchTemplateVersions) != 2 {
		t.Errorf("%+v", out)
	}
	if got := r.versions(api.DescribeLaunchTemplateVersionsRequest{LaunchTemplateId: &id}); len(got) != 2 || got[0] != "3 t3.large default" {
		t.Errorf("%v", got)
	}
	r.refused("InvalidLaunchTemplateId.VersionNotFound", "", "DescribeLaunchTemplateVersions", &api.DescribeLaunchTemplateVersionsRequest{LaunchTemplateId: &id, Versions: []string{"1"}})
	r.refused("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.", "CreateLaunchTemplate", &api.CreateLaunchTemplateRequest{LaunchTemplateName: new("ecs"), LaunchTemplateData: &api.RequestLaunchTemplateData{}})
	must[api.DeleteLaunchTemplateResult](r, "DeleteLaunchTemplate", &api.DeleteLaunchTemplateRequest{LaunchTemplateName: new("ecs")})
	if n := Versions.Len(r.s.env.Store.View(), r.c.Scope()); n != 0 {
		t.Errorf("%d versions are left of a deleted template", n)
	}
}

// A template's data come back as they went in: Terraform compares them.
func TestATemplatesDataAreEchoed(t *testing.T) {
	r := newRig(t)
	data := api.RequestLaunchTemplateData{
		ImageId: new("ami-0123456789abcdef0"), InstanceType: "t3.small", EbsOptimized: new(false), UserData: new("aGk="),
		BlockDeviceMappings:  []api.LaunchTemplateBlockDeviceMappingRequest{{DeviceName: new("/dev/xvda"), Ebs: &api.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: new(40), VolumeType: "gp3", Encrypted: new(true)}}},
		MetadataOptions:      &api.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: "required", HttpPutResponseHopLimit: new(2)},
		NetworkInterfaces:    []api.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{{DeviceIndex: new(0), AssociatePublicIpAddress: new(true), Groups: []string{"sg-1"}}},
		Monitoring:           &api.LaunchTemplatesMonitoringRequest{Enabled: new(true)},
		TagSpecifications:    []api.LaunchTemplateTagSpecificationRequest{{ResourceType: "instance", Tags: []api.Tag{{Key: new("a"), Value: new("b")}}}},
		InstanceRequirements: nil,
	}
	id := r.template("web", data)
	got := *must[api.DescribeLaunchTemplateVersionsResult](r, "DescribeLaunchTemplateVersions", &api.DescribeLaunchTemplateVersionsRequest{LaunchTemplateId: &id}).LaunchTemplateVersions[0].LaunchTemplateData
	if got.MetadataOptions.State != "applied" {
		t.Errorf("metadata options are %q", got.MetadataOptions.State)
	}
	got.MetadataOptions.State = ""
	back, err := reshape[api.RequestLaunchTemplateData](got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(data, back); diff != "" {
		t.Error(diff)
	}
}

func TestNeedsOfALaunch(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	subnet, group, role := r.subnet(v, "10.0.5.0/24", "eu-west-1a"), r.group(v, "web"), r.profile("ecs")
	id := r.template("ecs", api.RequestLaunchTemplateData{
		ImageId: image(r), InstanceType: "t3.small", SecurityGroupIds: []string{group}, IamInstanceProfile: &api.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: &role},
	})
	op, err := operation.Named(r.s.Operations(), "RunInstances")
	if err != nil {
		t.Fatal(err)
	}
	needs := op.Needs(r.s.env.Store.View(), r.c, &api.RunInstancesRequest{
		LaunchTemplate: &api.LaunchTemplateSpecification{LaunchTemplateId: &id}, SubnetId: &subnet, MinCount: new(1), MaxCount: new(1),
		TagSpecifications: []api.TagSpecification{{ResourceType: "instance", Tags: []api.Tag{{Key: new("env"), Value: new("test")}}}},
	})
	here := "arn:aws:ec2:eu-west-1:000000000000:"
	want := map[string]bool{
		"ec2:RunInstances " + here + "launch-template/" + id: true, "ec2:RunInstances " + here + "instance/*": true, "ec2:CreateTags " + here + "instance/*": true,
		"ec2:RunInstances " + here + "volume/*": true, "ec2:RunInstances " + here + "network-interface/*": true, "ec2:RunInstances arn:aws:ec2:eu-west-1::image/" + *image(r): true,
		"ec2:RunInstances " + here + "subnet/" + subnet: true, "ec2:RunInstances " + here + "security-group/" + group: true,
		"iam:PassRole arn:aws:iam::000000000000:role/ecs": true,
	}
	got := map[string]bool{}
	for _, n := range needs {
		got[n.Action+" "+n.Resource] = true
		switch n.Action + " " + n.Resource {
		case "ec2:CreateTags " + here + "instance/*":
			if diff := cmp.Diff(map[string][]string{"ec2:CreateAction": {"RunInstances"}, "ec2:Region": {"eu-west-1"}, "aws:RequestTag/env": {"test"}, "aws:TagKeys": {"env"}}, n.Keys); diff != "" {
				t.Error(diff)
			}
		case "ec2:RunInstances " + here + "subnet/" + subnet:
			if diff := cmp.Diff([]string{here + "vpc/" + v}, n.Keys["ec2:Vpc"]); diff != "" {
				t.Error(diff)
			}
		case "iam:PassRole arn:aws:iam::000000000000:role/ecs":
			if diff := cmp.Diff([]string{"ec2.amazonaws.com"}, n.Keys["iam:PassedToService"]); diff != "" {
				t.Error(diff)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEveryOperationNeedsItsOwnAction(t *testing.T) {
	r := newRig(t)
	tx := r.s.env.Store.View()
	for name, in := range map[string]any{
		"DescribeVpcs": &api.DescribeVpcsRequest{}, "DeleteVpc": &api.DeleteVpcRequest{VpcId: new("vpc-0123456789abcdef0")}, "DeleteVpc ": &api.DeleteVpcRequest{},
		"DisassociateRouteTable": &api.DisassociateRouteTableRequest{AssociationId: new("x")}, "DeleteKeyPair": &api.DeleteKeyPairRequest{KeyName: new("k")},
		"CreateKeyPair": &api.CreateKeyPairRequest{KeyName: new("k")}, "DeleteLaunchTemplate": &api.DeleteLaunchTemplateRequest{LaunchTemplateName: new("x")},
		"DisassociateIamInstanceProfile": &api.DisassociateIamInstanceProfileRequest{AssociationId: new("x")}, "TerminateInstances": &api.TerminateInstancesRequest{},
		"RunInstances": &api.RunInstancesRequest{}, "DeleteSecurityGroup": &api.DeleteSecurityGroupRequest{GroupName: new("x")},
	} {
		op, err := operation.Named(r.s.Operations(), trim(name))
		if err != nil {
			t.Fatal(err)
		}
		needs := op.Needs(tx, r.c, in)
		if len(needs) == 0 || needs[0].Action != "ec2:"+trim(name) || needs[0].Resource == "" {
			t.Errorf("%s needs %+v", name, needs)
		}
	}
}

func trim(s string) string {
	for len(s) > 0 && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	return s
}
