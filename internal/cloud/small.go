package cloud

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func ofKind(wanted []slipway.Resource, kind slipway.Kind) []slipway.Resource {
	return slices.DeleteFunc(slices.Clone(wanted), func(r slipway.Resource) bool { return r.Kind != kind })
}

func mark(s slipway.Settings) string { return plan.Mark(s) }

// serviceOf is the service that a step belongs to.
func serviceOf(env *slipway.Environment, s slipway.Step) *slipway.Service {
	i := slices.IndexFunc(env.Services, func(x slipway.Service) bool { return x.Name == s.Service })
	return &env.Services[i]
}
