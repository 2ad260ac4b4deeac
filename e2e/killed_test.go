package e2e

import (
	"os/exec"
	"slices"
	"testing"
	"time"
)

// A target that is killed hard costs at most what was in flight on it: a client
// that had a request there may see one failure, nobody sees a second one.
func TestAKilledTargetCostsWhatWasInFlight(t *testing.T) {
	s := newSite(t)
	s.push()
	group := s.targetGroup("web", time.Second)
	s.listen(group)
	s.serve("web", s.definition("1"), 2, group)

	l := &load{address: s.status().HTTP, host: "web.example.test", workers: 16, rate: 500}
	l.begin()
	const kills = 3
	for range kills {
		before, failed := l.requests.Load(), l.failed()
		for l.requests.Load() < before+300 {
			time.Sleep(10 * time.Millisecond)
		}
		doomed := s.containers()[0]
		s.runs(exec.Command("docker", "kill", doomed))
		// The service looks stable until the engine has heard of the kill: wait
		// until another has taken its place, and serves.
		until(t, "the killed task's successor", func() bool {
			now := s.containers()
			return len(now) == 2 && !slices.Contains(now, doomed) &&
				s.must("elbv2", "describe-target-health", "--target-group-arn", group, "--query", "length(TargetHealthDescriptions[?TargetHealth.State=='healthy'])") == "2"
		})
		s.stable("web")
		seen := map[string]bool{}
		for _, f := range l.failed()[len(failed):] {
			t.Log(f)
			if seen[f.worker] {
				t.Errorf("%s saw a second failure of one kill", f.worker)
			}
			seen[f.worker] = true
		}
	}
	l.end()
	t.Logf("%d targets killed: %d of %d requests failed", kills, len(l.failures), l.requests.Load())
}
