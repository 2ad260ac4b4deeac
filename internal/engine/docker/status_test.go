package docker

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAdvance(t *testing.T) {
	var (
		at      = func(s int64) time.Time { return time.Unix(s, 0) }
		pulled  = ContainerStatus{Name: "web", Phase: Pulled, PullStartedAt: at(1), PullStoppedAt: at(2), ImageDigest: "sha256:1"}
		created = ContainerStatus{Name: "web", ID: "c1", Phase: Created, CreatedAt: at(3)}
		running = ContainerStatus{Name: "web", ID: "c1", Phase: Running, StartedAt: at(4), Health: Health{Status: HealthUnknown}}
		again   = ContainerStatus{Name: "web", ID: "c1", Phase: Running, StartedAt: at(8), Restarts: 1, Health: Health{Status: HealthUnknown}}
		stopped = ContainerStatus{Name: "web", ID: "c1", Phase: Stopped, StartedAt: at(4), StoppedAt: at(6), ExitCode: new(1)}
		removed = ContainerStatus{Name: "web", ID: "c1", Phase: Removed, StoppedAt: at(9)}
	)
	tests := map[string]struct {
		known, seen ContainerStatus
		want        []Phase
	}{
		"first sight":                    {ContainerStatus{}, created, []Phase{Created}},
		"the same again":                 {running, running, nil},
		"forward":                        {created, running, []Phase{Running}},
		"backward":                       {running, created, nil},
		"began and ended unseen":         {created, stopped, []Phase{Running, Stopped}},
		"ended":                          {running, stopped, []Phase{Stopped}},
		"seen running after its end":     {stopped, running, nil},
		"restarted":                      {running, again, []Phase{Running}},
		"restarted after an end":         {stopped, again, []Phase{Running}},
		"gone while it ran":              {running, removed, []Phase{Stopped, Removed}},
		"gone after its end":             {stopped, removed, []Phase{Removed}},
		"back from removal":              {removed, again, nil},
		"ran, ended and went unseen":     {created, withStart(removed, at(4)), []Phase{Running, Stopped, Removed}},
		"health changed":                 {running, withHealth(running, Healthy), []Phase{Running}},
		"adopted with its end behind it": {ContainerStatus{}, withCreation(stopped, at(3)), []Phase{Created, Running, Stopped}},
		"started before we looked":       {pulled, withCreation(running, at(3)), []Phase{Created, Running}},
		"never created":                  {pulled, ContainerStatus{Name: "web", Phase: Stopped, Reason: "no"}, []Phase{Stopped}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []Phase
			for _, s := range advance(tt.known, tt.seen) {
				got = append(got, s.Phase)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("keeps what was known", func(t *testing.T) {
		states := advance(pulled, created)
		got := states[len(states)-1]
		if !got.PullStoppedAt.Equal(at(2)) || got.ImageDigest != "sha256:1" || got.ID != "c1" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("keeps the first reason and the bindings of an end", func(t *testing.T) {
		known := stopped
		known.Reason = "CannotStartContainerError: first"
		known.Bindings = []Binding{{HostPort: 1, ContainerPort: 2, Proto: "tcp", Host: netip.MustParseAddr("127.0.0.1")}}
		seen := stopped
		seen.Reason = "CannotStartContainerError: second"
		if states := advance(known, seen); len(states) != 0 {
			t.Errorf("announced %+v", states)
		}
	})
}

func withStart(s ContainerStatus, at time.Time) ContainerStatus {
	s.StartedAt = at
	return s
}

func withCreation(s ContainerStatus, at time.Time) ContainerStatus {
	s.CreatedAt = at
	return s
}

func withHealth(s ContainerStatus, h HealthStatus) ContainerStatus {
	s.Health.Status = h
	return s
}

// Whatever is seen in whatever order, what is announced never goes backwards:
// not in its starts, and between two starts not in its phase.
func TestAdvanceNeverGoesBackwards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ContainerStatus {
			s := ContainerStatus{Name: "web", ID: "c1", Phase: Phase(rapid.IntRange(int(Pulling), int(Removed)).Draw(t, "phase"))}
			if s.Phase >= Running {
				s.StartedAt = time.Unix(int64(rapid.IntRange(1, 3).Draw(t, "start")), 0)
			}
			if s.Phase >= Stopped {
				s.StoppedAt, s.ExitCode = s.StartedAt.Add(time.Second), new(0)
			}
			return s
		}), 1, 12).Draw(t, "history")
		var known ContainerStatus
		for _, seen := range history {
			for _, next := range advance(known, seen) {
				sameStart := next.StartedAt.Equal(known.StartedAt)
				if next.StartedAt.Before(known.StartedAt) || sameStart && next.Phase < known.Phase {
					t.Fatalf("%s at %v after %s at %v", next.Phase, next.StartedAt, known.Phase, known.StartedAt)
				}
				if known.Phase == Removed {
					t.Fatalf("%s after its removal", next.Phase)
				}
				known = next
			}
		}
	})
}

func TestSubscribersSeeEverythingInOrder(t *testing.T) {
	h := newHub()
	defer h.close()
	id := Identity{ID: "t1"}
	h.observe(id, Bridge, ContainerStatus{Name: "web", ID: "c1", Phase: Created})
	events := h.subscribe(t.Context())
	h.observe(id, Bridge, ContainerStatus{Name: "web", ID: "c1", Phase: Stopped, StartedAt: time.Unix(1, 0), ExitCode: new(0)})
	h.observe(id, Bridge, ContainerStatus{Name: "web", ID: "c1", Phase: Removed})
	var got []Phase
	for e := range events {
		got = append(got, e.Container.Phase)
		if e.Container.Phase == Removed {
			break
		}
	}
	if !slices.Equal(got, []Phase{Created, Running, Stopped, Removed}) {
		t.Errorf("saw %v", got)
	}
	if len(h.all()) != 0 {
		t.Errorf("a removed task is still known: %v", h.all())
	}
}
