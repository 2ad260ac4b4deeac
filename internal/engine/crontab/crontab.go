// Package crontab reads the two ways in which AWS writes times that come again:
// the five fields of a crontab (EC2 Auto Scaling) and the six of a cron
// expression (Application Auto Scaling). It tells when they are due, and knows no
// clock.
package crontab

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // machines without zone files have time zones too
)

// Table is when something comes again: minutes, hours, days of month, months and
// days of week as sets of bits, in a time zone.
type Table struct {
	minute, hour, day, month, weekday uint64
	anyDay, anyWeekday                bool
	years                             map[int]bool // nil for every year
	special                           []func(time.Time) bool
	in                                *time.Location
}

var monthNames = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
var dayNames = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

// Five reads the five fields of a crontab: minute, hour, day of month, month and
// day of week, where Sunday is 0 or 7.
func Five(text, zone string) (*Table, error) {
	f := strings.Fields(text)
	if len(f) != 5 {
		return nil, errors.New("it must have five fields: minute, hour, day of month, month, day of week")
	}
	t, err := read(f, zone, 0)
	if err == nil && t.weekday&(1<<7) != 0 {
		t.weekday |= 1
	}
	return t, err
}

// Six reads AWS's six fields: minute, hour, day of month, month, day of week,
// where Sunday is 1, and year; one of the two days is a question mark. L is the
// last day of the month, 15W the weekday nearest to the 15th, 6L the month's last
// Friday and 6#2 its second:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
func Six(text, zone string) (*Table, error) {
	f := strings.Fields(text)
	if len(f) != 6 {
		return nil, errors.New("it must have six fields: minute, hour, day of month, month, day of week, year")
	}
	if (f[2] == "?") == (f[4] == "?") {
		return nil, errors.New("either the day of month or the day of week must be a question mark")
	}
	for _, i := range []int{2, 4} {
		if f[i] == "?" {
			f[i] = "*"
		}
	}
	var special []func(time.Time) bool
	for i, read := range map[int]func(string) (func(time.Time) bool, error){2: dayOfMonth, 4: dayOfWeek} {
		rest := []string{}
		for part := range strings.SplitSeq(f[i], ",") {
			on, err := read(part)
			if err != nil {
				return nil, err
			}
			if on == nil {
				rest = append(rest, part)
				continue
			}
			special = append(special, on)
		}
		f[i] = strings.Join(rest, ",")
	}
	t, err := read(f[:5], zone, 1)
	if t != nil {
		t.special = special
	}
	if err != nil || f[5] == "*" {
		return t, err
	}
	set, err := field(f[5], 1970, 2199, nil, 0)
	t.years = set
	return t, err
}

// read reads five fields; sunday is the number of that day.
func read(f []string, zone string, sunday int) (*Table, error) {
	in, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("the time zone %q is not known", zone)
	}
	t := &Table{in: in, anyDay: f[2] == "*", anyWeekday: f[4] == "*"}
	for i, p := range []struct {
		to          *uint64
		least, most int
		names       []string
		first       int
	}{{&t.minute, 0, 59, nil, 0}, {&t.hour, 0, 23, nil, 0}, {&t.day, 1, 31, nil, 0}, {&t.month, 1, 12, monthNames, 1}, {&t.weekday, sunday, 7, dayNames, sunday}} {
		if f[i] == "" {
			continue // all of it are special days
		}
		set, err := field(f[i], p.least, p.most, p.names, p.first)
		if err != nil {
			return nil, err
		}
		for n := range set {
			*p.to |= 1 << n
		}
	}
	if sunday == 1 {
		t.weekday >>= 1
	}
	return t, nil
}

// field reads one field: numbers, names, ranges, lists, steps.
func field(text string, least, most int, names []string, first int) (map[int]bool, error) {
	set := map[int]bool{}
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
		from, to, step, err := least, most, 1, error(nil)
		if stepped {
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
				return nil, fmt.Errorf("%q is not a step", stepText)
			}
			step = min(step, most+1) // a larger one leads out of the field as well
		}
		if body != "*" {
			a, b, ranged := strings.Cut(body, "-")
			if from, err = number(a); err != nil {
				return nil, err
			}
			if ranged {
				if to, err = number(b); err != nil {
					return nil, err
				}
			} else if !stepped {
				to = from
			}
		}
		if to < from {
			return nil, fmt.Errorf("the range %q ends before it begins", body)
		}
		for n := from; n <= to; n += step {
			set[n] = true
		}
	}
	return set, nil
}

// onDay tells whether the day is one of the table's; as in crontab, with
// both a day of month and a day of week either will do.
func (r *Table) onDay(t time.Time) bool {
	if r.month&(1<<int(t.Month())) == 0 {
		return false
	}
	for _, on := range r.special {
		if on(t) {
			return true
		}
	}
	day, weekday := r.day&(1<<t.Day()) != 0, r.weekday&(1<<int(t.Weekday())) != 0
	if r.anyDay || r.anyWeekday {
		return day && weekday
	}
	return day || weekday
}

// begins is the first moment of a day. Where clocks are put forward at midnight
// (Santiago, Beirut) the day has no 0:00, and time.Date gives 23:00 of the day
// before.
func begins(y int, m time.Month, d int, in *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, in)
	if noon := time.Date(y, m, d, 12, 0, 0, 0, in); t.Day() != noon.Day() {
		return t.Add(time.Hour)
	}
	return t
}

// After is the first minute after t that is in the table; zero when there is none
// within the next eight years, in which there is a 29th of February.
func (r *Table) After(t time.Time) time.Time {
	t = t.In(r.in).Truncate(time.Minute).Add(time.Minute)
	end := t.AddDate(8, 0, 1)
	if r.years != nil {
		end = time.Date(2200, 1, 1, 0, 0, 0, 0, r.in)
	}
	for t.Before(end) {
		switch {
		case r.years != nil && !r.years[t.Year()]:
			t = begins(t.Year()+1, 1, 1, r.in)
		case !r.onDay(t):
			y, m, d := t.Date()
			t = begins(y, m, d+1, r.in)
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
