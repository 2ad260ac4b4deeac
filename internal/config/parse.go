package config

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	// maxNodes bounds what aliases may unfold to.
	maxNodes = 20_000
	// maxDepth bounds the nesting that parser and reader recurse into.
	maxDepth = 100
)

// parse reads YAML into a tree; nil when there is none, which found tells.
func parse(found *problems, source []byte) *node {
	start := slipway.Position{File: found.file, Line: 1, Column: 1}
	switch {
	case len(source) > maxSize:
		found.add(start, "", "the file is larger than %d KiB", maxSize>>10)
		return nil
	case !utf8.Valid(source) || bytes.IndexByte(source, 0) >= 0:
		found.add(start, "", "the file is not UTF-8 text")
		return nil
	case deep(source):
		found.add(start, "", "the file nests deeper than %d levels", maxDepth)
		return nil
	}
	file, err := parser.ParseBytes(bytes.TrimPrefix(source, []byte("\ufeff")), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		found.syntax(err)
		return nil
	}
	r := &reader{found: found, anchors: map[string]*node{}, left: maxNodes}
	return r.document(file, start)
}

// deep tells whether brackets or dashes nest deeper than the parser, which
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
		blank := len(line) - len(bytes.TrimLeft(line, " "))
		if open > maxDepth || blank > 4*maxDepth || indicators > 20*maxDepth {
			return true
		}
	}
	return false
}

func (p *problems) syntax(err error) {
	at := slipway.Position{File: p.file, Line: 1, Column: 1}
	message := err.Error()
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		message = syntax.Message
		if syntax.Token != nil {
			at = position(p.file, syntax.Token)
		}
	}
	if i := strings.IndexByte(message, '\n'); i >= 0 {
		message = message[:i]
	}
	p.add(at, "", "%s", message)
}

func position(file string, t *token.Token) slipway.Position {
	return slipway.Position{File: file, Line: t.Position.Line, Column: t.Position.Column}
}

// reader turns the syntax tree into nodes.
type reader struct {
	found   *problems
	anchors map[string]*node
	left    int
	depth   int
	over    bool // left has run out, and it was said
}

func (r *reader) document(file *ast.File, start slipway.Position) *node {
	docs := file.Docs
	for len(docs) > 0 && docs[0].Body == nil {
		docs = docs[1:]
	}
	if len(docs) == 0 {
		r.found.add(start, "app: my-app", "the file is empty")
		return nil
	}
	if len(docs) > 1 && docs[1].Body != nil {
		r.found.add(r.at(docs[1].Body), "", "a second document; a file has one, without ---")
	}
	n := r.node(docs[0].Body)
	if r.over {
		return nil
	}
	return n
}

func (r *reader) at(n ast.Node) slipway.Position {
	t := n.GetToken()
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			t = m.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		t = m.Key.GetToken()
	}
	if t == nil {
		return slipway.Position{File: r.found.file, Line: 1, Column: 1}
	}
	return position(r.found.file, t)
}

func (r *reader) node(n ast.Node) *node {
	if n == nil {
		return &node{kind: null}
	}
	at := r.at(n)
	r.depth++
	defer func() { r.depth-- }()
	if !r.spend(1, at) || r.depth > maxDepth {
		r.bomb(at)
		return &node{kind: null, at: at}
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return r.dict(n.Values, at)
	case *ast.MappingValueNode:
		return r.dict([]*ast.MappingValueNode{n}, at)
	case *ast.SequenceNode:
		return r.list(n, at)
	case *ast.AnchorNode:
		return r.anchor(n)
	case *ast.AliasNode:
		return r.alias(n, at)
	case *ast.TagNode:
		return r.tag(n, at)
	case *ast.LiteralNode:
		return &node{kind: text, text: n.Value.Value, quoted: true, at: at}
	}
	return r.scalar(n, at)
}

func (r *reader) spend(nodes int, at slipway.Position) bool {
	r.left -= nodes
	return r.left >= 0
}

func (r *reader) bomb(at slipway.Position) {
	if !r.over {
		r.found.add(at, "", "too much: aliases unfold to more than %d values, or the file nests deeper than %d levels", maxNodes, maxDepth)
	}
	r.over = true
}

func (r *reader) list(n *ast.SequenceNode, at slipway.Position) *node {
	l := &node{kind: list, at: at}
	for _, v := range n.Values {
		l.items = append(l.items, r.node(v))
	}
	return l
}

// decimal is a number as people write it and as every YAML version reads it.
var decimal = lazyregexp.New(`^-?(0|[1-9][0-9]*)$`)

func (r *reader) scalar(n ast.Node, at slipway.Position) *node {
	t := n.GetToken()
	s := &node{kind: text, text: t.Value, at: at}
	switch n.(type) {
	case *ast.NullNode:
		s.kind, s.text = null, ""
	case *ast.BoolNode:
		s.kind = boolean
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		s.kind = other
		if decimal.MatchString(t.Value) {
			s.kind = number
		}
	case *ast.StringNode:
		s.quoted = t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
		if !s.quoted && decimal.MatchString(t.Value) {
			s.kind = number // too large for the parser
		}
	default:
		r.found.add(at, "", "this is no value that the file can have")
		s.kind = null
	}
	return s
}

// tag allows !!str, which is another way to quote.
func (r *reader) tag(n *ast.TagNode, at slipway.Position) *node {
	v := r.node(n.Value)
	if n.Start.Value != "!!str" || !v.kind.scalar() {
		r.found.add(at, "", "the tag %s is not known", n.Start.Value)
		return v
	}
	return &node{kind: text, text: v.text, quoted: true, at: v.at}
}
