package cloudwatch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/cloudwatch"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// Namespace is the only one that is served.
const Namespace = "AWS/ApplicationELB"

// metric is one of the namespace's: what it is measured in and what a set of
// points says of it ("CloudWatch metrics for your Application Load Balancer").
type metric struct {
	unit api.StandardUnit
	// own ones are of load balancers alone, group ones of target groups alone.
	own, group bool
	of         func(s *Service, points []*point) sample
}

var metrics = map[string]metric{
	"RequestCount":               counted(Requests),
	"HTTPCode_Target_2XX_Count":  counted(Target2xx),
	"HTTPCode_Target_3XX_Count":  counted(Target3xx),
	"HTTPCode_Target_4XX_Count":  counted(Target4xx),
	"HTTPCode_Target_5XX_Count":  counted(Target5xx),
	"TargetConnectionErrorCount": counted(ConnectionErrors),
	"HTTPCode_ELB_3XX_Count":     ofBalancer(ELB3xx),
	"HTTPCode_ELB_4XX_Count":     ofBalancer(ELB4xx),
	"HTTPCode_ELB_5XX_Count":     ofBalancer(ELB5xx),
	"TargetResponseTime":         {unit: api.StandardUnitSeconds, of: responseTimes},
	"HealthyHostCount":           {unit: api.StandardUnitCount, group: true, of: hosts(func(p *point) int { return p.healthy })},
	"UnHealthyHostCount":         {unit: api.StandardUnitCount, group: true, of: hosts(func(p *point) int { return p.unhealthy })},
}

func counted(c Counter) metric {
	return metric{unit: api.StandardUnitCount, of: func(_ *Service, points []*point) (m sample) {
		for _, p := range points {
			m.count += p.counts[c]
		}
		// Each is a sample of 1.
		m.sum, m.min, m.max = float64(m.count), 1, 1
		m.quantile = func(float64) float64 { return 1 }
		return m
	}}
}

func ofBalancer(c Counter) metric {
	m := counted(c)
	m.own = true
	return m
}

// hosts is a gauge: a sample for each minute.
func hosts(of func(*point) int) func(*Service, []*point) sample {
	return func(_ *Service, points []*point) (m sample) {
		var all []float64
		for _, p := range points {
			if p.hosts {
				all = append(all, float64(of(p)))
			}
		}
		if len(all) == 0 {
			return m
		}
		for _, v := range all {
			m.sum += v
		}
		slices.Sort(all)
		m.count, m.min, m.max = uint64(len(all)), all[0], all[len(all)-1]
		m.quantile = func(q float64) float64 { return all[min(int(q*float64(len(all))), len(all)-1)] }
		return m
	}
}

// responseTimes are known by their buckets: sums are exact, the others as near
// as the bucket is wide.
func responseTimes(s *Service, points []*point) (m sample) {
	var cells []cell
	var took time.Duration
	for _, p := range points {
		took += p.took
		for _, c := range p.times {
			cells = addCell(cells, c.bucket, c.count)
			m.count += c.count
		}
	}
	if m.count == 0 {
		return m
	}
	low := func(b int) float64 {
		if b == 0 {
			return 0
		}
		return s.source.Bound(b - 1).Seconds()
	}
	m.sum = took.Seconds()
	m.min, m.max = low(cells[0].bucket), s.source.Bound(cells[len(cells)-1].bucket).Seconds()
	m.quantile = func(q float64) float64 {
		rest := q * float64(m.count)
		for _, c := range cells {
			if n := float64(c.count); rest <= n {
				from := low(c.bucket)
				return from + (s.source.Bound(c.bucket).Seconds()-from)*rest/n
			}
			rest -= float64(c.count)
		}
		return m.max
	}
	return m
}

// sample is what a set of points says of a metric.
type sample struct {
	count         uint64
	sum, min, max float64
	quantile      func(q float64) float64
}

// statistic is one number of a sample.
type statistic func(sample) float64

var statistics = map[string]statistic{
	"SampleCount": func(m sample) float64 { return float64(m.count) },
	"Sum":         func(m sample) float64 { return m.sum },
	"Average":     func(m sample) float64 { return m.sum / float64(m.count) },
	"Minimum":     func(m sample) float64 { return m.min },
	"Maximum":     func(m sample) float64 { return m.max },
}

// statisticOf is the statistic of a name: one of the five, or a percentile.
func statisticOf(name string) (statistic, error) {
	if s, ok := statistics[name]; ok {
		return s, nil
	}
	if rest, ok := strings.CutPrefix(name, "p"); ok {
		if q, err := strconv.ParseFloat(rest, 64); err == nil && q >= 0 && q <= 100 {
			return func(m sample) float64 { return m.quantile(q / 100) }, nil
		}
	}
	return nil, fmt.Errorf("the statistic %s is not served by the slipway engine; SampleCount, Sum, Average, Minimum, Maximum and percentiles (p99) are", name)
}

// query is a metric with its dimensions, over a time.
type query struct {
	metric     metric
	key        key
	known      bool
	start, end time.Time
	period     time.Duration
}

// queryOf reads what is asked for. Dimensions that nothing has are AWS's way to
// ask for nothing; what AWS would have and the engine has not is refused.
func queryOf(c *operation.Caller, namespace, name *string, dimensions []api.Dimension, unit api.StandardUnit) (q query, err error) {
	ns, n := awsapi.V(namespace), awsapi.V(name)
	if ns != Namespace {
		if strings.HasPrefix(ns, "AWS/") || strings.HasPrefix(ns, "ECS/") {
			return q, fmt.Errorf("metrics of %s are not served by the slipway engine; those of %s are", ns, Namespace)
		}
		return q, nil // nothing can have been put there
	}
	m, ok := metrics[n]
	if !ok {
		return q, fmt.Errorf("the metric %s of %s is not served by the slipway engine; ListMetrics tells which are", n, ns)
	}
	q.metric, q.key.scope = m, c.Scope()
	for _, d := range dimensions {
		switch *d.Name {
		case "LoadBalancer":
			q.key.loadBalancer = *d.Value
		case "TargetGroup":
			q.key.targetGroup = *d.Value
		case "AvailabilityZone":
			return q, fmt.Errorf("the dimension AvailabilityZone is not served by the slipway engine; LoadBalancer and TargetGroup are")
		default:
			return q, nil
		}
	}
	group := q.key.targetGroup != ""
	q.known = q.key.loadBalancer != "" && !(m.own && group) && !(m.group && !group) && (unit == "" || unit == m.unit)
	return q, nil
}

// datum is a sample with the time at which it begins.
type datum struct {
	at time.Time
	sample
}

// data are the query's, the oldest first. They begin where the query does
// ("timestamps aligned to the provided StartTime", boto3 issue 3457), which is
// rounded down to the minute.
func (s *Service) data(q query) []datum {
	s.read(s.env.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all[q.key]
	if !q.known || all == nil {
		return nil
	}
	var out []datum
	start := q.start.Truncate(time.Minute)
	for i := 0; i < len(all.points); {
		p := all.points[i]
		if p.minute.Before(start) {
			i++
			continue
		}
		if !p.minute.Before(q.end) {
			break
		}
		at := start.Add(p.minute.Sub(start) / q.period * q.period)
		j := i
		for j < len(all.points) && all.points[j].minute.Before(at.Add(q.period)) && all.points[j].minute.Before(q.end) {
			j++
		}
		if m := q.metric.of(s, all.points[i:j]); m.count > 0 {
			out = append(out, datum{at, m})
		}
		i = j
	}
	return out
}
