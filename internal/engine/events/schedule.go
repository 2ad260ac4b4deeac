package events

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/crontab"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// schedule tells the first instant after t at which a rule is due; since is when
// the rule was put. It is zero for never.
type schedule func(since, t time.Time) time.Time

var rateForm = lazyregexp.New(`^rate\(([0-9]{1,9}) (minute|hour|day)(s?)\)$`)

var units = map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}

// parse reads rate(5 minutes), where 1 stands with the singular and only 1 does,
// and cron(…) of six fields, in UTC:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
func parse(text string) (schedule, error) {
	if m := rateForm.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || n == 0 || (n == 1) != (m[3] == "") || n > int(100*365*24*time.Hour/units[m[2]]) {
			return nil, errors.New("that is no rate")
		}
		every := time.Duration(n) * units[m[2]]
		return func(since, t time.Time) time.Time {
			if t.Before(since) {
				return since.Add(every)
			}
			return since.Add((t.Sub(since)/every + 1) * every)
		}, nil
	}
	body, is := strings.CutPrefix(text, "cron(")
	body, closed := strings.CutSuffix(body, ")")
	if !is || !closed {
		return nil, errors.New("that is neither a rate nor a cron expression")
	}
	table, err := crontab.Six(body, "UTC")
	if err != nil {
		return nil, err
	}
	return func(_, t time.Time) time.Time { return table.After(t) }, nil
}

// due is the first instant after t at which the rule runs; zero for never.
func (r *Rule) due(t time.Time) time.Time {
	if !r.enabled() || len(r.Targets) == 0 {
		return time.Time{}
	}
	next, err := parse(r.Schedule)
	if err != nil {
		return time.Time{} // the schedule was checked when it was put
	}
	for _, than := range []time.Time{r.Ran, r.Since} {
		if t.Before(than) {
			t = than
		}
	}
	return next(r.Since, t)
}
