package balancer_test

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// unchecked is a group whose targets all get requests, whatever they are.
func unchecked(id string, targets ...string) balancer.TargetGroup {
	g := group(id, targets...)
	g.HealthCheck = balancer.HealthCheck{Disabled: true}
	return g
}

// gone is an address that refuses connections.
func gone(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// mute is a target that reads a request's head and closes.
func mute(t *testing.T, heard *atomic.Int64) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				heard.Add(1)
			}
			c.Close()
		}
	}()
	return l.Addr().String()
}

func ask(t *testing.T, r *rig, method, body string) int {
	t.Helper()
	req, err := http.NewRequest(method, "http://a.b/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.client("http").Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// A target that cannot be reached costs nothing while another can.
func TestAnUnreachableTargetCostsNoRequest(t *testing.T) {
	large := strings.Repeat("x", 100<<10)
	r := newRig(t, one(plain(forward("g")), unchecked("g", gone(t), server(t, says("ok")), gone(t))))
	for _, method := range []string{"GET", "POST", "PUT"} {
		for _, body := range []string{"", "small", large} {
			for range 3 {
				if got := ask(t, r, method, body); got != 200 {
					t.Errorf("%s with %d bytes: %d", method, len(body), got)
				}
			}
		}
	}
}

func TestAnUnreachableHTTP2TargetCostsNoRequest(t *testing.T) {
	g := unchecked("g", gone(t), server2(t, http.HandlerFunc(says("ok"))), gone(t))
	g.Version = balancer.HTTP2
	config := secure(forward("g"), issue(t, "c", ecKey(t), time.Hour, "a.b"))
	config.TargetGroups = []balancer.TargetGroup{g}
	client := newRig(t, config).h2client()
	for _, body := range []string{"", "small", strings.Repeat("x", 100<<10)} {
		for range 3 {
			resp, err := client.Post("https://a.b/", "text/plain", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("POST with %d bytes: %d", len(body), resp.StatusCode)
			}
		}
	}
}

// What a target may have seen goes to one more, and only if it is safe.
func TestATargetThatClosesWithoutAnAnswer(t *testing.T) {
	var heard atomic.Int64
	for _, c := range []struct {
		method, body string
		status       int
		heard        int64
	}{
		{"GET", "", 502, 2},
		{"HEAD", "", 502, 2},
		{"DELETE", "", 502, 1},
		{"POST", "", 502, 1},
		{"PUT", "small", 502, 1},
	} {
		t.Run(c.method, func(t *testing.T) {
			heard.Store(0)
			r := newRig(t, one(plain(forward("g")), unchecked("g", mute(t, &heard), mute(t, &heard), mute(t, &heard))))
			if got := ask(t, r, c.method, c.body); got != c.status || heard.Load() != c.heard {
				t.Errorf("%d after %d targets, not %d after %d", got, heard.Load(), c.status, c.heard)
			}
		})
	}
	r := newRig(t, one(plain(forward("g")), unchecked("g", mute(t, &heard), server(t, says("ok")))))
	for range 4 {
		if got := ask(t, r, "GET", ""); got != 200 {
			t.Errorf("a GET with a live target beside: %d", got)
		}
	}
}

// The claim goes with the exchange: every target can drain afterwards.
func TestATargetThatWasTriedInVainDrains(t *testing.T) {
	g := unchecked("g", gone(t), server(t, says("ok")))
	r := newRig(t, one(plain(forward("g")), g))
	for range 4 {
		ask(t, r, "GET", "")
	}
	r.entry(3) // a request is logged after its target was released
	for _, h := range r.bal.Health() {
		if h.InFlight != 0 {
			t.Errorf("%s is left with %d claims", h.Target, h.InFlight)
		}
	}
}
