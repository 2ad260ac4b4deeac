package cloudwatch

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/cloudwatch"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// Limits of an answer (API reference).
const (
	maxQueries    = 500
	maxDatapoints = 100800
	maxListed     = 500
)

var identifier = lazyregexp.New(`^[a-z][a-zA-Z0-9_]*$`)

// validation is GetMetricData's error; the model names none for it.
func validation(format string, args ...any) *awsapi.Error {
	return awsapi.Errorf("ValidationError", 400, format, args...)
}

// span checks a time and a period.
func span(start, end time.Time, period int) (message string) {
	switch {
	case start.Equal(end):
		return "The parameter StartTime must not equal parameter EndTime."
	case start.After(end):
		return "The parameter StartTime must be less than the parameter EndTime."
	case period%60 != 0 && !slices.Contains([]int{1, 5, 10, 20, 30}, period):
		return "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60."
	}
	return ""
}

// GetMetricData answers many queries at once.
func (s *Service) GetMetricData(_ context.Context, c *operation.Caller, in *api.GetMetricDataInput) (*api.GetMetricDataOutput, error) {
	if len(in.MetricDataQueries) > maxQueries {
		return nil, validation("The collection MetricDataQueries must not have a size greater than %d.", maxQueries)
	}
	skip, err := skipOf(in.NextToken)
	if err != nil {
		return nil, err
	}
	most := maxDatapoints
	if in.MaxDatapoints != nil && *in.MaxDatapoints > 0 {
		most = min(most, *in.MaxDatapoints)
	}
	each := max(1, most/max(1, len(in.MetricDataQueries)))
	out := &api.GetMetricDataOutput{MetricDataResults: []api.MetricDataResult{}, Messages: []api.MessageData{}}
	seen := map[string]bool{}
	for i, d := range in.MetricDataQueries {
		if !identifier.MatchString(*d.Id) {
			return nil, validation("The value %s for parameter MetricDataQueries.member.%d.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.", *d.Id, i+1)
		}
		if seen[*d.Id] {
			return nil, validation("The values for parameter id in MetricDataQueries are not unique.")
		}
		seen[*d.Id] = true
		r, more, err := s.result(c, in, d, skip, each)
		if err != nil {
			return nil, err
		}
		if d.ReturnData == nil || *d.ReturnData {
			out.MetricDataResults = append(out.MetricDataResults, r)
		}
		if more {
			out.NextToken = new(base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(skip + each))))
		}
	}
	return out, nil
}

// skipOf is how many data of each query a token has behind it.
func skipOf(token *string) (int, error) {
	if token == nil {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(*token)
	n, nerr := strconv.Atoi(string(b))
	if err != nil || nerr != nil || n < 1 {
		return 0, api.InvalidNextToken("The value for parameter NextToken is not valid.")
	}
	return n, nil
}

// result is one query's page; more tells that it is not the last.
func (s *Service) result(c *operation.Caller, in *api.GetMetricDataInput, d api.MetricDataQuery, skip, each int) (r api.MetricDataResult, more bool, err error) {
	switch {
	case d.Expression != nil:
		return r, false, validation("metric math (%s) is not served by the slipway engine; ask for the metrics and compute", *d.Id)
	case d.MetricStat == nil:
		return r, false, validation("The parameter MetricDataQueries.member.%s must have MetricStat or Expression.", *d.Id)
	case d.AccountId != nil && *d.AccountId != c.Account:
		return r, false, validation("metrics of other accounts are not served by the slipway engine")
	}
	m := d.MetricStat
	if message := span(*in.StartTime, *in.EndTime, *m.Period); message != "" {
		return r, false, validation("%s", message)
	}
	if m.Metric.Namespace == nil || m.Metric.MetricName == nil {
		return r, false, validation("The parameter MetricStat.Metric of %s needs Namespace and MetricName.", *d.Id)
	}
	q, err := queryOf(c, m.Metric.Namespace, m.Metric.MetricName, m.Metric.Dimensions, m.Unit)
	if err != nil {
		return r, false, validation("%s", err)
	}
	of, err := statisticOf(*m.Stat)
	if err != nil {
		return r, false, validation("%s", err)
	}
	q.start, q.end, q.period = *in.StartTime, *in.EndTime, time.Duration(*m.Period)*time.Second
	data := s.data(q)
	if in.ScanBy != api.ScanByTimestampAscending {
		slices.Reverse(data)
	}
	page := data[min(skip, len(data)):min(skip+each, len(data))]
	r = api.MetricDataResult{Id: d.Id, Label: new(cmp.Or(awsapi.V(d.Label), *m.Metric.MetricName)), Timestamps: []time.Time{}, Values: []float64{}, StatusCode: api.StatusCodeComplete}
	for _, one := range page {
		r.Timestamps, r.Values = append(r.Timestamps, one.at), append(r.Values, of(one.sample))
	}
	if more = skip+each < len(data); more {
		r.StatusCode = api.StatusCodePartialData
	}
	return r, more, nil
}

// GetMetricStatistics answers for one metric.
func (s *Service) GetMetricStatistics(_ context.Context, c *operation.Caller, in *api.GetMetricStatisticsInput) (*api.GetMetricStatisticsOutput, error) {
	switch {
	case len(in.Statistics) == 0 && len(in.ExtendedStatistics) == 0:
		return nil, api.InvalidParameterCombinationException("At least one of the parameters Statistics and ExtendedStatistics must be specified.")
	case len(in.Statistics) > 0 && len(in.ExtendedStatistics) > 0:
		return nil, api.InvalidParameterCombinationException("The parameters Statistics and ExtendedStatistics must not be specified together.")
	}
	if message := span(*in.StartTime, *in.EndTime, *in.Period); message != "" {
		return nil, api.InvalidParameterValueException("%s", message)
	}
	q, err := queryOf(c, in.Namespace, in.MetricName, in.Dimensions, in.Unit)
	if err != nil {
		return nil, api.InvalidParameterValueException("%s", err)
	}
	q.start, q.end, q.period = *in.StartTime, *in.EndTime, time.Duration(*in.Period)*time.Second
	out := &api.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []api.Datapoint{}}
	for _, one := range s.data(q) {
		d := api.Datapoint{Timestamp: new(one.at), Unit: q.metric.unit}
		for _, name := range in.Statistics {
			*fieldOf(&d, name) = new(statistics[string(name)](one.sample))
		}
		for _, name := range in.ExtendedStatistics {
			of, err := statisticOf(name)
			if err != nil {
				return nil, api.InvalidParameterValueException("%s", err)
			}
			if d.ExtendedStatistics == nil {
				d.ExtendedStatistics = map[string]float64{}
			}
			d.ExtendedStatistics[name] = of(one.sample)
		}
		out.Datapoints = append(out.Datapoints, d)
	}
	return out, nil
}

