package engine

import "testing"

func TestTheCollectorIsTunedToWhatIsAlive(t *testing.T) {
	for _, tt := range []struct {
		alive uint64
		want  int
	}{{0, 400}, {1 << 20, 400}, {24 << 20, 200}, {48 << 20, 100}, {1 << 30, 100}} {
		if got := collectAt(tt.alive); got != tt.want {
			t.Errorf("%d bytes alive: %d%%, want %d%%", tt.alive, got, tt.want)
		}
	}
}
