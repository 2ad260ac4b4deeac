package autoscaling

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
)

func drawSight(t *rapid.T) *sight {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	zones := []string{"a", "b", "c"}
	s := &sight{
		group:    &Group{Name: "web", Zones: zones, Desired: rapid.IntRange(0, 8).Draw(t, "desired"), Max: 8, TerminationPolicies: []string{rapid.SampledFrom(terminationPolicies).Draw(t, "policy")}},
		machines: map[string]Machine{}, sick: map[string]bool{}, current: Template{ID: "lt-1", Version: "2"}, now: now,
	}
	for n := range rapid.IntRange(0, 10).Draw(t, "instances") {
		id := fmt.Sprintf("i-%02d", n)
		i := &Instance{
			ID: id, Group: "web", Zone: rapid.SampledFrom(zones).Draw(t, "zone"), Protected: rapid.Bool().Draw(t, "protected"),
			State:    rapid.SampledFrom([]api.LifecycleState{api.LifecycleStatePending, api.LifecycleStateInService, api.LifecycleStateStandby, api.LifecycleStateTerminatingProceed}).Draw(t, "state"),
			Launched: now.Add(-time.Duration(rapid.IntRange(0, 9999).Draw(t, "age")) * time.Second),
			Template: TemplateRef{ID: "lt-1", Version: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "version")},
		}
		if i.State == api.LifecycleStateTerminatingProceed {
			i.Ending = &Ending{}
		}
		s.instances = append(s.instances, i)
		s.machines[id] = Machine{ID: id, State: "running"}
	}
	return s
}

// Healthy instances: the plan brings the capacity to what is desired but for
// protected ones, never both launches and ends, leaves protected and standby
// instances alone, and keeps zones even where it launches.
func TestBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSight(t)
		p := decide(s)
		counted, protected, zones := 0, 0, map[string]int{}
		for _, i := range s.instances {
			if !i.counts() {
				if p.ended(i.ID) {
					t.Errorf("%s in %s is ended", i.ID, i.State)
				}
				continue
			}
			counted++
			if i.Protected {
				protected++
				if p.ended(i.ID) {
					t.Errorf("%s is protected and ended", i.ID)
				}
			}
			zones[i.Zone]++
		}
		after := counted - len(p.ends) + len(p.launches)
		if want := max(s.group.Desired, min(counted, protected)); after != want {
			t.Errorf("%d counted, %d protected, %d desired: %d after the plan", counted, protected, s.group.Desired, after)
		}
		if len(p.ends) > 0 && len(p.launches) > 0 {
			t.Error("the plan launches and ends")
		}
		for _, at := range p.launches {
			for _, z := range s.group.Zones {
				if zones[z] < zones[at.zone] {
					t.Errorf("launches in %s with %d, while %s has %d", at.zone, zones[at.zone], z, zones[z])
				}
			}
			zones[at.zone]++
		}
	})
}

// The same sight gives the same plan, but for the random tokens of actions.
func TestDecideIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSight(t)
		if a, b := decide(s), decide(s); !reflect.DeepEqual(a, b) {
			t.Errorf("%+v\n%+v", a, b)
		}
	})
}

func TestVictim(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	all := []*Instance{
		{ID: "old", Zone: "a", Launched: now.Add(-70 * time.Minute), Template: TemplateRef{ID: "lt-1", Version: "2"}},
		{ID: "hour", Zone: "a", Launched: now.Add(-59 * time.Minute), Template: TemplateRef{ID: "lt-1", Version: "2"}},
		{ID: "outdated", Zone: "a", Launched: now.Add(-30 * time.Minute), Template: TemplateRef{ID: "lt-1", Version: "1"}},
		{ID: "new", Zone: "a", Launched: now.Add(-time.Minute), Template: TemplateRef{ID: "lt-1", Version: "2"}},
		{ID: "alone", Zone: "b", Launched: now.Add(-99 * time.Hour), Template: TemplateRef{ID: "lt-1", Version: "1"}},
	}
	for policy, want := range map[string]string{"Default": "outdated", "OldestLaunchTemplate": "outdated", "OldestInstance": "old", "NewestInstance": "new", "ClosestToNextInstanceHour": "hour", "AllocationStrategy": "old"} {
		s := &sight{group: &Group{TerminationPolicies: []string{policy}}, current: Template{ID: "lt-1", Version: "2"}, now: now}
		if got := s.victim(all); got.ID != want {
			t.Errorf("%s ends %s, want %s", policy, got.ID, want)
		}
	}
}
