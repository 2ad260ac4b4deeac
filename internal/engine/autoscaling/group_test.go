package autoscaling

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func TestGroupIsLaunchedBalancedAndTagged(t *testing.T) {
	b := newBench(t)
	b.group(1, 5, 4, func(in *api.CreateAutoScalingGroupType) {
		in.Tags = []api.Tag{{Key: new("env"), Value: new("demo"), PropagateAtLaunch: new(true)}, {Key: new("own"), Value: new("x"), PropagateAtLaunch: new(false)}}
	})
	b.settle()
	zones := map[string]int{}
	for _, i := range b.list() {
		zones[i.Zone]++
		if i.State != api.LifecycleStateInService || i.Template.Version != "2" {
			t.Errorf("%s is %s from version %s", i.ID, i.State, i.Template.Version)
		}
	}
	if diff := cmp.Diff(map[string]int{"eu-west-1a": 2, "eu-west-1b": 2}, zones); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"aws:autoscaling:groupName": "web", "env": "demo"}, b.fleet.tags["i-001"]); diff != "" {
		t.Error(diff)
	}
	out := must[*api.ActivitiesType](t)(b.DescribeScalingActivities(t.Context(), b.c, &api.DescribeScalingActivitiesType{AutoScalingGroupName: new("web")}))
	a := out.Activities[0]
	want := "At 2026-03-01T12:00:00Z a user request created an AutoScalingGroup changing the desired capacity from 0 to 4.  At 2026-03-01T12:00:00Z an instance was started in response to a difference between desired and actual capacity, increasing the capacity from 0 to 4."
	if *a.Cause != want || a.StatusCode != api.ScalingActivityStatusCodeSuccessful || *a.Progress != 100 || !strings.HasPrefix(*a.Description, "Launching a new EC2 instance: i-") {
		t.Errorf("activity: %s %s %s", *a.Cause, a.StatusCode, *a.Description)
	}
}

func TestCreateRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		change        func(*api.CreateAutoScalingGroupType)
		code, message string
	}{
		"bounds":       {func(in *api.CreateAutoScalingGroupType) { in.MinSize = new(6) }, "ValidationError", "Max bound, 5, must be greater than or equal to min bound, 6"},
		"desired":      {func(in *api.CreateAutoScalingGroupType) { in.DesiredCapacity = new(9) }, "ValidationError", "Desired capacity:9 must be between the specified min size:1 and max size:5"},
		"nowhere":      {func(in *api.CreateAutoScalingGroupType) { in.VPCZoneIdentifier = nil }, "ValidationError", "At least one Availability Zone or VPC Subnet is required."},
		"no template":  {func(in *api.CreateAutoScalingGroupType) { in.LaunchTemplate = nil }, "ValidationError", "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter."},
		"two names":    {func(in *api.CreateAutoScalingGroupType) { in.LaunchTemplate.LaunchTemplateName = new("web") }, "ValidationError", "Valid requests must contain either launchTemplateId or LaunchTemplateName"},
		"bad template": {func(in *api.CreateAutoScalingGroupType) { in.LaunchTemplate.LaunchTemplateId = new("lt-9") }, "ValidationError", "You must use a valid fully-formed launch template. The specified launch template, with template ID lt-9, does not exist."},
		"overrides": {func(in *api.CreateAutoScalingGroupType) {
			in.MixedInstancesPolicy = &api.MixedInstancesPolicy{LaunchTemplate: &api.LaunchTemplate{LaunchTemplateSpecification: in.LaunchTemplate, Overrides: make([]api.LaunchTemplateOverrides, 2)}}
			in.LaunchTemplate = nil
		}, "ValidationError", "a mixed instances policy with more than one override is not served by this engine; leave it out"},
		"zones": {func(in *api.CreateAutoScalingGroupType) { in.AvailabilityZones = []string{"eu-west-1a"} }, "ValidationError", "The availability zones of the specified subnets and the AutoScalingGroup do not match"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			in := &api.CreateAutoScalingGroupType{
				AutoScalingGroupName: new("web"), MinSize: new(1), MaxSize: new(5), VPCZoneIdentifier: new("subnet-a,subnet-b"),
				LaunchTemplate: &api.LaunchTemplateSpecification{LaunchTemplateId: new("lt-1")},
			}
			tt.change(in)
			_, err := b.CreateAutoScalingGroup(t.Context(), b.c, in)
			refused(t, err, tt.code, tt.message)
		})
	}
}

