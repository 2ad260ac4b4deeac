package balancer

import "strings"

// glob is a compiled pattern: `*` matches zero or more characters, `?` exactly
// one. Bytes that no UTF-8 text holds stand for the wildcards.
type glob struct {
	pattern string
	fold    bool // compare case-insensitively; the pattern is in lower case
}

const (
	anyMany = 0xFF
	anyOne  = 0xFE
)

// newGlob compiles a pattern. Only query strings know the escapes `\*` and `\?`.
func newGlob(pattern string, fold, escapes bool) glob {
	if fold {
		pattern = strings.ToLower(pattern)
	}
	out := make([]byte, 0, len(pattern))
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '*':
			if n := len(out); n == 0 || out[n-1] != anyMany {
				out = append(out, anyMany)
			}
		case c == '?':
			out = append(out, anyOne)
		case c == '\\' && escapes && i+1 < len(pattern) && (pattern[i+1] == '*' || pattern[i+1] == '?'):
			i++
			out = append(out, pattern[i])
		default:
			out = append(out, c)
		}
	}
	return glob{string(out), fold}
}

// literal reports the text of a pattern without wildcards.
func (g glob) literal() (string, bool) {
	for i := 0; i < len(g.pattern); i++ {
		if g.pattern[i] >= anyOne {
			return "", false
		}
	}
	return g.pattern, true
}

// suffix reports the text of a pattern that is one `*` and then text.
func (g glob) suffix() (string, bool) {
	if len(g.pattern) < 2 || g.pattern[0] != anyMany {
		return "", false
	}
	return glob{pattern: g.pattern[1:]}.literal()
}

// match walks pattern and text once, returning to the last `*` on a mismatch.
func (g glob) match(s string) bool {
	p, i := 0, 0
	star, from := -1, 0
	for i < len(s) {
		switch {
		case p < len(g.pattern) && g.pattern[p] == anyMany:
			star, from = p, i
			p++
		case p < len(g.pattern) && (g.pattern[p] == anyOne || g.pattern[p] == g.char(s[i])):
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	for p < len(g.pattern) && g.pattern[p] == anyMany {
		p++
	}
	return p == len(g.pattern)
}

func (g glob) char(c byte) byte {
	if g.fold {
		return lower(c)
	}
	return c
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// lowerHost is strings.ToLower without allocating for what is lower already.
func lowerHost(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}
