package config

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// kind is what a value of the file is, by its looks.
type kind int

const (
	null kind = iota
	text
	number // an integer in decimal digits
	other  // a number of any other form: 1.10, 0x1F, 1e3
	boolean
	list
	dict
)

func (k kind) String() string {
	return [...]string{"nothing", "text", "a number", "a number", "true or false", "a list", "keys with values"}[k]
}

func (k kind) scalar() bool { return k == text || k == number || k == other || k == boolean }

// node is a value of the file: aliases followed, merge keys merged.
type node struct {
	kind    kind
	text    string // of a scalar, exactly as written
	quoted  bool
	wrong   bool // it was something wrong, which was told
	items   []*node
	entries []entry
	at      slipway.Position
}

type entry struct {
	key   string
	at    slipway.Position
	value *node
}

// get is the value of a key, or nil; a nil node has none.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// find is the value below keys, or nil.
func (n *node) find(path ...string) *node {
	for _, key := range path {
		n = n.get(key)
	}
	return n
}

// said is a scalar's text; a nil node says nothing.
func (n *node) said() string {
	if n == nil {
		return ""
	}
	return n.text
}

// empty tells whether a value is left out or says nothing.
func (n *node) empty() bool { return n == nil || n.kind == null }

// over lays one tree over another: keys merge, all else replaces.
func over(base, top *node) *node {
	switch {
	case top == nil:
		return base
	case base == nil || base.kind != dict || top.kind != dict:
		return top
	}
	merged := &node{kind: dict, at: base.at}
	for _, e := range base.entries {
		if above := top.get(e.key); above != nil {
			e = top.entry(e.key)
			e.value = over(base.get(e.key), above)
		}
		merged.entries = append(merged.entries, e)
	}
	for _, e := range top.entries {
		if base.get(e.key) == nil {
			merged.entries = append(merged.entries, e)
		}
	}
	return merged
}

func (n *node) entry(key string) entry {
	for _, e := range n.entries {
		if e.key == key {
			return e
		}
	}
	return entry{}
}

// positions are where everything below n stands, by dotted path.
func (n *node) positions() slipway.Positions {
	at := slipway.Positions{}
	if n != nil {
		at[""] = n.at
		n.place(at, "")
	}
	return at
}

func (n *node) place(at slipway.Positions, path string) {
	for _, e := range n.entries {
		p := strings.TrimPrefix(path+"."+e.key, ".")
		at[p] = e.at
		e.value.place(at, p)
	}
}
