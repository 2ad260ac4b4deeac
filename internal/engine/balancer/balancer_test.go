package balancer_test

import (
	"net/http"
	"testing"
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
