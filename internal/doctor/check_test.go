package doctor

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChecksRunTogetherAndStandInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		took := func(what string, d time.Duration, more ...Check) Check {
			return Check{What: what, Limit: 5 * time.Second, Late: Fail, Next: "look", Look: func(context.Context) ([]Finding, []Check) {
				time.Sleep(d) // one that heeds no context
				return []Finding{ok(what, "fine")}, more
			}}
		}
		got := Run(t.Context(), []Check{took("slow", 3*time.Second), took("quick", 0, took("after", time.Second)), took("stuck", time.Minute)})
		if d := time.Since(began); d != 5*time.Second {
			t.Errorf("all took %v, not as long as the limit of the one that is stuck", d)
		}
		want := []Finding{ok("slow", "fine"), ok("quick", "fine"), ok("after", "fine"), fail("stuck", "look", "no answer within 5s")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		time.Sleep(time.Minute) // until the stuck one has gone
	})
}

func TestACheckThatHeedsItsLimitIsLateAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := Run(t.Context(), []Check{{What: "plan", Limit: time.Second, Late: Warn, Next: "wait", Look: One(func(ctx context.Context) Finding {
			<-ctx.Done()
			return fail("plan", "", "%s", ctx.Err())
		})}})
		if diff := cmp.Diff([]Finding{warn("plan", "wait", "no answer within 1s")}, got); diff != "" {
			t.Error(diff)
		}
	})
}
