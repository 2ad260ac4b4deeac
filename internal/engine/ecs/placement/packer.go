package placement

import (
	"slices"
	"strings"
)

// packer fills one instance after the other, the fullest that fits first.
type packer struct {
	*placing
	walk    walk
	current *node
}

func (b *packer) pick() *node {
	if b.current != nil && b.fits(b.current) {
		return b.current
	}
	b.current = b.walk.next(b.fits)
	return b.current
}

func (b *packer) placed(*node) {}

// search looks at every instance for each task. It is for the rare strategies
// whose order no tree has: a binpack with a spread over instances behind it.
type search struct {
	*placing
	strategies []Strategy
	nodes      []*node
}

func (p *placing) search(strategies []Strategy, classes []*class) *search {
	s := &search{placing: p, strategies: strategies}
	for _, c := range classes {
		s.nodes = append(s.nodes, c.list...)
	}
	slices.SortFunc(s.nodes, func(a, b *node) int { return strings.Compare(a.ID, b.ID) })
	return s
}

func (s *search) pick() *node {
	s.nodes = slices.DeleteFunc(s.nodes, func(n *node) bool { return !s.fits(n) })
	if len(s.nodes) == 0 {
		return nil
	}
	return slices.MinFunc(s.nodes, s.before(s.strategies))
}

func (s *search) placed(*node) {}
