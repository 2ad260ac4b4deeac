package placement

import (
	"container/heap"
	"math"

	"github.com/tidwall/btree"
)

// walk goes once through the instances of some classes in the order of what
// they have free, and only through those that have enough of it. Instances that
// fill up while it goes do not disturb it: going up they fall behind it, and
// going down its user knows them.
type walk struct {
	classes []*class
	by      StrategyType // BinpackCPU or BinpackMemory: whose tree
	need    Amount
	down    bool
	// heads are the next instance of each class, a heap with the first on top; they
	// are looked up at the first step.
	heads   []head
	started bool
	// taken tells that the first head's instance was given, and that the head is to move
	// behind it.
	taken bool
	// pivot is what stands for a place in the tree's order.
	pivot *node
}

// head is where the walk is in a class: at a place in the order, not at a node,
// because nodes move.
type head struct {
	class *class
	id    string
	free  Amount
	found *node
}

// fullestFirst is the walk of a binpack.
func (p *placing) fullestFirst(by StrategyType, classes []*class) walk {
	return walk{classes: classes, by: by, need: p.request.Needs}
}

// emptiestFirst is the walk of a spread.
func (p *placing) emptiestFirst(classes []*class) walk {
	return walk{classes: classes, by: BinpackMemory, need: p.request.Needs, down: true}
}

func (w *walk) tree(c *class) *btree.BTreeG[*node] {
	if w.by == BinpackCPU {
		return c.byCPU
	}
	return c.byMemory
}

// enough tells whether there is enough of what the tree is by.
func (w *walk) enough(free Amount) bool {
	if w.by == BinpackCPU {
		return free.CPU >= w.need.CPU
	}
	return free.Memory >= w.need.Memory
}

// next is the next instance for which fits is true.
func (w *walk) next(fits func(*node) bool) *node {
	if !w.started {
		w.start()
	}
	for {
		w.pass()
		if len(w.heads) == 0 {
			return nil
		}
		h := &w.heads[0]
		// It moves when it takes a task: what orders it is remembered.
		h.id, h.free, w.taken = h.found.ID, h.found.Free, true
		if fits(h.found) {
			return h.found
		}
	}
}

// pass moves the first head behind the instance that was given last.
func (w *walk) pass() {
	if !w.taken {
		return
	}
	w.taken = false
	if w.step(&w.heads[0]); w.heads[0].found == nil {
		heap.Pop(w)
	} else {
		heap.Fix(w, 0)
	}
}

func (w *walk) start() {
	w.started = true
	w.heads = make([]head, 0, len(w.classes))
	for _, c := range w.classes {
		h := head{class: c}
		if w.down {
			h.found, _ = w.tree(c).Max()
			w.bound(&h)
		} else {
			h.free = w.floor()
			w.step(&h)
		}
		if h.found != nil {
			w.heads = append(w.heads, h)
		}
	}
	heap.Init(w)
}

// floor is where the instances begin that have enough. Of equals the tree looks at
// the other resource, which may be anything.
func (w *walk) floor() Amount {
	if w.by == BinpackCPU {
		return Amount{CPU: w.need.CPU, Memory: math.MinInt}
	}
	return Amount{CPU: math.MinInt, Memory: w.need.Memory}
}

// bound ends a class where the instances have too little.
func (w *walk) bound(h *head) {
	if h.found != nil && !w.enough(h.found.Free) {
		h.found = nil
	}
}

func (w *walk) before(a, b *node) bool {
	less := w.tree(a.class).Less
	if w.down {
		return less(b, a)
	}
	return less(a, b)
}

// step moves a head behind its place in the order.
func (w *walk) step(h *head) {
	h.found = nil
	if w.pivot == nil {
		w.pivot = &node{}
	}
	w.pivot.ID, w.pivot.Free = h.id, h.free
	visit := func(n *node) bool {
		if n.ID == h.id {
			return true // where it stands itself
		}
		h.found = n
		return false
	}
	if w.down {
		w.tree(h.class).Descend(w.pivot, visit)
		w.bound(h)
	} else {
		w.tree(h.class).Ascend(w.pivot, visit)
	}
}

func (w *walk) Len() int           { return len(w.heads) }
func (w *walk) Less(i, j int) bool { return w.before(w.heads[i].found, w.heads[j].found) }
func (w *walk) Swap(i, j int)      { w.heads[i], w.heads[j] = w.heads[j], w.heads[i] }
func (w *walk) Push(x any)         { w.heads = append(w.heads, x.(head)) }
func (w *walk) Pop() any {
	last := w.heads[len(w.heads)-1]
	w.heads = w.heads[:len(w.heads)-1]
	return last
}
