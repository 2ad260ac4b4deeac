package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Make gives the steps from what there is to what is wanted, in an order that
// can be carried out. A resource that the file only uses and that is not there
// is an error: nothing can be done without it.
func Make(env *slipway.Environment, wanted []slipway.Resource, seen *slipway.Observed) (*slipway.Plan, error) {
	if err := unserved(env); err != nil {
		return nil, err
	}
	if err := unset(env, wanted); err != nil {
		return nil, err
	}
	p := &slipway.Plan{Environment: env.Name, Notes: slices.Clone(seen.Notes)}
	for _, r := range wanted {
		have, there := seen.Resources[r.ID]
		if !there && r.Adopted {
			return nil, missing(env, r)
		}
		p.Steps = append(p.Steps, step(r, have, there))
		if why := have.Settings[Unproved]; why != "" {
			p.Steps = append(p.Steps, slipway.Step{Resource: slipway.Resource{ID: Proof(r.Name), Phase: r.Phase, At: r.At}, Action: slipway.Create, Why: why})
		}
	}
	for i := range env.Services {
		s := &env.Services[i]
		p.Budgets = append(p.Budgets, BudgetOf(s))
		p.Rooms = append(p.Rooms, RoomFor(env, s, seen))
	}
	if err := foreignVPC(env, seen); err != nil {
		return nil, err
	}
	notes, err := quotas(env, p, seen)
	p.Notes = append(append(p.Notes, deviations(env, wanted, seen)...), notes...)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Unproved is the setting of an issued certificate that will not be renewed: it
// expires soon, and the record that proves the domain is not there. It says so.
const Unproved = "unproved"

// step compares one resource. What the file doesn't decide is not looked at.
func step(r slipway.Resource, have slipway.Seen, there bool) slipway.Step {
	s := slipway.Step{Resource: r, Action: slipway.Keep}
	if !there {
		s.Action = slipway.Create
		return s
	}
	if r.Adopted {
		return s
	}
	s.Differences = differences(r, have)
	if len(s.Differences) > 0 {
		s.Action = slipway.Change
	}
	for _, d := range s.Differences {
		if slices.Contains(r.Fixed, d.Field) {
			s.Action = slipway.Replace
		}
	}
	if have.Status == "FAILED" || have.Status == "VALIDATION_TIMED_OUT" || have.Status == "EXPIRED" {
		s.Action = slipway.Replace
		s.Differences = append(s.Differences, slipway.Difference{Field: "status", Have: have.Status, Want: "ISSUED"})
	}
	if have.Status == "PENDING_VALIDATION" {
		s.Action = slipway.Change
		s.Differences = append(s.Differences, slipway.Difference{Field: "status", Have: have.Status, Want: "ISSUED"})
	}
	return s
}

// differences are the settings that differ, in order. Lists that the file writes
// whole (variables, secrets, mounts, volumes, containers, rules) also differ by
// what is there and not in the file.
func differences(r slipway.Resource, have slipway.Seen) []slipway.Difference {
	var list []slipway.Difference
	drift := have.Mark != "" && have.Mark == Mark(r.Settings)
	keys := maps.Clone(r.Settings)
	if keys == nil {
		keys = slipway.Settings{}
	}
	for k := range have.Settings {
		if whole(k) {
			if _, ok := keys[k]; !ok {
				keys[k] = ""
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if want, is := r.Settings[k], have.Settings[k]; want != is {
			list = append(list, slipway.Difference{Field: k, Have: is, Want: want, Key: inFile(r, k), At: at(r, k), Drift: drift})
		}
	}
	return list
}

func at(r slipway.Resource, key string) slipway.Position {
	if p, ok := r.At[key]; ok {
		return p
	}
	return r.At[""]
}

// Mark is what Slipway writes on a resource to know its own work again.
func Mark(s slipway.Settings) string {
	sum := sha256.Sum256([]byte(s.String()))
	return hex.EncodeToString(sum[:8])
}

// missing says what an environment made by others lacks.
func missing(env *slipway.Environment, r slipway.Resource) error {
	switch r.Kind {
	case slipway.KindCluster:
		return fmt.Errorf("cluster %s does not exist in %s; create it with a cluster: block in slipway.yaml (slipway env up %s), or name another", r.Name, env.Region, env.Name)
	case slipway.KindLoadBalancer:
		return fmt.Errorf("no application load balancer called %s in %s; name the one to use: cluster: {load-balancer: NAME}", r.Name, env.Region)
	case slipway.KindListener:
		return fmt.Errorf("load balancer %s has no HTTPS listener on port 443; add one, or let slipway make the environment with a cluster: block", Of(env).Balancer().Name)
	}
	return fmt.Errorf("%s, which the file names, does not exist in %s", r.ID, env.Region)
}