func TestNamesOfGroups(t *testing.T) {
	b := newBench(t)
	b.group(0, 1, 0)
	_, err := b.CreateAutoScalingGroup(t.Context(), b.c, &api.CreateAutoScalingGroupType{AutoScalingGroupName: new("web"), MinSize: new(0), MaxSize: new(1)})
	refused(t, err, "AlreadyExists", "AutoScalingGroup by this name already exists - A group with the name web already exists")
	_, err = b.SetDesiredCapacity(t.Context(), b.c, &api.SetDesiredCapacityType{AutoScalingGroupName: new("x"), DesiredCapacity: new(1)})
	refused(t, err, "ValidationError", "AutoScalingGroup name not found - AutoScalingGroup 'x' not found")
	_, err = b.SetDesiredCapacity(t.Context(), b.c, &api.SetDesiredCapacityType{AutoScalingGroupName: new("web"), DesiredCapacity: new(2)})
	refused(t, err, "ValidationError", "New SetDesiredCapacity value 2 is above max value 1 for the AutoScalingGroup.")
	g, ok := FindByARN(b.env.Store.View(), b.c.Scope(), b.get().ARN)
	if !ok || g.Name != "web" {
		t.Errorf("by ARN: %v %v", g, ok)
	}
}

func TestScaleInSparesTheProtected(t *testing.T) {
	b := newBench(t)
	b.group(0, 5, 3, func(in *api.CreateAutoScalingGroupType) { in.NewInstancesProtectedFromScaleIn = new(true) })
	b.settle()
	must[*empty](t)(b.SetDesiredCapacity(t.Context(), b.c, &api.SetDesiredCapacityType{AutoScalingGroupName: new("web"), DesiredCapacity: new(0)}))
	b.settle()
	if n := len(b.list()); n != 3 {
		t.Fatalf("%d protected instances are left of 3", n)
	}
	must[*api.SetInstanceProtectionAnswer](t)(b.SetInstanceProtection(t.Context(), b.c, &api.SetInstanceProtectionQuery{AutoScalingGroupName: new("web"), InstanceIds: []string{"i-001", "i-002"}, ProtectedFromScaleIn: new(false)}))
	b.settle()
	if l := b.list(); len(l) != 1 || l[0].ID != "i-003" {
		t.Errorf("left: %v", l)
	}
	_, err := b.SetInstanceProtection(t.Context(), b.c, &api.SetInstanceProtectionQuery{AutoScalingGroupName: new("web"), InstanceIds: []string{"i-001"}, ProtectedFromScaleIn: new(false)})
	refused(t, err, "ValidationError", "The instance i-001 is not part of Auto Scaling group web.")
}

func TestUnhealthyIsReplaced(t *testing.T) {
	b := newBench(t)
	b.group(1, 2, 1)
	b.settle()
	must[*empty](t)(b.SetInstanceHealth(t.Context(), b.c, &api.SetInstanceHealthQuery{InstanceId: new("i-001"), HealthStatus: new("Unhealthy")}))
	b.settle()
	if l := b.list(); len(l) != 1 || l[0].ID != "i-002" || l[0].State != api.LifecycleStateInService {
		t.Fatalf("after a user's health check: %v", l)
	}
	b.change(func(tx *state.Tx) {
		fleetMachines.Change(tx, b.c.Scope(), "i-002", func(m *Machine) { m.State = "terminated" })
	})
	b.settle()
	if l := b.list(); len(l) != 1 || l[0].ID != "i-003" {
		t.Errorf("after the instance ended: %v", l)
	}
}

func TestSuspendedProcessesDoNotRun(t *testing.T) {
	b := newBench(t)
	b.group(0, 3, 1)
	b.settle()
	must[*empty](t)(b.SuspendProcesses(t.Context(), b.c, &api.ScalingProcessQuery{AutoScalingGroupName: new("web"), ScalingProcesses: []string{"Launch"}}))
	must[*empty](t)(b.SetDesiredCapacity(t.Context(), b.c, &api.SetDesiredCapacityType{AutoScalingGroupName: new("web"), DesiredCapacity: new(2)}))
	b.settle()
	if len(b.list()) != 1 {
		t.Fatal("a group with Launch suspended launches")
	}
	must[*empty](t)(b.ResumeProcesses(t.Context(), b.c, &api.ScalingProcessQuery{AutoScalingGroupName: new("web")}))
	b.settle()
	if len(b.list()) != 2 {
		t.Fatal("a group that was resumed does not launch")
	}
}

