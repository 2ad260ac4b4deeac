package plan

import (
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// startAtMost is what a task is given to be placed, pulled and started.
const startAtMost = 10 * time.Second

// BudgetOf is how long a rolling update of the service should take at most. A
// newly registered target is in service after its first passing check, whatever
// the healthy threshold (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html).
func BudgetOf(s *slipway.Service) slipway.Budget {
	surge := s.Count*s.Most/100 - s.Count
	sacrifice := s.Count - (s.Count*s.MinHealthy+99)/100
	rounds := 1
	if batch := surge + sacrifice; batch > 0 {
		rounds = max((s.Count+batch-1)/batch, 1)
	}
	b := slipway.Budget{Service: s.Name, Rounds: rounds, Start: startAtMost, Gap: s.MinHealthy == 0}
	if Routed(s) {
		b.Health, b.Drain = s.Health.Interval, s.Drain
	}
	for _, c := range s.Containers {
		b.Stop = max(b.Stop, c.Stop)
	}
	return b
}
