package scheduler

import (
	"testing"
	"time"
)

func TestAPlaceThatIsSetAgainWhileItIsLookedAtIsNext(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w, p := wakes{}, place{key: "web/app"}
	w.set(p, now)
	w.set(place{key: "web/later"}, now.Add(time.Hour))
	for _, ready := range w.due(now) {
		w.set(ready, now.Add(40*time.Second))
	}
	if got := w.next(); !got.Equal(now.Add(40 * time.Second)) {
		t.Errorf("the loop would sleep until %v", got)
	}
	w.set(p, time.Time{})
	if got := w.next(); !got.Equal(now.Add(time.Hour)) {
		t.Errorf("a place that wants nothing more is next: %v", got)
	}
}
