package iam

import (
	"sync"
	"sync/atomic"
)

// cache keeps what was made from rows, as long as there is not too much of it;
// then it forgets all and begins anew, since what is in use comes back with the
// next request. Whether an entry is still good is for its user to tell.
type cache[V any] struct {
	entries sync.Map
	n       atomic.Int64
}

// cached is how many entries a cache keeps.
const cached = 16384

func (c *cache[V]) get(id string) (v V, ok bool) {
	if found, ok := c.entries.Load(id); ok {
		return found.(V), true
	}
	return v, false
}

func (c *cache[V]) put(id string, v V) {
	if _, had := c.entries.Swap(id, v); !had && c.n.Add(1) > cached {
		c.entries.Clear()
		c.n.Store(0)
	}
}

func (c *cache[V]) drop(id string) {
	if _, had := c.entries.LoadAndDelete(id); had {
		c.n.Add(-1)
	}
}
