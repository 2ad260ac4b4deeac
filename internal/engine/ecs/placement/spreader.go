package placement

import (
	"container/heap"
	"slices"
)

// spreader takes the instance with the fewest tasks of the group: first one that
// has none, in the order of the walk.
type spreader struct {
	*placing
	walk walk
	used map[*node]bool // has tasks of the group
	heap spreadHeap     // those of them that may take more tasks
	next *node          // what pick gave
}

func (p *placing) spreader(strategies []Strategy, classes []*class, mine []*node) *spreader {
	s := &spreader{placing: p}
	s.walk = p.emptiestFirst(classes)
	if len(strategies) > 1 && strategies[1].Type >= BinpackCPU {
		s.walk = p.fullestFirst(strategies[1].Type, classes)
	}
	s.heap.before = s.walk.before
	for _, n := range mine {
		s.use(n)
		if n.at >= 0 && slices.Contains(classes, n.class) {
			s.heap.items = append(s.heap.items, spreadItem{n, n.Groups[p.request.Group]})
		}
	}
	heap.Init(&s.heap)
	return s
}

func (s *spreader) use(n *node) {
	if s.used == nil {
		s.used = map[*node]bool{}
	}
	s.used[n] = true
}

func (s *spreader) pick() *node {
	if s.next != nil && s.fits(s.next) {
		return s.next
	}
	s.next = s.walk.next(func(n *node) bool { return !s.used[n] && s.fits(n) })
	for s.next == nil && len(s.heap.items) > 0 {
		if s.fits(s.heap.items[0].node) {
			return s.heap.items[0].node
		}
		heap.Pop(&s.heap)
	}
	return s.next
}

func (s *spreader) placed(n *node) {
	if n == s.next {
		s.next = nil
		s.use(n)
		heap.Push(&s.heap, spreadItem{n, n.Groups[s.request.Group]})
		return
	}
	s.heap.items[0].tasks++
	heap.Fix(&s.heap, 0)
}

// spreadHeap has the instance with the fewest tasks on top.
type spreadHeap struct {
	items  []spreadItem
	before func(a, b *node) bool
}

type spreadItem struct {
	node  *node
	tasks int
}

func (h *spreadHeap) Len() int { return len(h.items) }
func (h *spreadHeap) Less(i, j int) bool {
	if a, b := h.items[i].tasks, h.items[j].tasks; a != b {
		return a < b
	}
	return h.before(h.items[i].node, h.items[j].node)
}
func (h *spreadHeap) Swap(i, j int) { h.items[i], h.items[j] = h.items[j], h.items[i] }
func (h *spreadHeap) Push(x any)    { h.items = append(h.items, x.(spreadItem)) }
func (h *spreadHeap) Pop() any {
	last := h.items[len(h.items)-1]
	h.items = h.items[:len(h.items)-1]
	return last
}
