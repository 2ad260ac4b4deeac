package travis

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// maxNesting bounds the parentheses that the parser recurses into.
const maxNesting = 100

// SyntaxError is what is wrong with a condition.
type SyntaxError struct {
	// Offset is where in the condition, in bytes.
	Offset  int
	Message string
}

func (e *SyntaxError) Error() string { return e.Message }

// ParseCondition reads a condition; the error is a *SyntaxError.
//
//	expression = and { OR and }
//	and        = operand { AND operand }
//	operand    = "(" expression ")" | NOT operand | term
//	term       = value [ [NOT] IN "(" value {"," value} ")" | IS [NOT] predicate | =~ regex | = value ]
//	value      = attribute | env(…) | concat(…) | quoted | word
func ParseCondition(text string) (c *Condition, err error) {
	p := &parser{text: continued(text)}
	defer func() {
		if e, ok := recover().(*SyntaxError); ok {
			c, err = nil, e
		} else if e != nil {
			panic(e)
		}
	}()
	root := p.expression()
	if !p.end() {
		p.fail("%q is not expected here: and, or, or the end of the condition is", p.glance())
	}
	return &Condition{text, root}, nil
}

var continuation = lazyregexp.New(`\\\s*[\n\r]`)

// continued takes backslashes at the ends of lines away and keeps every offset.
func continued(text string) string {
	return continuation.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat(" ", len(s)) })
}

type parser struct {
	text  string
	at    int
	depth int
}

func (p *parser) fail(format string, args ...any) { p.failAt(p.at, format, args...) }

func (p *parser) failAt(at int, format string, args ...any) {
	panic(&SyntaxError{min(at, len(p.text)), fmt.Sprintf(format, args...)})
}

func blank(c byte) bool { return strings.IndexByte(" \t\r\n\f\v", c) >= 0 }

func (p *parser) space() {
	for p.at < len(p.text) && blank(p.text[p.at]) {
		p.at++
	}
}

func (p *parser) end() bool { p.space(); return p.at == len(p.text) }

// glance is the next word, for messages.
func (p *parser) glance() string {
	rest := p.text[p.at:]
	if i := strings.IndexAny(rest, " \t\r\n"); i > 0 {
		rest = rest[:i]
	}
	return rest
}

// symbol takes a sign if it comes next.
func (p *parser) symbol(s string) bool {
	p.space()
	if !strings.HasPrefix(p.text[p.at:], s) {
		return false
	}
	p.at += len(s)
	return true
}

// wordlike are the characters of unquoted strings.
func wordlike(c byte) bool { return !blank(c) && strings.IndexByte(`()"',=!`, c) < 0 }

// keyword takes one of the words, in any case, if it comes next and ends there.
func (p *parser) keyword(words ...string) (string, bool) {
	p.space()
	for _, w := range words {
		end := p.at + len(w)
		if end <= len(p.text) && strings.EqualFold(p.text[p.at:end], w) && (end == len(p.text) || !wordlike(p.text[end])) {
			p.at = end
			return w, true
		}
	}
	return "", false
}

func (p *parser) expression() expression {
	if p.depth++; p.depth > maxNesting {
		p.fail("it nests deeper than %d levels", maxNesting)
	}
	defer func() { p.depth-- }()
	left := p.and()
	for p.operator("or", "||") {
		left = either{left, p.and()}
	}
	return left
}

func (p *parser) operator(word, sign string) bool {
	if _, ok := p.keyword(word); ok {
		return true
	}
	return p.symbol(sign)
}

func (p *parser) and() expression {
	left := p.operand()
	for p.operator("and", "&&") {
		left = both{left, p.operand()}
	}
	return left
}

func (p *parser) operand() expression {
	if p.symbol("(") {
		e := p.expression()
		p.close()
		return e
	}
	if p.negated() {
		if p.depth++; p.depth > maxNesting {
			p.fail("it nests deeper than %d levels", maxNesting)
		}
		defer func() { p.depth-- }()
		return not{p.operand()}
	}
	return p.term()
}

func (p *parser) close() {
	if !p.symbol(")") {
		p.fail("a closing parenthesis is missing")
	}
}

func (p *parser) negated() bool {
	if _, ok := p.keyword("not"); ok {
		return true
	}
	return p.symbol("!")
}

func (p *parser) term() expression {
	start := p.at
	left := p.value(true)
	p.unspaced(start, left)
	switch {
	case p.in():
		return within{left, p.list()}
	case p.notIn():
		return not{within{left, p.list()}}
	case p.symbol("=~"), p.symbol("~="):
		return match{left, p.regex()}
	case p.symbol("!~"):
		return not{match{left, p.regex()}}
	case p.symbol("=="), p.symbol("="):
		return equal{left, p.value(false)}
	case p.symbol("!="):
		return not{equal{left, p.value(false)}}
	}
	if _, ok := p.keyword("is"); ok {
		return p.predicate(left)
	}
	return left
}

