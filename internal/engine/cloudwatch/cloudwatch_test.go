package cloudwatch

import (
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/cloudwatch"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

const (
	lb = "app/web/0123456789abcdef"
	tg = "targetgroup/web/fedcba9876543210"
)

var scope = state.Scope{Account: "000000000000", Region: "eu-west-1"}

// fake is a listener and a target group whose counters the test moves.
type fake struct{ listener, group Reading }

func (f *fake) Readings() []Reading {
	group := f.group
	group.Times = append([]uint64(nil), f.group.Times...)
	return []Reading{f.listener, group}
}

// Bound: ten milliseconds a bucket.
func (*fake) Bound(bucket int) time.Duration { return time.Duration(bucket+1) * 10 * time.Millisecond }

type rig struct {
	*Service
	*fake
	t     testing.TB
	now   time.Time
	begin time.Time
}

func newRig(t testing.TB) *rig {
	r := &rig{t: t, now: time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)}
	r.begin = r.now
	r.fake = &fake{
		listener: Reading{ID: "listener", Scope: scope, LoadBalancer: lb},
		group:    Reading{ID: "group", Scope: scope, LoadBalancer: lb, TargetGroup: tg, Times: make([]uint64, 10)},
	}
	r.Service = New(&operation.Env{Now: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler)}, r.fake)
	return r
}

// requests counts answers that took as long as the middle of a bucket.
func (r *rig) requests(n uint64, class Counter, bucket int) {
	r.group.Counts[Requests] += n
	r.group.Counts[class] += n
	r.group.Times[bucket] += n
	r.group.Took += time.Duration(n) * (time.Duration(bucket)*10 + 5) * time.Millisecond
}

// pass lets time go by as Run would: a reading at each minute's end.
func (r *rig) pass(d time.Duration) {
	for end := r.now.Add(d); r.now.Before(end); {
		next := r.now.Truncate(time.Minute).Add(time.Minute)
		if next.After(end) {
			r.now = end
			return
		}
		r.now = next
		r.read(r.now)
	}
}

var caller = &operation.Caller{Account: scope.Account, Region: scope.Region}

func both() []api.Dimension {
	return []api.Dimension{{Name: new("LoadBalancer"), Value: new(lb)}, {Name: new("TargetGroup"), Value: new(tg)}}
}

