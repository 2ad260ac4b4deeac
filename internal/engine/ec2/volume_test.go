package ec2

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
)

func TestVolumesAreAttachedAndDetached(t *testing.T) {
	r := newRig(t)
	subnet := r.subnet(r.vpc("10.0.0.0/16"), "10.0.5.0/24", "eu-west-1a")
	m := *r.run(subnet, 1)[0].InstanceId
	r.later(time.Second)
	make := func(zone string) *string {
		return must[api.Volume](r, "CreateVolume", &api.CreateVolumeRequest{AvailabilityZone: &zone, Size: new(10), VolumeType: "gp3"}).VolumeId
	}
	v, far := make("eu-west-1a"), make("eu-west-1b")
	attach := func(v *string, device string) *api.AttachVolumeRequest {
		return &api.AttachVolumeRequest{VolumeId: v, InstanceId: &m, Device: &device}
	}
	r.refused("InvalidVolume.ZoneMismatch", "not in the same availability zone", "AttachVolume", attach(far, "/dev/sdf"))
	r.refused("InvalidParameterValue", "already in use", "AttachVolume", attach(v, catalog.RootDevice))
	must[api.VolumeAttachment](r, "AttachVolume", attach(v, "/dev/sdf"))
	r.refused("VolumeInUse", "already attached", "AttachVolume", attach(v, "/dev/sdg"))
	r.refused("VolumeInUse", "currently attached to "+m, "DeleteVolume", &api.DeleteVolumeRequest{VolumeId: v})
	if d := r.instance(m).BlockDeviceMappings; len(d) != 2 || *d[0].DeviceName != "/dev/sdf" {
		t.Errorf("%+v", d)
	}
	root := must[api.DescribeVolumesResult](r, "DescribeVolumes", &api.DescribeVolumesRequest{Filters: filter("attachment.device", catalog.RootDevice)}).Volumes[0]
	r.refused("OperationNotPermitted", "Unable to detach root volume", "DetachVolume", &api.DetachVolumeRequest{VolumeId: root.VolumeId})
	must[api.VolumeAttachment](r, "DetachVolume", &api.DetachVolumeRequest{VolumeId: v})
	r.refused("IncorrectState", "in the 'available' state", "DetachVolume", &api.DetachVolumeRequest{VolumeId: v})
	must[api.VolumeAttachment](r, "AttachVolume", attach(v, "/dev/sdf"))
	must[api.TerminateInstancesResult](r, "TerminateInstances", &api.TerminateInstancesRequest{InstanceIds: []string{m}})
	r.later(time.Second)
	left := must[api.DescribeVolumesResult](r, "DescribeVolumes", &api.DescribeVolumesRequest{}).Volumes
	if len(left) != 2 || left[0].State != "available" || left[1].State != "available" {
		t.Errorf("after the instance: %+v", left)
	}
}