func TestTerminateInstance(t *testing.T) {
	b := newBench(t)
	b.group(1, 3, 1)
	b.settle()
	_, err := b.TerminateInstanceInAutoScalingGroup(t.Context(), b.c, &api.TerminateInstanceInAutoScalingGroupType{InstanceId: new("i-001"), ShouldDecrementDesiredCapacity: new(true)})
	refused(t, err, "ValidationError", "Currently, desiredSize equals minSize (1). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.")
	_, err = b.TerminateInstanceInAutoScalingGroup(t.Context(), b.c, &api.TerminateInstanceInAutoScalingGroupType{InstanceId: new("i-9"), ShouldDecrementDesiredCapacity: new(false)})
	refused(t, err, "ValidationError", "Instance Id not found - No managed instance found for instance ID: i-9")
	out := must[*api.ActivityType](t)(b.TerminateInstanceInAutoScalingGroup(t.Context(), b.c, &api.TerminateInstanceInAutoScalingGroupType{InstanceId: new("i-001"), ShouldDecrementDesiredCapacity: new(false)}))
	if got := *out.Activity.Cause; got != "At 2026-03-01T12:00:00Z instance i-001 was taken out of service in response to a user request." {
		t.Error(got)
	}
	b.settle()
	if l := b.list(); len(l) != 1 || l[0].ID != "i-002" {
		t.Errorf("in its place: %v", l)
	}
}

func TestDelete(t *testing.T) {
	b := newBench(t)
	b.group(0, 2, 2)
	b.settle()
	in := &api.DeleteAutoScalingGroupType{AutoScalingGroupName: new("web")}
	_, err := b.DeleteAutoScalingGroup(t.Context(), b.c, in)
	refused(t, err, "ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.")
	must[*empty](t)(b.UpdateAutoScalingGroup(t.Context(), b.c, &api.UpdateAutoScalingGroupType{AutoScalingGroupName: new("web"), MinSize: new(0), MaxSize: new(0), DesiredCapacity: new(0)}))
	b.pass()
	_, err = b.DeleteAutoScalingGroup(t.Context(), b.c, in)
	refused(t, err, "ScalingActivityInProgress", "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.")
	b.settle()
	must[*empty](t)(b.DeleteAutoScalingGroup(t.Context(), b.c, in))
	if out := must[*api.AutoScalingGroupsType](t)(b.DescribeAutoScalingGroups(t.Context(), b.c, &api.AutoScalingGroupNamesType{})); len(out.AutoScalingGroups) != 0 {
		t.Error("the group is still there")
	}
}

func TestForceDeleteEndsEvenProtectedInstances(t *testing.T) {
	b := newBench(t)
	b.group(1, 2, 2, func(in *api.CreateAutoScalingGroupType) {
		in.NewInstancesProtectedFromScaleIn = new(true)
		in.LifecycleHookSpecificationList = []api.LifecycleHookSpecification{{LifecycleHookName: new("drain"), LifecycleTransition: new(terminating)}}
	})
	b.settle()
	must[*empty](t)(b.DeleteAutoScalingGroup(t.Context(), b.c, &api.DeleteAutoScalingGroupType{AutoScalingGroupName: new("web"), ForceDelete: new(true)}))
	if got := must[*api.AutoScalingGroupsType](t)(b.DescribeAutoScalingGroups(t.Context(), b.c, &api.AutoScalingGroupNamesType{})).AutoScalingGroups[0].Status; awsapi.V(got) != "Delete in progress" {
		t.Errorf("status %q", awsapi.V(got))
	}
	b.settle()
	if Groups.Len(b.env.Store.View(), b.c.Scope()) != 0 || hooks.Len(b.env.Store.View(), b.c.Scope()) != 0 {
		t.Error("the group or its hook is left")
	}
}

func TestLaunchFailureIsToldAndRetried(t *testing.T) {
	b := newBench(t)
	b.fleet.refuse = awsapi.Errorf("InvalidParameterValue", 400, "Invalid IAM Instance Profile name.")
	b.group(0, 2, 1)
	b.pass()
	b.pass()
	out := must[*api.ActivitiesType](t)(b.DescribeScalingActivities(t.Context(), b.c, &api.DescribeScalingActivitiesType{}))
	if len(out.Activities) != 1 || out.Activities[0].StatusCode != api.ScalingActivityStatusCodeFailed || *out.Activities[0].StatusMessage != "Invalid IAM Instance Profile name. Launching EC2 instance failed." {
		t.Fatalf("activities: %v", out.Activities)
	}
	wake := b.pass()
	if !wake.Equal(b.now.Add(15 * time.Second)) {
		t.Errorf("looks again at %s", wake)
	}
	b.fleet.refuse = nil
	b.now = wake
	b.settle()
	if b.states()[api.LifecycleStateInService] != 1 {
		t.Error("the launch was not tried again")
	}
}
