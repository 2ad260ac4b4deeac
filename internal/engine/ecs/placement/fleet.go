package placement

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/btree"
)

// Fleet is a cluster's container instances, arranged so that a task finds its
// place without looking at them all. It is not safe for concurrent use.
type Fleet struct {
	nodes   map[string]*node
	classes map[string]*class
	ordered []*class // by signature
	// groups are the instances that have tasks of a task group.
	groups map[string]map[*node]struct{}
}

// NewFleet is a fleet without instances.
func NewFleet() *Fleet {
	return &Fleet{nodes: map[string]*node{}, classes: map[string]*class{}, groups: map[string]map[*node]struct{}{}}
}

// node is an instance in its class.
type node struct {
	Instance
	class *class
	at    int // in class.list, -1 while it takes no tasks
}

// class is the instances with the same attributes and capacity provider: what
// asks only for those is asked once for all of them.
type class struct {
	signature string
	model     *Instance // any of them
	size      int
	list      []*node // those that take tasks, in no order
	// byCPU and byMemory are those that take tasks, the fullest first.
	byCPU, byMemory *btree.BTreeG[*node]
	verdicts        map[string]bool // of still expressions
}

// mostVerdicts bounds how many expressions a class remembers.
const mostVerdicts = 256

// Set adds an instance or replaces the one with its id.
func (f *Fleet) Set(i *Instance) {
	f.Remove(i.ID)
	sig := signature(i)
	c := f.classes[sig]
	if c == nil {
		opts := btree.Options{NoLocks: true}
		c = &class{
			signature: sig, model: i, verdicts: map[string]bool{},
			byCPU: btree.NewBTreeGOptions(lessCPU, opts), byMemory: btree.NewBTreeGOptions(lessMemory, opts),
		}
		f.classes[sig] = c
		at, _ := slices.BinarySearchFunc(f.ordered, sig, bySignature)
		f.ordered = slices.Insert(f.ordered, at, c)
	}
	n := &node{Instance: *i, class: c, at: -1}
	n.Groups = maps.Clone(i.Groups)
	n.Ports = Ports{slices.Clone(i.Ports.TCP), slices.Clone(i.Ports.UDP)}
	f.nodes[i.ID] = n
	c.size++
	for g, count := range n.Groups {
		if count > 0 {
			f.mark(n, g)
		}
	}
	if n.Open && n.Connected {
		n.at = len(c.list)
		c.list = append(c.list, n)
		c.byCPU.Set(n)
		c.byMemory.Set(n)
	}
}

// Remove takes an instance out.
func (f *Fleet) Remove(id string) {
	n := f.nodes[id]
	if n == nil {
		return
	}
	delete(f.nodes, id)
	for g := range n.Groups {
		f.unmark(n, g)
	}
	c := n.class
	if n.at >= 0 {
		last := c.list[len(c.list)-1]
		c.list[n.at], last.at = last, n.at
		c.list = c.list[:len(c.list)-1]
		c.byCPU.Delete(n)
		c.byMemory.Delete(n)
	}
	if c.size--; c.size == 0 {
		delete(f.classes, c.signature)
		at, _ := slices.BinarySearchFunc(f.ordered, c.signature, bySignature)
		f.ordered = slices.Delete(f.ordered, at, at+1)
	}
}

func bySignature(c *class, signature string) int { return strings.Compare(c.signature, signature) }

// take puts one task of the request on the instance.
func (f *Fleet) take(n *node, r *Request) {
	n.class.byCPU.Delete(n)
	n.class.byMemory.Delete(n)
	n.Free.CPU -= r.Needs.CPU
	n.Free.Memory -= r.Needs.Memory
	n.Free.GPU -= r.Needs.GPU
	n.Free.ENI -= r.Needs.ENI
	n.Ports.TCP = append(n.Ports.TCP, r.Ports.TCP...)
	n.Ports.UDP = append(n.Ports.UDP, r.Ports.UDP...)
	n.class.byCPU.Set(n)
	n.class.byMemory.Set(n)
	if n.Groups == nil {
		n.Groups = map[string]int{}
	}
	n.Groups[r.Group]++
	f.mark(n, r.Group)
}

func (f *Fleet) mark(n *node, group string) {
	if f.groups[group] == nil {
		f.groups[group] = map[*node]struct{}{}
	}
	f.groups[group][n] = struct{}{}
}

func (f *Fleet) unmark(n *node, group string) {
	delete(f.groups[group], n)
	if len(f.groups[group]) == 0 {
		delete(f.groups, group)
	}
}

func lessCPU(a, b *node) bool {
	return cmp.Or(cmp.Compare(a.Free.CPU, b.Free.CPU), cmp.Compare(a.Free.Memory, b.Free.Memory), strings.Compare(a.ID, b.ID)) < 0
}

