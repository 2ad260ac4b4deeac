package autoscaling

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func (b *bench) hook(name, transition string, heartbeat int, result string) {
	b.t.Helper()
	must[*api.PutLifecycleHookAnswer](b.t)(b.PutLifecycleHook(b.t.Context(), b.c, &api.PutLifecycleHookType{
		AutoScalingGroupName: new("web"), LifecycleHookName: &name, LifecycleTransition: &transition, HeartbeatTimeout: &heartbeat, DefaultResult: &result,
	}))
}

func (b *bench) desire(n int) {
	b.t.Helper()
	must[*empty](b.t)(b.SetDesiredCapacity(b.t.Context(), b.c, &api.SetDesiredCapacityType{AutoScalingGroupName: new("web"), DesiredCapacity: &n}))
}

func TestTerminationWaitsForItsHook(t *testing.T) {
	b := newBench(t)
	b.group(0, 2, 1)
	b.settle()
	b.hook("drain", terminating, 60, "CONTINUE")
	b.desire(0)
	b.settle()
	if got := b.list()[0].State; got != api.LifecycleStateTerminatingWait {
		t.Fatalf("state %s", got)
	}
	b.now = b.now.Add(40 * time.Second)
	must[*api.RecordLifecycleActionHeartbeatAnswer](t)(b.RecordLifecycleActionHeartbeat(t.Context(), b.c, &api.RecordLifecycleActionHeartbeatType{AutoScalingGroupName: new("web"), LifecycleHookName: new("drain"), InstanceId: new("i-001")}))
	b.now = b.now.Add(40 * time.Second)
	b.settle()
	if got := b.list()[0].State; got != api.LifecycleStateTerminatingWait {
		t.Fatalf("after a heartbeat the state is %s", got)
	}
	complete := &api.CompleteLifecycleActionType{AutoScalingGroupName: new("web"), LifecycleHookName: new("drain"), InstanceId: new("i-001"), LifecycleActionResult: new("CONTINUE")}
	must[*api.CompleteLifecycleActionAnswer](t)(b.CompleteLifecycleAction(t.Context(), b.c, complete))
	_, err := b.CompleteLifecycleAction(t.Context(), b.c, complete)
	refused(t, err, "ValidationError", "No active Lifecycle Action found with instance ID i-001")
	b.settle()
	if len(b.list()) != 0 {
		t.Error("the instance is still there")
	}
}

func TestHookEndsWithItsDefault(t *testing.T) {
	b := newBench(t)
	b.group(0, 2, 0)
	b.hook("boot", launching, 60, "ABANDON")
	b.desire(1)
	b.settle()
	if got := b.list()[0].State; got != api.LifecycleStatePendingWait {
		t.Fatalf("state %s", got)
	}
	if wake := b.pass(); !wake.Equal(b.now.Add(time.Minute)) {
		t.Errorf("looks again at %s", wake)
	}
	b.now = b.now.Add(time.Minute)
	b.settle()
	l := b.list()
	if len(l) != 1 || l[0].ID != "i-002" || l[0].State != api.LifecycleStatePendingWait {
		t.Errorf("an abandoned launch leaves %v", l)
	}
}

func TestDeletingAHookLetsTerminationsGoOn(t *testing.T) {
	b := newBench(t)
	b.group(0, 2, 1)
	b.settle()
	b.hook("drain", terminating, 60, "CONTINUE")
	b.desire(0)
	b.settle()
	must[*api.DeleteLifecycleHookAnswer](t)(b.DeleteLifecycleHook(t.Context(), b.c, &api.DeleteLifecycleHookType{AutoScalingGroupName: new("web"), LifecycleHookName: new("drain")}))
	b.settle()
	if len(b.list()) != 0 {
		t.Error("the instance waits for a hook that is gone")
	}
}

