package events

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	ecsapi "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	api "github.com/slipway-dev/slipway/internal/awsapi/events"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

const (
	cluster = "arn:aws:ecs:eu-west-1:111122223333:cluster/main"
	role    = "arn:aws:iam::111122223333:role/events"
)

// ran collects what rules start; roles that end in -foreign trust somebody else.
type ran struct {
	mu   sync.Mutex
	at   []time.Time
	last *ecsapi.RunTaskRequest
	fail error
}

func (*ran) Assumable(_ *state.Tx, role, service string) bool {
	return service == "events.amazonaws.com" && !strings.HasSuffix(role, "-foreign")
}

func (r *ran) RunTask(_ context.Context, _ state.Scope, _, _ string, in *ecsapi.RunTaskRequest) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.last = append(r.at, time.Now().UTC()), in
	return r.fail
}

func (r *ran) minutes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := []string{}
	for _, t := range r.at {
		all = append(all, t.Format("15:04:05"))
	}
	return all
}

type bench struct {
	*Service
	t *testing.T
	c *operation.Caller
	*ran
}

func newBench(t *testing.T, store *state.Store) *bench {
	b := &bench{t: t, c: &operation.Caller{Account: "111122223333", Region: "eu-west-1"}, ran: &ran{}}
	b.Service = New(&operation.Env{Store: store, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, b.ran)
	return b
}

func inMemory(t *testing.T) *bench {
	store := state.InMemory(Tables...)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return newBench(t, store)
}

func (b *bench) rule(name, schedule string) error {
	_, err := b.PutRule(b.t.Context(), b.c, &api.PutRuleRequest{Name: &name, ScheduleExpression: &schedule})
	return err
}

func target(id string) api.Target {
	return api.Target{Id: &id, Arn: new(cluster), RoleArn: new(role), EcsParameters: &api.EcsParameters{TaskDefinitionArn: new("arn:aws:ecs:eu-west-1:111122223333:task-definition/web:3")}}
}

func (b *bench) target(rule string, t api.Target) error {
	_, err := b.PutTargets(b.t.Context(), b.c, &api.PutTargetsRequest{Rule: &rule, Targets: []api.Target{t}})
	return err
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// running is the loop until stop; times begin at 2000-01-01 00:00:00, synctest's.
func (b *bench) running() (stop func()) {
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	return func() { cancel(); <-done }
}

func (b *bench) wants(want ...string) {
	b.t.Helper()
	synctest.Wait()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, b.minutes()); diff != "" {
		b.t.Error(diff)
	}
}

func TestRulesRunWhenDue(t *testing.T) {
	for schedule, want := range map[string][]string{
		"cron(*/2 * * * ? *)":    {"00:02:00", "00:04:00"},
		"cron(3 0 1 JAN ? 2000)": {"00:03:00"},
		"cron(0 0 * * ? *)":      {},
		"rate(1 minute)":         {"00:01:00", "00:02:00", "00:03:00", "00:04:00", "00:05:00"},
		"rate(3 minutes)":        {"00:03:00"},
		"rate(1 hour)":           {},
	} {
		t.Run(schedule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := inMemory(t)
				defer b.running()()
				b.must(b.rule("r", schedule))
				b.must(b.target("r", target("t")))
				time.Sleep(5*time.Minute + 30*time.Second)
				b.wants(want...)
			})
		})
	}
}

func TestADisabledRuleRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t)
		defer b.running()()
		b.must(b.rule("r", "rate(1 minute)"))
		b.must(b.target("r", target("t")))
		time.Sleep(90 * time.Second)
		_, err := b.DisableRule(t.Context(), b.c, &api.DisableRuleRequest{Name: new("r")})
		b.must(err)
		time.Sleep(5 * time.Minute)
		b.wants("00:01:00")
		_, err = b.EnableRule(t.Context(), b.c, &api.EnableRuleRequest{Name: new("r")})
		b.must(err)
		time.Sleep(70 * time.Second)
		b.wants("00:01:00", "00:07:30")
	})
}

func TestAFailedStartIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inMemory(t)
		b.fail = errors.New("RESOURCE:MEMORY")
		defer b.running()()
		b.must(b.rule("r", "cron(1 0 * * ? *)"))
		b.must(b.target("r", target("t")))
		time.Sleep(10 * time.Minute)
		b.wants("00:01:00")
	})
}

