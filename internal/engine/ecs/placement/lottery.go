package placement

import (
	"slices"
	"strings"
)

// lottery draws an instance that fits. When draws miss too often, it looks who is
// left and draws among those.
type lottery struct {
	*placing
	classes []*class
	left    []*node
	looked  bool
}

// draws is how often the lottery draws before it looks.
const draws = 16

func (l *lottery) pick() *node {
	for range draws {
		if n := l.draw(); n != nil && l.fits(n) {
			return n
		}
	}
	if !l.looked {
		l.looked = true
		for _, c := range l.classes {
			l.left = append(l.left, c.list...)
		}
		slices.SortFunc(l.left, func(a, b *node) int { return strings.Compare(a.ID, b.ID) })
	}
	for len(l.left) > 0 {
		i := l.random().IntN(len(l.left))
		if n := l.left[i]; l.fits(n) {
			return n
		}
		l.left[i] = l.left[len(l.left)-1]
		l.left = l.left[:len(l.left)-1]
	}
	return nil
}

func (l *lottery) draw() *node {
	total := 0
	for _, c := range l.classes {
		total += len(c.list)
	}
	if total == 0 || l.looked {
		return nil
	}
	i := l.random().IntN(total)
	for _, c := range l.classes {
		if i < len(c.list) {
			return c.list[i]
		}
		i -= len(c.list)
	}
	return nil
}

func (l *lottery) placed(*node) {}
