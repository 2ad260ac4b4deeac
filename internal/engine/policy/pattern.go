package policy

import (
	"strings"
	"unicode/utf8"
)

// In a compiled pattern these bytes are the wildcards; "*" and "?" in it are
// the characters themselves (written ${*} and ${?} in a policy). Parse lets
// neither byte into a pattern otherwise.
const (
	star = '\x00' // any number of characters
	one  = '\x01' // one character
)

// pattern is a text of a policy that other texts are compared with: wildcards
// and policy variables in it are found once, when the policy is parsed.
type pattern struct {
	source string
	// glob is the compiled text, when it has no variables.
	glob string
	kind patternKind
	// parts are the pieces of one that has variables.
	parts []part
}

type patternKind byte

const (
	exact  patternKind = iota
	prefix             // a text and a star at its end
	anything
	general
	template
)

// part is a literal piece (in glob's coding) or a variable.
type part struct {
	literal  string
	variable key
	fallback string
	isVar    bool
	hasElse  bool
}

// compile prepares a text; wildcards and variables tell whether it may have
// these.
func compile(text string, wildcards, variables bool) pattern {
	p := pattern{source: text}
	if !variables || !strings.Contains(text, "${") {
		p.glob = text
		if wildcards {
			p.glob = wild.Replace(text)
		}
		p.kind = kindOf(p.glob)
		return p
	}
	p.parts = split(text, wildcards)
	p.kind = template
	if len(p.parts) == 1 && !p.parts[0].isVar {
		p.glob, p.parts = p.parts[0].literal, nil
		p.kind = kindOf(p.glob)
	}
	return p
}

var wild = strings.NewReplacer("*", string(rune(star)), "?", string(rune(one)))

func kindOf(glob string) patternKind {
	at := strings.IndexAny(glob, "\x00\x01")
	switch {
	case at < 0:
		return exact
	case glob == "\x00":
		return anything
	case at == len(glob)-1 && glob[at] == star:
		return prefix
	}
	return general
}

// split takes a text with variables apart. What looks like the beginning of a
// variable and has no end is a literal.
func split(text string, wildcards bool) []part {
	var parts []part
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			parts = append(parts, part{literal: literal.String()})
			literal.Reset()
		}
	}
	plain := func(s string) {
		if wildcards {
			s = wild.Replace(s)
		}
		literal.WriteString(s)
	}
	for text != "" {
		at := strings.Index(text, "${")
		if at < 0 {
			break
		}
		end := strings.IndexByte(text[at:], '}')
		if end < 0 {
			break
		}
		plain(text[:at])
		inside := text[at+2 : at+end]
		text = text[at+end+1:]
		if inside == "*" || inside == "?" || inside == "$" {
			literal.WriteString(inside)
			continue
		}
		flush()
		parts = append(parts, variable(inside))
	}
	plain(text)
	flush()
	return parts
}

// variable reads what stands between the braces: key, or key, 'default'.
func variable(inside string) part {
	name, rest, found := strings.Cut(inside, ",")
	rest = strings.TrimSpace(rest)
	if found && len(rest) >= 2 && rest[0] == '\'' && rest[len(rest)-1] == '\'' {
		return part{isVar: true, variable: newKey(strings.TrimSpace(name)), fallback: rest[1 : len(rest)-1], hasElse: true}
	}
	return part{isVar: true, variable: newKey(strings.TrimSpace(inside))}
}

// variables calls f for each key that the pattern refers to.
func (p *pattern) variables(f func(key)) {
	for i := range p.parts {
		if p.parts[i].isVar {
			f(p.parts[i].variable)
		}
	}
}

// matches compares s with the pattern; fold ignores the case of ASCII letters.
func (p *pattern) matches(e *evaluation, s string, fold bool) bool {
	switch p.kind {
	case anything:
		return true
	case exact:
		return p.glob == s || fold && equalFold(p.glob, s)
	case prefix:
		n := len(p.glob) - 1
		return len(s) >= n && (p.glob[:n] == s[:n] || fold && equalFold(p.glob[:n], s[:n]))
	case template:
		glob, ok := p.expand(e)
		return ok && globMatch(glob, s, fold)
	}
	return globMatch(p.glob, s, fold)
}

// expand puts the variables' values into a template. A variable without a value
// equals nothing (IAM User Guide, "Policy variables with no value"), nor does
// one that has several.
func (p *pattern) expand(e *evaluation) (glob string, ok bool) {
	if p.kind != template {
		return p.glob, true
	}
	var b strings.Builder
	for i := range p.parts {
		part := &p.parts[i]
		if !part.isVar {
			b.WriteString(part.literal)
			continue
		}
		v := e.values(part.variable)
		switch {
		case v.len() == 1 && !strings.ContainsAny(v.at(0), "\x00\x01"):
			b.WriteString(v.at(0))
		case v.len() == 0 && part.hasElse:
			b.WriteString(part.fallback)
		default:
			return "", false
		}
	}
	return b.String(), true
}

// globMatch compares s with a compiled pattern. It goes back only to the last
// star, so it takes at most len(glob) × len(s) steps.
func globMatch(glob, s string, fold bool) bool {
	g, at := 0, 0
	backG, backAt := -1, 0
	for at < len(s) {
		switch {
		case g < len(glob) && glob[g] == star:
			backG, backAt = g, at
			g++
			continue
		case g < len(glob) && glob[g] == one:
			g++
			at += runeLen(s[at:])
			continue
		case g < len(glob) && (glob[g] == s[at] || fold && lower(glob[g]) == lower(s[at])):
			g++
			at++
			continue
		case backG < 0:
			return false
		}
		backAt += runeLen(s[backAt:])
		g, at = backG+1, backAt
	}
	for g < len(glob) && glob[g] == star {
		g++
	}
	return g == len(glob)
}

func runeLen(s string) int {
	if s[0] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(s)
	return n
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}