func TestTypesOfVolumes(t *testing.T) {
	r := newRig(t)
	for _, tt := range []struct {
		in   api.CreateVolumeRequest
		want string // iops, throughput
	}{
		{api.CreateVolumeRequest{Size: new(10)}, "gp2 100 0"},
		{api.CreateVolumeRequest{Size: new(1000)}, "gp2 3000 0"},
		{api.CreateVolumeRequest{Size: new(10), VolumeType: "gp3"}, "gp3 3000 125"},
		{api.CreateVolumeRequest{Size: new(10), VolumeType: "gp3", Iops: new(4000), Throughput: new(250)}, "gp3 4000 250"},
		{api.CreateVolumeRequest{Size: new(10), VolumeType: "io1", Iops: new(200)}, "io1 200 0"},
		{api.CreateVolumeRequest{Size: new(500), VolumeType: "st1"}, "st1 0 0"},
	} {
		tt.in.AvailabilityZone = new("eu-west-1a")
		v := must[api.Volume](r, "CreateVolume", &tt.in)
		if got := string(v.VolumeType) + " " + itoa(awsapi.V(v.Iops)) + " " + itoa(awsapi.V(v.Throughput)); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
	for _, tt := range []struct {
		in   api.CreateVolumeRequest
		code string
	}{
		{api.CreateVolumeRequest{}, "MissingParameter"},
		{api.CreateVolumeRequest{Size: new(10), VolumeType: "io1"}, "MissingParameter"},
		{api.CreateVolumeRequest{Size: new(10), VolumeType: "st1"}, "InvalidParameterValue"},
		{api.CreateVolumeRequest{Size: new(10), Iops: new(200)}, "InvalidParameterCombination"},
		{api.CreateVolumeRequest{Size: new(10), VolumeType: "gp3", Iops: new(100)}, "InvalidParameterValue"},
		{api.CreateVolumeRequest{Size: new(10), KmsKeyId: new("k")}, "InvalidParameterDependency"},
		{api.CreateVolumeRequest{SnapshotId: new("snap-0123456789abcdef0")}, "InvalidSnapshot.NotFound"},
	} {
		tt.in.AvailabilityZone = new("eu-west-1a")
		r.refused(tt.code, "", "CreateVolume", &tt.in)
	}
	v := must[api.Volume](r, "CreateVolume", &api.CreateVolumeRequest{AvailabilityZone: new("eu-west-1a"), Size: new(10)}).VolumeId
	r.refused("InvalidParameterValue", "smaller", "ModifyVolume", &api.ModifyVolumeRequest{VolumeId: v, Size: new(5)})
	must[api.ModifyVolumeResult](r, "ModifyVolume", &api.ModifyVolumeRequest{VolumeId: v, Size: new(20), VolumeType: "gp3"})
	m := must[api.DescribeVolumesModificationsResult](r, "DescribeVolumesModifications", &api.DescribeVolumesModificationsRequest{VolumeIds: []string{*v}}).VolumesModifications
	if len(m) != 1 || *m[0].OriginalSize != 10 || *m[0].TargetSize != 20 || m[0].TargetVolumeType != "gp3" || m[0].ModificationState != "completed" {
		t.Errorf("%+v", m)
	}
}

func TestPrefixLists(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	group := r.group(v, "web")
	id := must[api.CreateManagedPrefixListResult](r, "CreateManagedPrefixList", &api.CreateManagedPrefixListRequest{
		PrefixListName: new("office"), AddressFamily: new("IPv4"), MaxEntries: new(2), Entries: []api.AddPrefixListEntry{{Cidr: new("203.0.113.7/24"), Description: new("one")}},
	}).PrefixList.PrefixListId
	change := func(version int, add, remove string) *api.ModifyManagedPrefixListRequest {
		in := &api.ModifyManagedPrefixListRequest{PrefixListId: id, CurrentVersion: &version}
		if add != "" {
			in.AddEntries = []api.AddPrefixListEntry{{Cidr: &add}}
		}
		if remove != "" {
			in.RemoveEntries = []api.RemovePrefixListEntry{{Cidr: &remove}}
		}
		return in
	}
	must[api.ModifyManagedPrefixListResult](r, "ModifyManagedPrefixList", change(1, "10.0.0.0/8", ""))
	r.refused("PrefixListVersionMismatch", "", "ModifyManagedPrefixList", change(1, "10.0.0.0/8", ""))
	r.refused("PrefixListMaxEntriesExceeded", "2", "ModifyManagedPrefixList", change(2, "192.168.0.0/16", ""))
	must[api.ModifyManagedPrefixListResult](r, "ModifyManagedPrefixList", change(2, "", "203.0.113.0/24"))
	entries := func(version *int) (all []string) {
		for _, e := range must[api.GetManagedPrefixListEntriesResult](r, "GetManagedPrefixListEntries", &api.GetManagedPrefixListEntriesRequest{PrefixListId: id, TargetVersion: version}).Entries {
			all = append(all, *e.Cidr)
		}
		return all
	}
	if diff := cmp.Diff([][]string{{"203.0.113.0/24"}, {"203.0.113.0/24", "10.0.0.0/8"}, {"10.0.0.0/8"}}, [][]string{entries(new(1)), entries(new(2)), entries(nil)}); diff != "" {
		t.Error(diff)
	}
	r.allow(group, api.IpPermission{IpProtocol: new("-1"), PrefixListIds: []api.PrefixListId{{PrefixListId: id}}})
	r.refused("DependencyViolation", group, "DeleteManagedPrefixList", &api.DeleteManagedPrefixListRequest{PrefixListId: id})
	aws := must[api.DescribeManagedPrefixListsResult](r, "DescribeManagedPrefixLists", &api.DescribeManagedPrefixListsRequest{Filters: filter("prefix-list-name", "com.amazonaws.eu-west-1.s3")}).PrefixLists
	if len(aws) != 1 || *aws[0].OwnerId != "AWS" {
		t.Errorf("%+v", aws)
	}
}

func TestEndpoints(t *testing.T) {
	r := newRig(t)
	v := r.vpc("10.0.0.0/16")
	subnet, table, group := r.subnet(v, "10.0.5.0/24", "eu-west-1a"), r.table(v), r.group(v, "web")
	r.refused("InvalidServiceName", "com.amazonaws.eu-west-1.nothing", "CreateVpcEndpoint", &api.CreateVpcEndpointRequest{VpcId: &v, ServiceName: new("com.amazonaws.eu-west-1.nothing")})
	s3 := must[api.CreateVpcEndpointResult](r, "CreateVpcEndpoint", &api.CreateVpcEndpointRequest{VpcId: &v, ServiceName: new("com.amazonaws.eu-west-1.s3"), RouteTableIds: []string{table}}).VpcEndpoint.VpcEndpointId
	list := catalog.PrefixLists("eu-west-1")[0].ID
	if got := r.routes(table); len(got) != 2 || got[1] != list+" "+*s3+" active" {
		t.Errorf("%v", got)
	}
	ecr := &api.CreateVpcEndpointRequest{VpcId: &v, ServiceName: new("com.amazonaws.eu-west-1.ecr.api"), VpcEndpointType: "Interface", SubnetIds: []string{subnet}, SecurityGroupIds: []string{group}}
	r.refused("InvalidParameter", "private DNS", "CreateVpcEndpoint", ecr)
	must[awsapi.Empty](r, "ModifyVpcAttribute", &api.ModifyVpcAttributeRequest{VpcId: &v, EnableDnsHostnames: is(true)})
	made := must[api.CreateVpcEndpointResult](r, "CreateVpcEndpoint", ecr).VpcEndpoint
	if len(made.NetworkInterfaceIds) != 1 || len(made.DnsEntries) != 2 || *made.Groups[0].GroupId != group {
		t.Errorf("%+v", made)
	}
	r.refused("DependencyViolation", "", "DeleteVpc", &api.DeleteVpcRequest{VpcId: &v})
	out := must[api.DeleteVpcEndpointsResult](r, "DeleteVpcEndpoints", &api.DeleteVpcEndpointsRequest{VpcEndpointIds: []string{*s3, *made.VpcEndpointId, "vpce-0123456789abcdef0"}})
	if len(out.Unsuccessful) != 1 {
		t.Errorf("%+v", out.Unsuccessful)
	}
	if n := Interfaces.Len(r.s.env.Store.View(), r.c.Scope()); n != 0 || len(r.routes(table)) != 1 {
		t.Errorf("%d interfaces and the routes %v are left", n, r.routes(table))
	}
}
