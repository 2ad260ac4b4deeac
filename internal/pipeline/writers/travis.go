package writers

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// writeTravis puts our jobs behind the last of jobs.include.
func writeTravis(p *pipeline, existing []byte) ([]byte, error) {
	const file = ".travis.yml"
	old, err := blocks(existing, file)
	if err != nil {
		return nil, err
	}
	if len(old) > 0 {
		text, err := render("travis.yml", old[0].indent, p)
		if err != nil {
			return nil, err
		}
		return replace(existing, old[0], block(old[0].indent, "travis", text)), nil
	}
	at, err := includeEnd(existing, file)
	if err != nil {
		return nil, err
	}
	text, err := render("travis.yml", at.indent, p)
	if err != nil {
		return nil, err
	}
	return replace(existing, at.found, append([]byte(at.before), block(at.indent, "travis", text)...)), nil
}

// place is where new jobs go, and what has to stand before them.
type place struct {
	found
	before string
}

// includeEnd is the end of jobs.include (or matrix.include, its old name).
func includeEnd(existing []byte, file string) (place, error) {
	lead := ""
	if len(existing) > 0 && !bytes.HasSuffix(existing, []byte("\n")) {
		lead = "\n"
	}
	whole := place{found{len(existing), len(existing), "    "}, lead + "jobs:\n  include:\n"}
	if len(bytes.TrimSpace(existing)) == 0 {
		whole.before = "# Builds the images of a tag, and starts the last tag of a release branch.\n" + whole.before
		return whole, nil
	}
	jobs, err := topKey(existing, file, "jobs", "matrix")
	if err != nil || jobs == nil {
		return whole, err
	}
	include := childKey(jobs, "include")
	if include == nil {
		line := jobs.Key.GetToken().Position.Line
		return place{found{lineStart(existing, line+1), lineStart(existing, line+1), "    "}, "  include:\n"}, nil
	}
	list, ok := include.Value.(*ast.SequenceNode)
	if !ok || list.IsFlowStyle || len(list.Values) == 0 {
		return place{}, fmt.Errorf("%s:%d: include is no list with a line for each job; write it so, and run this again", file, include.Key.GetToken().Position.Line)
	}
	indent := strings.Repeat(" ", list.Start.Position.Column-1)
	end := sectionEnd(existing, list.Start.Position.Line, len(indent))
	if end == len(existing) {
		return place{found{end, end, indent}, lead}, nil
	}
	return place{found{end, end, indent}, ""}, nil
}

// topKey is the first of the keys that a file's top has.
func topKey(text []byte, file string, keys ...string) (*ast.MappingValueNode, error) {
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, fmt.Errorf("%s is no YAML: %w", file, err)
	}
	for _, d := range f.Docs {
		for _, key := range keys {
			if n := childOf(d.Body, key); n != nil {
				return n, nil
			}
		}
	}
	return nil, nil
}

func childKey(n *ast.MappingValueNode, key string) *ast.MappingValueNode {
	return childOf(n.Value, key)
}

func childOf(n ast.Node, key string) *ast.MappingValueNode {
	switch m := n.(type) {
	case *ast.MappingNode:
		for _, v := range m.Values {
			if v.Key.String() == key {
				return v
			}
		}
	case *ast.MappingValueNode:
		if m.Key.String() == key {
			return m
		}
	}
	return nil
}

// lineStart is the offset of a line, counted from 1.
func lineStart(text []byte, line int) int {
	at := 0
	for range line - 1 {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		at += i + 1
	}
	return at
}

// sectionEnd is where a list that begins in a line and stands indent deep ends:
// before the first line that is less deep, or as deep and no item. Blank lines
// and comments before that line are not the list's.
func sectionEnd(text []byte, line, indent int) int {
	at := lineStart(text, line)
	last := at
	for at < len(text) {
		next := bytes.IndexByte(text[at:], '\n') + at + 1
		if next == at {
			next = len(text)
		}
		l := text[at:next]
		trimmed := bytes.TrimLeft(l, " ")
		depth := len(l) - len(trimmed)
		content := bytes.TrimSpace(trimmed)
		if len(content) > 0 && content[0] != '#' {
			if depth < indent || depth == indent && content[0] != '-' {
				break
			}
			last = next
		}
		at = next
	}
	return last
}
