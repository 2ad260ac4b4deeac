package balancer_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// h2client is a client that speaks HTTP/2 to the https listener.
func (r *rig) h2client() *http.Client {
	tr := &http.Transport{
		Protocols: h2only(),
		DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return (&tls.Dialer{Config: h2config(addr)}).DialContext(ctx, network, r.addr("https"))
		},
	}
	r.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func h2only() *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP2(true)
	return p
}

// h2config is a client's TLS configuration for a host.
func h2config(addr string) *tls.Config {
	host, _, _ := net.SplitHostPort(addr)
	return &tls.Config{ServerName: host, NextProtos: []string{"h2"}, InsecureSkipVerify: true}
}

// server2 is a target that speaks HTTP/2 without TLS.
func server2(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	s := &http.Server{Handler: h, Protocols: &protocols}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

func TestHTTP2ClientToHTTP1Target(t *testing.T) {
	config := secure(forward("g"), issue(t, "c", ecKey(t), time.Hour, "www.example.com"))
	var first string
	var sameConn = true
	config.TargetGroups = []balancer.TargetGroup{group("g", server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("User-Agent") == "ELB-HealthChecker/2.0" {
			return
		}
		if first == "" {
			first = r.RemoteAddr
		}
		sameConn = sameConn && first == r.RemoteAddr
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Proto", r.Proto)
		w.Write(append([]byte(r.Host+" "+r.RequestURI+" "), body...))
	}))}
	r := newRig(t, config)
	r.untilState("t0", balancer.Healthy)
	client := r.h2client()
	for i, send := range []string{"", "hello", strings.Repeat("x", 100_000)} {
		resp, err := client.Post("https://www.example.com/a?b", "text/plain", strings.NewReader(send))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.Proto != "HTTP/2.0" || resp.Header.Get("X-Proto") != "HTTP/1.1" {
			t.Errorf("answer %v %v %v", resp.Proto, resp.Header, err)
		}
		if want := "www.example.com /a?b " + send; string(body) != want {
			t.Errorf("body %.60q, want %.60q", body, want)
		}
		if e := r.entry(i); e.Type != "h2" || !strings.HasSuffix(e.Request, "HTTP/2.0") {
			t.Errorf("entry %+v", e)
		}
	}
	if !sameConn {
		t.Error("the target's connection is not reused")
	}
}

func TestHTTP2CanBeTurnedOff(t *testing.T) {
	config := secure(fixed("ok"), issue(t, "c", ecKey(t), time.Hour, "www.example.com"))
	config.LoadBalancers[0].Attributes.DisableHTTP2 = true
	r := newRig(t, config)
	s, err := r.shake(&tls.Config{NextProtos: []string{"h2", "http/1.1"}})
	if err != nil || s.NegotiatedProtocol != "http/1.1" {
		t.Errorf("negotiated %q, %v", s.NegotiatedProtocol, err)
	}
}

func TestProtocolVersionsOfTargets(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(r.Proto + " " + r.Header.Get("X-A"))) }
	one, two := server(t, h), server2(t, http.HandlerFunc(h))
	config := func(v balancer.Version, addr string) balancer.Config {
		c := secure(forward("g"), issue(t, "c", ecKey(t), time.Hour, "www.example.com"))
		g := group("g", addr)
		g.Version = v
		c.TargetGroups = []balancer.TargetGroup{g}
		return c
	}
	for _, c := range []struct {
		name    string
		version balancer.Version
		addr    string
		h2      bool
		method  string
		kind    string
		status  int
		body    string
	}{
		{"HTTP/2 to HTTP2", balancer.HTTP2, two, true, "GET", "", 200, "HTTP/2.0 1"},
		{"HTTP/1.1 to HTTP2", balancer.HTTP2, two, false, "GET", "", 464, ""},
		{"HTTP/1.1 to GRPC", balancer.GRPC, two, false, "POST", "application/grpc", 464, ""},
		{"HTTP/2 GET to GRPC", balancer.GRPC, two, true, "GET", "", 464, ""},
		{"HTTP/2 POST to GRPC", balancer.GRPC, two, true, "POST", "application/grpc", 200, "HTTP/2.0 1"},
		{"gRPC to HTTP1", balancer.HTTP1, one, true, "POST", "application/grpc", 464, ""},
		{"HTTP/2 to HTTP1", balancer.HTTP1, one, true, "POST", "", 200, "HTTP/1.1 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, config(c.version, c.addr))
			client := r.h2client()
			if !c.h2 {
				tr := &http.Transport{
					DialTLSContext: func(_ context.Context, network, _ string) (net.Conn, error) {
						return tls.Dial(network, r.addr("https"), &tls.Config{InsecureSkipVerify: true})
					},
				}
				defer tr.CloseIdleConnections()
				client = &http.Client{Transport: tr}
			}
			req, _ := http.NewRequest(c.method, "https://www.example.com/", nil)
			req.Header.Set("X-A", "1")
			if c.kind != "" {
				req.Header.Set("Content-Type", c.kind)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != c.status || c.body != "" && string(body) != c.body {
				t.Errorf("got %d %q", resp.StatusCode, body)
			}
		})
	}
}

