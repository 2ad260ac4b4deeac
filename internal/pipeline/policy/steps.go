package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Step is one policy of a pipeline, or of a person.
type Step struct {
	// Name is what IAM calls it, and its role.
	Name        string `json:"name"`
	Environment string `json:"environment"`
	// Step is "push", "deploy", or the commands that it is for.
	Step     string   `json:"step"`
	Document Document `json:"document"`
	// Trust is the role's trust policy; "" is none.
	Trust string `json:"-"`
	// Who is the trust for people.
	Who string `json:"-"`
}

// Steps are the policies of an environment's steps. An image that all environments
// share is pushed by the first one's role alone.
func Steps(stack *slipway.Stack, s Scope, steps []string, issuer *Issuer) ([]Step, error) {
	var list []Step
	for _, name := range steps {
		if name == Push && !builds(stack, s.Env) {
			continue
		}
		step, err := step(stack, s, name, []string{name})
		if err != nil {
			return nil, err
		}
		if issuer != nil {
			step.Trust, step.Who = issuer.Trust(s, name), issuer.Who(s.Env, name)
		}
		list = append(list, step)
	}
	return list, nil
}

// Person is one policy for all of the commands.
func Person(stack *slipway.Stack, s Scope, commands []string) (Step, error) {
	return step(stack, s, strings.Join(commands, "-"), commands)
}

func step(stack *slipway.Stack, s Scope, name string, commands []string) (Step, error) {
	d, err := For(commands, s)
	if err != nil {
		return Step{}, fmt.Errorf("%s of %s: %w", name, s.Env.Name, err)
	}
	return Step{Name: Name(stack, s.Env, name), Environment: s.Env.Name, Step: name, Document: d}, nil
}

// builds tells whether an environment's pipeline pushes images: where it builds
// any, and no environment before it builds the same ones.
func builds(stack *slipway.Stack, env *slipway.Environment) bool {
	built := env.Built()
	if len(built) == 0 {
		return false
	}
	if slices.ContainsFunc(built, func(i slipway.Image) bool { return i.PerEnvironment }) {
		return true
	}
	for _, e := range stack.Environments {
		if e.Name == env.Name {
			return true
		}
		if e.On == env.On && e.Account == env.Account && e.Region == env.Region && len(e.Built()) > 0 {
			return false
		}
	}
	return true
}

// Parts are the step's policies as IAM takes them: of a large one several, by
// number after the first.
func (s Step) Parts() ([]Step, error) {
	documents, err := s.Document.Parts()
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", s.Step, s.Environment, err)
	}
	var parts []Step
	for i, d := range documents {
		part := s
		part.Document = d
		if i > 0 {
			part.Name += fmt.Sprintf("-%d", i+1)
		}
		parts = append(parts, part)
	}
	return parts, nil
}
