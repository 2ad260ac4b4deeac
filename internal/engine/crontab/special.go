package crontab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// lastOfMonth is the number of the month's days.
func lastOfMonth(t time.Time) int {
	return time.Date(t.Year(), t.Month()+1, 0, 12, 0, 0, 0, time.UTC).Day()
}

// dayOfMonth reads L and 15W; nil for what is no such sign.
func dayOfMonth(part string) (func(time.Time) bool, error) {
	if part == "L" {
		return func(t time.Time) bool { return t.Day() == lastOfMonth(t) }, nil
	}
	body, is := strings.CutSuffix(part, "W")
	if !is {
		return nil, nil
	}
	n, err := strconv.Atoi(body)
	if err != nil || n < 1 || n > 31 {
		return nil, fmt.Errorf("%q is not a day of the month with a W", part)
	}
	return func(t time.Time) bool { return n <= lastOfMonth(t) && t.Day() == nearestWeekday(t, n) }, nil
}

// nearestWeekday is the day from Monday to Friday nearest to the n-th, in the same
// month.
func nearestWeekday(t time.Time, n int) int {
	switch time.Date(t.Year(), t.Month(), n, 12, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if n == 1 {
			return 3
		}
		return n - 1
	case time.Sunday:
		if n == lastOfMonth(t) {
			return n - 2
		}
		return n + 1
	}
	return n
}

// dayOfWeek reads L (Saturday), 6L and 6#2, FRIL and FRI#2; nil for what is none.
func dayOfWeek(part string) (func(time.Time) bool, error) {
	if part == "L" {
		return func(t time.Time) bool { return t.Weekday() == time.Saturday }, nil
	}
	if body, is := strings.CutSuffix(part, "L"); is {
		day, err := weekdayNamed(body)
		return func(t time.Time) bool { return t.Weekday() == day && t.Day() > lastOfMonth(t)-7 }, err
	}
	body, nth, is := strings.Cut(part, "#")
	if !is {
		return nil, nil
	}
	day, err := weekdayNamed(body)
	n, wrong := strconv.Atoi(nth)
	if wrong != nil || n < 1 || n > 5 {
		err = fmt.Errorf("%q is not one of the month's five weeks", nth)
	}
	return func(t time.Time) bool { return t.Weekday() == day && (t.Day()-1)/7+1 == n }, err
}

// weekdayNamed is 1 or SUN to 7 or SAT.
func weekdayNamed(text string) (time.Weekday, error) {
	i := slices.IndexFunc(dayNames, func(name string) bool { return strings.EqualFold(name, text) })
	if n, err := strconv.Atoi(text); err == nil {
		i = n - 1
	}
	if i < 0 || i > 6 {
		return 0, fmt.Errorf("%q is not a day of the week", text)
	}
	return time.Weekday(i), nil
}
