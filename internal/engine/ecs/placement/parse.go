package placement

import (
	"fmt"
	"strings"
)

// mostDepth bounds how deep an expression may nest.
const mostDepth = 100

// Parse reads an expression of the cluster query language. "not" binds closer
// than "and", and that closer than "or"; parentheses stand around whole
// expressions.
func Parse(text string) (*Expression, error) {
	p := &parser{rest: text, still: true}
	root, err := p.or(0)
	if err == nil && p.skip() != "" {
		err = fmt.Errorf("unexpected %.20q", p.rest)
	}
	if err != nil {
		return nil, fmt.Errorf("the expression %q is not valid: %w", text, err)
	}
	return &Expression{text: text, root: root, still: p.still}, nil
}

type parser struct {
	rest  string
	still bool
}

// skip drops white space and returns what follows.
func (p *parser) skip() string {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	return p.rest
}

// take drops a symbol if it is next.
func (p *parser) take(symbol string) bool {
	if !strings.HasPrefix(p.skip(), symbol) {
		return false
	}
	p.rest = p.rest[len(symbol):]
	return true
}

// word drops a keyword if it is next and ends there.
func (p *parser) word(w string) bool {
	rest, ok := strings.CutPrefix(p.skip(), w)
	if !ok || rest != "" && !strings.ContainsRune(" \t\r\n(!", rune(rest[0])) {
		return false
	}
	p.rest = rest
	return true
}

func (p *parser) or(depth int) (term, error) {
	t, err := p.and(depth)
	for err == nil && (p.take("||") || p.word("or")) {
		var b term
		b, err = p.and(depth)
		t = or{t, b}
	}
	return t, err
}

func (p *parser) and(depth int) (term, error) {
	t, err := p.unary(depth)
	for err == nil && (p.take("&&") || p.word("and")) {
		var b term
		b, err = p.unary(depth)
		t = and{t, b}
	}
	return t, err
}

func (p *parser) unary(depth int) (term, error) {
	if depth++; depth > mostDepth {
		return nil, fmt.Errorf("it nests deeper than %d", mostDepth)
	}
	switch {
	case p.take("!"), p.word("not"):
		t, err := p.unary(depth)
		return not{t}, err
	case p.take("("):
		t, err := p.or(depth)
		if err == nil && !p.take(")") {
			err = fmt.Errorf("a parenthesis is not closed")
		}
		return t, err
	}
	return p.comparison()
}

func (p *parser) comparison() (term, error) {
	c := &comparison{subject: p.until(" \t\r\n=!<>()[],&|")}
	if c.subject == "" {
		return nil, fmt.Errorf("a subject is missing")
	}
	if !strings.HasPrefix(c.subject, "attribute:") {
		p.still = false
	}
	spelled, ok := p.operator()
	if !ok {
		return nil, fmt.Errorf("an operator is missing after %q", c.subject)
	}
	o := operators[spelled]
	c.op = o.op
	var err error
	switch c.op {
	case "exists":
	case "in":
		c.args, err = p.list()
	case "=~":
		c.args, err = p.one(p.regex())
	default:
		c.args, err = p.one(p.argument())
	}
	if err == nil {
		err = c.prepare()
	}
	if err != nil {
		return nil, err
	}
	if o.negative {
		return not{c}, nil
	}
	return c, nil
}

// operator takes the longest spelling that is next.
func (p *parser) operator() (string, bool) {
	rest, best := p.skip(), ""
	for o := range operators {
		if len(o) <= len(best) || !strings.HasPrefix(rest, o) {
			continue
		}
		after := rest[len(o):]
		letters := o[len(o)-1] >= 'a'
		if letters && o[len(o)-1] != '~' && after != "" && !strings.ContainsRune(" \t\r\n[)'\"&|", rune(after[0])) {
			continue // a longer word
		}
		best = o
	}
	p.rest = rest[len(best):]
	return best, best != ""
}

func (p *parser) one(arg string, err error) ([]string, error) {
	if err == nil && arg == "" {
		err = fmt.Errorf("an argument is missing")
	}
	return []string{arg}, err
}

func (p *parser) list() ([]string, error) {
	if !p.take("[") {
		return nil, fmt.Errorf("in and not_in take a list in brackets")
	}
	var all []string
	for {
		arg, err := p.argument()
		if err != nil {
			return nil, err
		}
		if arg == "" {
			return nil, fmt.Errorf("a list has an empty argument")
		}
		all = append(all, arg)
		if p.take("]") {
			return all, nil
		}
		if !p.take(",") {
			return nil, fmt.Errorf("a list is not closed")
		}
	}
}

// argument is a quoted text or what stands up to the next space or bracket.
func (p *parser) argument() (string, error) {
	if q, ok, err := p.quoted(); ok {
		return q, err
	}
	return p.until(" \t\r\n()[],&|"), nil
}

// regex is a quoted text or what stands up to the next space, with the brackets
// that are opened in it.
func (p *parser) regex() (string, error) {
	if q, ok, err := p.quoted(); ok {
		return q, err
	}
	depth, end := 0, len(p.rest)
scan:
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '\\':
			i++
		case c == '(' || c == '[':
			depth++
		case c == ']' && depth > 0:
			depth--
		case c == ')':
			if depth == 0 {
				end = i
				break scan
			}
			depth--
		case strings.IndexByte(" \t\r\n", c) >= 0, depth == 0 && (strings.HasPrefix(p.rest[i:], "&&") || strings.HasPrefix(p.rest[i:], "||")):
			end = i
			break scan
		}
	}
	re := p.rest[:end]
	p.rest = p.rest[end:]
	return re, nil
}

func (p *parser) quoted() (text string, ok bool, err error) {
	rest := p.skip()
	if rest == "" || rest[0] != '\'' && rest[0] != '"' {
		return "", false, nil
	}
	end := strings.IndexByte(rest[1:], rest[0])
	if end < 0 {
		return "", true, fmt.Errorf("a quote is not closed")
	}
	p.rest = rest[end+2:]
	return rest[1 : end+1], true, nil
}

func (p *parser) until(stop string) string {
	rest := p.skip()
	end := strings.IndexAny(rest, stop)
	if end < 0 {
		end = len(rest)
	}
	p.rest = rest[end:]
	return rest[:end]
}
