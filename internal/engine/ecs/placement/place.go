package placement

import (
	"cmp"
	"container/heap"
	"math/rand/v2"
	"slices"
	"strings"
)

// Place finds instances for the request's tasks and puts them there. Each task
// counts for the next one.
func (f *Fleet) Place(r *Request) Result {
	p := &placing{fleet: f, request: r}
	root := p.tree(r.Strategy)
	var out Result
	for range r.Count {
		n := root.pick()
		if n == nil {
			break
		}
		f.take(n, r)
		if out.Instances = append(out.Instances, n.ID); len(out.Instances) < r.Count {
			root.placed(n)
		}
	}
	if out.Missing = r.Count - len(out.Instances); out.Missing > 0 {
		out.Refusals = f.refusals(r)
	}
	return out
}

// placing is one call of Place. While it runs instances only fill up, so one that
// has once refused is not asked again.
type placing struct {
	fleet   *Fleet
	request *Request
	numbers *rand.Rand // what random gives
}

// random is the request's random numbers.
func (p *placing) random() *rand.Rand {
	if p.numbers == nil {
		p.numbers = rand.New(rand.NewPCG(p.request.Seed, 0x5eed))
	}
	return p.numbers
}

func (p *placing) fits(n *node) bool {
	why, _ := n.room(p.request)
	return why == Fits && n.admits(p.request) == Fits
}

// chooser chooses among some instances: a branch by an attribute's values,
// or a leaf that knows the instances.
type chooser interface {
	// pick is the best instance that fits, nil when there is none and will be none.
	pick() *node
	// placed tells of a task put on an instance that pick gave.
	placed(n *node)
}

// tree is the choosers for the strategies: each spread over an attribute is a
// level of branches, the first other strategy is the leaves'.
func (p *placing) tree(strategies []Strategy) chooser {
	suitable := make([]*class, 0, len(p.fleet.ordered))
	for _, c := range p.fleet.ordered {
		if len(c.list) > 0 && c.suits(p.request) == Fits {
			suitable = append(suitable, c)
		}
	}
	var mine []*node
	for n := range p.fleet.groups[p.request.Group] {
		mine = append(mine, n)
	}
	return p.level(decisive(strategies), suitable, mine)
}

// decisive drops the strategies that decide nothing: those that repeat another
// and those behind random.
func decisive(strategies []Strategy) []Strategy {
	var kept []Strategy
	for _, s := range strategies {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
		if s.Type == Random {
			break
		}
	}
	return kept
}

// level is the chooser among the classes; mine are the instances with tasks of
// the group.
func (p *placing) level(strategies []Strategy, classes []*class, mine []*node) chooser {
	at := slices.IndexFunc(strategies, func(s Strategy) bool { return s.Type == Spread && s.Attribute != "" })
	if at < 0 || at > 0 && strategies[0].Type == Random {
		return p.leaf(strategies, classes, mine)
	}
	attribute := strategies[at].Attribute
	rest := slices.Delete(slices.Clone(strategies), at, at+1)
	value := func(c *class) string { return c.model.Attributes[attribute] }
	b := &branches{value: value, by: map[string]*branch{}, then: p.before(rest[at:])}
	if at > 0 {
		b.first = p.before(strategies[:at])
	}
	for _, c := range classes {
		v := value(c)
		br := b.by[v]
		if br == nil {
			br = &branch{value: v, at: len(b.all)}
			b.all = append(b.all, br)
			b.by[v] = br
		}
		br.classes = append(br.classes, c)
	}
	for _, n := range mine {
		if br := b.by[value(n.class)]; br != nil {
			br.mine = append(br.mine, n)
			br.tasks += n.Groups[p.request.Group]
		}
	}
	for _, br := range b.all {
		br.chooser = p.level(rest, br.classes, br.mine)
	}
	heap.Init(b)
	return b
}

// judge compares instances; nil finds them equal.
type judge func(a, b *node) int

func (j judge) compare(a, b *node) int {
	if j == nil {
		return 0
	}
	return j(a, b)
}

