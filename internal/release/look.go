package release

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Look gives the plan of an environment without changing anything. The image is
// a release's and not compared; tag names another release than the one that
// runs, for what the file says with {tag}.
func Look(ctx context.Context, a *cloud.Account, env slipway.Environment, tag string) (*slipway.Plan, *slipway.Observed, error) {
	raw := a.Resolve(env)
	wanted := plan.Wanted(&raw)
	seen, err := a.Observe(ctx, &raw, wanted)
	if err != nil {
		return nil, nil, err
	}
	commit := ""
	for _, s := range raw.Services {
		if r, ok := seen.Running[s.Name]; ok && tag == "" {
			tag, commit = raw.Image.Released(r.Tag), r.Commit
		}
	}
	expanded := plan.Settle(a.Resolve(env.AtRelease(tag, commit)), seen)
	p, err := plan.Make(&expanded, plan.Wanted(&expanded), seen)
	if err != nil {
		return p, seen, err
	}
	err = survey(ctx, a, &expanded, p, seen)
	p.Tag, p.Calls = tag, a.Calls()
	return p, seen, err
}

// Prepare makes or continues an environment: what services share, and nothing
// of theirs.
func Prepare(ctx context.Context, a *cloud.Account, env slipway.Environment, sink slipway.Sink) (*slipway.Plan, error) {
	env = a.Resolve(env)
	wanted := plan.EnvironmentOnly(&env)
	seen, err := a.Observe(ctx, &env, wanted)
	if err != nil {
		return nil, refused(err)
	}
	p, err := plan.Make(&env, wanted, seen)
	if err != nil {
		return nil, refused(err)
	}
	if err := survey(ctx, a, &env, p, seen); err != nil {
		return p, refused(err)
	}
	if err := a.Apply(ctx, &cloud.Work{Env: &env, Sink: sink}, p.Steps); err != nil {
		return p, err
	}
	return p, a.Ready(ctx, &env, sink)
}

// survey notes what the instances of a cluster made by others deviate in.
func survey(ctx context.Context, a *cloud.Account, env *slipway.Environment, p *slipway.Plan, seen *slipway.Observed) error {
	s, err := a.Survey(ctx, env, seen)
	if err != nil {
		return err
	}
	p.Notes = append(plan.Surveyed(env, s), p.Notes...)
	if lb := seen.Resources[plan.Of(env).Balancer()].Settings["vpc"]; lb != "" && s.VPC != "" && lb != s.VPC {
		return fmt.Errorf("load balancer %s stands in %s, the instances of cluster %s in %s; name a load balancer of theirs: cluster: {load-balancer: NAME}", plan.Of(env).Balancer().Name, lb, env.Cluster.Name, s.VPC)
	}
	return nil
}

// Status is what one service of an environment is doing.
type Status struct {
	Environment string   `json:"environment"`
	Service     string   `json:"service"`
	Key         string   `json:"key,omitempty"`
	URLs        []string `json:"urls"`
	Tag         string   `json:"tag"`
	Desired     int      `json:"desired"`
	Running     int      `json:"running"`
	Healthy     int      `json:"healthy"`
	Since       string   `json:"since"`
	State       string   `json:"state"`
	On          string   `json:"on"`
	Account     string   `json:"account"`
	Region      string   `json:"region"`
	// Traffic is nil where nothing is asked of the service, or nobody may know;
	// TrafficError is why it could not be read.
	Traffic      *slipway.Traffic `json:"traffic,omitempty"`
	TrafficError string           `json:"trafficError,omitempty"`
	// Jobs are the service's that have a schedule.
	Jobs []JobStatus `json:"jobs,omitempty"`
}

// Tasks says how many of the tasks do well: healthy where a load balancer looks.
func (s Status) Tasks() string {
	switch {
	case s.State == notDeployed:
		return ""
	case len(s.URLs) > 0:
		return fmt.Sprintf("%d/%d healthy", s.Healthy, s.Desired)
	}
	return fmt.Sprintf("%d/%d running", s.Running, s.Desired)
}

const notDeployed = "not deployed"

