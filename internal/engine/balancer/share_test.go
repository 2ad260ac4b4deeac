package balancer_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// shared makes load balancers whose listeners share a bind address; each answers
// with its own name unless a rule does.
func shared(bind string, lbs ...balancer.LoadBalancer) balancer.Config {
	for i := range lbs {
		lbs[i].ID = "lb" + lbs[i].Name
		for j := range lbs[i].Listeners {
			l := &lbs[i].Listeners[j]
			l.ID, l.Protocol, l.Port, l.Bind = "http"+lbs[i].Name, balancer.HTTP, 80, bind
			l.Default = fixed(lbs[i].Name)
		}
	}
	return balancer.Config{LoadBalancers: lbs}
}

func lb(name, dns string, hosts ...string) balancer.LoadBalancer {
	l := balancer.Listener{}
	for i, h := range hosts {
		l.Rules = append(l.Rules, balancer.Rule{Priority: i + 1, Conditions: []balancer.Condition{host(h), path("/rule")}, Action: fixed(name + " " + h)})
	}
	return balancer.LoadBalancer{Name: name, DNSName: dns, Listeners: []balancer.Listener{l}}
}

// freePort finds a port that nobody listens on.
func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestSharedSocketPicksByHost(t *testing.T) {
	r := newRig(t, shared(freePort(t),
		lb("old", "old.elb.amazonaws.com", "*.example.com", "both.org"),
		lb("new", "new.elb.amazonaws.com", "api.example.com", "*.dev.example.com", "both.org", "old.elb.amazonaws.com"),
	))
	for url, want := range map[string]string{
		"http://old.elb.amazonaws.com/":    "old",
		"http://NEW.elb.amazonaws.com:80/": "new",
		"http://www.example.com/":          "old", // by its rule for *.example.com
		"http://api.example.com/":          "new", // exact before wildcard
		"http://x.dev.example.com/":        "new", // longer before shorter
		"http://both.org/":                 "old", // the older of equals
		"http://unknown.org/":              "old", // the oldest
		"http://api.example.com/rule":      "new api.example.com",
	} {
		if _, body := r.get("httpold", url); body != want {
			t.Errorf("%s went to %q, not %q", url, body, want)
		}
	}
	if a, b := r.addr("httpold"), r.addr("httpnew"); a != b {
		t.Errorf("the listeners are at %s and %s", a, b)
	}
	if e := r.entry(0); !strings.HasPrefix(e.ListenerID, "http") || e.LoadBalancer != strings.TrimPrefix(e.ListenerID, "http") {
		t.Errorf("entry %+v", e)
	}
}

func TestSharedSocketPicksCertificateByServerName(t *testing.T) {
	a := issue(t, "a", ecKey(t), time.Hour, "www.a.org")
	b := issue(t, "b", ecKey(t), time.Hour, "*.b.org")
	bind := freePort(t)
	config := secure(fixed("a"), a)
	other := secure(fixed("b"), b)
	other.LoadBalancers[0].ID, other.LoadBalancers[0].Listeners[0].ID = "lb2", "https2"
	config.LoadBalancers = append(config.LoadBalancers, other.LoadBalancers...)
	config.Certificates = append(config.Certificates, other.Certificates...)
	for i := range config.LoadBalancers {
		config.LoadBalancers[i].Listeners[0].Bind = bind
	}
	r := newRig(t, config)
	for name, want := range map[string]string{"": "a", "www.a.org": "a", "x.b.org": "b", "unknown.org": "a"} {
		c := insecure()
		c.ServerName = name
		s, err := r.shake(c)
		if err != nil || s.PeerCertificates[0].Subject.CommonName != want {
			t.Errorf("for %q came %v, %v", name, s.PeerCertificates, err)
		}
	}
}

func TestHTTPAndHTTPSDoNotShare(t *testing.T) {
	config := secure(fixed("ok"), issue(t, "c", ecKey(t), time.Hour, "a.org"))
	lb := plain(fixed("ok"))
	lb.Listeners[0].Bind, config.LoadBalancers[0].Listeners[0].Bind = "127.0.0.1:8080", "127.0.0.1:8080"
	lb.ID = "lb2"
	config.LoadBalancers = append(config.LoadBalancers, lb)
	if err := balancer.New(balancer.Options{}).Apply(config); err == nil {
		t.Error("applied")
	}
}

func TestListenersComeAndGo(t *testing.T) {
	two := plain(fixed("one"))
	extra := two.Listeners[0]
	extra.ID, extra.Default = "http2", fixed("two")
	two.Listeners = append(two.Listeners, extra)
	r := newRig(t, one(plain(fixed("one"))))
	first := r.addr("http")
	r.apply(one(two))
	if r.addr("http") != first {
		t.Error("a listener that stays moved")
	}
	if _, body := r.get("http2", "http://a.b/"); body != "two" {
		t.Errorf("got %q", body)
	}
	gone := r.addr("http2")
	w := r.wire("http2")
	w.send("GET / HTTP/1.1\r\nHost: a.b\r\n\r\n")
	w.answer("GET")
	r.apply(one(plain(fixed("changed"))))
	if !w.closed() {
		t.Error("a connection outlives its listener")
	}
	if c, err := net.Dial("tcp", gone); err == nil {
		c.Close()
		t.Error("a listener that is gone still accepts")
	}
	if _, body := r.get("http", "http://a.b/"); body != "changed" {
		t.Errorf("got %q", body)
	}
}

