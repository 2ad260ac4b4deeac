package balancer

import (
	"strings"
	"testing"
	"time"
)

func TestHealthFollowsChecks(t *testing.T) {
	hc := &HealthCheck{HealthyThreshold: 3, UnhealthyThreshold: 2}
	cases := []struct{ name, checks, want string }{
		{"a new target needs one pass", "p", "healthy"},
		{"one failure leaves a new target initial", "f", "initial Elb.InitialHealthChecking"},
		{"one pass is enough after a failure", "fp", "healthy"},
		{"a new target that fails to the threshold", "ff", "unhealthy Target.FailedHealthChecks"},
		{"an unhealthy target needs the healthy threshold", "ffpp", "unhealthy Target.FailedHealthChecks"},
		{"an unhealthy target reaches the healthy threshold", "ffppp", "healthy"},
		{"passes must be consecutive", "ffppfpp", "unhealthy Target.FailedHealthChecks"},
		{"one failure leaves a healthy target healthy", "pf", "healthy"},
		{"failures must be consecutive", "pfpf", "healthy"},
		{"a healthy target that fails to the threshold", "pff", "unhealthy Target.FailedHealthChecks"},
		{"the reason is the last one's", "ffft", "unhealthy Target.Timeout"},
		{"a wrong code", "mm", "unhealthy Target.ResponseCodeMismatch"},
	}
	outcomes := map[rune]outcome{'p': {}, 'f': failed(FailedHealthChecks, ""), 't': failed(TargetTimeout, ""), 'm': mismatch(503)}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := newHealth(Initial, RegistrationInProgress)
			for _, r := range c.checks {
				h = h.after(outcomes[r], hc)
			}
			if got := strings.TrimSpace(string(h.state) + " " + string(h.reason)); got != c.want {
				t.Errorf("%q leads to %q, not %q", c.checks, got, c.want)
			}
		})
	}
}

func TestMatcher(t *testing.T) {
	for _, c := range []struct {
		matcher string
		in, out []int
	}{
		{"200", []int{200}, []int{201, 199}},
		{"200,202", []int{200, 202}, []int{201}},
		{"200-299", []int{200, 299}, []int{300, 199}},
		{"200-204, 301", []int{203, 301}, []int{302}},
		{"0-99", []int{0, 12, 99}, []int{100}},
	} {
		m, err := parseMatcher(c.matcher)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range c.in {
			if !m.has(code) {
				t.Errorf("%s has no %d", c.matcher, code)
			}
		}
		for _, code := range c.out {
			if m.has(code) {
				t.Errorf("%s has %d", c.matcher, code)
			}
		}
	}
	for _, bad := range []string{"", "2xx", "299-200", "200,"} {
		if _, err := parseMatcher(bad); err == nil {
			t.Errorf("%q is a matcher", bad)
		}
	}
}

func TestBucketsCoverTheirBounds(t *testing.T) {
	for i := range BucketCount - 1 {
		if got := bucket(BucketBound(i) - 1); got != i {
			t.Errorf("just below the bound of bucket %d is bucket %d", i, got)
		}
		if got := bucket(BucketBound(i)); got != i+1 {
			t.Errorf("the bound of bucket %d is in bucket %d", i, got)
		}
	}
	if bucket(0) != 0 || bucket(time.Hour) != BucketCount-1 {
		t.Error("the ends are not in the end buckets")
	}
}

func TestGroupReferences(t *testing.T) {
	for in, want := range map[string]string{"/$1x": "/${1}x", "$": "$$", "a$b": "a$$b", "$2$1": "${2}${1}"} {
		if got := groupReferences(in); got != want {
			t.Errorf("%s became %s, not %s", in, got, want)
		}
	}
}

// The share of a target in slow start grows linearly to the whole.
func TestSlowStartShareIsLinear(t *testing.T) {
	start := time.Now()
	x := &target{}
	if got := x.slowShare(start, time.Minute); got != 1 {
		t.Errorf("a target that is not in slow start has share %v", got)
	}
	x.slowSince.Store(start.UnixNano())
	for after, want := range map[time.Duration]float64{0: 0.01, 15 * time.Second: 0.25, 45 * time.Second: 0.75, time.Minute: 1, time.Hour: 1} {
		if got := x.slowShare(start.Add(after), time.Minute); got != want {
			t.Errorf("after %v the share is %v, not %v", after, got, want)
		}
	}
}
