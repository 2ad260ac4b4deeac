package capacity

import (
	"cmp"
	"slices"
	"strings"
)

// Load is what a task takes, or what an instance has; an ENI of 0 that an instance
// has is as many as there are tasks.
type Load struct {
	CPU, Memory, ENI int
	// Ports are host ports of a task.
	Ports []int
	// Alone is a task group of which an instance takes one task only.
	Alone string
}

// bin is a new instance with tasks.
type bin struct {
	Load
	ports map[int]bool
	alone map[string]bool
}

// Pack is how many new instances the tasks need, at most so many: the largest
// tasks go first, each to the first instance that has room. A task that is larger
// than an instance needs none, for none would help.
func Pack(tasks []Load, instance Load, most int) int {
	slices.SortFunc(tasks, func(a, b Load) int {
		return cmp.Or(cmp.Compare(b.Memory, a.Memory), cmp.Compare(b.CPU, a.CPU), cmp.Compare(b.ENI, a.ENI), strings.Compare(a.Alone, b.Alone), slices.Compare(a.Ports, b.Ports))
	})
	var bins []*bin
	// Where a task found no room its like finds none either.
	from := 0
	for i, t := range tasks {
		if i > 0 && !alike(tasks[i-1], t) {
			from = 0
		}
		for from < len(bins) && !bins[from].takes(t, instance) {
			from++
		}
		if from < len(bins) {
			bins[from].add(t)
			continue
		}
		fresh := &bin{ports: map[int]bool{}, alone: map[string]bool{}}
		if !fresh.takes(t, instance) {
			continue
		}
		if len(bins) >= most {
			return most
		}
		fresh.add(t)
		bins = append(bins, fresh)
	}
	return len(bins)
}

func alike(a, b Load) bool {
	return a.CPU == b.CPU && a.Memory == b.Memory && a.ENI == b.ENI && a.Alone == b.Alone && slices.Equal(a.Ports, b.Ports)
}

func (b *bin) takes(t, instance Load) bool {
	return b.CPU+t.CPU <= instance.CPU && b.Memory+t.Memory <= instance.Memory &&
		(instance.ENI == 0 || b.ENI+t.ENI <= instance.ENI) && !b.alone[t.Alone] &&
		!slices.ContainsFunc(t.Ports, func(p int) bool { return b.ports[p] })
}

func (b *bin) add(t Load) {
	b.CPU, b.Memory, b.ENI = b.CPU+t.CPU, b.Memory+t.Memory, b.ENI+t.ENI
	for _, p := range t.Ports {
		b.ports[p] = true
	}
	if t.Alone != "" {
		b.alone[t.Alone] = true
	}
}