// unspaced refuses branch!=x: Travis takes an attribute for one only before a
// blank, a comma, "=", ")" or "|", and compares the word "branch" there.
func (p *parser) unspaced(start int, left expression) {
	if _, ok := left.(attribute); ok && p.at < len(p.text) && p.text[p.at] == '!' {
		p.failAt(p.at, "a blank is missing after %s: Travis takes it for a plain word here", strings.TrimSpace(p.text[start:p.at]))
	}
}

func (p *parser) in() bool { _, ok := p.keyword("in"); return ok }

func (p *parser) notIn() bool {
	at := p.at
	if _, ok := p.keyword("not"); ok && p.in() {
		return true
	}
	p.at = at
	return false
}

func (p *parser) predicate(of expression) expression {
	_, negated := p.keyword("not")
	which, ok := p.keyword("present", "blank", "true", "false")
	if !ok {
		p.fail("IS takes present, blank, true or false; to compare with a value, write =")
	}
	if negated {
		return not{is{of, which}}
	}
	return is{of, which}
}

func (p *parser) list() []expression {
	if !p.symbol("(") {
		p.fail("IN takes a list in parentheses")
	}
	list := p.items()
	if len(list) == 0 {
		p.fail("the list has no values")
	}
	p.close()
	return list
}

// items are values with commas between them; one more at the end is allowed.
func (p *parser) items() []expression {
	var list []expression
	for {
		p.space()
		if p.at == len(p.text) || p.text[p.at] == ')' {
			return list
		}
		list = append(list, p.value(false))
		if !p.symbol(",") {
			return list
		}
	}
}

// value is an attribute, a call, or a string. On the left attributes may be
// written in any case, as Travis's documentation says; elsewhere TAG is a word.
func (p *parser) value(left bool) expression {
	p.space()
	if p.at == len(p.text) {
		p.fail("a value is missing at the end")
	}
	if q := p.text[p.at]; q == '"' || q == '\'' {
		return p.quoted(q)
	}
	if c, ok := p.function(); ok {
		return c
	}
	start := p.at
	for p.at < len(p.text) && wordlike(p.text[p.at]) {
		p.at++
	}
	word := p.text[start:p.at]
	if bar := strings.IndexByte(word, '|'); bar > 0 && isAttribute(word[:bar]) {
		word, p.at = word[:bar], start+bar
	}
	switch {
	case word == "":
		_, size := utf8.DecodeRuneInString(p.text[p.at:])
		p.fail("a value is missing before %q", p.text[p.at:p.at+size])
	case word[0] == '$':
		p.failAt(start, "%s: conditions are no shell code; env(%s) is a variable's value, and quotes make it text", word, strings.Trim(word, "${}"))
	case isAttribute(word):
		return attribute(word)
	case left && isAttribute(strings.ToLower(word)):
		return attribute(strings.ToLower(word))
	}
	return literal(word)
}

func (p *parser) quoted(quote byte) expression {
	start := p.at
	end := strings.IndexByte(p.text[start+1:], quote)
	if end < 0 {
		p.fail("the string has no closing %c", quote)
	}
	p.at = start + end + 2
	return literal(p.text[start+1 : start+1+end])
}

// function is env(NAME) or concat(a, b, …).
func (p *parser) function() (expression, bool) {
	start := p.at
	name, ok := p.keyword("env", "concat")
	if !ok || !p.symbol("(") {
		p.at = start
		return nil, false
	}
	if p.depth++; p.depth > maxNesting {
		p.fail("it nests deeper than %d levels", maxNesting)
	}
	defer func() { p.depth-- }()
	args := p.items()
	p.close()
	if name == "env" && len(args) != 1 {
		p.failAt(start, "env takes one name")
	}
	return call{name, args}, true
}

// regex is what stands right of =~: a call, /…/, or all up to the next blank; it
// can end in a parenthesis only between slashes. Slashes at its ends are never
// part of it.
func (p *parser) regex() expression {
	p.space()
	if c, ok := p.function(); ok {
		return c
	}
	start := p.at
	if p.at < len(p.text) && p.text[p.at] == '/' {
		return p.slashed()
	}
	for p.at < len(p.text) && !blank(p.text[p.at]) {
		p.at++
	}
	for p.at > start && p.text[p.at-1] == ')' {
		p.at--
	}
	text := p.text[start:p.at]
	if text == "" {
		p.fail("a regular expression is missing")
	}
	return p.compiled(start, strings.TrimSuffix(text, "/"))
}

func (p *parser) slashed() expression {
	start := p.at
	for i := start + 1; i < len(p.text); i++ {
		switch p.text[i] {
		case '\\':
			i++
		case '/':
			p.at = i + 1
			return p.compiled(start, p.text[start+1:i])
		}
	}
	p.fail("the regular expression has no closing /")
	return nil
}

func (p *parser) compiled(at int, text string) expression {
	text = strings.ReplaceAll(text, `\/`, "/")
	if _, err := ruby(text); err != nil {
		p.failAt(at, "%s", err)
	}
	return literal(text)
}