// What an engine that was away has missed is not caught up, and a rule that it
// began with before it went is not run again in the same minute.
func TestARestartNeitherRepeatsNorCatchesUp(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	open := func() *state.Store {
		store, err := state.Open(dir, Tables...)
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	at := time.Date(2030, 1, 1, 12, 0, 20, 0, time.UTC)
	var first, second *bench
	store := open()
	first = newBench(t, store)
	first.env.Now = func() time.Time { return at }
	first.must(first.rule("r", "cron(* * * * ? *)"))
	first.must(first.target("r", target("t")))
	began := at
	at = at.Add(41 * time.Second) // 12:01:01
	first.pass(t.Context(), began)
	if len(first.at) != 1 {
		t.Fatalf("it ran %d times", len(first.at))
	}
	first.must(store.Close())

	store = open()
	defer store.Close()
	second = newBench(t, store)
	second.env.Now = first.env.Now
	began = at
	second.pass(t.Context(), at.Add(-time.Hour)) // as if it had been here all the time
	if len(second.at) != 0 {
		t.Error("the minute came twice")
	}
	at = at.Add(10 * time.Minute) // asleep until 12:11:01
	second.pass(t.Context(), began)
	if len(second.at) != 1 {
		t.Errorf("after a sleep it ran %d times, want the last minute's alone", len(second.at))
	}
	began = at.Add(30 * time.Second)
	at = began
	second.pass(t.Context(), began)
	if len(second.at) != 1 {
		t.Error("it caught up what was due before it began")
	}
}

func TestATargetIsARunTask(t *testing.T) {
	tt := target("t")
	tt.Input = new(`{"containerOverrides":[{"name":"web","command":["migrate","--all"]}]}`)
	p := tt.EcsParameters
	p.TaskCount, p.LaunchType, p.Group, p.PropagateTags, p.Tags = new(2), "FARGATE", new("nightly"), "TASK_DEFINITION", []api.Tag{{Key: new("k"), Value: new("v")}}
	p.NetworkConfiguration = &api.NetworkConfiguration{AwsvpcConfiguration: &api.AwsVpcConfiguration{Subnets: []string{"subnet-1"}, SecurityGroups: []string{"sg-1"}, AssignPublicIp: "ENABLED"}}
	want := &ecsapi.RunTaskRequest{
		Cluster: new(cluster), TaskDefinition: p.TaskDefinitionArn, Count: new(2), LaunchType: "FARGATE", Group: new("nightly"), PropagateTags: "TASK_DEFINITION",
		Tags: []ecsapi.Tag{{Key: new("k"), Value: new("v")}}, StartedBy: new("events-rule/r"),
		NetworkConfiguration: &ecsapi.NetworkConfiguration{AwsvpcConfiguration: &ecsapi.AwsVpcConfiguration{Subnets: []string{"subnet-1"}, SecurityGroups: []string{"sg-1"}, AssignPublicIp: "ENABLED"}},
		Overrides:            &ecsapi.TaskOverride{ContainerOverrides: []ecsapi.ContainerOverride{{Name: new("web"), Command: []string{"migrate", "--all"}}}},
	}
	if diff := cmp.Diff(want, request("r", &tt)); diff != "" {
		t.Error(diff)
	}
	b := inMemory(t)
	b.must(b.rule("r", "rate(1 day)"))
	b.must(b.target("r", tt))
}

func TestRefusals(t *testing.T) {
	b := inMemory(t)
	b.must(b.rule("r", "rate(1 day)"))
	with := func(change func(*api.Target)) error { t := target("t"); change(&t); return b.target("r", t) }
	pattern := func() error {
		_, err := b.PutRule(t.Context(), b.c, &api.PutRuleRequest{Name: new("p"), EventPattern: new("{}")})
		return err
	}
	elsewhere := func() error {
		_, err := b.PutRule(t.Context(), b.c, &api.PutRuleRequest{Name: new("p"), ScheduleExpression: new("rate(1 day)"), EventBusName: new("other")})
		return err
	}
	unnamed := func() error {
		_, err := b.DescribeRule(t.Context(), b.c, &api.DescribeRuleRequest{Name: new("nobody")})
		return err
	}
	for name, c := range map[string]struct {
		err           error
		code, message string
	}{
		"no schedule":       {b.rule("x", ""), "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified."},
		"five fields":       {b.rule("x", "cron(0 3 * * ?)"), "ValidationException", "Parameter ScheduleExpression is not valid."},
		"two days":          {b.rule("x", "cron(0 3 1 * 1 *)"), "ValidationException", "Parameter ScheduleExpression is not valid."},
		"one minutes":       {b.rule("x", "rate(1 minutes)"), "ValidationException", "Parameter ScheduleExpression is not valid."},
		"five minute":       {b.rule("x", "rate(5 minute)"), "ValidationException", "Parameter ScheduleExpression is not valid."},
		"no minutes":        {b.rule("x", "rate(0 minutes)"), "ValidationException", "Parameter ScheduleExpression is not valid."},
		"pattern":           {pattern(), "ValidationException", "EventPattern is not served"},
		"another bus":       {elsewhere(), "ValidationException", "ScheduleExpression is supported only on the default event bus."},
		"no rule":           {unnamed(), "ResourceNotFoundException", "Rule nobody does not exist on EventBus default."},
		"target of no rule": {b.target("nobody", target("t")), "ResourceNotFoundException", "Rule nobody does not exist on EventBus default."},
		"lambda":            {with(func(t *api.Target) { t.Arn = new("arn:aws:lambda:eu-west-1:111122223333:function:f") }), "ValidationException", "Targets of lambda are not served"},
		"no arn":            {with(func(t *api.Target) { t.Arn = new("main") }), "ValidationException", "Parameter main is not valid. Reason: Provided Arn is not in correct format."},
		"no task":           {with(func(t *api.Target) { t.EcsParameters = nil }), "ValidationException", "Parameter(s) EcsParameters must be specified for target: t."},
		"no role":           {with(func(t *api.Target) { t.RoleArn = nil }), "ValidationException", "RoleArn is required for target " + cluster + "."},
		"foreign role":      {with(func(t *api.Target) { t.RoleArn = new(role + "-foreign") }), "ValidationException", "cannot be assumed by principal 'events.amazonaws.com'."},
		"input path":        {with(func(t *api.Target) { t.InputPath = new("$.x") }), "ValidationException", "InputPath is not served"},
		"input":             {with(func(t *api.Target) { t.Input = new("{") }), "ValidationException", "Input of target t is not JSON"},
	} {
		e, ok := errors.AsType[*awsapi.Error](c.err)
		if !ok || e.Code != c.code || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s: %v, want %s: %s", name, c.err, c.code, c.message)
		}
	}
	for i := range mostTargets {
		b.must(b.target("r", target(string(rune('a'+i)))))
	}
	if err := b.target("r", target("z")); err == nil || !strings.HasPrefix(err.Error(), "LimitExceededException") {
		t.Errorf("a sixth target: %v", err)
	}
	_, err := b.DeleteRule(t.Context(), b.c, &api.DeleteRuleRequest{Name: new("r")})
	if err == nil || !strings.Contains(err.Error(), "Rule can't be deleted since it has targets.") {
		t.Errorf("deleting a rule with targets: %v", err)
	}
}

