package engine

import "testing"

func TestTheCollectorIsTunedToWhatIsAlive(t *testing.T) {
	for _, tt := range []struct {
		alive uint64
		rests bool
		want  int
	}{{0, false, 400}, {1 << 20, false, 400}, {24 << 20, false, 200}, {48 << 20, false, 100}, {1 << 30, false, 100}, {1 << 20, true, 100}} {
		if got := collectAt(tt.alive, tt.rests); got != tt.want {
			t.Errorf("%d bytes alive, rests: %v: %d%%, want %d%%", tt.alive, tt.rests, got, tt.want)
		}
	}
}
