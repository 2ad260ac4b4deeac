package config

import (
	"github.com/goccy/go-yaml/ast"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func (r *reader) dict(values []*ast.MappingValueNode, at slipway.Position) *node {
	d := &node{kind: dict, at: at}
	var merged []*node
	for _, v := range values {
		if _, ok := v.Key.(*ast.MergeKeyNode); ok {
			merged = append(merged, r.merge(v)...)
			continue
		}
		if e, ok := r.pair(v); ok && !r.duplicate(d, e) {
			d.entries = append(d.entries, e)
		}
	}
	for _, m := range merged {
		for _, e := range m.entries {
			if d.get(e.key) == nil {
				d.entries = append(d.entries, e)
			}
		}
	}
	return d
}

func (r *reader) pair(v *ast.MappingValueNode) (entry, bool) {
	at := r.at(v)
	var key ast.Node = v.Key
	for {
		if a, ok := key.(*ast.AnchorNode); ok {
			key = a.Value
			continue
		}
		break
	}
	if _, ok := key.(ast.ScalarNode); !ok {
		r.found.add(at, "", "a key has to be a word")
		return entry{}, false
	}
	value := r.node(v.Value)
	if value.at.Line == 0 {
		value.at = at
	}
	return entry{key.GetToken().Value, at, value}, true
}

func (r *reader) duplicate(d *node, e entry) bool {
	first := d.entry(e.key)
	if first.value == nil {
		return false
	}
	r.found.add(e.at, "", "the key %q is there twice; the first is in line %d", e.key, first.at.Line)
	return true
}

// merge is what a merge key brings: https://yaml.org/type/merge.html
func (r *reader) merge(v *ast.MappingValueNode) []*node {
	n := r.node(v.Value)
	all := []*node{n}
	if n.kind == list {
		all = n.items
	}
	for _, m := range all {
		if m.kind != dict {
			r.found.add(r.at(v), "<<: *common", "a merge key takes keys with values, not %s", m.kind)
			return nil
		}
	}
	return all
}

func (r *reader) anchor(n *ast.AnchorNode) *node {
	v := r.node(n.Value)
	if n.Name != nil {
		r.anchors[n.Name.GetToken().Value] = v
	}
	return v
}

func (r *reader) alias(n *ast.AliasNode, at slipway.Position) *node {
	name := ""
	if n.Value != nil {
		name = n.Value.GetToken().Value
	}
	v, ok := r.anchors[name]
	if !ok {
		r.found.add(at, "", "there is no anchor &%s above", name)
		return &node{kind: null, at: at}
	}
	if !r.spend(v.size(r.left), at) {
		r.bomb(at)
	}
	return v
}

// size counts the nodes below n, up to most.
func (n *node) size(most int) int {
	count := 1
	for _, i := range n.items {
		if count > most {
			return count
		}
		count += i.size(most - count)
	}
	for _, e := range n.entries {
		if count > most {
			return count
		}
		count += e.value.size(most - count)
	}
	return count
}