func TestRefreshReplacesEveryInstanceAndKeepsEnough(t *testing.T) {
	b := newBench(t)
	b.group(4, 4, 4)
	b.settle()
	must[*api.StartInstanceRefreshAnswer](t)(b.StartInstanceRefresh(t.Context(), b.c, &api.StartInstanceRefreshType{AutoScalingGroupName: new("web"), Preferences: &api.RefreshPreferences{MinHealthyPercentage: new(50), InstanceWarmup: new(30)}}))
	_, err := b.StartInstanceRefresh(t.Context(), b.c, &api.StartInstanceRefreshType{AutoScalingGroupName: new("web")})
	refused(t, err, "InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")
	for range 10 {
		for range 10 {
			b.pass()
			if n := b.states()[api.LifecycleStateInService]; n < 2 {
				t.Fatalf("%d of 4 instances are in service, less than half", n)
			}
			b.machines()
		}
		b.now = b.now.Add(30 * time.Second)
	}
	out := must[*api.DescribeInstanceRefreshesAnswer](t)(b.DescribeInstanceRefreshes(t.Context(), b.c, &api.DescribeInstanceRefreshesType{AutoScalingGroupName: new("web")}))
	if r := out.InstanceRefreshes[0]; r.Status != api.InstanceRefreshStatusSuccessful || *r.PercentageComplete != 100 {
		t.Errorf("refresh: %s %d%%", r.Status, *r.PercentageComplete)
	}
	for _, i := range b.list() {
		if i.ID < "i-005" {
			t.Errorf("%s was not replaced", i.ID)
		}
	}
}

func TestPolicies(t *testing.T) {
	for name, tt := range map[string]struct {
		policy api.PutScalingPolicyType
		metric float64
		want   int
	}{
		"change":            {api.PutScalingPolicyType{AdjustmentType: new("ChangeInCapacity"), ScalingAdjustment: new(2)}, 0, 6},
		"exact":             {api.PutScalingPolicyType{AdjustmentType: new("ExactCapacity"), ScalingAdjustment: new(1)}, 0, 1},
		"percent":           {api.PutScalingPolicyType{AdjustmentType: new("PercentChangeInCapacity"), ScalingAdjustment: new(-10)}, 0, 3},
		"percent magnitude": {api.PutScalingPolicyType{AdjustmentType: new("PercentChangeInCapacity"), ScalingAdjustment: new(25), MinAdjustmentMagnitude: new(3)}, 0, 7},
		"bound":             {api.PutScalingPolicyType{AdjustmentType: new("ChangeInCapacity"), ScalingAdjustment: new(50)}, 0, 8},
		"step": {api.PutScalingPolicyType{PolicyType: new("StepScaling"), AdjustmentType: new("ChangeInCapacity"), StepAdjustments: []api.StepAdjustment{
			{MetricIntervalLowerBound: new(0.0), MetricIntervalUpperBound: new(10.0), ScalingAdjustment: new(1)}, {MetricIntervalLowerBound: new(10.0), ScalingAdjustment: new(3)},
		}}, 65, 7},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.group(0, 8, 4)
			in := tt.policy
			in.AutoScalingGroupName, in.PolicyName = new("web"), new("p")
			p := must[*api.PolicyARNType](t)(b.PutScalingPolicy(t.Context(), b.c, &in))
			must[*empty](t)(b.ExecutePolicy(t.Context(), b.c, &api.ExecutePolicyType{PolicyName: p.PolicyARN, MetricValue: &tt.metric, BreachThreshold: new(50.0)}))
			if got := b.get().Desired; got != tt.want {
				t.Errorf("desired %d, want %d", got, tt.want)
			}
		})
	}
}

func TestScheduledActionChangesTheGroup(t *testing.T) {
	b := newBench(t)
	b.group(0, 8, 0)
	must[*empty](t)(b.PutScheduledUpdateGroupAction(t.Context(), b.c, &api.PutScheduledUpdateGroupActionType{AutoScalingGroupName: new("web"), ScheduledActionName: new("morning"), Recurrence: new("0 13 * * *"), DesiredCapacity: new(3)}))
	wake := b.pass()
	if want := b.now.Add(time.Hour); !wake.Equal(want) {
		t.Fatalf("looks again at %s, want %s", wake, want)
	}
	b.now = wake
	b.settle()
	if b.get().Desired != 3 || b.states()[api.LifecycleStateInService] != 3 {
		t.Errorf("desired %d, states %v", b.get().Desired, b.states())
	}
	if wake := b.pass(); !wake.Equal(b.now.Add(24 * time.Hour)) {
		t.Errorf("looks again at %s", wake)
	}
}