// grpcEcho answers each message of a stream as it comes, and a status at the end.
func grpcEcho(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	if r.URL.Path == "/AWS.ALB/healthcheck" {
		w.Header().Set("Grpc-Status", "12")
		return
	}
	w.Header().Set("Grpc-Status", "0")
	w.Header().Set("X-Te", r.Header.Get("Te"))
	w.WriteHeader(200)
	w.(http.Flusher).Flush()
	buf := make([]byte, 1024)
	for {
		n, err := r.Body.Read(buf)
		w.Write(bytes.ToUpper(buf[:n]))
		w.(http.Flusher).Flush()
		if err != nil {
			break
		}
	}
	w.Header().Set(http.TrailerPrefix+"Grpc-Message", r.Trailer.Get("X-Sent"))
}

func TestGRPC(t *testing.T) {
	config := secure(forward("g"), issue(t, "c", ecKey(t), time.Hour, "www.example.com"))
	g := group("g", server2(t, http.HandlerFunc(grpcEcho)))
	g.Version = balancer.GRPC
	config.TargetGroups = []balancer.TargetGroup{g}
	r := newRig(t, config)
	r.untilState("t0", balancer.Healthy)

	in, out := io.Pipe()
	req, _ := http.NewRequest("POST", "https://www.example.com/echo.Echo/Stream", in)
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("TE", "trailers")
	req.Trailer = http.Header{"X-Sent": nil}
	resp, err := r.h2client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("X-Te") != "trailers" {
		t.Error("the target is not told that trailers are welcome")
	}
	// Both directions at once: each message is answered before the next is sent.
	buf := make([]byte, 5)
	for _, m := range []string{"hello", "again"} {
		io.WriteString(out, m)
		if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != strings.ToUpper(m) {
			t.Fatalf("for %q came %q, %v", m, buf, err)
		}
	}
	req.Trailer.Set("X-Sent", "bye")
	out.Close()
	io.ReadAll(resp.Body)
	if resp.Trailer.Get("Grpc-Status") != "0" || resp.Trailer.Get("Grpc-Message") != "bye" {
		t.Errorf("trailers %v", resp.Trailer)
	}
	if e := r.entry(0); e.Type != "grpcs" {
		t.Errorf("entry %+v", e)
	}
}

func TestGRPCHealthChecks(t *testing.T) {
	g := group("g", server2(t, http.HandlerFunc(grpcEcho)))
	g.Version = balancer.GRPC
	g.HealthCheck.Matcher = "0"
	g.HealthCheck.UnhealthyThreshold = 1
	r := newRig(t, one(plain(forward("g")), g))
	if h := r.untilState("t0", balancer.Unhealthy); h.Description != "Health checks failed with these codes: [12]" {
		t.Errorf("seen %+v", h)
	}
	g.HealthCheck.Path = "/grpc.health.v1.Health/Check"
	g.HealthCheck.HealthyThreshold = 1
	r.apply(one(plain(forward("g")), g))
	r.untilState("t0", balancer.Healthy)
}

func TestHTTP2Streams(t *testing.T) {
	config := secure(forward("g"), issue(t, "c", ecKey(t), time.Hour, "www.example.com"))
	var wg sync.WaitGroup
	wg.Add(50)
	config.TargetGroups = []balancer.TargetGroup{group("g", server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			return
		}
		wg.Done()
		wg.Wait() // all fifty are under way at once
		w.Write([]byte("ok"))
	}))}
	config.TargetGroups[0].HealthCheck.Path = "/"
	r := newRig(t, config)
	client := r.h2client()
	if got := fetch(t, client, "https://www.example.com/"); got != "" {
		t.Fatal(got)
	}
	results := make(chan string)
	for range 50 {
		go func() { results <- fetch(t, client, "https://www.example.com/x") }()
	}
	for range 50 {
		if got := <-results; got != "ok" {
			t.Errorf("got %q", got)
		}
	}
	if n := r.bal.Metrics().Listeners["https"].Connections; n != 1 {
		t.Errorf("fifty requests took %d connections", n)
	}
}

func TestHTTP2ClientThatResetsItsStream(t *testing.T) {
	inside, left := make(chan bool), make(chan bool)
	config := secure(forward("g"), issue(t, "c", ecKey(t), time.Hour, "www.example.com"))
	config.TargetGroups = []balancer.TargetGroup{group("g", server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			inside <- true
			<-r.Context().Done()
			close(left)
		}
	}))}
	r := newRig(t, config)
	ctx, cancel := context.WithCancel(context.Background())
	req, _ := http.NewRequestWithContext(ctx, "GET", "https://www.example.com/slow", nil)
	go func() {
		<-inside
		cancel()
	}()
	if _, err := r.h2client().Do(req); err == nil {
		t.Error("answered")
	}
	<-left
	if e := r.entry(0); e.Status != 460 {
		t.Errorf("entry %+v", e)
	}
}
