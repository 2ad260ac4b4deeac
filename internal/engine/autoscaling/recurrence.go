package autoscaling

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// recurrence is a crontab's five fields: minute, hour, day of month, month, day
// of week, as sets of bits, in a time zone.
type recurrence struct {
	minute, hour, day, month, weekday uint64
	anyDay, anyWeekday                bool
	in                                *time.Location
}

var monthNames = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
var dayNames = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

func parseRecurrence(text, zone string) (*recurrence, error) {
	f := strings.Fields(text)
	if len(f) != 5 {
		return nil, errors.New("it must have five fields: minute, hour, day of month, month, day of week")
	}
	in, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("the time zone %q is not known", zone)
	}
	r := &recurrence{in: in, anyDay: f[2] == "*", anyWeekday: f[4] == "*"}
	for i, p := range []struct {
		to          *uint64
		least, most int
		names       []string
		first       int
	}{{&r.minute, 0, 59, nil, 0}, {&r.hour, 0, 23, nil, 0}, {&r.day, 1, 31, nil, 0}, {&r.month, 1, 12, monthNames, 1}, {&r.weekday, 0, 7, dayNames, 0}} {
		if *p.to, err = field(f[i], p.least, p.most, p.names, p.first); err != nil {
			return nil, err
		}
	}
	if r.weekday&(1<<7) != 0 {
		r.weekday |= 1 // 7 is Sunday too
	}
	return r, nil
}

// field reads one field: numbers, names, ranges, lists, steps.
func field(text string, least, most int, names []string, first int) (set uint64, err error) {
	number := func(s string) (int, error) {
		for i, n := range names {
			if strings.EqualFold(s, n) {
				return i + first, nil
			}
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return 0, fmt.Errorf("%q is not a number from %d to %d", s, least, most)
		}
		return n, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		body, stepText, stepped := strings.Cut(part, "/")
		from, to, step := least, most, 1
		if stepped {
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
				return 0, fmt.Errorf("%q is not a step", stepText)
			}
		}
		if body != "*" {
			a, b, ranged := strings.Cut(body, "-")
			if from, err = number(a); err != nil {
				return 0, err
			}
			if ranged {
				if to, err = number(b); err != nil {
					return 0, err
				}
			} else if !stepped {
				to = from
			}
		}
		if to < from {
			return 0, fmt.Errorf("the range %q ends before it begins", body)
		}
		for n := from; n <= to; n += step {
			set |= 1 << n
		}
	}
	return set, nil
}

// onDay tells whether the day is one of the recurrence's; as in crontab, with
// both a day of month and a day of week either will do.
func (r *recurrence) onDay(t time.Time) bool {
	if r.month&(1<<int(t.Month())) == 0 {
		return false
	}
	day, weekday := r.day&(1<<t.Day()) != 0, r.weekday&(1<<int(t.Weekday())) != 0
	if r.anyDay || r.anyWeekday {
		return day && weekday
	}
	return day || weekday
}

// after is the first minute of the recurrence after t; zero when there is none
// within the next eight years, in which there is a 29th of February.
func (r *recurrence) after(t time.Time) time.Time {
	t = t.In(r.in).Truncate(time.Minute).Add(time.Minute)
	for end := t.AddDate(8, 0, 1); t.Before(end); {
		switch {
		case !r.onDay(t):
			y, m, d := t.Date()
			t = time.Date(y, m, d+1, 0, 0, 0, 0, r.in)
		case r.hour&(1<<t.Hour()) == 0:
			t = t.Truncate(time.Minute).Add(time.Duration(60-t.Minute()) * time.Minute)
		case r.minute&(1<<t.Minute()) == 0:
			t = t.Add(time.Minute)
		default:
			return t.UTC()
		}
	}
	return time.Time{}
}
