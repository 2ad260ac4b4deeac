package applicationautoscaling

import (
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	api "github.com/slipway-dev/slipway/internal/awsapi/applicationautoscaling"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func steady(v float64) []float64 { return slices.Repeat([]float64{v}, lowFor) }

func policy(target float64, points ...float64) tracking {
	return tracking{name: "cpu", target: target, out: time.Minute, in: time.Minute, points: points}
}

func TestTrack(t *testing.T) {
	stays := policy(50, steady(10)...)
	stays.stays = true
	tests := []struct {
		name     string
		policies []tracking
		count    int
		last     scaled
		want     int
	}{
		{"nothing measured", []tracking{policy(50)}, 2, scaled{}, 2},
		{"at the target", []tracking{policy(50, steady(50)...)}, 2, scaled{}, 2},
		{"in proportion to the load", []tracking{policy(50, steady(110)...)}, 2, scaled{}, 5},
		{"not above the maximum", []tracking{policy(50, steady(900)...)}, 2, scaled{}, 10},
		{"a spike is no load", []tracking{policy(50, 40, 90, 40)}, 2, scaled{}, 2},
		{"two points are too few", []tracking{policy(50, 90, 90)}, 2, scaled{}, 2},
		{"from nothing", []tracking{policy(50, steady(90)...)}, 0, scaled{}, 1},
		{"a scale-out waits for its cooldown", []tracking{policy(50, steady(110)...)}, 2, scaled{Out: noon.Add(-59 * time.Second)}, 2},
		{"and goes on after it", []tracking{policy(50, steady(110)...)}, 2, scaled{Out: noon.Add(-time.Minute)}, 5},
		{"it is not delayed by a scale-in", []tracking{policy(50, steady(110)...)}, 2, scaled{In: noon}, 5},
		{"in again when the load is gone", []tracking{policy(50, steady(10)...)}, 5, scaled{}, 1},
		{"not below the minimum", []tracking{policy(50, steady(0)...)}, 5, scaled{}, 1},
		{"within a tenth of the target nothing goes", []tracking{policy(50, steady(46)...)}, 5, scaled{}, 5},
		{"a scale-in waits for its cooldown", []tracking{policy(50, steady(10)...)}, 5, scaled{In: noon.Add(-59 * time.Second)}, 5},
		{"unless it is disabled", []tracking{stays}, 5, scaled{}, 5},
		{"one policy is enough to scale out", []tracking{policy(50, steady(10)...), policy(50, steady(100)...)}, 2, scaled{}, 4},
		{"all must want to scale in", []tracking{policy(50, steady(10)...), policy(50, steady(49)...)}, 5, scaled{}, 5},
		{"the highest of those holds", []tracking{policy(50, steady(10)...), policy(50, steady(30)...)}, 5, scaled{}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := track(tt.policies, tt.count, 1, 10, tt.last, noon).count; got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}

// With a load that is spread over the tasks, tracking comes to rest, and where it
// rests the metric is not above its target.
func TestTrackingComesToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := rapid.Float64Range(0, 1000).Draw(t, "load")
		count, changes := rapid.IntRange(1, 100).Draw(t, "count"), 0
		for range 20 {
			p := policy(50, steady(load/float64(count))...)
			p.out, p.in = 0, 0
			v := track([]tracking{p}, count, 1, 100, scaled{}, noon)
			if v.policy == nil {
				break
			}
			count, changes = v.count, changes+1
		}
		if changes > 3 {
			t.Fatalf("%d changes for a load of %v", changes, load)
		}
		if load/float64(count) > 50.0001 && count < 100 {
			t.Fatalf("%d tasks rest at %v", count, load/float64(count))
		}
	})
}

// meter is a load that the service's tasks share.
type meter struct {
	b    *bench
	load float64
}

func (m *meter) Measure(_ context.Context, _ state.Scope, cluster, service string, metric api.MetricType, _ string) (float64, bool) {
	if cluster != "main" || service != "web" || metric != api.MetricTypeECSServiceAverageCPUUtilization {
		return 0, false
	}
	return m.load / float64(m.b.count()), true
}

