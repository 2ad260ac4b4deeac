package plan

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Settle gives the environment with what the file leaves open as it is seen.
// Defaults are for what is made new: a target group or service that is there,
// made by hand or by a script, keeps its interval and its drain until the file
// says another. What Slipway itself set, by its mark, stays wanted, so that a
// change by hand is drift.
func Settle(env slipway.Environment, seen *slipway.Observed) slipway.Environment {
	env.Services = slices.Clone(env.Services)
	for i := range env.Services {
		s := &env.Services[i]
		s.Containers = slices.Clone(s.Containers)
		n := For(s)
		if have, ok := seen.Resources[n.TargetGroup()]; ok && have.Mark != Mark(TargetGroupSettings(s)) {
			settleGroup(s, have.Settings)
		}
		if have, ok := seen.Resources[n.Service()]; ok && (have.Foreign || have.Mark != Mark(ServiceSettings(&env, s))) {
			settleService(s, have.Settings)
		}
	}
	return env
}

func settleGroup(s *slipway.Service, have slipway.Settings) {
	h := &s.Health
	keepText(s.At, "health.path", have["health path"], &h.Path)
	keepText(s.At, "health.status", have["health status"], &h.Status)
	keepSpan(s.At, "health.interval", have["health interval"], &h.Interval)
	keepSpan(s.At, "health.timeout", have["health timeout"], &h.Timeout)
	keepNumber(s.At, "health.healthy", have["healthy after"], &h.Healthy)
	keepNumber(s.At, "health.unhealthy", have["unhealthy after"], &h.Unhealthy)
	keepSpan(s.At, "drain", have["drain"], &s.Drain)
}

func settleService(s *slipway.Service, have slipway.Settings) {
	keepSpan(s.At, "health.grace", have["grace"], &s.Health.Grace)
	keepNumber(s.At, "deploy.min", strings.TrimSuffix(have["minimum healthy"], "%"), &s.MinHealthy)
	keepNumber(s.At, "deploy.max", strings.TrimSuffix(have["maximum"], "%"), &s.Most)
	if _, written := s.At["deploy.rollback"]; !written && have["roll back"] != "" {
		s.Rollback = have["roll back"] == onOff(true)
	}
	for i := range s.Containers {
		c := &s.Containers[i]
		key := "stop timeout"
		if len(s.Containers) > 1 {
			key = c.Name + "." + key
		}
		if _, written := c.At["stop"]; !written {
			c.Stop = 0
			keepSpan(c.At, "stop", have[key], &c.Stop)
		}
	}
}

func keepText(at slipway.Positions, path, have string, value *string) {
	if _, written := at[path]; !written && have != "" {
		*value = have
	}
}

func keepNumber(at slipway.Positions, path, have string, value *int) {
	n, err := strconv.Atoi(have)
	if _, written := at[path]; !written && err == nil {
		*value = n
	}
}

func keepSpan(at slipway.Positions, path, have string, value *time.Duration) {
	d, err := time.ParseDuration(have)
	if _, written := at[path]; !written && err == nil {
		*value = d
	}
}
