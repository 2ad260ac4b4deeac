package balancer

import "sync"

// observer hands observations to its function in the order they were made, in
// batches, from one goroutine; who observes slowly holds nobody up.
type observer struct {
	mu      sync.Mutex
	pending []TargetHealth
	closed  bool
	wake    chan struct{}
	to      func([]TargetHealth)
}

func newObserver(to func([]TargetHealth)) *observer {
	return &observer{wake: make(chan struct{}, 1), to: to}
}

func (o *observer) add(h TargetHealth) {
	if o.to == nil {
		return
	}
	o.mu.Lock()
	if !o.closed {
		o.pending = append(o.pending, h)
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// close makes the observer deaf: that a balancer ends is nothing its targets did.
func (o *observer) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
}

// run delivers until stop, and then what is left.
func (o *observer) run(stop <-chan struct{}) {
	for {
		select {
		case <-o.wake:
			o.deliver()
		case <-stop:
			o.deliver()
			return
		}
	}
}

func (o *observer) deliver() {
	o.mu.Lock()
	batch := o.pending
	o.pending = nil
	o.mu.Unlock()
	if len(batch) > 0 {
		o.to(batch)
	}
}
