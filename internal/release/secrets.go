package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// known refuses secrets that are not there: the tasks would not start. Those of
// Secrets Manager, and parameters of other accounts, are not looked up.
func known(ctx context.Context, a *cloud.Account, env *slipway.Environment) error {
	named := map[string]string{} // parameter to what to say of it
	for _, s := range env.Services {
		for _, c := range s.Containers {
			for _, variable := range slices.Sorted(maps.Keys(c.Secrets)) {
				if name := c.Secrets[variable]; slipway.IsParameter(name) && named[name] == "" {
					named[name] = fmt.Sprintf("%s: %s is to come from %s, which is not there; set it: slipway secret set %s %s",
						c.At.Of("secrets."+variable), variable, name, env.Name, name)
				}
			}
		}
	}
	if len(named) == 0 {
		return nil
	}
	missing, err := a.MissingSecrets(ctx, slices.Sorted(maps.Keys(named)))
	errs := []error{err}
	for _, name := range missing {
		errs = append(errs, errors.New(named[name]))
	}
	return errors.Join(errs...)
}
