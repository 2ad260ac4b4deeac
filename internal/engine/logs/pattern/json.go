package pattern

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// condition is one node of a JSON pattern.
type condition func(any) bool

type inJSON struct{ root condition }

// Match implements Pattern: a message that is no JSON object matches nothing.
func (p inJSON) Match(message string) bool {
	var v any
	d := json.NewDecoder(strings.NewReader(message))
	d.UseNumber() // wildcards are compared with a number as it is written
	if d.Decode(&v) != nil || d.Decode(new(any)) != io.EOF {
		return false
	}
	return p.root(v)
}

// most bounds how deep parentheses nest.
const most = 50

// parser reads { $.a = 1 && ($.b = "x*" || $.c NOT EXISTS) }.
type parser struct {
	tokens []string
	depth  int
}

func parseJSON(s string) (Pattern, error) {
	inner, ok := strings.CutSuffix(strings.TrimPrefix(s, "{"), "}")
	if !ok {
		return nil, fmt.Errorf("%w: a brace is not closed", ErrSyntax)
	}
	tokens, err := split(inner)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	root, err := p.or()
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("%w: %q is too much", ErrSyntax, p.tokens[0])
	}
	return inJSON{root}, err
}

// split cuts a condition into its tokens; a quoted text keeps its quote in front,
// an expression its percent signs.
func split(s string) ([]string, error) {
	var tokens []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		n := 0
		for _, op := range []string{"&&", "||", "!=", ">=", "<=", "=", ">", "<", "(", ")"} {
			if strings.HasPrefix(s, op) {
				n = len(op)
				break
			}
		}
		if n == 0 && s[0] == '"' {
			word, rest, err := term(s)
			if err != nil {
				return nil, err
			}
			tokens, s = append(tokens, `"`+word), rest
			continue
		}
		if n == 0 && s[0] == '%' {
			if n = strings.IndexByte(s[1:], '%') + 2; n < 2 {
				return nil, fmt.Errorf("%w: a percent sign is not closed", ErrSyntax)
			}
		}
		if n == 0 {
			if n = strings.IndexAny(s, " \t&|!=<>()\""); n <= 0 {
				if n == 0 {
					return nil, fmt.Errorf("%w: %q is not expected", ErrSyntax, s[:1])
				}
				n = len(s)
			}
		}
		tokens, s = append(tokens, s[:n]), s[n:]
	}
	return tokens, nil
}

