package policy

import (
	"slices"
	"strings"
)

// Verdict is what a simulation says, in the words of
// iam:SimulatePrincipalPolicy.
type Verdict string

// The verdicts.
const (
	Allowed      Verdict = "allowed"
	ExplicitDeny Verdict = "explicitDeny"
	ImplicitDeny Verdict = "implicitDeny"
)

// Match is a statement that applied to a request.
type Match struct {
	Source    *Source
	Statement *Statement
}

// Simulation is a decision with everything that led to it.
type Simulation struct {
	Decision Decision
	// Matched are all statements that applied, allowing and denying.
	Matched []Match
	// Missing are the condition keys that the policies refer to and the
	// request does not have.
	Missing []string
	// ByKind is what each kind of policy says by itself; kinds that have no
	// policies are not in it.
	ByKind map[Kind]Verdict
}

// Verdict is the decision's.
func (d Decision) Verdict() Verdict {
	switch {
	case d.Allowed:
		return Allowed
	case d.Explicit:
		return ExplicitDeny
	}
	return ImplicitDeny
}

// Simulate decides a request like Evaluate and tells how, for
// iam:SimulatePrincipalPolicy and iam:SimulateCustomPolicy.
func Simulate(p *Policies, r *Request) Simulation {
	sim := Simulation{ByKind: map[Kind]Verdict{}}
	e := evaluation{request: r, visit: func(source *Source, s *Statement) {
		sim.Matched = append(sim.Matched, Match{source, s})
	}}
	sim.Decision = e.decide(p)
	for _, of := range []struct {
		kind    Kind
		sources []Source
	}{{Identity, p.Identity}, {Boundary, p.Boundary}, {Session, p.Session}, {Resource, p.Resource}} {
		if of.sources != nil {
			alone := evaluation{request: r}
			sim.ByKind[of.kind] = alone.consult(of.sources, of.kind == Resource).verdict()
		}
		sim.Missing = append(sim.Missing, e.missing(of.sources)...)
	}
	slices.SortFunc(sim.Missing, func(a, b string) int {
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	})
	sim.Missing = slices.CompactFunc(sim.Missing, strings.EqualFold)
	return sim
}

func (v verdict) verdict() Verdict {
	switch {
	case v.denied != nil:
		return ExplicitDeny
	case v.allowed != nil:
		return Allowed
	}
	return ImplicitDeny
}

// missing are the keys of all statements, also of those for other actions: so
// does AWS (boto/boto3 issue 3111).
func (e *evaluation) missing(sources []Source) []string {
	var all []string
	for i := range sources {
		if sources[i].Document == nil {
			continue
		}
		for _, name := range sources[i].Document.keys {
			if e.values(newKey(name)).len() == 0 {
				all = append(all, name)
			}
		}
	}
	return all
}
