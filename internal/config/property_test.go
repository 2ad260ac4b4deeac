package config

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// AWS takes every name that is made, it is the same each time, and two services
// don't come to share one.
func TestTargetGroupNames(t *testing.T) {
	name := rapid.StringMatching(`[a-z][a-z0-9]{0,20}([-_][a-z0-9]{1,20}){0,4}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := name.Draw(t, "a"), name.Draw(t, "b")
		short := shorten(a, "-tg")
		if !groupName.pattern.MatchString(short) {
			t.Fatalf("%q becomes %q", a, short)
		}
		if short != shorten(a, "-tg") {
			t.Fatalf("%q has two names", a)
		}
		if len(a)+3 <= maxGroupName && !strings.Contains(a, "_") && short != a+"-tg" {
			t.Fatalf("%q fits and becomes %q", a, short)
		}
		if a != b && shorten(b, "-tg") == short {
			t.Fatalf("%q and %q both become %q", a, b, short)
		}
	})
}

// A typing mistake is one step, whichever it is.
func TestNearestFindsOneMistake(t *testing.T) {
	names := serviceShape.keyNames()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Filter(func(s string) bool { return len(s) > 3 }).Draw(t, "name")
		at := rapid.IntRange(1, len(name)-2).Draw(t, "at")
		typed := map[string]string{
			"delete": name[:at] + name[at+1:],
			"insert": name[:at] + "q" + name[at:],
			"change": name[:at] + "q" + name[at+1:],
			"swap":   name[:at] + string(name[at+1]) + string(name[at]) + name[at+2:],
		}[rapid.SampledFrom([]string{"delete", "insert", "change", "swap"}).Draw(t, "how")]
		if got := nearest(typed, names); got == "" || distance(typed, got) > 1 {
			t.Fatalf("%q for %q", got, typed)
		}
	})
}

// Words that are quoted come back as they were.
func TestSplitIsAShells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.StringMatching(`[a-zA-Z0-9 ./"=|$-]{0,12}`), 1, 5).Draw(t, "words")
		var quoted []string
		for _, w := range list {
			quoted = append(quoted, "'"+w+"'")
		}
		got, wrong := split(strings.Join(quoted, " "))
		if wrong != "" || strings.Join(got, "\x00") != strings.Join(list, "\x00") {
			t.Fatalf("%q became %q: %s", list, got, wrong)
		}
	})
}

func TestEveryPatternCompiles(t *testing.T) {
	for _, s := range shapes() {
		for _, k := range s.keys {
			for a := k.shape; a != nil; a = a.or {
				for _, r := range []*rule{a.rule, a.names} {
					if r != nil {
						r.pattern.MatchString("")
					}
				}
			}
		}
	}
}
