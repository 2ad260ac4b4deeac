package balancer_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// history tells what was seen of a target, with the time since start.
func (r *rig) history(target string, start time.Time) (out []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.seen {
		if h.Target == target {
			out = append(out, fmt.Sprintf("%v %s %s %s", h.At.Sub(start), h.State, h.Reason, h.Description))
		}
	}
	return out
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("seen\n%q\nnot\n%q", got, want)
	}
}

const (
	registering = "0s initial Elb.RegistrationInProgress Target registration is in progress"
	checking    = "0s initial Elb.InitialHealthChecking Initial health checks in progress"
)

func TestHealthOverTime(t *testing.T) {
	bubble := func(name string, f func(t *testing.T, net *memnet)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { f(t, newMemnet()) }) })
	}
	bubble("healthy at the first pass", func(t *testing.T, net *memnet) {
		start := time.Now()
		r := newRig(t, one(plain(forward("g")), group("g", net.server(t, says("ok")))), net.options)
		synctest.Wait()
		expect(t, r.history("t0", start), registering, checking, "0s healthy  ")
	})
	bubble("AWS's defaults", func(t *testing.T, net *memnet) {
		var status atomic.Int32
		status.Store(503)
		addr := net.server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(int(status.Load())) }))
		g := group("g", addr)
		g.HealthCheck = balancer.HealthCheck{}
		start := time.Now()
		r := newRig(t, one(plain(forward("g")), g), net.options)
		time.Sleep(45 * time.Second) // failed at 0 and 30 s
		status.Store(200)
		time.Sleep(5 * time.Minute) // passes from 60 s on: the fifth at 180 s
		expect(t, r.history("t0", start), registering, checking,
			"30s unhealthy Target.ResponseCodeMismatch Health checks failed with these codes: [503]",
			"3m0s healthy  ")
	})
	bubble("a target that does not answer", func(t *testing.T, net *memnet) {
		addr := net.server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		g := group("g", addr)
		g.HealthCheck = balancer.HealthCheck{}
		start := time.Now()
		r := newRig(t, one(plain(forward("g")), g), net.options)
		time.Sleep(40 * time.Second)
		expect(t, r.history("t0", start), registering, checking, "35s unhealthy Target.Timeout Request timed out")
	})
	bubble("a target that is not there", func(t *testing.T, net *memnet) {
		start := time.Now()
		r := newRig(t, one(plain(forward("g")), group("g", "10.0.0.9:80")), net.options)
		time.Sleep(6 * time.Second)
		expect(t, r.history("t0", start), registering, checking, "5s unhealthy Target.FailedHealthChecks Health checks failed")
	})
	bubble("until the first pass a check may be repeated sooner", func(t *testing.T, net *memnet) {
		var up atomic.Bool
		addr := net.server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !up.Load() {
				w.WriteHeader(500)
			}
		}))
		g := group("g", addr)
		g.HealthCheck = balancer.HealthCheck{Interval: 30 * time.Second, FirstPass: 200 * time.Millisecond}
		start := time.Now()
		r := newRig(t, one(plain(forward("g")), g), net.options)
		time.Sleep(time.Second + time.Millisecond)
		up.Store(true)
		time.Sleep(time.Second)
		expect(t, r.history("t0", start), registering, checking, "1.2s healthy  ")
		up.Store(false) // from now on at AWS's cadence: checks at 30 and 60 s fail
		time.Sleep(2 * time.Minute)
		expect(t, r.history("t0", start)[3:], "1m0s unhealthy Target.ResponseCodeMismatch Health checks failed with these codes: [500]")
	})
	bubble("repeated checks count as one failure an interval", func(t *testing.T, net *memnet) {
		g := group("g", "10.0.0.9:80")
		g.HealthCheck = balancer.HealthCheck{Interval: 30 * time.Second, FirstPass: 200 * time.Millisecond}
		start := time.Now()
		r := newRig(t, one(plain(forward("g")), g), net.options)
		time.Sleep(2 * time.Minute)
		expect(t, r.history("t0", start), registering, checking, "59.8s unhealthy Target.FailedHealthChecks Health checks failed")
	})
	bubble("a group that no rule uses is not checked", func(t *testing.T, net *memnet) {
		start := time.Now()
		g := group("g", net.server(t, says("ok")))
		r := newRig(t, one(plain(fixed("")), g), net.options)
		time.Sleep(time.Hour)
		expect(t, r.history("t0", start), "0s unused Target.NotInUse Target group is not configured to receive traffic from the load balancer")
		r.apply(one(plain(forward("g")), g))
		synctest.Wait()
		if h := r.untilState("t0", balancer.Healthy); h.At.Sub(start) != time.Hour {
			t.Errorf("seen %+v", h)
		}
		r.apply(one(plain(fixed("")), g))
		r.untilState("t0", balancer.Unused)
	})
	bubble("checks that are disabled", func(t *testing.T, net *memnet) {
		g := group("g", net.server(t, says("ok")))
		g.HealthCheck.Disabled = true
		start := time.Now()
		r := newRig(t, one(plain(forward("g")), g), net.options)
		time.Sleep(time.Minute)
		expect(t, r.history("t0", start), "0s unavailable Target.HealthCheckDisabled Health checks are disabled")
		if got := fetch(t, net.client(t, r), "http://a.b/"); got != "ok" {
			t.Errorf("got %q", got)
		}
	})
	bubble("draining stays draining until the deadline, idle or not", func(t *testing.T, net *memnet) {
		g := group("g", net.server(t, says("ok")))
		start := time.Now()
		r := newRig(t, one(plain(forward("g")), g), net.options)
		synctest.Wait()
		g.Targets[0].DrainUntil = start.Add(5 * time.Minute)
		r.apply(one(plain(forward("g")), g))
		synctest.Wait()
		if h := r.bal.Health(); len(h) != 1 || h[0].State != balancer.Draining || !h[0].Drained {
			t.Errorf("now %+v", h)
		}
		time.Sleep(5*time.Minute - time.Nanosecond)
		if h := r.bal.Health(); len(h) != 1 || h[0].State != balancer.Draining {
			t.Errorf("just before the deadline %+v", h)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		expect(t, r.history("t0", start)[3:],
			"0s draining Target.DeregistrationInProgress Target deregistration is in progress",
			"5m0s unused Target.NotRegistered Target is not registered to the target group")
		if h := r.bal.Health(); len(h) != 0 {
			t.Errorf("after the deadline %+v", h)
		}
	})
	bubble("registering again begins anew", func(t *testing.T, net *memnet) {
		g := group("g", net.server(t, says("ok")))
		r := newRig(t, one(plain(forward("g")), g), net.options)
		synctest.Wait()
		g.Targets[0].DrainUntil = time.Now().Add(5 * time.Minute)
		r.apply(one(plain(forward("g")), g))
		time.Sleep(time.Minute)
		g.Targets[0].DrainUntil = time.Time{}
		start := time.Now()
		r.apply(one(plain(forward("g")), g))
		time.Sleep(10 * time.Minute)
		expect(t, r.history("t0", start)[4:], registering, checking, "0s healthy  ")
		if h := r.bal.Health(); len(h) != 1 || h[0].State != balancer.Healthy {
			t.Errorf("now %+v", h)
		}
	})
	bubble("settings change for targets that stay", func(t *testing.T, net *memnet) {
		var path atomic.Value
		addr := net.server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { path.Store(r.URL.Path) }))
		g := group("g", addr)
		r := newRig(t, one(plain(forward("g")), g), net.options)
		synctest.Wait()
		g.HealthCheck.Path = "/other"
		r.apply(one(plain(forward("g")), g))
		synctest.Wait()
		if path.Load() != "/other" {
			t.Errorf("checked at %v", path.Load())
		}
		if h := r.bal.Health(); h[0].State != balancer.Healthy {
			t.Errorf("now %+v", h)
		}
	})
}

