package engine

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	appscalingapi "github.com/slipway-dev/slipway/internal/awsapi/applicationautoscaling"
	elbapi "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/applicationautoscaling"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/balancer"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// meters measure services for Application Auto Scaling: containers by the daemon's
// statistics, requests by the balancer's counters. Of counters the change since
// the last time is what counts, so the first time there is no value.
type meters struct {
	e        *Engine
	stats    func(ctx context.Context, container string) (docker.Stats, error) // nil in a simulation
	balancer *balancer.Balancer

	mu     sync.Mutex
	used   map[string]usage // by container
	sent   map[string]requests
	values map[string]value
}

type usage struct {
	at  time.Time
	cpu time.Duration
}

type requests struct {
	at    time.Time
	count uint64
}

func newMeters(e *Engine, d *daemon, b *balancer.Balancer) *meters {
	m := &meters{e: e, balancer: b, used: map[string]usage{}, sent: map[string]requests{}, values: map[string]value{}}
	if d != nil {
		m.stats = d.Stats
	}
	return m
}

// afresh is how old a value may be to be told again: two policies of a service
// measure within one period.
const afresh = applicationautoscaling.Period / 2

// Measure implements applicationautoscaling.Metrics.
func (m *meters) Measure(ctx context.Context, scope state.Scope, cluster, service string, metric appscalingapi.MetricType, label string) (float64, bool) {
	key := strings.Join([]string{scope.Account, scope.Region, cluster, service}, " ")
	if metric == appscalingapi.MetricTypeALBRequestCountPerTarget {
		v := m.once(key+" "+label, func() (v value) { v.requests, v.known = m.requestsPerTarget(scope, label); return v })
		return v.requests, v.known
	}
	v := m.once(key, func() value { return m.utilization(ctx, scope, cluster, service) })
	if metric == appscalingapi.MetricTypeECSServiceAverageMemoryUtilization {
		return v.memory, v.memory >= 0
	}
	return v.cpu, v.cpu >= 0
}

// value is what was measured of a service; negative percentages are not known.
type value struct {
	at                    time.Time
	cpu, memory, requests float64
	known                 bool
}

// once measures, unless that was just done. Only applicationautoscaling's loop
// calls it.
func (m *meters) once(key string, measure func() value) value {
	now := m.e.cfg.Now()
	if v, ok := m.values[key]; ok && now.Sub(v.at) < afresh {
		return v
	}
	v := measure()
	v.at = now
	m.values[key] = v
	return v
}

// utilization is what the service's running tasks use, in percent of what they
// reserve (developer guide, service utilization metrics).
func (m *meters) utilization(ctx context.Context, scope state.Scope, cluster, service string) value {
	unknown := value{cpu: -1, memory: -1}
	if m.stats == nil {
		return unknown
	}
	var units, mib float64
	var ids []string
	for t := range ecs.TasksByService.Get(m.e.store.View(), scope, cluster+"/"+service) {
		if t.Last != ecs.Running || t.Desired != ecs.Running {
			continue
		}
		cpu, memory := t.Reserves()
		units, mib = units+float64(cpu), mib+float64(memory)
		for i := range t.Containers {
			ids = append(ids, t.Containers[i].Runtime)
		}
	}
	busy, bytes, seen := m.sum(ctx, ids)
	out := unknown
	if units > 0 && seen {
		out.cpu = 100 * busy * 1024 / units
	}
	if mib > 0 {
		out.memory = 100 * bytes / (mib * (1 << 20))
	}
	return out
}

// sum is what containers use together; seen tells that all had been measured
// before. The daemon takes a second or two for each answer.
func (m *meters) sum(ctx context.Context, ids []string) (processors, bytes float64, seen bool) {
	var mu sync.Mutex
	var all errgroup.Group
	all.SetLimit(32)
	seen = true
	for _, id := range ids {
		all.Go(func() error {
			p, b, known := m.container(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			processors, bytes, seen = processors+p, bytes+b, seen && known
			return nil
		})
	}
	all.Wait()
	return processors, bytes, seen
}

// container is how many processors a container has kept busy since the last time,
// and its memory now.
func (m *meters) container(ctx context.Context, id string) (processors, bytes float64, seen bool) {
	if id == "" {
		return 0, 0, true
	}
	s, err := m.stats(ctx, id)
	if err != nil {
		return 0, 0, true // it has just ended
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before, seen := m.used[id]
	m.used[id] = usage{s.Time, s.CPU}
	for old, u := range m.used {
		if s.Time.Sub(u.at) > time.Hour {
			delete(m.used, old)
		}
	}
	if passed := s.Time.Sub(before.at); seen && passed > 0 {
		processors = float64(s.CPU-before.cpu) / float64(passed)
	}
	return processors, float64(s.Memory), seen
}

// requestsPerTarget is the metric of a load balancer's target group, named as in a
// policy: "app/NAME/ID/targetgroup/NAME/ID".
func (m *meters) requestsPerTarget(scope state.Scope, label string) (float64, bool) {
	_, name, ok := strings.Cut(label, "/targetgroup/")
	if !ok {
		return 0, false
	}
	group := arn.New("elasticloadbalancing", scope, "targetgroup/"+name)
	counters, known := m.balancer.Metrics().TargetGroups[group]
	tx, targets := m.e.store.View(), 0
	for _, t := range elbv2.TargetsOf(tx, scope, group) {
		if elbv2.HealthOf(tx, scope, t).State == elbapi.TargetHealthStateEnumHealthy {
			targets++
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.e.cfg.Now()
	before, seen := m.sent[group]
	m.sent[group] = requests{now, counters.Requests}
	passed := now.Sub(before.at)
	if !known || !seen || targets == 0 || passed <= 0 || counters.Requests < before.count {
		return 0, false
	}
	return float64(counters.Requests-before.count) / float64(targets) * float64(time.Minute) / float64(passed), true
}
