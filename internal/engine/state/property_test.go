package state

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// model is what a store promises, as plainly as it can be said.
type model map[Scope]map[string]pet

func (m model) clone() model {
	c := model{}
	for scope, rows := range m {
		c[scope] = maps.Clone(rows)
	}
	return c
}

func (m model) at(scope Scope) map[string]pet {
	if m[scope] == nil {
		m[scope] = map[string]pet{}
	}
	return m[scope]
}

// machine runs a store and the model side by side.
type machine struct {
	dir   string
	store *Store
	want  model
	// views are kept with what they must go on to show.
	views []view
	// watch tells of changes, changed is what it must tell next.
	watch   *Watch
	changed map[Change]bool
}

type view struct {
	tx   *Tx
	want model
}

func (m *machine) open(t *rapid.T) {
	s, err := Open(m.dir, pets, toys)
	if err != nil {
		t.Fatal(err)
	}
	m.store, m.watch, m.changed, m.views = s, s.Watch(pets), map[Change]bool{}, nil
}

var (
	scopes = rapid.SampledFrom([]Scope{here, there, here.Global()})
	keys   = rapid.SampledFrom([]string{"a", "b", "ba", "bb", "c", "d\x00e", "z"})
	pKinds = rapid.SampledFrom([]string{"dog", "cat", "do", ""})
)

// TestTheStoreDoesAsTheModel is Update with puts, changes and deletions, kept or
// refused, Reset, reopening, views that are kept, indexes and watches.
func TestTheStoreDoesAsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "slipway-state-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &machine{dir: dir, want: model{}}
		m.open(t)
		defer func() { m.store.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"":       m.check,
			"update": m.update,
			"refuse": m.refuse,
			"look":   func(*rapid.T) { m.views = append(m.views, view{m.store.View(), m.want.clone()}) },
			"told":   m.told,
			"reset":  m.reset,
			"reopen": func(t *rapid.T) {
				if err := m.store.Close(); err != nil {
					t.Fatal(err)
				}
				m.open(t)
			},
		})
	})
}

// step is one write in both.
func (m *machine) step(t *rapid.T, tx *Tx, want model, changed map[Change]bool) {
	scope, key := scopes.Draw(t, "scope"), keys.Draw(t, "key")
	there := want.at(scope)
	old, had := there[key]
	switch rapid.SampledFrom([]string{"put", "change", "delete", "drain"}).Draw(t, "step") {
	case "put":
		p := pet{key, pKinds.Draw(t, "kind"), rapid.IntRange(0, 9).Draw(t, "age")}
		pets.Put(tx, scope, &p)
		there[key] = p
	case "change":
		kind := pKinds.Draw(t, "kind")
		if did := pets.Change(tx, scope, key, func(p *pet) { p.Kind = kind }); did != had {
			t.Fatalf("changing %q: %v, was there: %v", key, did, had)
		}
		if !had {
			return
		}
		old.Kind = kind
		there[key] = old
	case "delete":
		if did := pets.Delete(tx, scope, key); did != had {
			t.Fatalf("deleting %q: %v, was there: %v", key, did, had)
		}
		if !had {
			return
		}
		delete(there, key)
	case "drain": // delete while walking
		kind := pKinds.Draw(t, "kind")
		for p := range byKind.Get(tx, scope, kind) {
			pets.Delete(tx, scope, p.Name)
			changed[Change{"test.pet", scope, p.Name}] = true
		}
		maps.DeleteFunc(there, func(_ string, p pet) bool { return p.Kind == kind })
		return
	}
	changed[Change{"test.pet", scope, key}] = true
}

func (m *machine) update(t *rapid.T) {
	want := m.want.clone()
	err := m.store.Update(func(tx *Tx) error {
		for range rapid.IntRange(0, 4).Draw(t, "steps") {
			m.step(t, tx, want, m.changed)
			compare(t, "in the update", tx, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m.want = want
}

func (m *machine) refuse(t *rapid.T) {
	refusal := errors.New("refused")
	err := m.store.Update(func(tx *Tx) error {
		m.step(t, tx, m.want.clone(), map[Change]bool{})
		return refusal
	})
	if err != refusal {
		t.Fatalf("%v, want the function's own error", err)
	}
}

// told compares what the watch says with the rows that were written.
func (m *machine) told(t *rapid.T) {
	got := map[Change]bool{}
	for _, c := range m.watch.Take() {
		got[c] = true
	}
	if diff := gocmp.Diff(m.changed, got); diff != "" {
		t.Fatalf("watch (-want +got):\n%s", diff)
	}
	clear(m.changed)
}

func (m *machine) reset(t *rapid.T) {
	m.told(t)
	if err := m.store.Reset(); err != nil {
		t.Fatal(err)
	}
	m.want = model{}
	m.watch.Take() // tells of whole tables
}

func (m *machine) check(t *rapid.T) {
	compare(t, "now", m.store.View(), m.want)
	for i, v := range m.views {
		compare(t, fmt.Sprint("in view ", i), v.tx, v.want)
	}
}

// compare asks the picture everything that can be asked.
func compare(t *rapid.T, where string, tx *Tx, want model) {
	for _, scope := range []Scope{here, there, here.Global()} {
		rows := slices.SortedFunc(maps.Values(want[scope]), func(a, b pet) int { return cmp.Compare(a.Name, b.Name) })
		same(t, where+": all", keep(rows, func(pet) bool { return true }), pets.All(tx, scope))
		same(t, where+": from b", keep(rows, func(p pet) bool { return p.Name >= "b" }), pets.From(tx, scope, "b"))
		same(t, where+": prefix b", keep(rows, func(p pet) bool { return strings.HasPrefix(p.Name, "b") }), pets.Prefix(tx, scope, "b"))
		for _, kind := range []string{"dog", "cat", "do", ""} {
			same(t, where+": kind "+kind, keep(rows, func(p pet) bool { return p.Kind == kind }), byKind.Get(tx, scope, kind))
		}
		if got := pets.Len(tx, scope); got != len(rows) {
			t.Fatalf("%s: %d rows, want %d", where, got, len(rows))
		}
	}
	all := 0
	for scope, p := range pets.Everywhere(tx) {
		if want[scope][p.Name] != *p {
			t.Fatalf("%s: everywhere has %+v in %v", where, *p, scope)
		}
		all++
	}
	wanted := 0
	for _, rows := range want {
		wanted += len(rows)
	}
	if all != wanted {
		t.Fatalf("%s: %d rows everywhere, want %d", where, all, wanted)
	}
}

func keep(rows []pet, which func(pet) bool) []pet {
	return slices.DeleteFunc(slices.Clone(rows), func(p pet) bool { return !which(p) })
}

func same(t *rapid.T, what string, want []pet, got func(func(*pet) bool)) {
	var rows []pet
	for p := range got {
		rows = append(rows, *p)
	}
	if !slices.Equal(want, rows) {
		t.Fatalf("%s: %+v, want %+v", what, rows, want)
	}
}