// JobStatus is a scheduled job: when it comes next, as far as that can be told.
type JobStatus struct {
	Name     string     `json:"name"`
	Schedule string     `json:"schedule"`
	State    string     `json:"state"`
	Next     *time.Time `json:"next,omitempty"`
}

// jobs are a service's scheduled jobs as the account has them.
func jobs(env *slipway.Environment, svc *slipway.Service, seen *slipway.Observed, now time.Time) []JobStatus {
	var list []JobStatus
	for _, j := range plan.Scheduled(env, svc) {
		s := JobStatus{Name: j.Name, Schedule: j.Schedule, State: "not deployed"}
		if have, ok := seen.Resources[plan.For(svc).Schedule(j.Name)]; ok {
			s.Schedule, s.State = have.Settings["schedule"], strings.ToLower(have.Settings["state"])
			if at, comes := slipway.NextRun(s.Schedule, now); comes && s.State == "enabled" {
				s.Next = &at
			}
		}
		list = append(list, s)
	}
	return list
}

// StatusOf looks at each service of an environment.
func StatusOf(ctx context.Context, a *cloud.Account, env slipway.Environment) ([]Status, error) {
	env = a.Resolve(env)
	wanted := slices.DeleteFunc(plan.Wanted(&env), func(r slipway.Resource) bool {
		return r.Kind != slipway.KindService && r.Kind != slipway.KindTargetGroup && r.Kind != slipway.KindSchedule
	})
	seen, err := a.Observe(ctx, &env, wanted)
	if err != nil {
		return nil, err
	}
	var list []Status
	for i := range env.Services {
		svc := &env.Services[i]
		running, there := seen.Running[svc.Name]
		s := Status{Environment: env.Name, Service: svc.Name, Key: svc.Key, Tag: env.Image.Released(running.Tag), Desired: running.Desired, Running: running.Tasks, On: env.On, Account: a.ID, Region: a.Region, State: notDeployed}
		for _, h := range svc.Hosts {
			s.URLs = append(s.URLs, "https://"+h+pathOf(svc, h))
		}
		if there {
			s.State = state(running)
			if len(running.Deployments) > 0 {
				s.Since = running.Deployments[0].Since.UTC().Format("2006-01-02T15:04:05Z")
			}
			s.Healthy = running.Tasks
			if plan.Routed(svc) {
				if s.Healthy, err = a.Healthy(ctx, plan.For(svc).TargetGroup()); err != nil {
					return nil, err
				}
			}
		}
		s.Jobs = jobs(&env, svc, seen, time.Now())
		list = append(list, s)
	}
	return list, traffic(ctx, a, &env, list)
}

// pathOf is where a service begins on a host whose paths its rule divides.
func pathOf(svc *slipway.Service, host string) string {
	for _, r := range svc.Rules {
		if len(r.Paths) > 0 && slices.Contains(r.Hosts, host) {
			path, _, _ := strings.Cut(r.Paths[0], "*")
			path, _, _ = strings.Cut(path, "?")
			return path
		}
	}
	return ""
}

// traffic adds what each service serves. A status without it is one still.
func traffic(ctx context.Context, a *cloud.Account, env *slipway.Environment, list []Status) error {
	var groups []slipway.ID
	for i := range env.Services {
		if plan.Routed(&env.Services[i]) {
			groups = append(groups, plan.For(&env.Services[i]).TargetGroup())
		}
	}
	found, err := a.Traffic(ctx, groups)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for i := range env.Services {
		if list[i].Traffic = found[plan.For(&env.Services[i]).TargetGroup()]; err != nil && plan.Routed(&env.Services[i]) {
			list[i].TrafficError = err.Error()
		}
	}
	return nil
}

// state is a service's state in a word.
func state(r slipway.Running) string {
	switch {
	case r.Desired == 0:
		return "stopped"
	case len(r.Deployments) > 0 && r.Deployments[0].RolloutState == "FAILED":
		return "failed: " + strings.TrimSuffix(r.Deployments[0].Reason, ".")
	case len(r.Deployments) > 1:
		return "deploying"
	case r.Tasks < r.Desired:
		return "starting"
	}
	return "serving"
}
