package applicationautoscaling

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/applicationautoscaling"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// counts is an ECS with one service in a table of its own.
type counts struct{}

type row struct {
	Name  string
	Count int
}

var rows = state.NewTable("test.service", func(r *row) string { return r.Name })

func (counts) Desired(tx *state.Tx, scope state.Scope, cluster, service string) (int, bool) {
	r, ok := rows.Get(tx, scope, cluster+"/"+service)
	if !ok {
		return 0, false
	}
	return r.Count, true
}

func (counts) SetDesired(tx *state.Tx, scope state.Scope, cluster, service string, n int) {
	rows.Put(tx, scope, &row{cluster + "/" + service, n})
}

type bench struct {
	*Service
	t   *testing.T
	now time.Time
	c   *operation.Caller
}

const resource = "service/main/web"

func newBench(t *testing.T) *bench {
	store := state.InMemory(append(Tables, rows)...)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), c: &operation.Caller{Account: "111122223333", Region: "eu-west-1"}}
	b.Service = New(&operation.Env{Store: store, Now: func() time.Time { return b.now }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, counts{})
	if err := store.Update(func(tx *state.Tx) error { rows.Put(tx, b.c.Scope(), &row{"main/web", 1}); return nil }); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) register(least, most int) {
	b.t.Helper()
	_, err := b.RegisterScalableTarget(b.t.Context(), b.c, &api.RegisterScalableTargetRequest{
		ServiceNamespace: "ecs", ScalableDimension: "ecs:service:DesiredCount", ResourceId: new(resource), MinCapacity: &least, MaxCapacity: &most,
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) count() int {
	n, _ := counts{}.Desired(b.env.Store.View(), b.c.Scope(), "main", "web")
	return n
}

func refused(t *testing.T, err error, code, message string) {
	t.Helper()
	e, ok := err.(*awsapi.Error)
	if !ok || e.Code != code || e.Message != message {
		t.Errorf("got error %v, want %s: %s", err, code, message)
	}
}

func TestRegisteringKeepsTheCountInBounds(t *testing.T) {
	b := newBench(t)
	b.register(2, 4)
	if b.count() != 2 {
		t.Errorf("the count is %d below the new minimum 2", b.count())
	}
	b.register(0, 1)
	if b.count() != 1 {
		t.Errorf("the count is %d above the new maximum 1", b.count())
	}
	out, err := b.DescribeScalingActivities(t.Context(), b.c, &api.DescribeScalingActivitiesRequest{ServiceNamespace: "ecs"})
	if err != nil {
		t.Fatal(err)
	}
	causes := map[string]string{}
	for _, a := range out.ScalingActivities {
		causes[*a.Description] = *a.Cause
	}
	want := map[string]string{"Setting desired count to 2.": "minimum capacity was set to 2", "Setting desired count to 1.": "maximum capacity was set to 1"}
	if diff := cmp.Diff(want, causes); diff != "" {
		t.Error(diff)
	}
}

func TestRefuses(t *testing.T) {
	b := newBench(t)
	in := &api.RegisterScalableTargetRequest{ServiceNamespace: "ecs", ScalableDimension: "ecs:service:DesiredCount", ResourceId: new("service/main/none"), MinCapacity: new(1), MaxCapacity: new(2)}
	_, err := b.RegisterScalableTarget(t.Context(), b.c, in)
	refused(t, err, "ValidationException", "ECS service doesn't exist: service/main/none")
	in.ServiceNamespace = "dynamodb"
	_, err = b.RegisterScalableTarget(t.Context(), b.c, in)
	refused(t, err, "ValidationException", "The service namespace dynamodb is not served by this engine; only ecs is")
	_, err = b.DeregisterScalableTarget(t.Context(), b.c, &api.DeregisterScalableTargetRequest{ServiceNamespace: "ecs", ScalableDimension: "ecs:service:DesiredCount", ResourceId: new(resource)})
	refused(t, err, "ObjectNotFoundException", "No scalable target found for service namespace: ecs, resource ID: service/main/web, scalable dimension: ecs:service:DesiredCount")
	_, err = b.PutScalingPolicy(t.Context(), b.c, &api.PutScalingPolicyRequest{ServiceNamespace: "ecs", ScalableDimension: "ecs:service:DesiredCount", ResourceId: new(resource), PolicyName: new("cpu")})
	refused(t, err, "ObjectNotFoundException", "No scalable target registered for service namespace: ecs, resource ID: service/main/web, scalable dimension: ecs:service:DesiredCount")
}

func TestDeregisteringTakesPoliciesAlong(t *testing.T) {
	b := newBench(t)
	b.register(1, 4)
	p, err := b.PutScalingPolicy(t.Context(), b.c, &api.PutScalingPolicyRequest{
		ServiceNamespace: "ecs", ScalableDimension: "ecs:service:DesiredCount", ResourceId: new(resource), PolicyName: new("cpu"), PolicyType: "TargetTrackingScaling",
		TargetTrackingScalingPolicyConfiguration: &api.TargetTrackingScalingPolicyConfiguration{TargetValue: new(60.0), PredefinedMetricSpecification: &api.PredefinedMetricSpecification{PredefinedMetricType: "ECSServiceAverageCPUUtilization"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if policies.Len(b.env.Store.View(), b.c.Scope()) != 1 || *p.PolicyARN == "" {
		t.Fatal("there is no policy")
	}
	if _, err := b.DeregisterScalableTarget(t.Context(), b.c, &api.DeregisterScalableTargetRequest{ServiceNamespace: "ecs", ScalableDimension: "ecs:service:DesiredCount", ResourceId: new(resource)}); err != nil {
		t.Fatal(err)
	}
	if policies.Len(b.env.Store.View(), b.c.Scope()) != 0 {
		t.Error("the policy outlives its target")
	}
}

func TestScheduledActions(t *testing.T) {
	for name, tt := range map[string]struct {
		schedule    string
		first, next time.Duration // from noon; 0 for never
	}{
		"once":  {"at(2026-03-01T13:00:00)", time.Hour, 0},
		"rate":  {"rate(2 hours)", 2 * time.Hour, 4 * time.Hour},
		"cron":  {"cron(30 12 * * ? *)", 30 * time.Minute, 24*time.Hour + 30*time.Minute},
		"never": {"at(2025-01-01T00:00:00)", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.register(1, 4)
			noon := b.now
			_, err := b.PutScheduledAction(t.Context(), b.c, &api.PutScheduledActionRequest{
				ServiceNamespace: "ecs", ScalableDimension: "ecs:service:DesiredCount", ResourceId: new(resource), ScheduledActionName: new("up"),
				Schedule: &tt.schedule, ScalableTargetAction: &api.ScalableTargetAction{MinCapacity: new(3)},
			})
			if err != nil {
				t.Fatal(err)
			}
			wake := b.pass()
			if tt.first == 0 {
				if !wake.IsZero() {
					t.Errorf("it is due at %s", wake)
				}
				return
			}
			if !wake.Equal(noon.Add(tt.first)) || b.count() != 1 {
				t.Fatalf("due %s, count %d", wake, b.count())
			}
			b.now = wake
			wake = b.pass()
			if b.count() != 3 {
				t.Errorf("the count is %d after the action", b.count())
			}
			if wake.IsZero() {
				wake = b.pass()
			}
			if tt.next == 0 && !wake.IsZero() || tt.next != 0 && !wake.Equal(noon.Add(tt.next)) {
				t.Errorf("due again %s", wake)
			}
		})
	}
}

func TestNeeds(t *testing.T) {
	b := newBench(t)
	b.register(1, 2)
	target, _ := Targets.Get(b.env.Store.View(), b.c.Scope(), resource)
	if _, err := b.TagResource(t.Context(), b.c, &api.TagResourceRequest{ResourceARN: &target.ARN, Tags: map[string]string{"env": "demo"}}); err != nil {
		t.Fatal(err)
	}
	op, err := operation.Named(b.Operations(), "PutScalingPolicy")
	if err != nil {
		t.Fatal(err)
	}
	got := op.Needs(b.env.Store.View(), b.c, &api.PutScalingPolicyRequest{ResourceId: new(resource)})
	want := []operation.Need{{Action: "application-autoscaling:PutScalingPolicy", Resource: target.ARN, Keys: map[string][]string{
		"application-autoscaling:service-namespace": {"ecs"}, "application-autoscaling:scalable-dimension": {"ecs:service:DesiredCount"}, "aws:ResourceTag/env": {"demo"},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
