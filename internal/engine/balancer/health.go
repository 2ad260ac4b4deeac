package balancer

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// State is a target's health as DescribeTargetHealth names it.
type State string

// The target health states.
const (
	Initial     State = "initial"
	Healthy     State = "healthy"
	Unhealthy   State = "unhealthy"
	Draining    State = "draining"
	Unused      State = "unused"
	Unavailable State = "unavailable"
)

// Reason is why a target is not healthy.
type Reason string

// The reason codes. Their descriptions are the guide's ("Health checks for your
// target groups", health check reason codes).
const (
	RegistrationInProgress   Reason = "Elb.RegistrationInProgress"
	InitialHealthChecking    Reason = "Elb.InitialHealthChecking"
	ResponseCodeMismatch     Reason = "Target.ResponseCodeMismatch"
	TargetTimeout            Reason = "Target.Timeout"
	FailedHealthChecks       Reason = "Target.FailedHealthChecks"
	NotRegistered            Reason = "Target.NotRegistered"
	NotInUse                 Reason = "Target.NotInUse"
	DeregistrationInProgress Reason = "Target.DeregistrationInProgress"
	HealthCheckDisabled      Reason = "Target.HealthCheckDisabled"
	InternalError            Reason = "Elb.InternalError"
)

var descriptions = map[Reason]string{
	RegistrationInProgress:   "Target registration is in progress",
	InitialHealthChecking:    "Initial health checks in progress",
	TargetTimeout:            "Request timed out",
	FailedHealthChecks:       "Health checks failed",
	NotRegistered:            "Target is not registered to the target group",
	NotInUse:                 "Target group is not configured to receive traffic from the load balancer",
	DeregistrationInProgress: "Target deregistration is in progress",
	HealthCheckDisabled:      "Health checks are disabled",
	InternalError:            "Health checks failed due to an internal error",
}

// TargetHealth is one observation of a target.
type TargetHealth struct {
	Group, Target string
	Address       string
	State         State
	Reason        Reason // empty when healthy
	Description   string
	At            time.Time
	// InFlight is the number of requests (and open WebSockets) the target has.
	InFlight int
	// Drained: the target is deregistering and nothing is under way any more,
	// or its deadline has passed and what was under way has been cut.
	Drained bool
}

// health is what a target's checks have shown so far.
type health struct {
	state       State
	reason      Reason
	description string
	passes      int // consecutive
	failures    int // consecutive
}

func newHealth(s State, r Reason) health {
	return health{state: s, reason: r, description: descriptions[r]}
}

// outcome is the result of one check; the zero value is a pass.
type outcome struct {
	reason      Reason
	description string
	detail      string // for the log
}

func failed(r Reason, detail string) outcome {
	return outcome{reason: r, description: descriptions[r], detail: detail}
}

func mismatch(code int) outcome {
	d := fmt.Sprintf("Health checks failed with these codes: [%d]", code)
	return outcome{reason: ResponseCodeMismatch, description: d, detail: d}
}

// after decides a target's health from one more check. A new target needs one
// pass to be healthy; one that was unhealthy needs HealthyThreshold.
func (h health) after(o outcome, hc *HealthCheck) health {
	if o.reason == "" {
		h.passes, h.failures = h.passes+1, 0
		if h.state == Initial || h.state == Unhealthy && h.passes >= hc.HealthyThreshold {
			return health{state: Healthy, passes: h.passes}
		}
		return h
	}
	h.passes, h.failures = 0, h.failures+1
	switch {
	case h.state == Unhealthy, h.failures >= hc.UnhealthyThreshold:
		h.state, h.reason, h.description = Unhealthy, o.reason, o.description
	case h.state == Initial:
		h.reason, h.description = InitialHealthChecking, descriptions[InitialHealthChecking]
	}
	return h
}

// matcher is a set of codes written as "200", "200,202" or "200-299".
type matcher []struct{ from, to int }

func parseMatcher(s string) (matcher, error) {
	var m matcher
	for part := range strings.SplitSeq(s, ",") {
		lo, hi, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			hi = lo
		}
		from, err1 := strconv.Atoi(lo)
		to, err2 := strconv.Atoi(hi)
		if err1 != nil || err2 != nil || from > to {
			return nil, fmt.Errorf("matcher %q is neither a code, a list nor a range", s)
		}
		m = append(m, struct{ from, to int }{from, to})
	}
	return m, nil
}

func (m matcher) has(code int) bool {
	for _, r := range m {
		if r.from <= code && code <= r.to {
			return true
		}
	}
	return false
}
