package plan

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// TheServices is the revision that a scheduled job runs: the one that its
// service runs.
const TheServices = "the service's"

// Schedule is the rule of a service's job.
func (n ServiceNames) Schedule(job string) slipway.ID {
	return slipway.ID{Kind: slipway.KindSchedule, Name: Short(n.s.Name+"-"+job, 64)}
}

// ScheduleRole is the role that the rules of a service's jobs start tasks with.
func (n ServiceNames) ScheduleRole() slipway.ID {
	return slipway.ID{Kind: slipway.KindScheduleRole, Name: Short(n.s.Name+"-events", 64)}
}

// Scheduled are a service's jobs that have a schedule.
func Scheduled(env *slipway.Environment, s *slipway.Service) []slipway.Job {
	var list []slipway.Job
	for _, j := range env.Jobs {
		if j.Schedule != "" && j.Service == s.Key {
			list = append(list, j)
		}
	}
	return list
}

// ScheduleSettings are a scheduled job's.
func ScheduleSettings(s *slipway.Service, j slipway.Job) slipway.Settings {
	return slipway.Settings{"schedule": j.Schedule, "state": "ENABLED", "container": JobContainer(s, j), "command": slipway.Words(j.Command), "revision": TheServices, "role": For(s).ScheduleRole().Name}
}

// JobContainer is the container that runs a job's command.
func JobContainer(s *slipway.Service, j slipway.Job) string {
	if j.Container != "" {
		return j.Container
	}
	return s.Containers[0].Name
}

// Passed are the roles of a service's tasks, which who starts them has to pass.
func Passed(s *slipway.Service) []string {
	roles := []string{s.TaskRole, s.ExecutionRole}
	if NeedsExecutionRole(s) {
		roles = append(roles, For(s).ExecutionRole().Name)
	}
	slices.Sort(roles)
	return slices.DeleteFunc(slices.Compact(roles), func(r string) bool { return r == "" })
}

// schedules are the rules of a service's jobs, and the role that they share.
func (w *wanted) schedules(s *slipway.Service) {
	n := For(s)
	jobs := Scheduled(w.env, s)
	if len(jobs) == 0 {
		return
	}
	add := func(id slipway.ID, settings slipway.Settings, at slipway.Positions, after ...slipway.ID) {
		r := slipway.Resource{ID: id, Settings: settings, After: after, Phase: PhaseDeploy, Service: s.Name, At: map[string]slipway.Position{}}
		for k, p := range at {
			r.At[k] = p
		}
		w.add(r)
	}
	add(n.ScheduleRole(), slipway.Settings{"starts": s.Family, "in": w.env.Cluster.Name, "passes": strings.Join(Passed(s), " ")}, nil, w.names.Cluster())
	for _, j := range jobs {
		add(n.Schedule(j.Name), ScheduleSettings(s, j), j.At, n.Service(), n.ScheduleRole())
	}
}