func lessMemory(a, b *node) bool {
	return cmp.Or(cmp.Compare(a.Free.Memory, b.Free.Memory), cmp.Compare(a.Free.CPU, b.Free.CPU), strings.Compare(a.ID, b.ID)) < 0
}

func signature(i *Instance) string {
	var b strings.Builder
	b.WriteString(i.Provider)
	for _, k := range slices.Sorted(maps.Keys(i.Attributes)) {
		b.WriteByte(0)
		b.WriteString(k)
		b.WriteByte(1)
		b.WriteString(i.Attributes[k])
	}
	return b.String()
}

// suits tells why no instance of the class takes the task, or Fits.
func (c *class) suits(r *Request) Why {
	if r.Provider != "" && c.model.Provider != r.Provider {
		return WrongProvider
	}
	for _, a := range r.Attributes {
		if v, ok := c.model.Attributes[a.Name]; !ok || a.Value != "" && v != a.Value {
			return MissingAttribute
		}
	}
	for _, e := range r.Only {
		if e.still && !c.verdict(e) {
			return NotMember
		}
	}
	return Fits
}

func (c *class) verdict(e *Expression) bool {
	v, ok := c.verdicts[e.text]
	if !ok {
		if len(c.verdicts) >= mostVerdicts {
			clear(c.verdicts)
		}
		v = e.Match(c.model)
		c.verdicts[e.text] = v
	}
	return v
}

// admits is what the class could not answer: the instance's own state, but for
// what it has free.
func (n *node) admits(r *Request) Why {
	for _, e := range r.Only {
		if !e.still && !e.Match(&n.Instance) {
			return NotMember
		}
	}
	if r.Distinct && n.Groups[r.Group] > 0 {
		return NotDistinct
	}
	if !n.Connected {
		return NoAgent
	}
	return Fits
}

// room tells what is missing for the task and how much, as a share of what it
// needs.
func (n *node) room(r *Request) (Why, float64) {
	switch free, need := n.Free, r.Needs; {
	case free.GPU < need.GPU:
		return NoGPU, share(free.GPU, need.GPU)
	case free.Memory < need.Memory:
		return NoMemory, share(free.Memory, need.Memory)
	case free.CPU < need.CPU:
		return NoCPU, share(free.CPU, need.CPU)
	case free.ENI < need.ENI:
		return NoENI, share(free.ENI, need.ENI)
	case !n.Ports.leave(r.Ports):
		return PortTaken, 1
	}
	return Fits, 0
}

func share(free, need int) float64 { return float64(need-free) / float64(need) }

func (p Ports) leave(want Ports) bool {
	if len(want.TCP)+len(want.UDP) == 0 {
		return true
	}
	taken := func(ports []int) func(int) bool {
		return func(port int) bool { return slices.Contains(ports, port) }
	}
	return len(p.TCP)+len(p.UDP)+len(want.TCP)+len(want.UDP) <= MostPorts &&
		!slices.ContainsFunc(want.TCP, taken(p.TCP)) && !slices.ContainsFunc(want.UDP, taken(p.UDP))
}

// Check is why the instance does not take one task of the request, or Fits;
// Closed for an instance that is not there.
func (f *Fleet) Check(id string, r *Request) Why {
	n := f.nodes[id]
	if n == nil {
		return Closed
	}
	return n.check(r).Why
}

func (n *node) check(r *Request) Refusal {
	out := Refusal{Instance: n.ID}
	if !n.Open {
		out.Why = Closed
		return out
	}
	if out.Why = n.class.suits(r); out.Why == Fits {
		out.Why = n.admits(r)
	}
	if out.Why == Fits {
		out.Why, out.lack = n.room(r)
	}
	return out
}

// Eligible are the open instances that fulfil the request's constraints, whether
// or not they have room and their agent is there right now: those on which a
// daemon service wants a task.
func (f *Fleet) Eligible(r *Request) []string {
	suits := map[*class]bool{}
	for _, c := range f.classes {
		suits[c] = c.suits(r) == Fits
	}
	var ids []string
	for id, n := range f.nodes {
		if n.Open && suits[n.class] && slices.Contains([]Why{Fits, NoAgent}, n.admits(r)) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// refusals is why each instance takes no further task.
func (f *Fleet) refusals(r *Request) []Refusal {
	all := make([]Refusal, 0, len(f.nodes))
	for _, n := range f.nodes {
		if why := n.check(r); why.Why != Fits {
			all = append(all, why)
		}
	}
	slices.SortFunc(all, func(a, b Refusal) int { return strings.Compare(a.Instance, b.Instance) })
	return all
}
