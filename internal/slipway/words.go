package slipway

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// String writes the difference in a line; values that look like secrets are
// not shown.
func (d Difference) String() string {
	have, want := Presentable(d.Field, d.Have), Presentable(d.Field, d.Want)
	switch {
	case d.Drift:
		return d.drift(have, want)
	case d.Have == "":
		return fmt.Sprintf("%s %s is added", d.Field, want)
	case d.Want == "":
		return fmt.Sprintf("%s %s is removed", d.Field, have)
	}
	return fmt.Sprintf("%s %s → %s", d.Field, have, want)
}

// drift says what somebody did to what Slipway had set.
func (d Difference) drift(have, want string) string {
	if d.Field == "path" || d.Field == "host" { // lists of words
		added, missing := beside(d.Have, d.Want), beside(d.Want, d.Have)
		if missing == "" {
			return fmt.Sprintf("drift: someone added %s %s by hand", d.Field, added)
		}
		if added == "" {
			return fmt.Sprintf("drift: someone removed %s %s by hand", d.Field, missing)
		}
	}
	switch {
	case d.Want == "":
		return fmt.Sprintf("drift: someone added %s %s by hand", d.Field, have)
	case d.Have == "":
		return fmt.Sprintf("drift: someone removed %s %s by hand", d.Field, want)
	}
	return fmt.Sprintf("drift: someone changed %s by hand: %s, was %s", d.Field, have, want)
}

// beside are the words of a list that another one has not.
func beside(list, other string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(list), func(w string) bool { return slices.Contains(strings.Fields(other), w) }), " ")
}

// Choice is what can be done about drift; "" is for a change, whose reason is
// its place in the file.
func (d Difference) Choice() string {
	after := "it will be put back"
	if d.Want == "" || (d.Field == "path" || d.Field == "host") && beside(d.Want, d.Have) == "" {
		after = "let it be removed"
	}
	switch {
	case !d.Drift:
		return ""
	case d.Key == "":
		return after
	case after == "let it be removed":
		return "keep with " + d.Key + ", or let it be removed"
	}
	return "keep with " + d.Key + ", or let it be put back"
}

// String writes the budget by its parts.
func (b Budget) String() string {
	var parts []string
	for _, p := range []struct {
		what string
		d    time.Duration
	}{{"start ≤", b.Start}, {"first health check ≤", b.Health}, {"drain", b.Drain}, {"stop ≤", b.Stop}} {
		if p.d > 0 {
			parts = append(parts, fmt.Sprintf("%s %v", p.what, p.d))
		}
	}
	text := strings.Join(parts, " + ")
	if b.Rounds > 1 {
		text += fmt.Sprintf(", start and check in %d rounds", b.Rounds)
	}
	return fmt.Sprintf("%s = at most %v", text, b.Total())
}

// login is a URL with a password in it.
var login = regexp.MustCompile(`://[^/:@\s]*:[^@/\s]+@`)

// Presentable is a setting as anybody who reads a log may see it.
func Presentable(field, v string) string {
	if !strings.Contains(field, "variables.") {
		return v
	}
	for _, word := range []string{"KEY", "SECRET", "TOKEN", "PASS", "CREDENTIAL", "PRIVATE", "MNEMONIC", "DSN"} {
		if strings.Contains(strings.ToUpper(field), word) && v != "" {
			return "(not shown)"
		}
	}
	if login.MatchString(v) {
		return "(not shown)"
	}
	return strings.TrimPrefix(v, "=")
}

// Seconds writes a duration as people read it: "0.2 s", "3 min 12 s".
func Seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}

// Ago is a duration as people say it.
func Ago(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / u.unit); n > 0 {
			if n > 1 {
				u.name += "s"
			}
			return fmt.Sprintf("%d %s", n, u.name)
		}
	}
	if d < 2*time.Second {
		return "1 second"
	}
	return fmt.Sprintf("%d seconds", int(d.Seconds()))
}
