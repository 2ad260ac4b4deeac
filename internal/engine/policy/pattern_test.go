package policy

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Wildcards agree with the regular expressions that they abbreviate.
func TestWildcardsAgreeWithRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab*?é€:/")), 0, 10, -1).Draw(t, "pattern")
		s := rapid.StringOfN(rapid.RuneFrom([]rune("abé€:/")), 0, 12, -1).Draw(t, "string")
		re := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(text))
		want := regexp.MustCompile(`(?s)^` + re + `$`).MatchString(s)
		p := compile(text, true, false)
		if got := p.matches(nil, s, false); got != want {
			t.Fatalf("%q matches %q: %v", text, s, got)
		}
		if got := p.matches(nil, strings.ToUpper(s), true); want && !got && !strings.ContainsAny(s, "é") {
			t.Fatalf("%q does not match %q without regard to case", text, strings.ToUpper(s))
		}
	})
}

// A star takes whole characters: three bytes of one are not three.
func TestQuestionMarksAreCharacters(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"?", "€", true}, {"??", "€", false}, {"*??", "€", false}, {"*?", "€", true}, {"*?*?", "€", false}, {"*?x", "€€x", true}, {"*??xy", "€xy", false}, {"*??xy", "€€xy", true},
	} {
		p := compile(c.pattern, true, false)
		if got := p.matches(nil, c.s, false); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.s, got)
		}
	}
}

func TestPatternsWithManyStarsAreQuick(t *testing.T) {
	p := compile(strings.Repeat("*a", 2000), true, false)
	if p.matches(nil, strings.Repeat("a", 1999)+strings.Repeat("b", 2000), false) {
		t.Error("it matches")
	}
}

// A denial stays one whatever else is allowed, and more Allow statements never
// take anything away.
func TestDenyWinsAndAllowAdds(t *testing.T) {
	verbs := []string{"a:Get", "a:Put", "b:Get", "b:Put"}
	rapid.Check(t, func(t *rapid.T) {
		effect := rapid.SampledFrom([]string{"Allow", "Deny"})
		action := rapid.SampledFrom(append([]string{"*", "a:*", "b:*", "*:Get", "?:Put"}, verbs...))
		resource := rapid.SampledFrom([]string{"*", "arn:aws:a:::x", "arn:aws:a:::*", "arn:aws:b:::x"})
		one := rapid.Custom(func(t *rapid.T) string {
			return said(effect.Draw(t, "effect"), action.Draw(t, "action"), resource.Draw(t, "resource"))
		})
		texts := rapid.SliceOfN(one, 0, 5).Draw(t, "policies")
		extra := said("Allow", action.Draw(t, "more"), resource.Draw(t, "on"))
		r := &Request{Principal: user, Need: Need{
			Action: rapid.SampledFrom(verbs).Draw(t, "asked"), Resource: rapid.SampledFrom([]string{"arn:aws:a:::x", "arn:aws:b:::x"}).Draw(t, "of"),
		}}
		build := func(texts []string) *Policies {
			p := &Policies{}
			for _, text := range texts {
				d, err := Parse([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				p.Identity = append(p.Identity, Source{Kind: Identity, Document: d})
			}
			return p
		}
		before, after := Evaluate(build(texts), r), Evaluate(build(append(texts, extra)), r)
		denied := false
		for _, text := range texts {
			alone := Evaluate(build([]string{text}), r)
			denied = denied || alone.Explicit && !alone.Allowed
		}
		if denied && (before.Allowed || after.Allowed) {
			t.Fatalf("a Deny is in %q, and: %+v %+v", texts, before, after)
		}
		if before.Allowed && !after.Allowed {
			t.Fatalf("%q takes away", extra)
		}
		// The same as a boundary: never more than without.
		p := build(texts)
		p.Boundary = build([]string{extra}).Identity
		if Evaluate(p, r).Allowed && !before.Allowed {
			t.Fatalf("a boundary %q gives", extra)
		}
	})
}