func (b *bench) track(cooldown int) {
	b.t.Helper()
	_, err := b.PutScalingPolicy(b.t.Context(), b.c, &api.PutScalingPolicyRequest{
		ServiceNamespace: "ecs", ScalableDimension: "ecs:service:DesiredCount", ResourceId: new(resource), PolicyName: new("cpu"), PolicyType: "TargetTrackingScaling",
		TargetTrackingScalingPolicyConfiguration: &api.TargetTrackingScalingPolicyConfiguration{
			TargetValue: new(50.0), ScaleOutCooldown: &cooldown, ScaleInCooldown: &cooldown,
			PredefinedMetricSpecification: &api.PredefinedMetricSpecification{PredefinedMetricType: "ECSServiceAverageCPUUtilization"},
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestAServiceFollowsItsLoad(t *testing.T) {
	b := newBench(t)
	b.register(1, 4)
	b.track(30)
	m, points := &meter{b: b, load: 20}, measured{}
	periods := func(n int) {
		for range n {
			b.now = b.now.Add(Period)
			b.measure(t.Context(), m, points)
		}
	}
	periods(lowFor)
	if b.count() != 1 {
		t.Errorf("%d tasks for no load", b.count())
	}
	m.load = 150
	periods(highFor)
	if b.count() != 3 {
		t.Errorf("%d tasks for a load of three", b.count())
	}
	m.load = 10
	periods(lowFor - 1)
	if b.count() != 3 {
		t.Errorf("%d tasks right after the load has gone", b.count())
	}
	periods(1)
	if b.count() != 1 {
		t.Errorf("%d tasks when the load has gone", b.count())
	}
	out, err := b.DescribeScalingActivities(t.Context(), b.c, &api.DescribeScalingActivitiesRequest{ServiceNamespace: "ecs"})
	if err != nil || len(out.ScalingActivities) != 2 {
		t.Errorf("%v %+v", err, out)
	}
}

func TestSuspendedScalingDoesNothing(t *testing.T) {
	b := newBench(t)
	b.register(1, 4)
	b.track(0)
	_, err := b.RegisterScalableTarget(t.Context(), b.c, &api.RegisterScalableTargetRequest{
		ServiceNamespace: "ecs", ScalableDimension: "ecs:service:DesiredCount", ResourceId: new(resource), SuspendedState: &api.SuspendedState{DynamicScalingOutSuspended: new(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	m, points := &meter{b: b, load: 500}, measured{}
	for range lowFor {
		b.measure(t.Context(), m, points)
	}
	if b.count() != 1 {
		t.Errorf("%d tasks though scaling out is suspended", b.count())
	}
}

func TestPoliciesWithoutAMetricHereAreRefused(t *testing.T) {
	b := newBench(t)
	b.register(1, 4)
	put := func(p *api.PutScalingPolicyRequest) error {
		p.ServiceNamespace, p.ScalableDimension, p.ResourceId, p.PolicyName = "ecs", "ecs:service:DesiredCount", new(resource), new("p")
		_, err := b.PutScalingPolicy(t.Context(), b.c, p)
		return err
	}
	refused(t, put(&api.PutScalingPolicyRequest{PolicyType: "StepScaling", StepScalingPolicyConfiguration: &api.StepScalingPolicyConfiguration{}}), "ValidationException",
		"The policy type StepScaling is not served by this engine: it has no CloudWatch whose alarms would trigger it. Use TargetTrackingScaling")
	refused(t, put(&api.PutScalingPolicyRequest{PolicyType: "TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration: &api.TargetTrackingScalingPolicyConfiguration{
		TargetValue: new(1.0), CustomizedMetricSpecification: &api.CustomizedMetricSpecification{},
	}}), "ValidationException", "CustomizedMetricSpecification is not served by this engine: it has no CloudWatch. Use one of the predefined metrics of ECS")
}