// fieldOf is where a statistic stands; the model lets no other through.
func fieldOf(d *api.Datapoint, name api.Statistic) **float64 {
	switch name {
	case api.StatisticSum:
		return &d.Sum
	case api.StatisticAverage:
		return &d.Average
	case api.StatisticMinimum:
		return &d.Minimum
	case api.StatisticMaximum:
		return &d.Maximum
	}
	return &d.SampleCount
}

// ListMetrics lists what has points.
func (s *Service) ListMetrics(_ context.Context, c *operation.Caller, in *api.ListMetricsInput) (*api.ListMetricsOutput, error) {
	s.read(s.env.Now())
	rows := s.listed(c, in)
	page, next, err := paging.Page(slices.Values(rows), in.NextToken, maxListed, textOf)
	if err != nil {
		return nil, api.InvalidParameterValueException("The value for parameter NextToken is not valid.")
	}
	return &api.ListMetricsOutput{Metrics: page, NextToken: next}, nil
}

// textOf is a metric's place in the list.
func textOf(m api.Metric) string {
	text := *m.MetricName
	for _, d := range m.Dimensions {
		text += " " + *d.Value
	}
	return text
}

func (s *Service) listed(c *operation.Caller, in *api.ListMetricsInput) []api.Metric {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []api.Metric
	if in.Namespace != nil && *in.Namespace != Namespace || in.OwningAccount != nil && *in.OwningAccount != c.Account {
		return nil
	}
	for k, all := range s.all {
		for name, m := range metrics {
			group := k.targetGroup != ""
			if k.scope != c.Scope() || m.own && group || m.group && !group || in.MetricName != nil && *in.MetricName != name || m.of(s, all.points).count == 0 {
				continue
			}
			row := api.Metric{Namespace: new(Namespace), MetricName: new(name), Dimensions: k.dimensions()}
			if chosen(row.Dimensions, in.Dimensions) {
				rows = append(rows, row)
			}
		}
	}
	slices.SortFunc(rows, func(a, b api.Metric) int { return strings.Compare(textOf(a), textOf(b)) })
	return rows
}

func (k key) dimensions() []api.Dimension {
	var all []api.Dimension
	if k.targetGroup != "" {
		all = append(all, api.Dimension{Name: new("TargetGroup"), Value: new(k.targetGroup)})
	}
	return append(all, api.Dimension{Name: new("LoadBalancer"), Value: new(k.loadBalancer)})
}

// chosen tells whether dimensions have all that are asked for.
func chosen(have []api.Dimension, filters []api.DimensionFilter) bool {
	for _, f := range filters {
		if !slices.ContainsFunc(have, func(d api.Dimension) bool {
			return *d.Name == *f.Name && (f.Value == nil || *f.Value == *d.Value)
		}) {
			return false
		}
	}
	return true
}
