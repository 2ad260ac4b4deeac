// Package cloudwatch is Amazon CloudWatch as far as the metrics of Application
// Load Balancers go: the namespace AWS/ApplicationELB, by load balancer and by
// target group, a point for each minute of the last three hours. Alarms,
// dashboards, metric math and metrics of others are refused by name.
//
// Nothing is counted here: package engine fills Source from the balancer's
// counters, which this package reads once a minute and when it is asked. What
// was counted lives in memory and begins anew with the engine.
package cloudwatch

import (
	"context"
	"sync"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/cloudwatch"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Source gives the counters as they are now.
type Source interface {
	// Readings are those of all load balancers' listeners and target groups.
	Readings() []Reading
	// Bound is the upper bound of a bucket of Reading.Times.
	Bound(bucket int) time.Duration
}

// Reading is what one listener or target group has counted since it began.
type Reading struct {
	// ID tells whose counters these are, over time.
	ID    string
	Scope state.Scope
	// LoadBalancer and TargetGroup are the dimensions' values: "app/web/0123",
	// "targetgroup/web/4567"; a listener has no target group.
	LoadBalancer, TargetGroup string
	Counts                    Counts
	// Took is the sum of the targets' response times, Times how many there were in
	// each bucket.
	Took  time.Duration
	Times []uint64
	// Healthy and Unhealthy are a target group's targets now.
	Healthy, Unhealthy int
}

// Service serves the operations.
type Service struct {
	env    *operation.Env
	source Source

	mu sync.Mutex
	// last is the reading before, by its ID, and at when that was.
	last map[string]Reading
	at   time.Time
	all  map[key]*series
}

// New is the service on top of the counters.
func New(env *operation.Env, source Source) *Service {
	return &Service{env: env, source: source, at: env.Now(), last: map[string]Reading{}, all: map[key]*series{}}
}

// Operations are what is served.
func (s *Service) Operations() []operation.Operation {
	return []operation.Operation{
		operation.Bind("GetMetricData", operation.Everything[api.GetMetricDataInput]("cloudwatch:GetMetricData"), s.GetMetricData),
		operation.Bind("GetMetricStatistics", operation.Everything[api.GetMetricStatisticsInput]("cloudwatch:GetMetricStatistics"), s.GetMetricStatistics),
		operation.Bind("ListMetrics", operation.Everything[api.ListMetricsInput]("cloudwatch:ListMetrics"), s.ListMetrics),
	}
}

// Run reads the counters at the end of each minute, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for {
		now := s.env.Now()
		timer := time.NewTimer(now.Truncate(time.Minute).Add(time.Minute).Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
			s.read(s.env.Now())
		}
	}
}
