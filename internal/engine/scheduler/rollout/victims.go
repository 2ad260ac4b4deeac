package rollout

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
)

// victims are a deployment's active tasks of a kind in the order in which they
// go: those that do not serve first, then from the zone and the instance that have
// most, the youngest first.
func (d *decider) victims(deployment int, of func(Task) bool) []Task {
	load := crowd{zones: map[string]*zone{}, perInstance: map[[2]string]int{}}
	var ranks [4][]Task
	for _, t := range d.Deployments[deployment].Tasks {
		if t.Phase == Stopping || t.Last || d.doomed[t.ID] || !of(t) {
			continue
		}
		load.zone(t.Zone).count++
		load.perInstance[[2]string{t.Zone, t.Instance}]++
		rank := d.rank(t)
		ranks[rank] = append(ranks[rank], t)
	}
	var out []Task
	for _, tasks := range ranks {
		out = load.drain(tasks, out)
	}
	return out
}

// rank is when a task goes before the zones are asked: what has not begun to run,
// what does not serve, what does, and only when nothing else can go what is
// protected.
func (d *decider) rank(t Task) int {
	switch {
	case d.now.Before(t.Protected):
		return 3
	case t.Phase == Pending:
		return 0
	case !d.serves(t):
		return 1
	}
	return 2
}

// crowd counts tasks by zone and instance, so that each next one can be taken
// from where most are without looking at them all.
type crowd struct {
	zones       map[string]*zone
	perInstance map[[2]string]int
}

// zone is the tasks of a rank in one zone.
type zone struct {
	count int // of all ranks
	hosts hosts
}

// host is the tasks of a rank on one instance, the youngest last.
type host struct {
	count int // of all ranks
	tasks []Task
}

func (c *crowd) zone(name string) *zone {
	if c.zones[name] == nil {
		c.zones[name] = &zone{}
	}
	return c.zones[name]
}

// drain appends the tasks to out in their order.
func (c *crowd) drain(tasks, out []Task) []Task {
	if len(tasks) == 0 {
		return out
	}
	slices.SortFunc(tasks, func(a, b Task) int { return cmp.Or(a.Since.Compare(b.Since), strings.Compare(b.ID, a.ID)) })
	queue := c.arrange(tasks)
	for len(queue) > 0 {
		z := queue[0]
		h := z.hosts[0]
		last := h.tasks[len(h.tasks)-1]
		out = append(out, last)
		h.tasks = h.tasks[:len(h.tasks)-1]
		c.perInstance[[2]string{last.Zone, last.Instance}]--
		h.count--
		z.count--
		if len(h.tasks) == 0 {
			heap.Pop(&z.hosts)
		} else {
			heap.Fix(&z.hosts, 0)
		}
		if len(z.hosts) == 0 {
			heap.Pop(&queue)
		} else {
			heap.Fix(&queue, 0)
		}
	}
	return out
}

// arrange puts the tasks, youngest last, into their zones and instances.
func (c *crowd) arrange(tasks []Task) zones {
	at := map[[2]string]*host{}
	var queue zones
	for _, t := range tasks {
		k := [2]string{t.Zone, t.Instance}
		if at[k] == nil {
			at[k] = &host{count: c.perInstance[k]}
			z := c.zone(t.Zone)
			if len(z.hosts) == 0 {
				queue = append(queue, z)
			}
			z.hosts = append(z.hosts, at[k])
		}
		at[k].tasks = append(at[k].tasks, t)
	}
	for _, z := range queue {
		heap.Init(&z.hosts)
	}
	heap.Init(&queue)
	return queue
}

// before orders instances: those with most tasks first, then by their youngest.
func (h *host) before(o *host) bool {
	a, b := h.tasks[len(h.tasks)-1], o.tasks[len(o.tasks)-1]
	return cmp.Or(cmp.Compare(o.count, h.count), b.Since.Compare(a.Since), strings.Compare(a.ID, b.ID)) < 0
}

// hosts is a heap of a zone's instances.
type hosts []*host

func (q hosts) Len() int           { return len(q) }
func (q hosts) Less(i, j int) bool { return q[i].before(q[j]) }
func (q hosts) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *hosts) Push(x any)        { *q = append(*q, x.(*host)) }
func (q *hosts) Pop() any          { return pop((*[]*host)(q)) }

// zones is a heap of zones, the fullest first.
type zones []*zone

func (q zones) Len() int { return len(q) }
func (q zones) Less(i, j int) bool {
	if q[i].count != q[j].count {
		return q[i].count > q[j].count
	}
	return q[i].hosts[0].before(q[j].hosts[0])
}
func (q zones) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *zones) Push(x any)   { *q = append(*q, x.(*zone)) }
func (q *zones) Pop() any     { return pop((*[]*zone)(q)) }

func pop[T any](q *[]T) T {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}
