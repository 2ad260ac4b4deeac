package balancer_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

func TestRoundRobin(t *testing.T) {
	r := newRig(t, one(plain(forward("g")), trio(t)))
	for _, n := range []string{"t0", "t1", "t2"} {
		r.untilState(n, balancer.Healthy)
	}
	client, n := r.client("http"), map[string]int{}
	for range 30 {
		n[fetch(t, client, "http://a.b/")]++
	}
	if n["t0"] != 10 || n["t1"] != 10 || n["t2"] != 10 {
		t.Errorf("shares %v", n)
	}
}

func TestWeightedRandomReachesAll(t *testing.T) {
	g := trio(t)
	g.Algorithm = balancer.WeightedRandom
	r := newRig(t, one(plain(forward("g")), g))
	for _, n := range []string{"t0", "t1", "t2"} {
		r.untilState(n, balancer.Healthy)
	}
	client, n := r.client("http"), map[string]int{}
	for range 90 {
		n[fetch(t, client, "http://a.b/")]++
	}
	if len(n) != 3 {
		t.Errorf("shares %v", n)
	}
}

func TestLeastOutstandingAvoidsTheBusy(t *testing.T) {
	inside, finish := make(chan bool), make(chan bool)
	h := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				inside <- true
				<-finish
			}
			w.Write([]byte(name))
		}
	}
	g := group("g", server(t, h("t0")), server(t, h("t1")), server(t, h("t2")))
	g.Algorithm = balancer.LeastOutstanding
	r := newRig(t, one(plain(forward("g")), g))
	for _, n := range []string{"t0", "t1", "t2"} {
		r.untilState(n, balancer.Healthy)
	}
	busy := make(chan string)
	for range 2 {
		go func() { busy <- fetch(t, r.client("http"), "http://a.b/slow") }()
		<-inside
	}
	client, n := r.client("http"), map[string]int{}
	for range 9 {
		n[fetch(t, client, "http://a.b/")]++
	}
	close(finish)
	delete(n, <-busy)
	delete(n, <-busy)
	if len(n) != 1 {
		t.Errorf("busy targets got requests; the idle one %v", n)
	}
}

func TestSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemnet()
		g := group("g", net.server(t, says("t0")))
		g.SlowStart = 100 * time.Second
		r := newRig(t, one(plain(forward("g")), g), net.options)
		synctest.Wait()
		share := func() float64 {
			client, n := net.client(t, r), 0
			for range 400 {
				if fetch(t, client, "http://a.b/") == "t1" {
					n++
				}
			}
			return float64(n) / 400
		}
		g.Targets = append(g.Targets, balancer.Target{ID: "t1", Address: net.server(t, says("t1"))})
		r.apply(one(plain(forward("g")), g))
		synctest.Wait()
		for _, c := range []struct {
			at       time.Duration
			from, to float64
		}{
			{0, 0, 0.03},                   // 1 % of its turns
			{50 * time.Second, 0.15, 0.35}, // half of its turns
			{101 * time.Second, 0.5, 0.5},  // all of them
		} {
			time.Sleep(c.at)
			if got := share(); got < c.from || got > c.to {
				t.Errorf("after %v more t1 gets %v of the requests", c.at, got)
			}
		}
	})
}

// The first targets of an empty group are not slow: there is nobody to spare them.
func TestSlowStartSkipsTheFirstBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemnet()
		g := group("g")
		g.SlowStart = 100 * time.Second
		r := newRig(t, one(plain(forward("g")), g), net.options)
		synctest.Wait()
		for i := range 2 {
			name := fmt.Sprint("t", i)
			g.Targets = append(g.Targets, balancer.Target{ID: name, Address: net.server(t, says(name))})
		}
		r.apply(one(plain(forward("g")), g))
		synctest.Wait()
		client, n := net.client(t, r), map[string]int{}
		for range 100 {
			n[fetch(t, client, "http://a.b/")]++
		}
		if n["t0"] != 50 || n["t1"] != 50 {
			t.Errorf("shares %v", n)
		}
	})
}
