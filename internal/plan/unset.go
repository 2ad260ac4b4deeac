package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// unset refuses to look at services whose variables the file passes on from
// where slipway runs ({ from: NAME }) while they aren't set there: they would be
// dropped from the task.
func unset(env *slipway.Environment, wanted []slipway.Resource) error {
	if !slices.ContainsFunc(wanted, func(r slipway.Resource) bool { return r.Kind == slipway.KindService }) {
		return nil
	}
	for _, s := range env.Services {
		for _, c := range s.Containers {
			for _, name := range slices.Sorted(maps.Keys(c.Unset)) {
				return fmt.Errorf("%s: %s is passed on from the variable %s, which is not set here; set it, or keep it in SSM: slipway secret set %s %s",
					c.At.Of("variables."+name), name, c.Unset[name], env.Name, name)
			}
		}
	}
	return nil
}
