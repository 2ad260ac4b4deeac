package slipway

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// NextRun is when cron(…), in UTC, comes next after t; false for a rate, which is
// counted from when its rule was made, and for what never comes.
func NextRun(schedule string, t time.Time) (time.Time, bool) {
	body, is := strings.CutPrefix(schedule, "cron(")
	f := strings.Fields(strings.TrimSuffix(body, ")"))
	if !is || len(f) != 6 {
		return time.Time{}, false
	}
	t = t.UTC().Truncate(time.Minute).Add(time.Minute)
	for day := t.Truncate(24 * time.Hour); day.Year() < 2200; {
		next := day.AddDate(0, 0, 1)
		switch {
		case !comes(f[5], day.Year(), 1970, nil):
			next = time.Date(day.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
		case !comes(f[3], int(day.Month()), 1, months):
			next = time.Date(day.Year(), day.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		case onDay(f[2], f[4], day):
			for m := 0; m < 24*60; m++ {
				at := day.Add(time.Duration(m) * time.Minute)
				if !at.Before(t) && comes(f[1], m/60, 0, nil) && comes(f[0], m%60, 0, nil) {
					return at, true
				}
			}
		}
		day = next
	}
	return time.Time{}, false
}

var (
	months   = strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")
	weekdays = strings.Fields("SUN MON TUE WED THU FRI SAT")
)

// numbered is a number or one of the names, which begin with 1.
func numbered(text string, names []string) int {
	if i := slices.Index(names, strings.ToUpper(text)); i >= 0 {
		return i + 1
	}
	n, _ := strconv.Atoi(text)
	return n
}

// comes tells whether a field has the value; a step without an end goes on from
// its beginning.
func comes(field string, value, least int, names []string) bool {
	for part := range strings.SplitSeq(field, ",") {
		span, text, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			step = max(1, numbered(text, nil))
		}
		from, to := least, 1<<30
		if span != "*" && span != "?" {
			low, high, ranged := strings.Cut(span, "-")
			from = numbered(low, names)
			switch {
			case ranged:
				to = numbered(high, names)
			case !stepped:
				to = from
			}
		}
		if value >= from && value <= to && (value-from)%step == 0 {
			return true
		}
	}
	return false
}

// onDay tells whether a day is one of the fields of days; ? leaves it to the other.
func onDay(month, week string, day time.Time) bool {
	last := time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if week == "?" {
		return slices.ContainsFunc(strings.Split(month, ","), func(p string) bool {
			if n, is := strings.CutSuffix(p, "W"); is {
				return day.Day() == workday(day, numbered(n, nil), last)
			}
			return p == "L" && day.Day() == last || p != "L" && comes(p, day.Day(), 1, nil)
		})
	}
	weekday := int(day.Weekday()) + 1
	return slices.ContainsFunc(strings.Split(week, ","), func(p string) bool {
		if name, nth, is := strings.Cut(p, "#"); is {
			return weekday == numbered(name, weekdays) && (day.Day()+6)/7 == numbered(nth, nil)
		}
		if name, is := strings.CutSuffix(p, "L"); is {
			return name == "" && weekday == 7 || weekday == numbered(name, weekdays) && day.Day()+7 > last
		}
		return comes(p, weekday, 1, weekdays)
	})
}

// workday is the day from Monday to Friday of the month that is nearest to the
// n-th; 0 where the month has no such day.
func workday(day time.Time, n, last int) int {
	if n > last {
		return 0
	}
	switch at := time.Date(day.Year(), day.Month(), n, 0, 0, 0, 0, time.UTC).Weekday(); {
	case at == time.Saturday && n == 1:
		return 3
	case at == time.Saturday:
		return n - 1
	case at == time.Sunday && n == last:
		return n - 2
	case at == time.Sunday:
		return n + 1
	}
	return n
}