func TestListsComeInPages(t *testing.T) {
	b := inMemory(t)
	for _, n := range []string{"a", "b1", "b2", "b3"} {
		b.must(b.rule(n, "rate(1 day)"))
		b.must(b.target(n, target("t")))
	}
	var names []string
	in := &api.ListRulesRequest{NamePrefix: new("b"), Limit: new(2)}
	for {
		out, err := b.ListRules(t.Context(), b.c, in)
		b.must(err)
		for _, r := range out.Rules {
			names = append(names, *r.Name)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if !slices.Equal(names, []string{"b1", "b2", "b3"}) {
		t.Error(names)
	}
	by, err := b.ListRuleNamesByTarget(t.Context(), b.c, &api.ListRuleNamesByTargetRequest{TargetArn: new(cluster), Limit: new(3)})
	if err != nil || len(by.RuleNames) != 3 || by.NextToken == nil {
		t.Errorf("%+v %v", by, err)
	}
	_, err = b.RemoveTargets(t.Context(), b.c, &api.RemoveTargetsRequest{Rule: new("a"), Ids: []string{"t"}})
	b.must(err)
	left, err := b.ListTargetsByRule(t.Context(), b.c, &api.ListTargetsByRuleRequest{Rule: new("a")})
	if err != nil || len(left.Targets) != 0 {
		t.Errorf("%+v %v", left, err)
	}
	if _, err := b.DeleteRule(t.Context(), b.c, &api.DeleteRuleRequest{Name: new("a")}); err != nil {
		t.Error(err)
	}
}

func TestAPutReplacesARuleButItsTargetsAndTags(t *testing.T) {
	b := inMemory(t)
	_, err := b.PutRule(t.Context(), b.c, &api.PutRuleRequest{Name: new("r"), ScheduleExpression: new("rate(1 day)"), Description: new("old"), Tags: []api.Tag{{Key: new("k"), Value: new("v")}}})
	b.must(err)
	b.must(b.target("r", target("t")))
	b.must(b.rule("r", "rate(2 days)"))
	r, _ := Rules.Get(b.env.Store.View(), b.c.Scope(), "r")
	if r.Description != "" || r.Schedule != "rate(2 days)" || len(r.Targets) != 1 || r.Tags["k"] != "v" {
		t.Errorf("%+v", r)
	}
	ref := ARN(b.c.Scope(), "r")
	_, err = b.TagResource(t.Context(), b.c, &api.TagResourceRequest{ResourceARN: &ref, Tags: []api.Tag{{Key: new("l"), Value: new("w")}}})
	b.must(err)
	_, err = b.UntagResource(t.Context(), b.c, &api.UntagResourceRequest{ResourceARN: &ref, TagKeys: []string{"k"}})
	b.must(err)
	out, err := b.ListTagsForResource(t.Context(), b.c, &api.ListTagsForResourceRequest{ResourceARN: &ref})
	if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "l" {
		t.Errorf("%+v %v", out, err)
	}
}