func TestInstancesStandInTheGroupsTargetGroups(t *testing.T) {
	b := newBench(t)
	arn := "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/web/0123456789abcdef"
	b.change(func(tx *state.Tx) { elbv2.TargetGroups.Put(tx, b.c.Scope(), &elbv2.TargetGroup{ARN: arn, Port: 80}) })
	b.group(0, 2, 2)
	must[*api.AttachLoadBalancerTargetGroupsResultType](t)(b.AttachLoadBalancerTargetGroups(t.Context(), b.c, &api.AttachLoadBalancerTargetGroupsType{AutoScalingGroupName: new("web"), TargetGroupARNs: []string{arn}}))
	b.settle()
	if n := len(elbv2.TargetsOf(b.env.Store.View(), b.c.Scope(), arn)); n != 2 {
		t.Fatalf("%d of 2 instances are registered", n)
	}
	b.desire(1)
	b.settle()
	draining := 0
	for _, target := range elbv2.TargetsOf(b.env.Store.View(), b.c.Scope(), arn) {
		if !target.Draining.IsZero() {
			draining++
		}
	}
	if draining != 1 {
		t.Errorf("%d targets drain after one instance ended", draining)
	}
	_, err := b.AttachTrafficSources(t.Context(), b.c, &api.AttachTrafficSourcesType{AutoScalingGroupName: new("web"), TrafficSources: []api.TrafficSourceIdentifier{{Identifier: new("arn:x")}}})
	refused(t, err, "ValidationError", "Provided Target Groups may not be valid. Please ensure they exist and try again.")
}

func TestStandbyLeavesTheCapacity(t *testing.T) {
	b := newBench(t)
	b.group(0, 2, 1)
	b.settle()
	must[*api.EnterStandbyAnswer](t)(b.EnterStandby(t.Context(), b.c, &api.EnterStandbyQuery{AutoScalingGroupName: new("web"), InstanceIds: []string{"i-001"}, ShouldDecrementDesiredCapacity: new(true)}))
	b.settle()
	if len(b.list()) != 1 || b.get().Desired != 0 {
		t.Fatalf("instances %v, desired %d", b.list(), b.get().Desired)
	}
	must[*api.ExitStandbyAnswer](t)(b.ExitStandby(t.Context(), b.c, &api.ExitStandbyQuery{AutoScalingGroupName: new("web"), InstanceIds: []string{"i-001"}}))
	b.settle()
	if b.states()[api.LifecycleStateInService] != 1 || b.get().Desired != 1 {
		t.Errorf("states %v, desired %d", b.states(), b.get().Desired)
	}
}

func TestTagsAndTheirFilters(t *testing.T) {
	b := newBench(t)
	b.group(0, 1, 0)
	must[*empty](t)(b.CreateOrUpdateTags(t.Context(), b.c, &api.CreateOrUpdateTagsType{Tags: []api.Tag{
		{ResourceId: new("web"), ResourceType: new("auto-scaling-group"), Key: new("AmazonECSManaged"), Value: new(""), PropagateAtLaunch: new(true)},
		{ResourceId: new("web"), ResourceType: new("auto-scaling-group"), Key: new("env"), Value: new("demo"), PropagateAtLaunch: new(false)},
	}}))
	for name, tt := range map[string]struct {
		filter api.Filter
		want   int
	}{
		"key":   {api.Filter{Name: new("tag-key"), Values: []string{"env"}}, 1},
		"value": {api.Filter{Name: new("tag:env"), Values: []string{"live", "demo"}}, 1},
		"other": {api.Filter{Name: new("tag:env"), Values: []string{"live"}}, 0},
	} {
		if got := must[*api.AutoScalingGroupsType](t)(b.DescribeAutoScalingGroups(t.Context(), b.c, &api.AutoScalingGroupNamesType{Filters: []api.Filter{tt.filter}})); len(got.AutoScalingGroups) != tt.want {
			t.Errorf("%s finds %d groups", name, len(got.AutoScalingGroups))
		}
	}
	must[*empty](t)(b.DeleteTags(t.Context(), b.c, &api.DeleteTagsType{Tags: []api.Tag{{ResourceId: new("web"), Key: new("env")}}}))
	first := must[*api.TagsType](t)(b.DescribeTags(t.Context(), b.c, &api.DescribeTagsType{}))
	if len(first.Tags) != 1 || *first.Tags[0].Key != "AmazonECSManaged" || !*first.Tags[0].PropagateAtLaunch {
		t.Errorf("tags: %v", first.Tags)
	}
}

