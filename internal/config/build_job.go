package config

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func (b *builder) jobs(env *slipway.Environment, n *node) []slipway.Job {
	if n.empty() {
		return nil
	}
	var all []slipway.Job
	for _, e := range n.entries {
		all = append(all, b.job(env, e))
	}
	return all
}

func (b *builder) job(env *slipway.Environment, e entry) slipway.Job {
	n := e.value
	j := slipway.Job{
		Name:      e.key,
		Service:   b.text(n.get("service"), ""),
		Container: b.text(n.get("container"), ""),
		Command:   b.words(n.get("command")),
		Schedule:  b.text(n.get("schedule"), ""),
		At:        n.positions(),
	}
	j.At[""] = e.at
	if n.get("command") == nil {
		b.found.add(e.at, "command: [./migrate]", "job %s has no command", j.Name)
	}
	s := b.runs(env, &j, e)
	if s == nil {
		return j
	}
	if j.Container != "" && !slices.ContainsFunc(s.Containers, func(c slipway.Container) bool { return c.Name == j.Container }) {
		b.found.add(n.get("container").at, "", "the service has no container %q", j.Container)
	}
	if wrong := unscheduled(j.Schedule); wrong != "" {
		b.found.add(n.get("schedule").at, `schedule: cron(0 3 * * ? *)`, "schedule %s %s", j.Schedule, wrong)
	}
	return j
}

// runs is the service that a job runs.
func (b *builder) runs(env *slipway.Environment, j *slipway.Job, e entry) *slipway.Service {
	keys := make([]string, len(env.Services))
	for i := range env.Services {
		keys[i] = env.Services[i].Key
		if keys[i] == j.Service || len(env.Services) == 1 && j.Service == "" {
			j.Service = keys[i]
			return &env.Services[i]
		}
	}
	switch {
	case len(keys) == 0:
	case j.Service == "":
		b.found.add(e.at, "service: "+keys[0], "job %s has to say which service's task it runs: %s", j.Name, strings.Join(keys, ", "))
	default:
		b.found.add(e.value.get("service").at, "", "there is no service %q", j.Service)
	}
	return nil
}
