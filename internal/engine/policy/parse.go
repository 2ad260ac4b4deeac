package policy

import (
	"strconv"
	"strings"
	"unicode"
)

// The versions of the policy language.
const (
	version2008 = "2008-10-17"
	version2012 = "2012-10-17"
)

// Parse reads a policy document and compiles it. What it refuses breaks the
// grammar of the policy language; the error is a *Malformed. What a certain
// kind of policy may hold is for the Validate methods to say, and ParseAs does
// both.
func Parse(text []byte) (*Document, error) {
	root, r, err := readJSON(text)
	if err != nil {
		return nil, err
	}
	if root.kind != anObject {
		return nil, r.malformed(root.start, syntaxErrors, "a policy is an object")
	}
	p := parser{reader: r, doc: &Document{Version: version2008}}
	if err := p.document(root); err != nil {
		return nil, err
	}
	p.doc.indented = unicode.IsSpace(rune(text[0]))
	p.doc.collectKeys()
	return p.doc, nil
}

// ParseAs parses a document of a kind and checks what IAM checks when one of
// that kind is stored, with the words that it uses there.
func ParseAs(k Kind, text []byte) (*Document, error) {
	d, err := Parse(text)
	if err != nil {
		if m := err.(*Malformed); m.notJSON && k == Trust {
			m.Message = invalidJSON
		}
		return nil, err
	}
	switch k {
	case Trust:
		err = d.ValidateTrust()
	case Resource:
		err = d.ValidateResource()
	default:
		err = d.ValidateIdentity()
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// parser compiles one document.
type parser struct {
	*reader
	doc *Document
	// statement is the label of the one being parsed.
	statement string
}

func (p *parser) fail(at int, format string, args ...any) *Malformed {
	return p.failWith(at, syntaxErrors, format, args...)
}

func (p *parser) failWith(at int, words, format string, args ...any) *Malformed {
	m := p.malformed(at, words, format, args...)
	m.Statement = p.statement
	return m
}

func (p *parser) document(root node) error {
	var statements *node
	for i := range root.members {
		m := &root.members[i]
		switch m.name {
		case "Version":
			if v := m.value; v.kind != aString || v.text != version2008 && v.text != version2012 {
				return p.fail(v.start, "Version is %s or %s", version2012, version2008)
			}
			p.doc.Version = m.value.text
		case "Id":
			if m.value.kind != aString {
				return p.fail(m.value.start, "Id is a string")
			}
			p.doc.ID = m.value.text
		case "Statement":
			statements = &m.value
		default:
			return p.fail(m.start, "a policy has no element %q", m.name)
		}
	}
	if statements == nil {
		return p.fail(root.start, "a policy has a Statement")
	}
	return p.statements(*statements)
}

func (p *parser) statements(n node) error {
	all := n.items
	if n.kind == anObject {
		all = []node{n}
	}
	if len(all) == 0 {
		return p.fail(n.start, "Statement is an object or a list of them")
	}
	for i, one := range all {
		p.statement = strconv.Itoa(i + 1)
		if one.kind != anObject {
			return p.fail(one.start, "a statement is an object")
		}
		s := &Statement{Start: p.line.position(one.start), label: strconv.Itoa(i)}
		if err := p.one(s, one); err != nil {
			return err
		}
		s.End = p.line.position(one.end)
		p.doc.Statements = append(p.doc.Statements, s)
	}
	p.statement = ""
	return nil
}

func (p *parser) one(s *Statement, n node) error {
	effect := false
	for _, m := range n.members {
		var err error
		switch m.name {
		case "Sid":
			if m.value.kind != aString {
				return p.fail(m.value.start, "Sid is a string")
			}
			s.Sid, s.hasSid = m.value.text, true
			if s.Sid != "" {
				s.label, p.statement = s.Sid, s.Sid
			}
		case "Effect":
			effect = true
			err = p.effect(s, m.value)
		case "Principal", "NotPrincipal":
			if s.principals != nil {
				return p.fail(m.start, "a statement has a Principal or a NotPrincipal, not both")
			}
			s.exceptThem = m.name == "NotPrincipal"
			s.principals, err = p.principals(m.value)
		case "Action", "NotAction":
			err = p.list(&s.actions, m, p.action)
		case "Resource", "NotResource":
			err = p.list(&s.resources, m, p.resource)
		case "Condition":
			s.conditions, err = p.conditions(m.value)
		default:
			return p.fail(m.start, "a statement has no element %q", m.name)
		}
		if err != nil {
			return err
		}
	}
	if !effect {
		return p.fail(n.start, "a statement has an Effect")
	}
	return nil
}

func (p *parser) effect(s *Statement, n node) error {
	switch {
	case n.kind == aString && n.text == "Allow":
		s.Allow = true
	case n.kind == aString && n.text == "Deny":
	case n.kind == aString && (strings.EqualFold(n.text, "Allow") || strings.EqualFold(n.text, "Deny")):
		// IAM's grammar takes any case, its older parser behind does not.
		return p.failWith(n.start, legacyParsing, "Effect is written Allow or Deny")
	default:
		return p.fail(n.start, "Effect is Allow or Deny")
	}
	return nil
}

// list reads an element that is one string or a list of them.
func (p *parser) list(into *list, m member, compile func(string) pattern) error {
	if into.present {
		return p.fail(m.start, "a statement has only one of %s and its opposite", strings.TrimPrefix(m.name, "Not"))
	}
	into.present, into.not = true, strings.HasPrefix(m.name, "Not")
	texts, err := p.strings(m.value, m.name)
	if err != nil {
		return err
	}
	for _, text := range texts {
		into.patterns = append(into.patterns, compile(text))
	}
	return nil
}

func (p *parser) strings(n node, name string) ([]string, error) {
	items := n.items
	if n.kind != anArray {
		items = []node{n}
	}
	texts := make([]string, 0, len(items))
	for _, item := range items {
		if item.kind != aString {
			return nil, p.fail(item.start, "%s is a string or a list of strings", name)
		}
		if at := strings.IndexFunc(item.text, reserved); at >= 0 {
			return nil, p.fail(item.start, "%s has a control character", name)
		}
		texts = append(texts, item.text)
	}
	return texts, nil
}

func (p *parser) action(text string) pattern { return compile(text, true, false) }

// resource compiles a resource. Variables stand for values only in the last part
// of an ARN, after the fifth colon; elsewhere they are text.
func (p *parser) resource(text string) pattern {
	at := strings.Index(text, "${")
	inLast := at >= 0 && strings.Count(text[:at], ":") >= 5
	return compile(text, true, inLast && p.doc.Version == version2012)
}

func (p *parser) principals(n node) (*principals, error) {
	all := &principals{}
	if n.kind == aString && n.text == "*" {
		all.everybody = true
		return all, nil
	}
	if n.kind != anObject {
		return nil, p.fail(n.start, `Principal is "*" or an object`)
	}
	for _, m := range n.members {
		texts, err := p.strings(m.value, "a principal")
		if err != nil {
			return nil, err
		}
		switch m.name {
		case "AWS":
			all.aws = texts
		case "Service":
			all.services = texts
		case "Federated":
			all.federated = texts
		case "CanonicalUser":
			all.canonical = texts
		default:
			return nil, p.fail(m.start, "there is no kind of principal %q", m.name)
		}
	}
	return all, nil
}

func (p *parser) conditions(n node) ([]condition, error) {
	if n.kind != anObject {
		return nil, p.fail(n.start, "Condition is an object")
	}
	var all []condition
	for _, m := range n.members {
		if m.value.kind != anObject {
			return nil, p.fail(m.value.start, "%q has an object of keys and values", m.name)
		}
		if len(m.value.members) == 0 {
			continue // IAM takes even an unknown operator here
		}
		op, ok := parseOperator(m.name)
		if !ok {
			return nil, p.fail(m.start, "there is no condition operator %q", m.name)
		}
		for _, k := range m.value.members {
			c, err := p.condition(op, k)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	return all, nil
}

func (p *parser) condition(op operator, m member) (condition, error) {
	c := condition{operator: op, key: newKey(m.name)}
	items := m.value.items
	if m.value.kind != anArray {
		items = []node{m.value}
	}
	for _, item := range items {
		if item.kind != aString && item.kind != aNumber && item.kind != aBool {
			return c, p.fail(item.start, "a condition's value is a string, a number or a boolean")
		}
		if strings.IndexFunc(item.text, reserved) >= 0 {
			return c, p.fail(item.start, "a condition's value has a control character")
		}
		v, ok := op.operand(item.text, p.doc.Version == version2012)
		if !ok {
			return c, p.failWith(item.start, legacyParsing, "%q is no value for %s", item.text, op.name)
		}
		c.operands = append(c.operands, v)
	}
	return c, nil
}

// reserved are the characters that no policy text may hold; IAM's API takes
// tab, line feed, carriage return and what is printable. The compiled form of
// patterns relies on two of them.
func reserved(c rune) bool {
	return c < ' ' && c != '\t' && c != '\n' && c != '\r'
}