func TestNeeds(t *testing.T) {
	b := newBench(t)
	b.group(0, 1, 0, func(in *api.CreateAutoScalingGroupType) { in.Tags = []api.Tag{{Key: new("env"), Value: new("demo")}} })
	arn := b.get().ARN
	tagged := map[string][]string{"aws:ResourceTag/env": {"demo"}, "autoscaling:ResourceTag/env": {"demo"}}
	with := func(more map[string][]string) map[string][]string {
		for k, v := range tagged {
			more[k] = v
		}
		return more
	}
	template := []operation.Need{
		{Action: "ec2:RunInstances", Resource: "arn:aws:ec2:eu-west-1:111122223333:launch-template/lt-1", Keys: map[string][]string{"ec2:LaunchTemplate": {"arn:aws:ec2:eu-west-1:111122223333:launch-template/lt-1"}, "ec2:IsLaunchTemplateResource": {"true"}}},
		{Action: "iam:PassRole", Resource: "arn:aws:iam::111122223333:role/ecsInstanceRole", Keys: map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}}},
	}
	for name, tt := range map[string]struct {
		op   string
		in   any
		want []operation.Need
	}{
		"create": {"CreateAutoScalingGroup", &api.CreateAutoScalingGroupType{
			AutoScalingGroupName: new("new"), MinSize: new(0), MaxSize: new(2), VPCZoneIdentifier: new("subnet-a,subnet-b"),
			LaunchTemplate: &api.LaunchTemplateSpecification{LaunchTemplateName: new("web")}, Tags: []api.Tag{{Key: new("team"), Value: new("a")}},
		}, append([]operation.Need{{Action: "autoscaling:CreateAutoScalingGroup", Resource: "arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:*:autoScalingGroupName/new", Keys: map[string][]string{
			"autoscaling:MinSize": {"0"}, "autoscaling:MaxSize": {"2"}, "autoscaling:VPCZoneIdentifiers": {"subnet-a", "subnet-b"}, "autoscaling:LaunchTemplateVersionSpecified": {"false"},
			"aws:RequestTag/team": {"a"}, "aws:TagKeys": {"team"},
		}}}, template...)},
		"delete": {"DeleteAutoScalingGroup", &api.DeleteAutoScalingGroupType{AutoScalingGroupName: new("web"), ForceDelete: new(true)}, []operation.Need{
			{Action: "autoscaling:DeleteAutoScalingGroup", Resource: arn, Keys: with(map[string][]string{"autoscaling:ForceDelete": {"true"}})},
		}},
		"tag": {"CreateOrUpdateTags", &api.CreateOrUpdateTagsType{Tags: []api.Tag{{ResourceId: new("web"), Key: new("x"), Value: new("y")}}}, []operation.Need{
			{Action: "autoscaling:CreateOrUpdateTags", Resource: arn, Keys: with(map[string][]string{"aws:RequestTag/x": {"y"}, "aws:TagKeys": {"x"}})},
		}},
		"describe": {"DescribeAutoScalingGroups", &api.AutoScalingGroupNamesType{}, []operation.Need{{Action: "autoscaling:DescribeAutoScalingGroups", Resource: "*"}}},
	} {
		t.Run(name, func(t *testing.T) {
			op, err := operation.Named(b.Operations(), tt.op)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, op.Needs(b.env.Store.View(), b.c, tt.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The loop itself: a group is launched without anybody calling pass, and the
// loop ends with its context.
func TestRunFollowsTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		b.group(0, 2, 2)
		synctest.Wait()
		if got := b.states()[api.LifecycleStatePending]; got != 2 {
			t.Errorf("%d instances are pending", got)
		}
		b.machines()
		synctest.Wait()
		if got := b.states()[api.LifecycleStateInService]; got != 2 {
			t.Errorf("%d instances are in service", got)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the loop ends with %v", err)
		}
	})
}