func TestAPortThatIsTakenIsToldAndTriedAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := one(plain(fixed("ok")))
	config.LoadBalancers[0].Listeners[0].Bind = l.Addr().String()
	r := newRig(t, balancer.Config{})
	if err := r.bal.Apply(config); err == nil || !strings.Contains(err.Error(), "http") {
		t.Errorf("apply: %v", err)
	}
	l.Close()
	r.apply(config)
	if _, body := r.get("http", "http://a.b/"); body != "ok" {
		t.Errorf("got %q", body)
	}
}

// A client that no security group rule admits hears nothing.
func TestRefusedClientHearsNothing(t *testing.T) {
	for name, admit := range map[string][]netip.Prefix{
		"nobody is admitted": {},
		"others are":         {netip.MustParsePrefix("192.0.2.0/24")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				net := newMemnet()
				lb := plain(fixed("ok"))
				lb.Listeners[0].Admit = admit
				r := newRig(t, one(lb), net.options, func(o *balancer.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
				start := time.Now()
				w, other := net.wire(r), net.wire(r)
				w.send("GET / HTTP/1.1\r\nHost: a.b\r\n\r\n")
				if got, err := io.ReadAll(w.conn); len(got) > 0 || err != nil {
					t.Errorf("heard %q, %v", got, err)
				}
				if d := time.Since(start); d < 2*time.Minute {
					t.Errorf("let go after %v", d)
				}
				other.conn.Close()
				synctest.Wait()
				if n := strings.Count(log.String(), "no rule lets it in on TCP port 80"); n != 1 {
					t.Errorf("logged %d times: %s", n, &log)
				}
				if n := r.bal.Metrics().Listeners["http"].Refused; n != 2 {
					t.Errorf("counted %d", n)
				}
				lb.Listeners[0].Admit = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
				r.apply(one(lb))
				if got := fetch(t, net.client(t, r), "http://a.b/"); got != "ok" {
					t.Errorf("admitted, it got %q", got)
				}
			})
		})
	}
}

// On a shared socket it is the request that meets a listener which refuses it.
func TestRefusedOnASharedSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemnet()
		config := shared("127.0.0.1:8080", lb("open", "open.org"), lb("shut", "shut.org"))
		config.LoadBalancers[1].Listeners[0].Admit = []netip.Prefix{}
		config.LoadBalancers[0].Listeners[0].ID = "http"
		r := newRig(t, config, net.options)
		if got := fetch(t, net.client(t, r), "http://open.org/"); got != "open" {
			t.Errorf("got %q", got)
		}
		w := net.wire(r)
		w.send("GET / HTTP/1.1\r\nHost: shut.org\r\n\r\n")
		if got, _ := io.ReadAll(w.conn); len(got) > 0 {
			t.Errorf("heard %q", got)
		}

		w = net.wire(r)
		w.send("GET / HTTP/1.1\r\nHost: shut.org\r\n\r\n")
		synctest.Wait()
		start := time.Now()
		if err := r.bal.Close(t.Context()); err != nil || time.Since(start) > 0 {
			t.Errorf("whoever hears nothing holds Close up for %v (%v)", time.Since(start), err)
		}
	})
}

// A target behind a closed security group: 504 and Target.Timeout, and the log
// says why once a minute.
func TestTargetBehindAnObstacle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		net := newMemnet()
		g := group("g", net.server(t, says("ok")))
		r := newRig(t, one(plain(forward("g")), g), net.options, func(o *balancer.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		client := net.client(t, r)
		fetch(t, client, "http://a.b/") // a connection is kept
		g.Targets[0].Obstacle, g.Targets[0].CheckObstacle = "sg-1 is shut", "sg-1 is shut"
		r.apply(one(plain(forward("g")), g))
		start := time.Now()
		if resp, _ := fetchAnswer(t, client, "http://a.b/"); resp.StatusCode != 504 || time.Since(start) != 10*time.Second {
			t.Errorf("got %d after %v", resp.StatusCode, time.Since(start))
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if h := r.bal.Health(); h[0].Reason != balancer.TargetTimeout {
			t.Errorf("seen as %+v", h)
		}
		if n := strings.Count(log.String(), "sg-1 is shut"); n < 5 || n > 6 {
			t.Errorf("logged %d times in five minutes: %s", n, &log)
		}
		g.Targets[0].Obstacle = ""
		r.apply(one(plain(forward("g")), g))
		if got := fetch(t, client, "http://a.b/"); got != "ok" {
			t.Errorf("opened, it said %q", got)
		}
		if h := r.bal.Health(); h[0].State != balancer.Unhealthy {
			t.Errorf("its checks get through: %+v", h)
		}
	})
}

func TestCloseLetsRequestsFinish(t *testing.T) {
	inside, finish := make(chan bool), make(chan bool)
	r := newRig(t, one(plain(forward("g")), group("g", server(t, slowly(inside, finish)))))
	got := make(chan string)
	go func() {
		_, body := r.get("http", "http://a.b/slow")
		got <- body
	}()
	<-inside
	closed := make(chan error)
	go func() { closed <- r.bal.Close(context.Background()) }()
	close(finish)
	if body := <-got; body != "done" {
		t.Errorf("got %q", body)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := r.bal.Apply(balancer.Config{}); err == nil {
		t.Error("a closed balancer applies")
	}
}

func TestCloseCutsWhatDoesNotFinish(t *testing.T) {
	inside := make(chan bool)
	r := newRig(t, one(plain(forward("g")), group("g", server(t, slowly(inside, nil)))))
	got := make(chan error)
	go func() {
		_, err := r.client("http").Get("http://a.b/slow")
		got <- err
	}()
	<-inside
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.bal.Close(ctx); err == nil {
		t.Error("Close says that all went well")
	}
	if err := <-got; err == nil {
		t.Error("answered")
	}
}
