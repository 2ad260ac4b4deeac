package release

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// What an unhealthy target answers is asked while it is there, once, and of no
// target of another rollout.
func TestListenAsksWhatIsUnhealthy(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.WriteHeader(http.StatusInternalServerError)
		w.Write([]byte("no database at " + r.URL.Path + "\n" + strings.Repeat("x", 1000)))
	}))
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	f := follower{svc: &slipway.Service{Protocol: "http", Health: slipway.Health{Path: "/healthz", Interval: 5 * time.Second}}, door: Door{Instance: "127.0.0.1"}}
	target := slipway.Target{ID: "i-1:" + port, State: "initial"}
	p := &slipway.Progress{Old: 1, Targets: []slipway.Target{target}}
	now := time.Now()
	look := func(after time.Duration) {
		t.Helper()
		f.listen(context.Background(), p, now.Add(after))
	}
	look(time.Hour)
	if asked != 0 {
		t.Error("another rollout's target was asked")
	}
	p.Tasks = []slipway.Task{running("a", ":"+port)}
	look(0)
	if asked != 0 {
		t.Error("a target was asked before the load balancer asked it")
	}
	look(6 * time.Second)
	p.Targets[0].State = "unhealthy"
	look(7 * time.Second)
	if asked != 1 {
		t.Errorf("the target was asked %d times", asked)
	}
	if want := "\n│ it answers 500 Internal Server Error\n│ no database at /healthz\n│ xxx"; !strings.HasPrefix(f.heard.text, want) || len(f.heard.text) > 500 {
		t.Errorf("heard %q", f.heard.text)
	}
}

// Where a target cannot be reached from here, and nothing older serves, the host
// is asked.
func TestListenAsksTheHost(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "nothing at "+r.Host, http.StatusNotFound) }))
	defer s.Close()
	f := follower{svc: &slipway.Service{Protocol: "http", Hosts: []string{"web.slipway.test"}, Health: slipway.Health{Path: "/"}}, door: Door{Address: s.Listener.Addr().String()}}
	p := &slipway.Progress{Old: 1, Tasks: []slipway.Task{running("a", ":1")}, Targets: []slipway.Target{{ID: "i-1:1", State: "unhealthy"}}}
	f.listen(context.Background(), p, time.Now())
	if f.heard.text != "" {
		t.Errorf("the old version was asked: %q", f.heard.text)
	}
	p.Old = 0
	f.listen(context.Background(), p, time.Now())
	if want := "\n│ it answers 404 Not Found\n│ nothing at web.slipway.test"; f.heard.text != want {
		t.Errorf("heard %q", f.heard.text)
	}
}
