package balancer_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// rig is a balancer under test with what it told.
type rig struct {
	t   *testing.T
	bal *balancer.Balancer

	mu      sync.Mutex
	seen    []balancer.TargetHealth
	entries []balancer.Entry
	changed chan struct{} // closed and renewed when something was told
}

// newRig starts a balancer that ends, with nothing left behind, with the test.
func newRig(t *testing.T, config balancer.Config, options ...func(*balancer.Options)) *rig {
	t.Helper()
	r := &rig{t: t, changed: make(chan struct{})}
	o := balancer.Options{
		Observe: func(h []balancer.TargetHealth) {
			r.tell(func() { r.seen = append(r.seen, h...) })
		},
		AccessLog: func(e balancer.Entry) {
			r.tell(func() { r.entries = append(r.entries, e) })
		},
		CookieKey: []byte("a key for tests"),
		Log:       slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range options {
		f(&o)
	}
	r.bal = balancer.New(o)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := r.bal.Close(ctx); err != nil {
			t.Errorf("closing the balancer: %v", err)
		}
		checkLeaks(t)
	})
	r.apply(config)
	return r
}

// checkLeaks fails when a goroutine of the package outlives Close. Functions that
// a context's end sets off may still be on their last lines.
func checkLeaks(t *testing.T) {
	var left []string
	for range 500 {
		if left = ownGoroutines(); len(left) == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("goroutines outlive Close:\n%s", strings.Join(left, "\n\n"))
}

func ownGoroutines() (own []string) {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for g := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(g, "engine/balancer.") && !strings.Contains(g, "balancer_test.") {
			own = append(own, g)
		}
	}
	return own
}

func (r *rig) tell(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *rig) apply(c balancer.Config) {
	r.t.Helper()
	for i := range c.LoadBalancers {
		c.LoadBalancers[i].AccessLog = "log"
	}
	if err := r.bal.Apply(c); err != nil {
		r.t.Fatalf("apply: %v", err)
	}
}

// until waits for what was told to satisfy a condition.
func (r *rig) until(what string, met func() bool) {
	r.t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		r.mu.Lock()
		ok, changed := met(), r.changed
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			r.t.Fatalf("waited in vain for %s; seen: %+v", what, r.seen)
		}
	}
}

// untilState waits until a target has been seen in a state.
func (r *rig) untilState(target string, state balancer.State) balancer.TargetHealth {
	r.t.Helper()
	var found balancer.TargetHealth
	r.until(target+" to be "+string(state), func() bool {
		for _, h := range r.seen {
			if h.Target == target {
				found = h
			}
		}
		return found.State == state
	})
	return found
}

// entry waits for the nth entry of the access log.
func (r *rig) entry(n int) balancer.Entry {
	r.t.Helper()
	r.until("an access log entry", func() bool { return len(r.entries) > n })
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entries[n]
}

func (r *rig) addr(listener string) string { return r.bal.Addresses()[listener].String() }

// client returns an HTTP client whose every connection goes to a listener.
func (r *rig) client(listener string) *http.Client {
	tr := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, r.addr(listener))
		},
	}
	r.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{
		Transport:     tr,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// get asks a listener for a URL and returns the answer with its body read.
func (r *rig) get(listener, url string, headers ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	return r.do(listener, req)
}

func (r *rig) do(listener string, req *http.Request) (*http.Response, string) {
	r.t.Helper()
	resp, err := r.client(listener).Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatalf("reading the answer: %v", err)
	}
	return resp, string(body)
}

// server starts a target and returns its address.
func server(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// says answers every request with a text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

// group makes a target group whose targets are called t0, t1 …
func group(id string, addresses ...string) balancer.TargetGroup {
	g := balancer.TargetGroup{ID: id, HealthCheck: balancer.HealthCheck{Interval: 5 * time.Second, Timeout: 2 * time.Second}}
	for i, a := range addresses {
		g.Targets = append(g.Targets, balancer.Target{ID: "t" + string(rune('0'+i)), Address: a})
	}
	return g
}

func forward(groups ...string) balancer.Action {
	f := &balancer.Forward{}
	for _, g := range groups {
		f.Groups = append(f.Groups, balancer.WeightedGroup{Group: g, Weight: 1})
	}
	return balancer.Action{Forward: f}
}

func fixed(text string) balancer.Action {
	return balancer.Action{FixedResponse: &balancer.FixedResponse{Status: 200, ContentType: "text/plain", Body: text}}
}

// plain is a load balancer with one HTTP listener, called http, on port 80.
func plain(def balancer.Action, rules ...balancer.Rule) balancer.LoadBalancer {
	return balancer.LoadBalancer{
		ID: "lb", Name: "app/lb/0123456789abcdef", DNSName: "lb-1.example.elb.amazonaws.com",
		Listeners: []balancer.Listener{{
			ID: "http", Protocol: balancer.HTTP, Port: 80, Bind: "127.0.0.1:0", Default: def, Rules: rules,
		}},
	}
}

// one is a configuration of one load balancer.
func one(lb balancer.LoadBalancer, groups ...balancer.TargetGroup) balancer.Config {
	return balancer.Config{LoadBalancers: []balancer.LoadBalancer{lb}, TargetGroups: groups}
}
