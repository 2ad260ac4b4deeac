package state

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/btree"
)

// Scope is the account and region that a row belongs to. Region is empty for
// global resources.
type Scope struct {
	Account, Region string
}

// Global is the same account without a region.
func (s Scope) Global() Scope { return Scope{Account: s.Account} }

// Table is a typed set of rows, each under a key that is unique in its scope.
// Declare tables as package variables and hand them to Open.
type Table[T any] struct {
	name    string
	key     func(*T) string
	indexes []*Index[T]
}

// Index finds a table's rows by other values than the key. A row may stand
// under several values, or under none.
type Index[T any] struct {
	table  *Table[T]
	at     int
	values func(*T) []string
}

// AnyTable is a Table of any row type, as Open and Watch take them.
type AnyTable interface {
	Name() string
	empty() shard
	load(sh shard, key string, value []byte) error
}

// NewTable declares a table. The name is how its rows are found on disk and
// must never change ("ecs.cluster"). A row type must have no method Copy or
// IsoCopy: the trees that hold the rows would call it for every row near one that
// changes, and a row would not stay itself.
func NewTable[T any](name string, key func(*T) string) *Table[T] {
	switch any((*T)(nil)).(type) {
	case interface{ Copy() *T }, interface{ IsoCopy() *T }:
		panic("state: the rows of " + name + " have a method Copy or IsoCopy")
	}
	return &Table[T]{name: name, key: key}
}

// NewIndex declares an index of a table, before the table is opened.
func NewIndex[T any](t *Table[T], values func(*T) []string) *Index[T] {
	x := &Index[T]{table: t, at: len(t.indexes), values: values}
	t.indexes = append(t.indexes, x)
	return x
}

// Name is the table's name on disk.
func (t *Table[T]) Name() string { return t.name }

// Key is the row's key.
func (t *Table[T]) Key(row *T) string { return t.key(row) }

// shard is the rows of one table in one scope.
type shard interface {
	copy() shard
	remove(key string) bool
	get(key string) (any, bool)
}

type rows[T any] struct {
	table   *Table[T]
	byKey   *btree.Map[string, *T]
	byIndex []*btree.Map[string, *T] // under value, NUL, key
}

// degree makes small nodes: every Update copies those on its way from the root.
const degree = 8

func (t *Table[T]) empty() shard {
	r := &rows[T]{table: t, byKey: btree.NewMap[string, *T](degree)}
	for range t.indexes {
		r.byIndex = append(r.byIndex, btree.NewMap[string, *T](degree))
	}
	return r
}

func (t *Table[T]) load(sh shard, key string, value []byte) error {
	row := new(T)
	if err := json.Unmarshal(value, row); err != nil {
		return fmt.Errorf("row %q of %s: %w", key, t.name, err)
	}
	if got := t.key(row); got != key {
		return fmt.Errorf("row %q of %s calls itself %q", key, t.name, got)
	}
	sh.(*rows[T]).put(key, row)
	return nil
}

func (r *rows[T]) copy() shard {
	c := &rows[T]{table: r.table, byKey: r.byKey.Copy(), byIndex: make([]*btree.Map[string, *T], len(r.byIndex))}
	for i, x := range r.byIndex {
		c.byIndex[i] = x.Copy()
	}
	return c
}

func (r *rows[T]) get(key string) (any, bool) { return r.byKey.Get(key) }

func (r *rows[T]) put(key string, row *T) {
	old, had := r.byKey.Set(key, row)
	for i, x := range r.table.indexes {
		values := x.values(row)
		if had {
			// Only what the row no longer stands under is deleted: a deletion costs
			// far more than the replacement of a row where it stands.
			for _, v := range x.values(old) {
				if !slices.Contains(values, v) {
					r.byIndex[i].Delete(v + "\x00" + key)
				}
			}
		}
		for _, v := range values {
			r.byIndex[i].Set(v+"\x00"+key, row)
		}
	}
}

func (r *rows[T]) remove(key string) bool {
	old, had := r.byKey.Delete(key)
	if had {
		r.unindex(key, old)
	}
	return had
}

func (r *rows[T]) unindex(key string, old *T) {
	for i, x := range r.table.indexes {
		for _, v := range x.values(old) {
			r.byIndex[i].Delete(v + "\x00" + key)
		}
	}
}