func TestHealthCheckRequest(t *testing.T) {
	got := make(chan *http.Request, 10)
	conns := make(chan string, 10)
	addr := server(t, func(w http.ResponseWriter, r *http.Request) {
		got <- r
		conns <- r.RemoteAddr
	})
	g := group("g", addr)
	g.HealthCheck.Path = "/ready?x=1"
	r := newRig(t, one(plain(forward("g")), g))
	r.untilState("t0", balancer.Healthy)
	req := <-got
	if req.Method != "GET" || req.RequestURI != "/ready?x=1" || req.Host != addr || req.Header.Get("User-Agent") != "ELB-HealthChecker/2.0" || !req.Close {
		t.Errorf("checked with %+v", req)
	}
	g.HealthCheck.Matcher = "404"
	r.apply(one(plain(forward("g")), g))
	<-got
	if first, second := <-conns, <-conns; first == second {
		t.Error("two checks share a connection")
	}
	if len(r.entries) != 0 {
		t.Error("a health check is in the access log")
	}
}

func TestHealthCheckOnAnotherPort(t *testing.T) {
	health := server(t, says("ok"))
	g := group("g", server(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }))
	fmt.Sscanf(health, "127.0.0.1:%d", &g.HealthCheck.Port)
	r := newRig(t, one(plain(forward("g")), g))
	r.untilState("t0", balancer.Healthy)
}

// All targets unhealthy: requests go to all of them.
func TestFailOpen(t *testing.T) {
	sick := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/health" {
				w.WriteHeader(500)
				return
			}
			w.Write([]byte(name))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		net := newMemnet()
		g := group("g", net.server(t, sick("t0")), net.server(t, sick("t1")), net.server(t, says("t2")))
		g.HealthCheck.Path = "/health"
		r := newRig(t, one(plain(forward("g")), g), net.options)
		time.Sleep(time.Minute)
		count := func(n int) map[string]int {
			out, client := map[string]int{}, net.client(t, r)
			for range n {
				out[fetch(t, client, "http://a.b/x")]++
			}
			return out
		}
		if got := count(6); got["t2"] != 6 {
			t.Errorf("with one healthy target requests go to %v", got)
		}
		g.MinHealthy = 2
		r.apply(one(plain(forward("g")), g))
		if got := count(6); len(got) != 3 {
			t.Errorf("with fewer healthy than the minimum requests go to %v", got)
		}
		g.MinHealthy, g.MinHealthyPercent = 1, 50
		r.apply(one(plain(forward("g")), g))
		if got := count(6); len(got) != 3 {
			t.Errorf("with a smaller part healthy than the minimum requests go to %v", got)
		}
		g.MinHealthyPercent = 0
		g.Targets = g.Targets[:2]
		r.apply(one(plain(forward("g")), g))
		if got := count(6); got["t0"] != 3 || got["t1"] != 3 {
			t.Errorf("with no healthy target requests go to %v", got)
		}
	})
}
