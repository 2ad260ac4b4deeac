package config

import (
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// The forms that EventBridge takes:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
var (
	rateForm = lazyregexp.New(`^rate\(([0-9]{1,9}) (minute|hour|day)(s?)\)$`)
	cronForm = lazyregexp.New(`^cron\((.+)\)$`)
)

// cronFields are the six fields of cron(): what is allowed in each.
var cronFields = []struct {
	name     string
	min, max int
	names    string
	extra    string
}{
	{"minutes", 0, 59, "", ""},
	{"hours", 0, 23, "", ""},
	{"day of month", 1, 31, "", "?LW"},
	{"month", 1, 12, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", ""},
	{"day of week", 1, 7, "SUN MON TUE WED THU FRI SAT", "?L#"},
	{"year", 1970, 2199, "", ""},
}

// unscheduled says what is wrong with a schedule, or nothing.
func unscheduled(s string) string {
	if s == "" {
		return ""
	}
	if m := rateForm.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		switch {
		case n == 0:
			return "never comes"
		case (n == 1) != (m[3] == ""):
			return "has to be spelled rate(1 minute) or rate(5 minutes)"
		}
		return ""
	}
	m := cronForm.FindStringSubmatch(s)
	if m == nil {
		return "is neither rate(5 minutes) nor cron(…)"
	}
	return cronWrong(strings.Fields(m[1]))
}

func cronWrong(fields []string) string {
	if len(fields) != len(cronFields) {
		return "has " + strconv.Itoa(len(fields)) + " fields; AWS takes six: minutes, hours, day of month, month, day of week, year"
	}
	for i, f := range cronFields {
		for part := range strings.SplitSeq(fields[i], ",") {
			if !cronPart(part, f.min, f.max, f.names, f.extra) {
				return "has " + quote(fields[i]) + " as " + f.name
			}
		}
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return "needs ? as day of month or as day of week, and not as both"
	}
	return ""
}

func cronPart(part string, least, most int, names, extra string) bool {
	if part == "*" || part == "?" && strings.Contains(extra, "?") || part == "L" && strings.Contains(extra, "L") {
		return true
	}
	base, step, stepped := strings.Cut(part, "/")
	if stepped {
		if n, err := strconv.Atoi(step); err != nil || n < 1 || n > most {
			return false
		}
		if base == "*" {
			return true
		}
	}
	if head, ok := strings.CutSuffix(base, "W"); ok && strings.Contains(extra, "W") {
		base = head
	} else if head, ok := strings.CutSuffix(base, "L"); ok && strings.Contains(extra, "#") {
		base = head
	} else if head, nth, ok := strings.Cut(base, "#"); ok && strings.Contains(extra, "#") {
		if n, err := strconv.Atoi(nth); err != nil || n < 1 || n > 5 {
			return false
		}
		base = head
	}
	for end := range strings.SplitSeq(base, "-") {
		n, err := strconv.Atoi(end)
		if (err != nil || n < least || n > most) && !oneOf(names, end) {
			return false
		}
	}
	return strings.Count(base, "-") <= 1
}

func oneOf(names, name string) bool {
	for n := range strings.FieldsSeq(names) {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}