func (t *Table[T]) in(tx *Tx, scope Scope) *rows[T] {
	sh := tx.shard(t, scope)
	if sh == nil {
		return nil
	}
	return sh.(*rows[T])
}

// Get is the row under the key, which must not be modified.
func (t *Table[T]) Get(tx *Tx, scope Scope, key string) (*T, bool) {
	r := t.in(tx, scope)
	if r == nil {
		return nil, false
	}
	return r.byKey.Get(key)
}

// Has tells whether there is a row under the key.
func (t *Table[T]) Has(tx *Tx, scope Scope, key string) bool {
	_, ok := t.Get(tx, scope, key)
	return ok
}

// Put adds the row or replaces the one with the same key. The row must not be
// modified afterwards.
func (t *Table[T]) Put(tx *Tx, scope Scope, row *T) {
	key := t.key(row)
	if key == "" {
		panic("state: a row of " + t.name + " has no key")
	}
	tx.writable(t, scope).(*rows[T]).put(key, row)
	tx.changed(t, scope, key, row)
}

// Change puts a copy of the row after change has worked on it, and tells
// whether there was such a row. The copy is shallow.
func (t *Table[T]) Change(tx *Tx, scope Scope, key string, change func(*T)) bool {
	old, ok := t.Get(tx, scope, key)
	if !ok {
		return false
	}
	c := *old
	change(&c)
	if t.key(&c) != key {
		panic("state: a change of a row of " + t.name + " changed its key")
	}
	t.Put(tx, scope, &c)
	return true
}

// Delete removes the row under the key and tells whether there was one.
func (t *Table[T]) Delete(tx *Tx, scope Scope, key string) bool {
	if !t.Has(tx, scope, key) {
		return false
	}
	tx.writable(t, scope).remove(key)
	tx.changed(t, scope, key, nil)
	return true
}

// Len is the number of rows in the scope.
func (t *Table[T]) Len(tx *Tx, scope Scope) int {
	if r := t.in(tx, scope); r != nil {
		return r.byKey.Len()
	}
	return 0
}

// All is every row of the scope in the order of their keys. Rows may be put and
// deleted while it runs; those of the start are seen.
func (t *Table[T]) All(tx *Tx, scope Scope) iter.Seq[*T] { return t.From(tx, scope, "") }

// From is the rows of the scope from the key on, that key included.
func (t *Table[T]) From(tx *Tx, scope Scope, key string) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		if r := t.in(tx, scope); r != nil {
			stable(tx, r.byKey).Ascend(key, func(_ string, row *T) bool { return yield(row) })
		}
	}
}

// Prefix is the rows of the scope whose keys begin with the prefix.
func (t *Table[T]) Prefix(tx *Tx, scope Scope, prefix string) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		if r := t.in(tx, scope); r != nil {
			stable(tx, r.byKey).Ascend(prefix, func(k string, row *T) bool { return strings.HasPrefix(k, prefix) && yield(row) })
		}
	}
}

// Everywhere is every row of every scope.
func (t *Table[T]) Everywhere(tx *Tx) iter.Seq2[Scope, *T] {
	return func(yield func(Scope, *T) bool) {
		for _, scope := range tx.scopes(t) {
			for row := range t.All(tx, scope) {
				if !yield(scope, row) {
					return
				}
			}
		}
	}
}

// Get is the rows of the scope under the indexed value, in the order of their keys.
func (x *Index[T]) Get(tx *Tx, scope Scope, value string) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		r := x.table.in(tx, scope)
		if r == nil {
			return
		}
		prefix := value + "\x00"
		stable(tx, r.byIndex[x.at]).Ascend(prefix, func(k string, row *T) bool { return strings.HasPrefix(k, prefix) && yield(row) })
	}
}

// One is the first row of the scope under the indexed value.
func (x *Index[T]) One(tx *Tx, scope Scope, value string) (*T, bool) {
	for row := range x.Get(tx, scope, value) {
		return row, true
	}
	return nil, false
}

// stable is what an iteration walks over: in a View the rows themselves, in an
// Update a copy, which costs little, because the loop's body may write.
func stable[T any](tx *Tx, m *btree.Map[string, *T]) *btree.Map[string, *T] {
	if tx.update {
		return m.Copy()
	}
	return m
}