// before is the judge by strategies that are not spreads over an attribute.
func (p *placing) before(strategies []Strategy) judge {
	return func(a, b *node) int {
		for _, s := range strategies {
			if c := p.compare(s, a, b); c != 0 {
				return c
			}
		}
		return 0
	}
}

func (p *placing) compare(s Strategy, a, b *node) int {
	switch s.Type {
	case BinpackCPU:
		return cmp.Compare(a.Free.CPU, b.Free.CPU)
	case BinpackMemory:
		return cmp.Compare(a.Free.Memory, b.Free.Memory)
	case Spread:
		return cmp.Compare(a.Groups[p.request.Group], b.Groups[p.request.Group])
	}
	return 0
}

// branches spread tasks evenly over an attribute's values: a heap with the
// value that has the fewest tasks on top.
type branches struct {
	value func(*class) string
	all   []*branch
	by    map[string]*branch
	first judge // decides before the counts, nil when nothing does
	then  judge // decides between equal counts
}

type branch struct {
	value   string
	classes []*class
	mine    []*node // with tasks of the group
	tasks   int
	at      int // in branches.all
	chooser chooser
}

func (b *branches) pick() *node {
	if b.first != nil {
		return b.contest(b.all)
	}
	for len(b.all) > 0 {
		if n := b.contest(b.least(nil, 0)); n != nil {
			return n
		}
		for len(b.all) > 0 && b.all[0].chooser.pick() == nil {
			heap.Pop(b)
		}
	}
	return nil
}

// least are the branches with as few tasks as the top, which are a tree at the
// top of the heap.
func (b *branches) least(found []*branch, at int) []*branch {
	if at >= len(b.all) || b.all[at].tasks > b.all[0].tasks {
		return found
	}
	return b.least(b.least(append(found, b.all[at]), 2*at+1), 2*at+2)
}

// contest takes the best of the branches' instances. Where the strategies leave
// a choice the instance with more memory wins, so that many groups of one task do
// not all begin in the same zone.
func (b *branches) contest(among []*branch) *node {
	var best *node
	var from *branch
	for _, br := range among {
		n := br.chooser.pick()
		if n == nil {
			continue
		}
		if best != nil {
			c := cmp.Or(b.first.compare(n, best), cmp.Compare(br.tasks, from.tasks), b.then.compare(n, best), cmp.Compare(best.Free.Memory, n.Free.Memory))
			if c > 0 || c == 0 && from.value < br.value {
				continue
			}
		}
		best, from = n, br
	}
	return best
}

func (b *branches) placed(n *node) {
	br := b.by[b.value(n.class)]
	br.tasks++
	br.chooser.placed(n)
	heap.Fix(b, br.at)
}

func (x *branch) before(y *branch) bool {
	return cmp.Or(cmp.Compare(x.tasks, y.tasks), strings.Compare(x.value, y.value)) < 0
}

func (b *branches) Len() int           { return len(b.all) }
func (b *branches) Less(i, j int) bool { return b.all[i].before(b.all[j]) }
func (b *branches) Swap(i, j int) {
	b.all[i], b.all[j] = b.all[j], b.all[i]
	b.all[i].at, b.all[j].at = i, j
}
func (b *branches) Push(x any) { b.all = append(b.all, x.(*branch)) }
func (b *branches) Pop() any {
	last := b.all[len(b.all)-1]
	b.all = b.all[:len(b.all)-1]
	return last
}

// leaf is the chooser among the instances of some classes, with no spread over an
// attribute left.
func (p *placing) leaf(strategies []Strategy, classes []*class, mine []*node) chooser {
	kind := Strategy{Type: Random}
	if len(strategies) > 0 {
		kind = strategies[0]
	} else if len(p.request.Strategy) > 0 {
		kind = Strategy{Type: Spread} // no strategy is left: evenly
	}
	switch kind.Type {
	case Random:
		return &lottery{placing: p, classes: classes}
	case Spread:
		return p.spreader(strategies, classes, mine)
	}
	if slices.ContainsFunc(strategies, func(s Strategy) bool { return s.Type == Spread }) {
		return p.search(strategies, classes)
	}
	return &packer{placing: p, walk: p.fullestFirst(kind.Type, classes)}
}
