package initial

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// tree is a YAML value with its line.
type tree struct {
	line  int
	text  string
	items []*tree
	keys  []string
	under map[string]*tree
}

// yamlTree reads YAML; merge keys and aliases, which CI files hardly have, are
// followed one level deep.
func yamlTree(source string) (*tree, error) {
	file, err := parser.ParseBytes([]byte(source), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, err
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return &tree{}, nil
	}
	r := &treeReader{anchors: map[string]*tree{}, left: 50_000}
	return r.read(file.Docs[0].Body, 0), nil
}

type treeReader struct {
	anchors map[string]*tree
	left    int
}

func (r *treeReader) read(n ast.Node, depth int) *tree {
	t := &tree{under: map[string]*tree{}}
	if r.left--; n == nil || r.left < 0 || depth > 50 {
		return t
	}
	if token := n.GetToken(); token != nil {
		t.line = token.Position.Line
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			r.pair(t, v, depth)
		}
	case *ast.MappingValueNode:
		r.pair(t, n, depth)
	case *ast.SequenceNode:
		for _, v := range n.Values {
			t.items = append(t.items, r.read(v, depth+1))
		}
	case *ast.AnchorNode:
		v := r.read(n.Value, depth+1)
		if n.Name != nil {
			r.anchors[n.Name.GetToken().Value] = v
		}
		return v
	case *ast.AliasNode:
		if v := r.anchors[n.Value.GetToken().Value]; v != nil {
			return v
		}
	case *ast.TagNode:
		return r.read(n.Value, depth+1)
	case *ast.LiteralNode:
		t.text = n.Value.Value
	case *ast.NullNode:
	default:
		t.text = n.GetToken().Value
	}
	return t
}

func (r *treeReader) pair(t *tree, v *ast.MappingValueNode, depth int) {
	value := r.read(v.Value, depth+1)
	if _, ok := v.Key.(*ast.MergeKeyNode); ok {
		for _, k := range value.keys {
			t.put(k, value.under[k])
		}
		return
	}
	t.put(v.Key.GetToken().Value, value)
}

func (t *tree) put(key string, value *tree) {
	if _, ok := t.under[key]; !ok {
		t.keys = append(t.keys, key)
	}
	t.under[key] = value
}

// get is the value of a key; what isn't there is empty.
func (t *tree) get(key string) *tree {
	if v := t.under[key]; v != nil {
		return v
	}
	return &tree{}
}

// each is the items of a list, or a value alone.
func (t *tree) each() []*tree {
	switch {
	case t.items != nil:
		return t.items
	case t.text == "" && len(t.keys) == 0:
		return nil
	}
	return []*tree{t}
}
