package balancer_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

func TestForwardsToAHealthyTarget(t *testing.T) {
	r := newRig(t, one(plain(forward("g")), group("g", server(t, says("hello")))))
	r.untilState("t0", balancer.Healthy)
	resp, body := r.get("http", "http://www.example.com/")
	if resp.StatusCode != 200 || body != "hello" {
		t.Fatalf("got %d %q", resp.StatusCode, body)
	}
	e := r.entry(0)
	if e.Status != 200 || e.TargetStatus != 200 || e.Actions != "forward" || e.TargetGroup != "g" {
		t.Errorf("entry %+v", e)
	}
}

func TestNoTargetIsUnavailable(t *testing.T) {
	r := newRig(t, one(plain(forward("g")), group("g")))
	resp, body := r.get("http", "http://www.example.com/")
	want := "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n" +
		"<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n"
	if resp.StatusCode != 503 || body != want || resp.Header.Get("Server") != "awselb/2.0" {
		t.Fatalf("got %d %v %q", resp.StatusCode, resp.Header, body)
	}
}

func TestDrainingTargetFinishesItsRequests(t *testing.T) {
	inside, finish := make(chan bool), make(chan bool)
	old := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			inside <- true
			<-finish
			w.Write([]byte("old, slowly"))
			return
		}
		w.Write([]byte("old"))
	})
	g := group("g", old)
	r := newRig(t, one(plain(forward("g")), g))
	r.untilState("t0", balancer.Healthy)

	slow := make(chan string)
	go func() {
		_, body := r.get("http", "http://www.example.com/slow")
		slow <- body
	}()
	<-inside
	g.Targets[0].DrainUntil = time.Now().Add(time.Hour)
	g.Targets = append(g.Targets, balancer.Target{ID: "t1", Address: server(t, says("new"))})
	r.apply(one(plain(forward("g")), g))
	if h := r.untilState("t0", balancer.Draining); h.InFlight != 1 || h.Drained {
		t.Errorf("the draining target is seen as %+v", h)
	}
	for range 5 {
		if _, body := r.get("http", "http://www.example.com/"); body != "new" {
			t.Fatalf("a draining target got a new request: %q", body)
		}
	}
	close(finish)
	if body := <-slow; body != "old, slowly" {
		t.Errorf("the request under way got %q", body)
	}
	r.until("t0 to be drained", func() bool {
		last := r.seen[len(r.seen)-1]
		return last.Target == "t0" && last.Drained && last.State == balancer.Draining
	})
}

func TestDrainDeadlineCutsWhatIsUnderWay(t *testing.T) {
	inside := make(chan bool)
	addr := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			inside <- true
			<-r.Context().Done()
		}
	})
	g := group("g", addr)
	r := newRig(t, one(plain(forward("g")), g))
	r.untilState("t0", balancer.Healthy)
	got := make(chan int)
	go func() {
		resp, _ := r.get("http", "http://www.example.com/slow")
		got <- resp.StatusCode
	}()
	<-inside
	g.Targets[0].DrainUntil = time.Now().Add(100 * time.Millisecond)
	r.apply(one(plain(forward("g")), g))
	if code := <-got; code != 502 {
		t.Errorf("the client got %d, not 502", code)
	}
	if h := r.untilState("t0", balancer.Unused); h.Reason != balancer.NotRegistered || !h.Drained {
		t.Errorf("seen as %+v", h)
	}
}

// A target that leaves the configuration without draining loses its requests.
func TestRemovedTargetIsCut(t *testing.T) {
	for name, without := range map[string]func(balancer.TargetGroup) balancer.Config{
		"the target": func(g balancer.TargetGroup) balancer.Config {
			g.Targets = nil
			return one(plain(forward("g")), g)
		},
		"the group": func(balancer.TargetGroup) balancer.Config { return one(plain(fixed("no group"))) },
	} {
		t.Run(name, func(t *testing.T) {
			inside := make(chan bool)
			g := group("g", server(t, slowly(inside, nil)))
			r := newRig(t, one(plain(forward("g")), g))
			r.untilState("t0", balancer.Healthy)
			got := make(chan int)
			go func() {
				resp, _ := r.get("http", "http://a.b/slow")
				got <- resp.StatusCode
			}()
			<-inside
			r.apply(without(g))
			if code := <-got; code != 502 {
				t.Errorf("the client got %d", code)
			}
			r.untilState("t0", balancer.Unused)
		})
	}
}

// The same name at another address is another target: the old one finishes.
func TestTargetThatMoves(t *testing.T) {
	inside, finish := make(chan bool), make(chan bool)
	g := group("g", server(t, slowly(inside, finish)))
	r := newRig(t, one(plain(forward("g")), g))
	r.untilState("t0", balancer.Healthy)
	got := make(chan string)
	go func() {
		_, body := r.get("http", "http://a.b/slow")
		got <- body
	}()
	<-inside
	g.Targets[0].Address = server(t, says("moved"))
	r.apply(one(plain(forward("g")), g))
	if _, body := r.get("http", "http://a.b/slow"); body != "moved" {
		t.Errorf("a new request got %q", body)
	}
	close(finish)
	if body := <-got; body != "done" {
		t.Errorf("the request under way got %q", body)
	}
	if h := r.bal.Health(); len(h) != 1 || h[0].Address != g.Targets[0].Address {
		t.Errorf("now %+v", h)
	}
}

// Who observes slowly is told everything, in order, and holds nobody up.
func TestObserverThatIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemnet()
		addr := net.server(t, says("ok"))
		var batches [][]balancer.TargetHealth
		r := newRig(t, one(plain(forward("g")), group("g", addr)), net.options, func(o *balancer.Options) {
			o.Observe = func(h []balancer.TargetHealth) {
				batches = append(batches, h)
				time.Sleep(time.Hour)
			}
		})
		g := group("g", addr)
		for i := range 3 {
			time.Sleep(time.Minute)
			g.Targets[0] = balancer.Target{ID: fmt.Sprint("n", i), Address: addr}
			r.apply(one(plain(forward("g")), g))
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		var states []string
		for _, b := range batches {
			for _, h := range b {
				states = append(states, h.Target+" "+string(h.State))
			}
		}
		if len(batches) != 2 {
			t.Errorf("told in %d batches", len(batches))
		}
		want := "[t0 initial t0 initial t0 healthy t0 unused n0 initial n0 initial n0 healthy n0 unused n1 initial n1 initial n1 healthy n1 unused n2 initial n2 initial n2 healthy]"
		if got := fmt.Sprint(states); got != want {
			t.Errorf("told %s", got)
		}
	})
}

// An answer without end stops when its client leaves.
func TestClientThatLeavesDuringAnAnswer(t *testing.T) {
	left := make(chan bool)
	addr := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			return
		}
		defer close(left)
		for {
			if _, err := w.Write(make([]byte, 1000)); err != nil {
				return
			}
		}
	})
	r := newRig(t, one(plain(forward("g")), group("g", addr)))
	w := r.wire("http")
	w.send("GET /endless HTTP/1.1\r\nHost: a.b\r\n\r\n")
	if _, err := w.in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	w.conn.Close()
	<-left
	if e := r.entry(0); e.Status != 200 {
		t.Errorf("entry %+v", e)
	}
}
