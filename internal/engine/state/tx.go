package state

import (
	"cmp"
	"maps"
	"slices"
)

// snapshot is the rows of all tables at one instant. Neither it nor anything in
// it is modified once it is a Store's head.
type snapshot map[AnyTable]map[Scope]shard

// Tx is a consistent picture of all tables: a View's, which never changes, or
// an Update's, which sees its own writes. It must not outlive its Update.
type Tx struct {
	base    snapshot
	update  bool
	written map[AnyTable]map[Scope]shard
	changes []change
}

// change is one row put (or, with no row, deleted).
type change struct {
	Change
	row any
}

// Change names a row that was put or deleted.
type Change struct {
	Table string
	Scope Scope
	Key   string
}

func (tx *Tx) shard(t AnyTable, scope Scope) shard {
	if sh, ok := tx.written[t][scope]; ok {
		return sh
	}
	if sh, ok := tx.base[t][scope]; ok {
		return sh
	}
	return nil
}

func (tx *Tx) writable(t AnyTable, scope Scope) shard {
	if !tx.update {
		panic("state: write to " + t.Name() + " in a view")
	}
	if sh, ok := tx.written[t][scope]; ok {
		return sh
	}
	sh, ok := tx.base[t][scope]
	if ok {
		sh = sh.copy()
	} else {
		sh = t.empty()
	}
	if tx.written[t] == nil {
		tx.written[t] = map[Scope]shard{}
	}
	tx.written[t][scope] = sh
	return sh
}

func (tx *Tx) changed(t AnyTable, scope Scope, key string, row any) {
	tx.changes = append(tx.changes, change{Change{t.Name(), scope, key}, row})
}

func (tx *Tx) scopes(t AnyTable) []Scope {
	all := maps.Clone(tx.base[t])
	if all == nil {
		all = map[Scope]shard{}
	}
	maps.Copy(all, tx.written[t])
	return slices.SortedFunc(maps.Keys(all), func(a, b Scope) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
}

// after is the snapshot with the transaction's writes in it.
func (tx *Tx) after() snapshot {
	next := maps.Clone(tx.base)
	for t, shards := range tx.written {
		m := maps.Clone(next[t])
		if m == nil {
			m = map[Scope]shard{}
		}
		maps.Copy(m, shards)
		next[t] = m
	}
	return next
}
