package balancer_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// deadly is a target that closes every connection without an answer while dead
// is set.
func deadly(t *testing.T, dead *atomic.Bool, posts *atomic.Int64) string {
	return server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			posts.Add(1)
		}
		if !dead.Load() {
			return
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		c.Close()
	})
}

// A dead target costs one POST at most, though it is healthy by its checks, and
// is chosen again when it answers again.
func TestATargetUnderSuspicionIsSpared(t *testing.T) {
	var dead atomic.Bool
	var posts atomic.Int64
	r := newRig(t, one(plain(forward("g")), group("g", deadly(t, &dead, &posts), server(t, says("ok")))))
	r.untilState("t0", balancer.Healthy)
	r.untilState("t1", balancer.Healthy)
	dead.Store(true)
	failed := 0
	for range 20 {
		if ask(t, r, "POST", "") != 200 {
			failed++
		}
	}
	if failed > 1 || posts.Load() > 1 {
		t.Errorf("%d of 20 requests failed; the dead target was asked %d times", failed, posts.Load())
	}
	dead.Store(false)
	asked := posts.Load()
	for range 10_000 {
		if ask(t, r, "POST", ""); posts.Load() > asked {
			return
		}
	}
	t.Error("the target answers again and is not asked")
}

// When no other target is left, one under suspicion is asked all the same.
func TestTheOnlyTargetIsNeverSpared(t *testing.T) {
	var dead atomic.Bool
	var posts atomic.Int64
	r := newRig(t, one(plain(forward("g")), group("g", deadly(t, &dead, &posts))))
	r.untilState("t0", balancer.Healthy)
	dead.Store(true)
	for range 3 {
		if got := ask(t, r, "POST", ""); got != 502 {
			t.Errorf("got %d", got)
		}
	}
	if posts.Load() != 3 {
		t.Errorf("asked %d times", posts.Load())
	}
}
