// Package pattern is the filter patterns of CloudWatch Logs: terms, terms of
// which one has to match, terms to leave out, and JSON conditions. It is pure;
// the logs service parses one for each request.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Pattern tells whether a message matches.
type Pattern interface{ Match(message string) bool }

// ErrSyntax is the error of a pattern that is none.
var ErrSyntax = errors.New("invalid filter pattern")

// Parse reads a pattern; the empty one matches everything.
func Parse(s string) (Pattern, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return terms{}, nil
	case strings.HasPrefix(s, "{"):
		return parseJSON(s)
	case strings.HasPrefix(s, "["):
		return nil, fmt.Errorf("%w: space-delimited patterns in brackets are not served", ErrSyntax)
	case strings.HasPrefix(s, "%"):
		return parseRegexp(s)
	}
	return parseTerms(s)
}

// terms is a pattern of words and phrases.
type terms struct{ all, any, none []string }

// Match implements Pattern. Terms are compared with their case. Optional terms
// beside others have no effect, as the page says in a note.
func (t terms) Match(message string) bool {
	for _, w := range t.all {
		if !strings.Contains(message, w) {
			return false
		}
	}
	for _, w := range t.none {
		if strings.Contains(message, w) {
			return false
		}
	}
	for _, w := range t.any {
		if strings.Contains(message, w) {
			return true
		}
	}
	return len(t.any) == 0 || len(t.all)+len(t.none) > 0
}

func parseTerms(s string) (Pattern, error) {
	var t terms
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		into := &t.all
		switch s[0] {
		case '-':
			into, s = &t.none, s[1:]
		case '?':
			into, s = &t.any, s[1:]
		}
		word, rest, err := term(s)
		if err != nil {
			return nil, err
		}
		*into = append(*into, word)
		s = rest
	}
	return t, nil
}

// term takes one term off the front: a quoted phrase, or a word of letters,
// digits and underscores; whatever else has to be quoted.
func term(s string) (word, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		var b strings.Builder
		for i := 1; i < len(s); i++ {
			switch {
			case s[i] == '\\' && i+1 < len(s):
				i++
				b.WriteByte(s[i])
			case s[i] == '"':
				return b.String(), s[i+1:], nil
			default:
				b.WriteByte(s[i])
			}
		}
		return "", "", fmt.Errorf("%w: a quote is not closed", ErrSyntax)
	}
	end := strings.IndexFunc(s, unicode.IsSpace)
	if end < 0 {
		end = len(s)
	}
	word = s[:end]
	for _, r := range word {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return "", "", fmt.Errorf("%w: a term with %q has to be in double quotes", ErrSyntax, r)
		}
	}
	if word == "" {
		return "", "", fmt.Errorf("%w: a term is empty", ErrSyntax)
	}
	return word, s[end:], nil
}

// matches is a regular expression between percent signs.
type matches struct{ *regexp.Regexp }

// Match implements Pattern.
func (m matches) Match(message string) bool { return m.MatchString(message) }

func parseRegexp(s string) (Pattern, error) {
	if len(s) < 3 || !strings.HasSuffix(s, "%") {
		return nil, fmt.Errorf("%w: a regular expression stands between two percent signs", ErrSyntax)
	}
	re, err := regexp.Compile(s[1 : len(s)-1])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	return matches{re}, nil
}
