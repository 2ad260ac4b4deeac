package balancer_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// The load balancer's own errors ("The load balancer generates an HTTP error"),
// and the classification of requests for desync mitigation.
func TestRequestsThatAreNotAsTheyShould(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	addresses := strings.TrimSuffix(strings.Repeat("192.0.2.1, ", 31), ", ")
	const get = "GET / HTTP/1.1\r\nHost: example.com\r\n"
	cases := []struct {
		name, request string
		mode          balancer.DesyncMode
		status        int
		class, reason string
		closed        bool
	}{
		{"nothing wrong", get + "\r\n", "", 200, "", "", false},
		{"TRACE", "TRACE / HTTP/1.1\r\nHost: example.com\r\n\r\n", "", 405, "", "", false},
		{"URI too long", "GET /" + long(17<<10) + " HTTP/1.1\r\nHost: example.com\r\n\r\n", "", 414, "", "", true},
		{"URI much too long", "GET /" + long(70<<10), "", 414, "", "", true},
		{"header of 16K", get + "A: " + long(16<<10) + "\r\n\r\n", "", 400, "", "", true},
		{"header of nearly 16K", get + "A: " + long(16<<10-4) + "\r\n\r\n", "", 200, "", "", false},
		{"head of 64K", get + strings.Repeat("A: "+long(12<<10)+"\r\n", 6), "", 400, "", "", true},
		{"31 addresses in X-Forwarded-For", get + "X-Forwarded-For: " + addresses + "\r\n\r\n", "", 463, "", "", false},
		{"30 addresses in X-Forwarded-For", get + "X-Forwarded-For: " + addresses[11:] + "\r\n\r\n", "", 200, "", "", false},
		{"unknown Transfer-Encoding", "POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: gzip\r\n\r\n", "", 501, "Severe", "BadTransferEncoding", true},
		{"gzip, chunked", "POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "", 501, "Severe", "BadTransferEncoding", true},
		{"identity", get + "Transfer-Encoding: identity\r\n\r\n", "", 200, "", "", false},
		{"HTTP/2.0 in plain text", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", 505, "", "", true},
		{"HTTP/3.0", "GET / HTTP/3.0\r\nHost: example.com\r\n\r\n", "", 505, "", "", true},
		{"HTTP/1.7", "GET / HTTP/1.7\r\nHost: example.com\r\n\r\n", "", 200, "Acceptable", "NonCompliantVersion", false},
		{"no version", "GET /\r\nHost: example.com\r\n\r\n", "", 400, "Severe", "BadMethod", true},
		{"malformed version", "GET / HTPP/1.1\r\nHost: example.com\r\n\r\n", "", 400, "Severe", "BadVersion", true},
		{"malformed method", "G(T / HTTP/1.1\r\nHost: example.com\r\n\r\n", "", 400, "Severe", "BadMethod", true},
		{"no Host", "GET / HTTP/1.1\r\n\r\n", "", 400, "", "", true},
		{"two Hosts", get + "Host: b.example.com\r\n\r\n", "", 400, "", "", true},
		{"impossible Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "", 400, "", "", true},
		{"no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "", 200, "", "", true},
		{"CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", "", 400, "Severe", "BadUri", true},
		{"NUL in the URI", "GET /\x00 HTTP/1.1\r\nHost: example.com\r\n\r\n", "", 400, "Severe", "BadUri", true},
		{"control character in the URI", "GET /\x01 HTTP/1.1\r\nHost: example.com\r\n\r\n", "", 200, "Ambiguous", "AmbiguousUri", true},
		{"space in the URI", "GET /a b HTTP/1.1\r\nHost: example.com\r\n\r\n", "", 200, "Acceptable", "SpaceInUri", false},
		{"NUL in a header", get + "A: a\x00b\r\n\r\n", "", 400, "Severe", "BadHeader", true},
		{"CR in a header", get + "A: a\rb\r\n\r\n", "", 400, "Severe", "BadHeader", true},
		{"bare LF", "GET / HTTP/1.1\nHost: example.com\r\n\r\n", "", 400, "Severe", "BadHeader", true},
		{"bare LF at the end of a header", get + "A: b\n\r\n", "", 400, "Severe", "BadHeader", true},
		{"folded header", get + "A: b\r\n c\r\n\r\n", "", 400, "Severe", "BadHeader", true},
		{"space before the colon", get + "A : b\r\n\r\n", "", 400, "Severe", "BadHeader", true},
		{"no colon", get + "A\r\n\r\n", "", 400, "Severe", "BadHeader", true},
		{"nameless header", get + ": b\r\n\r\n", "", 200, "Ambiguous", "EmptyHeader", true},
		{"line of spaces", get + "  \r\n\r\n", "", 200, "Ambiguous", "EmptyHeader", true},
		{"byte above ASCII in a header", get + "A: \xe9\r\n\r\n", "", 200, "Acceptable", "NonCompliantHeader", false},
		{"Content-Length is no number", "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1x\r\n\r\nab", "", 400, "Severe", "BadContentLength", true},
		{"Content-Length is a list", "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1, 1\r\n\r\nab", "", 400, "Severe", "BadContentLength", true},
		{"Content-Length +1", "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: +1\r\n\r\na", "", 400, "Severe", "BadContentLength", true},
		{"the same Content-Length twice", "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "", 200, "Ambiguous", "DuplicateContentLength", true},
		{"two Content-Lengths", "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "", 400, "Severe", "MultipleContentLength", true},
		{"both length and coding", "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", 400, "Severe", "BothTeClPresent", true},
		{"chunked twice", "POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", 400, "Severe", "MultipleTransferEncodingChunked", true},
		{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", 400, "Severe", "BadTransferEncoding", true},
		{"Transfer_Encoding", get + "Transfer_Encoding: chunked\r\n\r\n", "", 200, "Ambiguous", "SuspiciousHeader", true},
		{"GET with Content-Length 0", get + "Content-Length: 0\r\n\r\n", "", 200, "Acceptable", "GetHeadZeroContentLength", false},
		{"GET with a body", get + "Content-Length: 1\r\n\r\na", "", 200, "Ambiguous", "UndefinedContentLengthSemantics", true},
		{"GET with a chunked body", get + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "", 200, "Ambiguous", "UndefinedTransferEncodingSemantics", true},

		{"strictest blocks what is acceptable", get + "Content-Length: 0\r\n\r\n", balancer.Strictest, 400, "Acceptable", "GetHeadZeroContentLength", true},
		{"strictest blocks what is ambiguous", get + "Transfer_Encoding: chunked\r\n\r\n", balancer.Strictest, 400, "Ambiguous", "SuspiciousHeader", true},
		{"strictest allows what is compliant", get + "\r\n", balancer.Strictest, 200, "", "", false},
		{"monitor allows length and coding, framed by the coding", "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", balancer.Monitor, 200, "Severe", "BothTeClPresent", true},
		{"monitor allows what is ambiguous", get + "Transfer_Encoding: chunked\r\n\r\n", balancer.Monitor, 200, "Ambiguous", "SuspiciousHeader", true},
		{"no mode allows what cannot be framed", "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", balancer.Monitor, 400, "Severe", "MultipleContentLength", true},
	}
	echo := server(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Write([]byte("target"))
	})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			lb := plain(forward("g"))
			lb.Attributes.Desync = c.mode
			// A target that is strict itself must not be what refuses.
			if c.status == 200 && (strings.Contains(c.request, "/\x01") || strings.Contains(c.request, "_")) {
				lb = plain(fixed("target"))
				lb.Attributes.Desync = c.mode
			}
			r := newRig(t, one(lb, group("g", echo)))
			w := r.wire("http")
			go io.WriteString(w.conn, c.request) // may be refused before it is all sent
			resp, body := w.answer("GET")
			if resp.StatusCode != c.status {
				t.Fatalf("got %d %q, want %d", resp.StatusCode, body, c.status)
			}
			if c.status != 200 && !strings.Contains(body, fmt.Sprintf("<center><h1>%d", c.status)) {
				t.Errorf("page %q", body)
			}
			e := r.entry(0)
			if e.Status != c.status || e.Classification != c.class || e.ClassReason != c.reason {
				t.Errorf("logged %d %q %q", e.Status, e.Classification, e.ClassReason)
			}
			if resp.Close != c.closed {
				t.Errorf("Connection: %v", resp.Header["Connection"])
			}
			if c.closed && !w.closed() {
				t.Error("the connection stays open")
			}
			if !c.closed {
				w.send(get + "\r\n")
				if resp, _ := w.answer("GET"); resp.StatusCode != 200 {
					t.Errorf("the next request on the connection got %d", resp.StatusCode)
				}
			}
		})
	}
}

// stub is a target that reads a request's head and answers with bytes of the
// test's choice, then hangs or closes.
func stub(t *testing.T, answer string, hang bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { close(done); l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := http.ReadRequest(newReader(c)); err != nil {
					return
				}
				io.WriteString(c, answer)
				if hang {
					<-done
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestAnswersThatAreNotAsTheyShould(t *testing.T) {
	cases := []struct {
		name, answer string
		status       int
	}{
		{"closed without a word", "", 502},
		{"closed within the head", "HTTP/1.1 200 OK\r\nA: b", 502},
		{"malformed status line", "HTTP/1.1 abc OK\r\n\r\n", 502},
		{"another protocol", "SSH-2.0-OpenSSH_9\r\n\r\n", 502},
		{"malformed header", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", 502},
		{"control character in a header", "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", 502},
		{"head over 32K", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 33<<10) + "\r\n\r\n", 502},
		{"head under 32K", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: " + strings.Repeat("a", 31<<10) + "\r\n\r\n", 200},
		{"two Content-Lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 502},
		{"Content-Length is no number", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab", 502},
		{"unknown Transfer-Encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", 502},
		{"101 unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 502},
		{"an informational answer first", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204},
		{"control character in the reason", "HTTP/1.1 200 a\rb\r\nContent-Length: 0\r\n\r\n", 200},
		{"an unknown status", "HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n", 799},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, one(plain(forward("g")), group("g", stub(t, c.answer, false))))
			resp, _ := r.get("http", "http://example.com/")
			if resp.StatusCode != c.status || strings.Contains(resp.Status, "\r") {
				t.Errorf("got %q", resp.Status)
			}
			if e := r.entry(0); e.Status != c.status || (e.TargetStatus == 0) != (c.status == 502) {
				t.Errorf("logged %d and %d", e.Status, e.TargetStatus)
			}
		})
	}
}

func TestNobodyListensIsABadGateway(t *testing.T) {
	r := newRig(t, one(plain(forward("g")), group("g", "127.0.0.1:1")))
	if resp, _ := r.get("http", "http://example.com/"); resp.StatusCode != 502 {
		t.Errorf("got %d", resp.StatusCode)
	}
	if e := r.entry(0); e.RequestTime != -1 || e.TargetTime != -1 || e.Target != "127.0.0.1:1" {
		t.Errorf("entry %+v", e)
	}
	if m := r.bal.Metrics(); m.TargetGroups["g"].ConnectErrors != 1 || m.Listeners["http"].Own5xx != 1 {
		t.Errorf("counted %+v", m)
	}
}

// An answer that breaks off must not look complete to the client.
func TestAnswerBrokenOffIsPassedOnAsBroken(t *testing.T) {
	for name, answer := range map[string]string{
		"sized":   "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, one(plain(forward("g")), group("g", stub(t, answer, false))))
			resp, err := r.client("http").Get("http://example.com/")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if string(body) != "half" || err == nil {
				t.Errorf("read %q, %v", body, err)
			}
		})
	}
}

func TestClientThatLeavesIsLogged460(t *testing.T) {
	inside, left := make(chan bool), make(chan bool)
	addr := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			inside <- true
			<-r.Context().Done() // the load balancer hangs up on the target
			close(left)
		}
	})
	r := newRig(t, one(plain(forward("g")), group("g", addr)))
	w := r.wire("http")
	w.send("GET /slow HTTP/1.1\r\nHost: example.com\r\n\r\n")
	<-inside
	w.conn.Close()
	<-left
	if e := r.entry(0); e.Status != 460 || e.TargetStatus != 0 {
		t.Errorf("entry %+v", e)
	}
}

func TestTimeouts(t *testing.T) {
	hang := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/silent":
			<-r.Context().Done()
		case "/half":
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("half"))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/trickle":
			for range 5 {
				w.Write([]byte("x"))
				w.(http.Flusher).Flush()
				time.Sleep(50 * time.Second)
			}
		}
	})
	bubble := func(name string, f func(*testing.T, *memnet, *rig)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newMemnet()
				r := newRig(t, one(plain(forward("g")), group("g", net.server(t, hang))), net.options)
				synctest.Wait()
				f(t, net, r)
			})
		})
	}
	since := func(t *testing.T, start time.Time, want time.Duration) {
		t.Helper()
		if d := time.Since(start); d != want {
			t.Errorf("it took %v, not %v", d, want)
		}
	}
	bubble("a silent target is a 504 after the idle timeout", func(t *testing.T, net *memnet, r *rig) {
		start := time.Now()
		resp, _ := fetchAnswer(t, net.client(t, r), "http://example.com/silent")
		if resp.StatusCode != 504 {
			t.Errorf("got %d", resp.StatusCode)
		}
		since(t, start, time.Minute)
	})
	bubble("an answer that stops breaks off after the idle timeout", func(t *testing.T, net *memnet, r *rig) {
		start := time.Now()
		resp, err := net.client(t, r).Get("http://example.com/half")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Error("the answer looks complete")
		}
		since(t, start, time.Minute)
	})
	bubble("an answer that trickles lives on", func(t *testing.T, net *memnet, r *rig) {
		if got := fetch(t, net.client(t, r), "http://example.com/trickle"); got != "xxxxx" {
			t.Errorf("got %q", got)
		}
	})
	bubble("a target that cannot be reached is a 504 after 10 s", func(t *testing.T, net *memnet, r *rig) {
		net.stall["10.0.0.2:80"] = true
		r.apply(one(plain(forward("g")), group("g", "10.0.0.2:80")))
		start := time.Now()
		resp, _ := fetchAnswer(t, net.client(t, r), "http://example.com/")
		if resp.StatusCode != 504 {
			t.Errorf("got %d", resp.StatusCode)
		}
		since(t, start, 10*time.Second)
	})
	bubble("a head that does not come on is a 408", func(t *testing.T, net *memnet, r *rig) {
		w := net.wire(r)
		w.send("GET / HTTP/1.1\r\n")
		start := time.Now()
		resp, _ := w.answer("GET")
		if resp.StatusCode != 408 || !w.closed() {
			t.Errorf("got %d", resp.StatusCode)
		}
		since(t, start, time.Minute)
	})
	bubble("a body that does not come on is a 408", func(t *testing.T, net *memnet, r *rig) {
		w := net.wire(r)
		w.send("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 100000\r\n\r\nhalf")
		if resp, _ := w.answer("POST"); resp.StatusCode != 408 || !w.closed() {
			t.Errorf("got %d", resp.StatusCode)
		}
	})
	bubble("a byte now and then keeps a request alive", func(t *testing.T, net *memnet, r *rig) {
		w := net.wire(r)
		for _, c := range "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n" {
			w.send(string(c))
			time.Sleep(50 * time.Second)
		}
		if resp, _ := w.answer("GET"); resp.StatusCode != 200 {
			t.Errorf("got %d", resp.StatusCode)
		}
	})
	bubble("an idle connection is closed without a word", func(t *testing.T, net *memnet, r *rig) {
		w := net.wire(r)
		start := time.Now()
		w.send("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
		w.answer("GET")
		if !w.closed() {
			t.Error("the connection had more to say")
		}
		since(t, start, time.Minute)
	})
	bubble("after the keep-alive time one more answer closes", func(t *testing.T, net *memnet, r *rig) {
		w := net.wire(r)
		start := time.Now()
		for {
			w.send("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
			resp, _ := w.answer("GET")
			if resp.Close {
				break
			}
			time.Sleep(30 * time.Second)
		}
		if !w.closed() {
			t.Error("the connection stays open")
		}
		since(t, start, time.Hour)
	})
}