// ask is GetMetricData of one metric, the oldest first.
func (r *rig) ask(name, stat string, period int, dimensions ...api.Dimension) ([]time.Time, []float64) {
	r.t.Helper()
	out, err := r.GetMetricData(r.t.Context(), caller, &api.GetMetricDataInput{
		StartTime: &r.begin, EndTime: new(r.now.Add(time.Second)), ScanBy: api.ScanByTimestampAscending,
		MetricDataQueries: []api.MetricDataQuery{{Id: new("a"), MetricStat: &api.MetricStat{
			Metric: &api.Metric{Namespace: new(Namespace), MetricName: &name, Dimensions: dimensions}, Period: &period, Stat: &stat,
		}}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out.MetricDataResults[0].Timestamps, out.MetricDataResults[0].Values
}

func (r *rig) values(name, stat string, period int, dimensions ...api.Dimension) []float64 {
	r.t.Helper()
	_, values := r.ask(name, stat, period, dimensions...)
	for i := range values {
		values[i] = math.Round(values[i]*1e6) / 1e6
	}
	return values
}

func TestRequestsStandInTheMinuteInWhichTheyWere(t *testing.T) {
	r := newRig(t)
	r.requests(3, Target2xx, 0)
	r.pass(2 * time.Minute)
	r.requests(5, Target5xx, 0)
	r.pass(30 * time.Second)
	at, values := r.ask("RequestCount", "Sum", 60, both()...)
	if diff := cmp.Diff([]time.Time{r.begin, r.begin.Add(2 * time.Minute)}, at); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{3, 5}, values); diff != "" {
		t.Error(diff)
	}
	r.requests(1, Target5xx, 0)
	if diff := cmp.Diff([]float64{3, 6}, r.values("RequestCount", "Sum", 60, both()[:1]...)); diff != "" {
		t.Errorf("of the load balancer, after one more in the same minute: %s", diff)
	}
	if diff := cmp.Diff([]float64{9}, r.values("RequestCount", "Sum", 300, both()...)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{6}, r.values("HTTPCode_Target_5XX_Count", "Sum", 60, both()...)); diff != "" {
		t.Errorf("minutes without any are not reported: %s", diff)
	}
}

func TestResponseTimes(t *testing.T) {
	r := newRig(t)
	r.requests(98, Target2xx, 1) // 15 ms
	r.requests(2, Target2xx, 7)  // 75 ms
	for stat, want := range map[string]float64{
		"SampleCount": 100, "Sum": 1.62, "Average": 0.0162, "Minimum": 0.01, "Maximum": 0.08, "p49": 0.015, "p98": 0.02, "p99": 0.075, "p100": 0.08,
	} {
		if diff := cmp.Diff([]float64{want}, r.values("TargetResponseTime", stat, 60, both()...)); diff != "" {
			t.Errorf("%s: %s", stat, diff)
		}
	}
}

func TestTargetsAreCountedEachMinute(t *testing.T) {
	r := newRig(t)
	r.group.Healthy, r.group.Unhealthy = 2, 1
	r.pass(time.Minute)
	r.group.Healthy, r.group.Unhealthy = 3, 0
	r.pass(time.Minute)
	if diff := cmp.Diff([]float64{2, 3}, r.values("HealthyHostCount", "Maximum", 60, both()...)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{0.5}, r.values("UnHealthyHostCount", "Average", 300, both()...)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatTheBalancerAnswersItselfIsNoTargets(t *testing.T) {
	r := newRig(t)
	r.listener.Counts[ELB5xx] = 4
	if diff := cmp.Diff([]float64{4}, r.values("HTTPCode_ELB_5XX_Count", "Sum", 60, both()[:1]...)); diff != "" {
		t.Error(diff)
	}
	if got := r.values("HTTPCode_ELB_5XX_Count", "Sum", 60, both()...); len(got) > 0 {
		t.Errorf("with a target group: %v", got)
	}
}

func TestCountersThatBeginAnewLoseNothing(t *testing.T) {
	r := newRig(t)
	r.requests(7, Target2xx, 0)
	r.pass(time.Minute)
	r.group.Counts, r.group.Times, r.group.Took = Counts{}, make([]uint64, 10), 0
	r.requests(2, Target2xx, 0)
	if diff := cmp.Diff([]float64{7, 2}, r.values("RequestCount", "Sum", 60, both()...)); diff != "" {
		t.Error(diff)
	}
}

func TestPointsAreKeptForThreeHours(t *testing.T) {
	r := newRig(t)
	r.requests(1, Target2xx, 0)
	r.group.Healthy = 1
	r.pass(5 * time.Hour)
	if got := r.values("RequestCount", "Sum", 60, both()...); len(got) > 0 {
		t.Errorf("five hours later there is still %v", got)
	}
	if got := len(r.values("HealthyHostCount", "Sum", 60, both()...)); got < 180 || got > 181 {
		t.Errorf("%d minutes are kept, want those of three hours", got)
	}
}

func TestPagesTogetherAreTheAnswer(t *testing.T) {
	r := newRig(t)
	r.group.Healthy = 1
	r.pass(5 * time.Minute)
	var got []time.Time
	in := &api.GetMetricDataInput{StartTime: &r.begin, EndTime: &r.now, MaxDatapoints: new(2), MetricDataQueries: []api.MetricDataQuery{{Id: new("a"), MetricStat: &api.MetricStat{
		Metric: &api.Metric{Namespace: new(Namespace), MetricName: new("HealthyHostCount"), Dimensions: both()}, Period: new(60), Stat: new("Average"),
	}}}}
	for calls := 1; ; calls++ {
		out, err := r.GetMetricData(t.Context(), caller, in)
		if err != nil || calls > 3 {
			t.Fatal(calls, err)
		}
		got = append(got, out.MetricDataResults[0].Timestamps...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if len(got) != 4 || !got[0].Equal(r.begin.Add(4*time.Minute)) || !got[3].Equal(r.begin.Add(time.Minute)) {
		t.Errorf("got %v", got)
	}
}

func TestStatisticsAndList(t *testing.T) {
	r := newRig(t)
	r.requests(4, Target2xx, 2)
	out, err := r.GetMetricStatistics(t.Context(), caller, &api.GetMetricStatisticsInput{
		Namespace: new(Namespace), MetricName: new("TargetResponseTime"), Dimensions: both(), StartTime: &r.begin, EndTime: new(r.begin.Add(time.Hour)), Period: new(60),
		Statistics: []api.Statistic{api.StatisticSum, api.StatisticSampleCount},
	})
	want := &api.GetMetricStatisticsOutput{Label: new("TargetResponseTime"), Datapoints: []api.Datapoint{{Timestamp: &r.begin, Unit: api.StandardUnitSeconds, Sum: new(0.1), SampleCount: new(4.0)}}}
	if diff := cmp.Diff(want, out); err != nil || diff != "" {
		t.Error(err, diff)
	}
	list, err := r.ListMetrics(t.Context(), caller, &api.ListMetricsInput{Dimensions: []api.DimensionFilter{{Name: new("TargetGroup")}}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range list.Metrics {
		names = append(names, *m.MetricName)
	}
	if diff := cmp.Diff([]string{"HTTPCode_Target_2XX_Count", "RequestCount", "TargetResponseTime"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNotServedIsRefusedByName(t *testing.T) {
	stat := func(namespace, name, stat string, period int, more ...api.Dimension) api.MetricDataQuery {
		return api.MetricDataQuery{Id: new("a"), MetricStat: &api.MetricStat{Metric: &api.Metric{Namespace: &namespace, MetricName: &name, Dimensions: append(both(), more...)}, Period: &period, Stat: &stat}}
	}
	r := newRig(t)
	for want, q := range map[string]api.MetricDataQuery{
		"metric math":                  {Id: new("a"), Expression: new("SUM(METRICS())")},
		"metrics of AWS/ECS":           stat("AWS/ECS", "CPUUtilization", "Average", 60),
		"the metric ConsumedLCUs":      stat(Namespace, "ConsumedLCUs", "Sum", 60),
		"the statistic tm90":           stat(Namespace, "RequestCount", "tm90", 60),
		"the dimension Availability":   stat(Namespace, "RequestCount", "Sum", 60, api.Dimension{Name: new("AvailabilityZone"), Value: new("eu-west-1a")}),
		"Period must be 1, 5, 10, 20,": stat(Namespace, "RequestCount", "Sum", 61),
		"is not matching the expected": {Id: new("A")},
	} {
		_, err := r.GetMetricData(t.Context(), caller, &api.GetMetricDataInput{StartTime: &r.begin, EndTime: new(r.begin.Add(time.Hour)), MetricDataQueries: []api.MetricDataQuery{q}})
		e, ok := errors.AsType[*awsapi.Error](err)
		if !ok || e.Code != "ValidationError" || e.Status != 400 || !strings.Contains(e.Message, want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	out, err := r.GetMetricData(t.Context(), caller, &api.GetMetricDataInput{StartTime: &r.begin, EndTime: new(r.begin.Add(time.Hour)), MetricDataQueries: []api.MetricDataQuery{stat("Mine", "Orders", "Sum", 60)}})
	if err != nil || len(out.MetricDataResults) != 1 || len(out.MetricDataResults[0].Values) != 0 {
		t.Errorf("a namespace that nobody wrote to: %v %v", out, err)
	}
}