func (p *parser) take(word string) bool {
	if len(p.tokens) > 0 && strings.EqualFold(p.tokens[0], word) {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *parser) next() (string, error) {
	if len(p.tokens) == 0 {
		return "", fmt.Errorf("%w: it ends too early", ErrSyntax)
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t, nil
}

func (p *parser) or() (condition, error) {
	return p.list("||", (*parser).and, func(a, b condition) condition { return func(v any) bool { return a(v) || b(v) } })
}

func (p *parser) and() (condition, error) {
	return p.list("&&", (*parser).one, func(a, b condition) condition { return func(v any) bool { return a(v) && b(v) } })
}

func (p *parser) list(op string, each func(*parser) (condition, error), join func(a, b condition) condition) (condition, error) {
	c, err := each(p)
	for err == nil && p.take(op) {
		var more condition
		if more, err = each(p); err == nil {
			c = join(c, more)
		}
	}
	return c, err
}

func (p *parser) one() (condition, error) {
	if p.take("(") {
		if p.depth++; p.depth > most {
			return nil, fmt.Errorf("%w: it nests too deep", ErrSyntax)
		}
		c, err := p.or()
		if err == nil && !p.take(")") {
			err = fmt.Errorf("%w: a parenthesis is not closed", ErrSyntax)
		}
		p.depth--
		return c, err
	}
	field, err := p.next()
	if err != nil {
		return nil, err
	}
	get, err := selector(field)
	if err != nil {
		return nil, err
	}
	op, err := p.next()
	if err != nil {
		return nil, err
	}
	switch strings.ToUpper(op) {
	case "IS":
		return p.is(get)
	case "NOT":
		if !p.take("EXISTS") {
			return nil, fmt.Errorf("%w: NOT is followed by EXISTS", ErrSyntax)
		}
		return func(v any) bool { _, ok := get(v); return !ok }, nil
	}
	value, err := p.next()
	if err != nil {
		return nil, err
	}
	return compare(get, op, value)
}

func (p *parser) is(get func(any) (any, bool)) (condition, error) {
	word, err := p.next()
	if err != nil {
		return nil, err
	}
	want, ok := map[string]any{"TRUE": true, "FALSE": false, "NULL": nil}[strings.ToUpper(word)]
	if !ok {
		return nil, fmt.Errorf("%w: IS takes TRUE, FALSE or NULL", ErrSyntax)
	}
	return func(v any) bool { have, ok := get(v); return ok && have == want }, nil
}

// selector is $.a.b[0].c.
func selector(s string) (func(any) (any, bool), error) {
	rest, ok := strings.CutPrefix(s, "$.")
	if !ok || rest == "" {
		return nil, fmt.Errorf("%w: %q is no field, which begins with $. and a name", ErrSyntax, s)
	}
	var steps []any
	for part := range strings.SplitSeq(rest, ".") {
		name, index, indexed := strings.Cut(part, "[")
		if name == "" {
			return nil, fmt.Errorf("%w: %q is no field", ErrSyntax, s)
		}
		steps = append(steps, name)
		if indexed {
			n, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
			if err != nil || n < 0 || !strings.HasSuffix(index, "]") {
				return nil, fmt.Errorf("%w: %q is no field", ErrSyntax, s)
			}
			steps = append(steps, n)
		}
	}
	return func(v any) (any, bool) {
		for _, step := range steps {
			var ok bool
			switch step := step.(type) {
			case string:
				m, _ := v.(map[string]any)
				v, ok = m[step]
			case int:
				l, _ := v.([]any)
				if ok = step < len(l); ok {
					v = l[step]
				}
			}
			if !ok {
				return nil, false
			}
		}
		return v, true
	}, nil
}

func compare(get func(any) (any, bool), op, value string) (condition, error) {
	text, quoted := strings.CutPrefix(value, `"`)
	number, err := strconv.ParseFloat(value, 64)
	if !quoted && err == nil {
		test, ok := map[string]func(float64) bool{
			"=": func(f float64) bool { return f == number }, "!=": func(f float64) bool { return f != number },
			">": func(f float64) bool { return f > number }, ">=": func(f float64) bool { return f >= number },
			"<": func(f float64) bool { return f < number }, "<=": func(f float64) bool { return f <= number },
		}[op]
		if !ok {
			return nil, fmt.Errorf("%w: %q compares nothing", ErrSyntax, op)
		}
		return func(v any) bool {
			have, _ := get(v)
			n, is := have.(json.Number)
			f, err := n.Float64()
			return is && err == nil && test(f)
		}, nil
	}
	if op != "=" && op != "!=" {
		return nil, fmt.Errorf("%w: text is compared with = or !=", ErrSyntax)
	}
	match, err := like(text, quoted)
	if err != nil {
		return nil, err
	}
	return func(v any) bool {
		have, _ := get(v)
		s, ok := scalar(have)
		return ok && match(s) == (op == "=")
	}, nil
}

// like is the test of a text: an expression between percent signs, or a text in
// which a star stands for any.
func like(text string, quoted bool) (func(string) bool, error) {
	if !quoted && strings.HasPrefix(text, "%") {
		p, err := parseRegexp(text)
		if err != nil {
			return nil, err
		}
		return p.Match, nil
	}
	// Slashes are nothing special, as they would be in a path.
	glob := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `?`, `\?`, "/", "\x00").Replace(text)
	return func(s string) bool {
		same, err := path.Match(glob, strings.ReplaceAll(s, "/", "\x00"))
		return err == nil && same
	}, nil
}

// scalar is a value as text; objects, lists and null have none.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
