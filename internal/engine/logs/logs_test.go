package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/engine/logs/archive"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

var caller = &operation.Caller{Account: "000000000000", Region: "eu-west-1", ARN: "arn:aws:iam::000000000000:user/travis"}

type rig struct {
	*Service
	t   testing.TB
	now time.Time
}

// newRig has a group g with the streams a and b.
func newRig(t testing.TB) *rig {
	r := &rig{t: t, now: time.Date(2026, 3, 20, 10, 0, 0, 0, time.UTC)}
	store := state.InMemory(Tables...)
	t.Cleanup(func() { store.Close() })
	a, err := archive.Open(filepath.Join(t.TempDir(), "logs.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	r.Service = New(&operation.Env{Store: store, Now: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler)}, a)
	r.group("g")
	r.stream("g", "a")
	r.stream("g", "b")
	return r
}

func (r *rig) group(name string) {
	r.t.Helper()
	ask(r, r.CreateLogGroup, &api.CreateLogGroupRequest{LogGroupName: &name})
}

func (r *rig) stream(group, name string) {
	r.t.Helper()
	ask(r, r.CreateLogStream, &api.CreateLogStreamRequest{LogGroupName: &group, LogStreamName: &name})
}

// put puts events, so many milliseconds before now.
func (r *rig) put(stream string, ago int, messages ...string) *api.PutLogEventsResponse {
	r.t.Helper()
	in := &api.PutLogEventsRequest{LogGroupName: new("g"), LogStreamName: &stream}
	for i, m := range messages {
		in.LogEvents = append(in.LogEvents, api.InputLogEvent{Timestamp: new(int(r.now.UnixMilli()) - ago + i), Message: &m})
	}
	return ask(r, r.PutLogEvents, in)
}

// ask is a call that works.
func ask[In, Out any](r *rig, op func(context.Context, *operation.Caller, *In) (*Out, error), in *In) *Out {
	r.t.Helper()
	out, err := op(context.Background(), caller, in)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// refused is a call that is refused, with this error.
func refused[In, Out any](r *rig, want string, op func(context.Context, *operation.Caller, *In) (*Out, error), in *In) {
	r.t.Helper()
	if _, err := op(context.Background(), caller, in); err == nil || !strings.HasPrefix(err.Error(), want) {
		r.t.Errorf("got %v, want %s", err, want)
	}
}

const (
	noSuchGroup  = "ResourceNotFoundException: The specified log group does not exist."
	noSuchStream = "ResourceNotFoundException: The specified log stream does not exist."
)

func TestWhatIsThereOrIsNotIsSaidInAWSsWords(t *testing.T) {
	r := newRig(t)
	refused(r, "ResourceAlreadyExistsException: The specified log group already exists", r.CreateLogGroup, &api.CreateLogGroupRequest{LogGroupName: new("g")})
	refused(r, "ResourceAlreadyExistsException: The specified log stream already exists", r.CreateLogStream, &api.CreateLogStreamRequest{LogGroupName: new("g"), LogStreamName: new("a")})
	refused(r, noSuchGroup, r.CreateLogStream, &api.CreateLogStreamRequest{LogGroupName: new("x"), LogStreamName: new("a")})
	refused(r, noSuchGroup, r.DeleteLogGroup, &api.DeleteLogGroupRequest{LogGroupName: new("x")})
	refused(r, noSuchStream, r.DeleteLogStream, &api.DeleteLogStreamRequest{LogGroupName: new("g"), LogStreamName: new("x")})
	refused(r, noSuchStream, r.GetLogEvents, &api.GetLogEventsRequest{LogGroupName: new("g"), LogStreamName: new("x")})
	refused(r, noSuchStream, r.FilterLogEvents, &api.FilterLogEventsRequest{LogGroupName: new("g"), LogStreamNames: []string{"x"}})
	refused(r, noSuchStream, r.PutLogEvents, &api.PutLogEventsRequest{LogGroupName: new("g"), LogStreamName: new("x"), LogEvents: []api.InputLogEvent{{Timestamp: new(int(r.now.UnixMilli())), Message: new("m")}}})
	refused(r, noSuchGroup, r.FilterLogEvents, &api.FilterLogEventsRequest{LogGroupIdentifier: new("arn:aws:logs:us-east-1:000000000000:log-group:g")})
	refused(r, "InvalidParameterException: 1 validation error detected: Value '2' at 'retentionInDays'", r.PutRetentionPolicy, &api.PutRetentionPolicyRequest{LogGroupName: new("g"), RetentionInDays: new(2)})
	ask(r, r.FilterLogEvents, &api.FilterLogEventsRequest{LogGroupIdentifier: new("arn:aws:logs:eu-west-1:000000000000:log-group:g:*")})
}

func TestGroupsAreEchoed(t *testing.T) {
	r := newRig(t)
	r.group("/ecs/web")
	ask(r, r.PutRetentionPolicy, &api.PutRetentionPolicyRequest{LogGroupName: new("/ecs/web"), RetentionInDays: new(7)})
	got := ask(r, r.DescribeLogGroups, &api.DescribeLogGroupsRequest{LogGroupNamePrefix: new("/ecs/")}).LogGroups
	want := []api.LogGroup{{LogGroupName: new("/ecs/web"), Arn: new("arn:aws:logs:eu-west-1:000000000000:log-group:/ecs/web:*"), LogGroupArn: new("arn:aws:logs:eu-west-1:000000000000:log-group:/ecs/web"),
		CreationTime: new(int(r.now.UnixMilli())), RetentionInDays: new(7), LogGroupClass: api.LogGroupClassStandard, MetricFilterCount: new(0), StoredBytes: new(0), DeletionProtectionEnabled: new(false)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	ask(r, r.DeleteRetentionPolicy, &api.DeleteRetentionPolicyRequest{LogGroupName: new("/ecs/web")})
	first := ask(r, r.DescribeLogGroups, &api.DescribeLogGroupsRequest{Limit: new(1)})
	second := ask(r, r.DescribeLogGroups, &api.DescribeLogGroupsRequest{Limit: new(1), NextToken: first.NextToken})
	if *first.LogGroups[0].LogGroupName != "/ecs/web" || first.LogGroups[0].RetentionInDays != nil || *second.LogGroups[0].LogGroupName != "g" || second.NextToken != nil {
		t.Errorf("page by page: %+v, %+v", first, second)
	}
	if got := ask(r, r.DescribeLogGroups, &api.DescribeLogGroupsRequest{LogGroupNamePattern: new("ECS")}).LogGroups; len(got) != 1 {
		t.Errorf("%d groups have ecs in their names, in any case", len(got))
	}
}

func TestStreamsComeByNameOrByTheirLastEvent(t *testing.T) {
	r := newRig(t)
	r.stream("g", "c")
	r.put("b", 2000, "old")
	r.put("a", 1000, "young")
	for _, c := range []struct {
		in   api.DescribeLogStreamsRequest
		want string
	}{
		{api.DescribeLogStreamsRequest{}, "a b c"},
		{api.DescribeLogStreamsRequest{Descending: new(true)}, "c b a"},
		{api.DescribeLogStreamsRequest{LogStreamNamePrefix: new("b")}, "b"},
		{api.DescribeLogStreamsRequest{OrderBy: api.OrderByLastEventTime, Descending: new(true)}, "a b c"},
		{api.DescribeLogStreamsRequest{OrderBy: api.OrderByLastEventTime}, "c b a"},
	} {
		var names []string
		c.in.LogGroupName, c.in.Limit = new("g"), new(1)
		for {
			page := ask(r, r.DescribeLogStreams, &c.in)
			for _, s := range page.LogStreams {
				names = append(names, *s.LogStreamName)
			}
			if c.in.NextToken = page.NextToken; page.NextToken == nil {
				break
			}
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%v %v: %s, want %s", c.in.OrderBy, awsapi.V(c.in.Descending), got, c.want)
		}
	}
	refused(r, "InvalidParameterException: Cannot order by LastEventTime with a logStreamNamePrefix.", r.DescribeLogStreams,
		&api.DescribeLogStreamsRequest{LogGroupName: new("g"), OrderBy: api.OrderByLastEventTime, LogStreamNamePrefix: new("a")})
}

// Who deletes what each page lists sees every stream once.
func TestStreamsDeletedWhilePagedAreNotListedAgain(t *testing.T) {
	r := newRig(t)
	in, seen := &api.DescribeLogStreamsRequest{LogGroupName: new("g"), Limit: new(1)}, ""
	for more := true; more; more = in.NextToken != nil {
		page := ask(r, r.DescribeLogStreams, in)
		for _, s := range page.LogStreams {
			seen += *s.LogStreamName
			ask(r, r.DeleteLogStream, &api.DeleteLogStreamRequest{LogGroupName: new("g"), LogStreamName: s.LogStreamName})
		}
		in.NextToken = page.NextToken
	}
	if seen != "ab" {
		t.Errorf("seen %s", seen)
	}
}

func TestEventsThatMayNotBeKeptAreLeftOutByIndex(t *testing.T) {
	r := newRig(t)
	now := int(r.now.UnixMilli())
	day := 24 * 3600 * 1000
	put := func(times ...int) (*api.PutLogEventsResponse, error) {
		in := &api.PutLogEventsRequest{LogGroupName: new("g"), LogStreamName: new("a")}
		for _, at := range times {
			in.LogEvents = append(in.LogEvents, api.InputLogEvent{Timestamp: new(at), Message: new("m")})
		}
		return r.PutLogEvents(context.Background(), caller, in)
	}
	for _, c := range []struct {
		name  string
		times []int
		want  *api.RejectedLogEventsInfo
	}{
		{"all well", []int{now - 1, now}, nil},
		{"too new", []int{now, now + day/8, now + day/4}, &api.RejectedLogEventsInfo{TooNewLogEventStartIndex: new(1)}},
		{"too old", []int{now - 14*day - 2, now - 14*day - 1, now - 14*day + 1}, &api.RejectedLogEventsInfo{TooOldLogEventEndIndex: new(2)}},
	} {
		out, err := put(c.times...)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if diff := cmp.Diff(c.want, out.RejectedLogEventsInfo); diff != "" {
			t.Error(c.name, diff)
		}
	}
	ask(r, r.PutRetentionPolicy, &api.PutRetentionPolicyRequest{LogGroupName: new("g"), RetentionInDays: new(3)})
	out, err := put(now-3*day-1, now-2*day-1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&api.RejectedLogEventsInfo{ExpiredLogEventEndIndex: new(1)}, out.RejectedLogEventsInfo); diff != "" {
		t.Error("expired", diff)
	}
	for want, times := range map[string][]int{"chronological order": {now, now - 1}, "24 hours": {now - day - 1, now}} {
		if _, err := put(times...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func said(events []api.OutputLogEvent) (text string) {
	for _, e := range events {
		text += *e.Message
	}
	return text
}

// A token leads on for ever; at an end it comes back unchanged.
func TestTokensOfAStreamLeadBothWays(t *testing.T) {
	r := newRig(t)
	r.put("a", 1000, "1", "2", "3", "4", "5")
	get := func(token *string, head bool) *api.GetLogEventsResponse {
		return ask(r, r.GetLogEvents, &api.GetLogEventsRequest{LogGroupName: new("g"), LogStreamName: new("a"), Limit: new(2), NextToken: token, StartFromHead: &head})
	}
	last := get(nil, false)
	if said(last.Events) != "45" {
		t.Errorf("without a token: %s", said(last.Events))
	}
	if back := get(last.NextBackwardToken, false); said(back.Events) != "23" {
		t.Errorf("one page back: %s", said(back.Events))
	}
	seen := ""
	token := get(nil, true).NextForwardToken
	for {
		page := get(token, false)
		if *page.NextForwardToken == *token {
			break
		}
		token, seen = page.NextForwardToken, seen+said(page.Events)
	}
	if seen != "345" {
		t.Errorf("after the first page: %s", seen)
	}
	r.put("a", 500, "6")
	if page := get(token, false); said(page.Events) != "6" || *page.NextForwardToken == *token {
		t.Errorf("what came after the end: %s", said(page.Events))
	}
	first := get(nil, true)
	if page := get(first.NextBackwardToken, false); len(page.Events) != 0 || *page.NextBackwardToken != *first.NextBackwardToken {
		t.Errorf("before the beginning: %s, %s", said(page.Events), *page.NextBackwardToken)
	}
	refused(r, "InvalidParameterException: The specified nextToken is invalid.", r.GetLogEvents, &api.GetLogEventsRequest{LogGroupName: new("g"), LogStreamName: new("a"), NextToken: new("x")})
}

func TestEventsOfAnEmptyStreamAreFoundOnceTheyCome(t *testing.T) {
	r := newRig(t)
	token := ask(r, r.GetLogEvents, &api.GetLogEventsRequest{LogGroupName: new("g"), LogStreamName: new("a")}).NextForwardToken
	r.put("a", 1000, "1")
	if page := ask(r, r.GetLogEvents, &api.GetLogEventsRequest{LogGroupName: new("g"), LogStreamName: new("a"), NextToken: token}); said(page.Events) != "1" {
		t.Errorf("got %s", said(page.Events))
	}
}

func TestAGroupsEventsAreFilteredPageByPage(t *testing.T) {
	r := newRig(t)
	r.put("a", 1000, "GET 1", "ERROR 2")
	r.put("b", 999, "GET 3", "ERROR 4")
	filter := func(in api.FilterLogEventsRequest) (got string) {
		in.LogGroupName = new("g")
		ids := map[string]bool{}
		for {
			page := ask(r, r.FilterLogEvents, &in)
			for _, e := range page.Events {
				got += *e.LogStreamName + *e.Message + ";"
				if ids[*e.EventId] {
					t.Errorf("the id %s twice", *e.EventId)
				}
				ids[*e.EventId] = true
			}
			if in.NextToken = page.NextToken; in.NextToken == nil {
				return got
			}
		}
	}
	start := int(r.now.UnixMilli()) - 999
	for _, c := range []struct {
		name string
		in   api.FilterLogEventsRequest
		want string
	}{
		{"all, interleaved", api.FilterLogEventsRequest{Limit: new(1)}, "aGET 1;aERROR 2;bGET 3;bERROR 4;"},
		{"a pattern", api.FilterLogEventsRequest{FilterPattern: new("ERROR")}, "aERROR 2;bERROR 4;"},
		{"a stream", api.FilterLogEventsRequest{LogStreamNames: []string{"b"}}, "bGET 3;bERROR 4;"},
		{"a prefix", api.FilterLogEventsRequest{LogStreamNamePrefix: new("b"), FilterPattern: new("-GET")}, "bERROR 4;"},
		{"both ends included", api.FilterLogEventsRequest{StartTime: &start, EndTime: &start}, "aERROR 2;bGET 3;"},
	} {
		if got := filter(c.in); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	refused(r, "InvalidParameterException: Invalid filter pattern", r.FilterLogEvents, &api.FilterLogEventsRequest{LogGroupName: new("g"), FilterPattern: new("{ $.a")})
}

func TestTagsOfBothKindsAreTheSame(t *testing.T) {
	r := newRig(t)
	arn := new("arn:aws:logs:eu-west-1:000000000000:log-group:g")
	ask(r, r.TagLogGroup, &api.TagLogGroupRequest{LogGroupName: new("g"), Tags: map[string]string{"a": "1", "b": "2"}})
	ask(r, r.UntagResource, &api.UntagResourceRequest{ResourceArn: arn, TagKeys: []string{"a"}})
	ask(r, r.TagResource, &api.TagResourceRequest{ResourceArn: arn, Tags: map[string]string{"c": "3"}})
	want := map[string]string{"b": "2", "c": "3"}
	if diff := cmp.Diff(want, ask(r, r.ListTagsLogGroup, &api.ListTagsLogGroupRequest{LogGroupName: new("g")}).Tags); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, ask(r, r.ListTagsForResource, &api.ListTagsForResourceRequest{ResourceArn: arn}).Tags); diff != "" {
		t.Error(diff)
	}
}

func TestRetentionAndDeletionTakeEventsAway(t *testing.T) {
	r := newRig(t)
	r.put("a", 1000, "first")
	r.now = r.now.Add(36 * time.Hour)
	r.put("a", 1000, "second")
	all := func() string {
		return said(ask(r, r.GetLogEvents, &api.GetLogEventsRequest{LogGroupName: new("g"), LogStreamName: new("a")}).Events)
	}
	bytes := func() int {
		return *ask(r, r.DescribeLogGroups, &api.DescribeLogGroupsRequest{}).LogGroups[0].StoredBytes
	}
	if err := r.sweep(); err != nil || all() != "firstsecond" {
		t.Errorf("without a retention: %s (%v)", all(), err)
	}
	ask(r, r.PutRetentionPolicy, &api.PutRetentionPolicyRequest{LogGroupName: new("g"), RetentionInDays: new(1)})
	if err := r.sweep(); err != nil || all() != "second" || bytes() != 26+len("second") {
		t.Errorf("after a day: %s, %d bytes (%v)", all(), bytes(), err)
	}
	ask(r, r.DeleteLogGroup, &api.DeleteLogGroupRequest{LogGroupName: new("g")})
	r.group("g")
	refused(r, noSuchStream, r.GetLogEvents, &api.GetLogEventsRequest{LogGroupName: new("g"), LogStreamName: new("a")})
}

func TestDueDecidesByRetentionAndByRow(t *testing.T) {
	now := time.UnixMilli(10 * 86_400_000).UTC()
	expired, deleted := due(map[string]int{"kept": 0, "young": 3, "old": 3, "empty": 3},
		map[string]int64{"kept": 1, "young": 7 * 86_400_000, "old": 7*86_400_000 - 1, "empty": -1, "gone": 5}, now)
	if diff := cmp.Diff(map[string]time.Time{"old": now.AddDate(0, 0, -3)}, expired); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"gone"}, deleted); diff != "" {
		t.Error(diff)
	}
}

func TestAResetLeavesNothing(t *testing.T) {
	r := newRig(t)
	r.put("a", 1000, "x")
	if err := errors.Join(r.env.Store.Reset(), r.Reset()); err != nil {
		t.Fatal(err)
	}
	r.group("g")
	if got := ask(r, r.DescribeLogStreams, &api.DescribeLogStreamsRequest{LogGroupName: new("g")}).LogStreams; len(got) != 0 {
		t.Errorf("%d streams are left", len(got))
	}
}

// What each operation needs names the group as AWS does.
func TestNeedsNameGroupsWithAStarAndStreamsWithout(t *testing.T) {
	r := newRig(t)
	for name, c := range map[string]struct {
		in   any
		want string
	}{
		"DeleteLogGroup":      {&api.DeleteLogGroupRequest{LogGroupName: new("g")}, "logs:DeleteLogGroup arn:aws:logs:eu-west-1:000000000000:log-group:g:*"},
		"CreateLogStream":     {&api.CreateLogStreamRequest{LogGroupName: new("g"), LogStreamName: new("a")}, "logs:CreateLogStream arn:aws:logs:eu-west-1:000000000000:log-group:g:*"},
		"PutLogEvents":        {&api.PutLogEventsRequest{LogGroupName: new("g"), LogStreamName: new("a")}, "logs:PutLogEvents arn:aws:logs:eu-west-1:000000000000:log-group:g:log-stream:a"},
		"FilterLogEvents":     {&api.FilterLogEventsRequest{LogGroupIdentifier: new("arn:aws:logs:eu-west-1:000000000000:log-group:g")}, "logs:FilterLogEvents arn:aws:logs:eu-west-1:000000000000:log-group:g:*"},
		"ListTagsForResource": {&api.ListTagsForResourceRequest{ResourceArn: new("arn:aws:logs:eu-west-1:000000000000:log-group:g")}, "logs:ListTagsForResource arn:aws:logs:eu-west-1:000000000000:log-group:g:*"},
	} {
		op, err := operation.Named(r.Operations(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range op.Needs(r.env.Store.View(), caller, c.in) {
			if got := n.Action + " " + n.Resource; got != c.want {
				t.Errorf("%s needs %s, want %s", name, got, c.want)
			}
		}
	}
}

func BenchmarkPutLogEvents(b *testing.B) {
	for _, lines := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			r := newRig(b)
			in := &api.PutLogEventsRequest{LogGroupName: new("g"), LogStreamName: new("a")}
			for i := range lines {
				in.LogEvents = append(in.LogEvents, api.InputLogEvent{Timestamp: new(int(r.now.UnixMilli()) + i), Message: new("GET /index.html 200 1234 bytes in 3 ms from 127.0.0.1")})
			}
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := r.PutLogEvents(context.Background(), caller, in); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N*lines)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
