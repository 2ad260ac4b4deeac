// Package doctor looks for what would stop a deploy, before one is begun: the
// repository, Docker, the clock, and, from a plan and what was observed, the
// environment, its room and quotas, names and certificates. It changes nothing.
// Called by `slipway doctor`.
package doctor

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Finding is what one look found.
type Finding struct {
	// Verdict is ok, warn (a deploy goes through, but look at it) or fail.
	Verdict Verdict `json:"verdict"`
	What    string  `json:"what"`
	Text    string  `json:"text"`
	// Next is what to do about it.
	Next string `json:"next,omitempty"`
}

// Verdict is ok, warn or fail.
type Verdict string

// The verdicts.
const (
	OK   Verdict = "ok"
	Warn Verdict = "warn"
	Fail Verdict = "fail"
)

func ok(what, format string, args ...any) Finding {
	return Finding{Verdict: OK, What: what, Text: fmt.Sprintf(format, args...)}
}

func warn(what, next, format string, args ...any) Finding {
	return Finding{Verdict: Warn, What: what, Text: fmt.Sprintf(format, args...), Next: next}
}

func fail(what, next, format string, args ...any) Finding {
	return Finding{Verdict: Fail, What: what, Text: fmt.Sprintf(format, args...), Next: next}
}

// Failed tells whether any finding would stop a deploy.
func Failed(list []Finding) bool {
	for _, f := range list {
		if f.Verdict == Fail {
			return true
		}
	}
	return false
}

// Plan finds what a plan and what was observed tell. shared is what the plan's
// environment phase is called.
func Plan(env *slipway.Environment, p *slipway.Plan, seen *slipway.Observed, shared string, now time.Time) []Finding {
	list := []Finding{environment(env, p, shared)}
	if list[0].Verdict != Fail { // what is not there yet has neither
		list = append(list, instances(env, seen))
		for _, r := range p.Rooms {
			list = append(list, room(env, r))
		}
	}
	list = append(list, quota("rules", seen.Rules), quota("certificates", seen.Certificates))
	for _, s := range p.Steps {
		switch s.Kind {
		case slipway.KindRecord:
			list = append(list, record(s))
		case slipway.KindCertificate:
			list = append(list, certificate(s, seen.Resources[s.ID], now))
		}
	}
	for _, n := range p.Notes {
		list = append(list, warn("note", "", "%s", n))
	}
	return list
}

func environment(env *slipway.Environment, p *slipway.Plan, shared string) Finding {
	var missing, differ []string
	for _, s := range p.Steps {
		switch {
		case s.Phase != shared || s.Action == slipway.Keep:
		case s.Action == slipway.Create:
			missing = append(missing, s.ID.String())
		default:
			differ = append(differ, s.ID.String())
		}
	}
	switch {
	case len(missing) > 0:
		return fail("environment", "slipway env up "+env.Name, "not there yet: %s", some(missing))
	case len(differ) > 0:
		return warn("environment", "slipway plan "+env.Name, "differs from the file: %s", some(differ))
	}
	return ok("environment", "cluster %s and what services share are there", env.Cluster.Name)
}

// some are the first of a list's members, and how many more there are.
func some(list []string) string {
	if len(list) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:3], ", "), len(list)-3)
	}
	return strings.Join(list, ", ")
}

func instances(env *slipway.Environment, seen *slipway.Observed) Finding {
	on, away := 0, 0
	for _, i := range seen.Instances {
		if i.Connected && !i.Draining {
			on++
		} else {
			away++
		}
	}
	switch {
	case on == 0 && fargate(env):
		return ok("capacity", "Fargate")
	case on == 0:
		return fail("capacity", "slipway env show "+env.Name, "no container instance of %s takes tasks (%d are draining or not connected)", env.Cluster.Name, away)
	case away > 0:
		return warn("capacity", "slipway env show "+env.Name, "%d instances take tasks, %d are draining or not connected", on, away)
	}
	return ok("capacity", "%d instances, the roomiest with %d MiB and %d CPU units free", on, seen.Instances[0].FreeMemory, seen.Instances[0].FreeCPU)
}

func fargate(env *slipway.Environment) bool {
	for _, s := range env.Services {
		if s.Capacity != "fargate" {
			return false
		}
	}
	return true
}

func room(env *slipway.Environment, r slipway.Room) Finding {
	what := "room"
	switch {
	case r.Fits:
		return ok(what, "%s: %d more task(s) of %d MiB and %d CPU units fit", r.Service, r.Tasks, r.Memory, r.CPU)
	case r.Grows:
		return warn(what, "a larger cluster.size.min saves the wait", "%s: %d more task(s) of %d MiB do not fit, and the cluster adds an instance: some minutes on AWS", r.Service, r.Tasks, r.Memory)
	}
	return fail(what, "slipway deploy "+env.Name+" --allow-gap, a larger cluster.size.max, or less memory", "%s: no room for %d more task(s) of %d MiB and %d CPU units", r.Service, r.Tasks, r.Memory, r.CPU)
}

// quota warns from nine tenths on.
func quota(what string, q slipway.Quota) Finding {
	text := fmt.Sprintf("%d of %d %s of the load balancer", q.Used, q.Limit, what)
	switch {
	case q.Limit == 0:
		return ok("quota", "%s: not known yet", what)
	case q.Used >= q.Limit:
		return fail("quota", "ask AWS for more (Service Quotas, Elastic Load Balancing), or remove some", "%s", text)
	case q.Used*10 >= q.Limit*9:
		return warn("quota", "ask AWS for more before they are used up (Service Quotas, Elastic Load Balancing)", "%s", text)
	}
	return ok("quota", "%s", text)
}

func record(s slipway.Step) Finding {
	switch s.Action {
	case slipway.Keep:
		return ok("name", "%s leads to the load balancer", s.Name)
	case slipway.Create:
		return ok("name", "%s has no record yet; a deploy writes it", s.Name)
	}
	var what []string
	for _, d := range s.Differences {
		what = append(what, d.String())
	}
	return warn("name", "a deploy changes it; see slipway plan", "%s: %s", s.Name, strings.Join(what, ", "))
}

// soon is how long before its end a certificate is worth a word: ACM renews 60
// days before, so that one with less than 30 is not being renewed.
const soon = 30 * 24 * time.Hour

func certificate(s slipway.Step, have slipway.Seen, now time.Time) Finding {
	if s.Action == slipway.Create {
		return ok("certificate", "%s has none yet; a deploy asks for one", s.Name)
	}
	if have.Status != "" && have.Status != "ISSUED" {
		return warn("certificate", "a deploy goes on with it; where it hangs, look at the record that proves the domain", "%s is %s", s.Name, have.Status)
	}
	end, err := time.Parse(time.DateOnly, have.Settings["expires"])
	if err != nil {
		return ok("certificate", "%s has one", s.Name)
	}
	days := strconv.Itoa(int(end.Sub(now) / (24 * time.Hour)))
	switch left := end.Sub(now); {
	case left <= 0:
		return fail("certificate", "slipway up replaces it", "%s: it expired on %s", s.Name, have.Settings["expires"])
	case left < soon:
		return warn("certificate", "is the record that proves the domain still there? ACM renews only then", "%s: it has %s days left and is not renewed", s.Name, days)
	}
	return ok("certificate", "%s: %s days left", s.Name, days)
}
