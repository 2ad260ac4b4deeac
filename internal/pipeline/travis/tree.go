package travis

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	yamlparser "github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	maxSize  = 256 << 10
	maxNodes = 20_000 // that aliases may unfold to
	maxDepth = 60
)

// node is a value of the file: aliases followed, merge keys merged.
type node struct {
	kind    kind
	text    string // of a scalar, as written
	plain   bool   // it stands on one line and without quotes, so its columns count
	items   []*node
	entries []entry
	at      slipway.Position
}

type kind int

const (
	null kind = iota
	scalar
	list
	dict
)

type entry struct {
	key   string
	at    slipway.Position
	value *node
}

// get is the value of a key, or nil; a nil node has none, and null counts as none.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key == key && e.value.kind != null {
			return e.value
		}
	}
	return nil
}

// each is the items of a list, or the value alone.
func (n *node) each() []*node {
	switch {
	case n == nil || n.kind == null:
		return nil
	case n.kind == list:
		return n.items
	}
	return []*node{n}
}

func (n *node) said() string {
	if n == nil {
		return ""
	}
	return n.text
}

// parse reads YAML into a tree, nil when it is none.
func parse(p *problems, source []byte) *node {
	start := slipway.Position{File: p.file, Line: 1, Column: 1}
	switch {
	case len(source) > maxSize:
		p.add(start, "the file is larger than %d KiB", maxSize>>10)
		return nil
	case !utf8.Valid(source) || bytes.IndexByte(source, 0) >= 0:
		p.add(start, "the file is not UTF-8 text")
		return nil
	case deep(source):
		p.add(start, "the file nests deeper than %d levels", maxDepth)
		return nil
	}
	file, err := yamlparser.ParseBytes(bytes.TrimPrefix(source, []byte("\ufeff")), 0, yamlparser.AllowDuplicateMapKey())
	if err != nil {
		p.syntax(err)
		return nil
	}
	for _, d := range file.Docs {
		if d.Body != nil {
			r := &reader{problems: p, anchors: map[string]*node{}, left: maxNodes}
			n := r.node(d.Body, 0)
			if r.over {
				return nil
			}
			return n
		}
	}
	p.add(start, "the file is empty")
	return nil
}

// deep tells whether brackets or blanks nest deeper than the parser, which
// recurses, should be given.
func deep(source []byte) bool {
	open := 0
	for line := range bytes.Lines(source) {
		indicators := 0
		for _, c := range line {
			switch c {
			case '[', '{':
				open++
			case ']', '}':
				open = max(0, open-1)
			case '-', '?', ':', '&', '!':
				indicators++
			}
		}
		if open > maxDepth || len(line)-len(bytes.TrimLeft(line, " ")) > 8*maxDepth || indicators > 2000 {
			return true
		}
	}
	return false
}

func (p *problems) syntax(err error) {
	at := slipway.Position{File: p.file, Line: 1, Column: 1}
	message := err.Error()
	if s, ok := errors.AsType[*yaml.SyntaxError](err); ok {
		message = s.Message
		if s.Token != nil {
			at.Line, at.Column = s.Token.Position.Line, s.Token.Position.Column
		}
	}
	message, _, _ = strings.Cut(message, "\n")
	p.add(at, "this is not YAML: %s", message)
	for i, line := range strings.Split(string(p.source), "\n") {
		if m := odd.FindStringSubmatch(line); m != nil {
			p.add(slipway.Position{File: p.file, Line: i + 1, Column: len(m[1]) + 1}, "%s is indented by %d blanks: likely one too many", m[2], len(m[1]))
		}
	}
}

// odd is a key that is indented by an odd number of blanks, as two are in the
// listing of the runbook that this project comes from.
var odd = lazyregexp.New(`^((?:  )* )([\w-]+):`)

type reader struct {
	*problems
	anchors map[string]*node
	left    int
	over    bool
}

func (r *reader) position(t *token.Token) slipway.Position {
	if t == nil || t.Position == nil {
		return slipway.Position{File: r.file, Line: 1, Column: 1}
	}
	return slipway.Position{File: r.file, Line: t.Position.Line, Column: t.Position.Column}
}

func (r *reader) node(n ast.Node, depth int) *node {
	if n == nil {
		return &node{}
	}
	out := &node{at: r.position(n.GetToken())}
	if r.left--; r.left < 0 || depth > maxDepth {
		if !r.over {
			r.add(out.at, "too much: the file has more than %d values or nests deeper than %d levels", maxNodes, maxDepth)
		}
		r.over = true
		return out
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		r.dict(out, n.Values, depth)
	case *ast.MappingValueNode:
		r.dict(out, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		out.kind = list
		for _, v := range n.Values {
			out.items = append(out.items, r.node(v, depth+1))
		}
	case *ast.AnchorNode:
		v := r.node(n.Value, depth+1)
		if n.Name != nil {
			r.anchors[n.Name.GetToken().Value] = v
		}
		return v
	case *ast.AliasNode:
		return r.alias(n, out)
	case *ast.TagNode:
		return r.node(n.Value, depth+1)
	case *ast.LiteralNode:
		out.kind, out.text = scalar, n.Value.Value
	case *ast.NullNode:
	case *ast.StringNode:
		out.kind, out.text = scalar, n.Value
		t := n.GetToken()
		quoted := t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
		if !quoted {
			out.text = strings.TrimSpace(out.text)
		}
		out.plain = !quoted && !strings.Contains(strings.TrimSpace(t.Origin), "\n")
	default:
		out.kind, out.text, out.plain = scalar, n.GetToken().Value, true
	}
	return out
}

// alias is what the anchor is; what it unfolds to counts.
func (r *reader) alias(n *ast.AliasNode, out *node) *node {
	name := n.Value.GetToken().Value
	v := r.anchors[name]
	if v == nil {
		r.add(out.at, "there is no anchor &%s before it", name)
		return out
	}
	if r.left -= v.size(); r.left < 0 {
		r.over = true
		r.add(out.at, "too much: aliases unfold to more than %d values", maxNodes)
		return out
	}
	return v
}

func (n *node) size() int {
	total := 1
	for _, i := range n.items {
		total += i.size()
	}
	for _, e := range n.entries {
		total += e.value.size()
	}
	return total
}

func (r *reader) dict(out *node, pairs []*ast.MappingValueNode, depth int) {
	out.kind = dict
	if len(pairs) > 0 {
		out.at = r.position(pairs[0].Key.GetToken())
	}
	var merged []entry
	for _, p := range pairs {
		value := r.node(p.Value, depth+1)
		at := r.position(p.Key.GetToken())
		if value.kind == null {
			value.at = at
		}
		if p.Key.IsMergeKey() {
			for _, m := range value.each() {
				merged = append(merged, m.entries...)
			}
			continue
		}
		key := p.Key.GetToken().Value
		if out.has(key) {
			r.add(at, "%s is given twice", key)
			continue
		}
		out.entries = append(out.entries, entry{key, at, value})
	}
	for _, m := range merged {
		if !out.has(m.key) {
			out.entries = append(out.entries, m)
		}
	}
}

func (n *node) has(key string) bool {
	for _, e := range n.entries {
		if e.key == key {
			return true
		}
	}
	return false
}
