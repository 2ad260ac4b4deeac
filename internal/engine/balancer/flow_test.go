package balancer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// slowly answers /slow only when it may finish, and notices a client that left.
func slowly(inside, finish chan bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			inside <- true
			select {
			case <-finish:
			case <-r.Context().Done():
			}
			w.Write([]byte("done"))
		}
	}
}

// digest answers with a body's length and hash, and the way it was framed.
func digest(w http.ResponseWriter, r *http.Request) {
	h := sha256.New()
	n, err := io.Copy(h, r.Body)
	fmt.Fprintf(w, "%d %x %v %v %s", n, h.Sum(nil)[:4], r.ContentLength, err, r.Trailer.Get("X-Sum"))
}

func TestBodies(t *testing.T) {
	r := newRig(t, one(plain(forward("g")), group("g", server(t, digest))))
	for _, n := range []int{0, 1, 1000, 8 << 10, 8<<10 + 1, 100_000, 3 << 20} {
		body := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
		sum := sha256.Sum256(body)
		for framing, length := range map[string]int64{"sized": int64(n), "chunked": -1} {
			req, _ := http.NewRequest("POST", "http://a.b/", io.NopCloser(bytes.NewReader(body)))
			if req.ContentLength = length; length == 0 {
				req.Body = http.NoBody
			}
			want := fmt.Sprintf("%d %x %d <nil> ", n, sum[:4], length)
			if _, got := r.do("http", req); got != want {
				t.Errorf("%d bytes, %s: %q, not %q", n, framing, got, want)
			}
		}
	}
}

func TestAnswersOfAllSizes(t *testing.T) {
	addr := server(t, func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscanf(r.URL.Path, "/%d", &n)
		if r.URL.Query().Has("sized") {
			w.Header().Set("Content-Length", fmt.Sprint(n))
		} else {
			w.(http.Flusher).Flush()
		}
		w.Write(bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n])
	})
	r := newRig(t, one(plain(forward("g")), group("g", addr)))
	client := r.client("http")
	for _, n := range []int{0, 1, 1000, 5000, 16 << 10, 100_000, 3 << 20} {
		for _, query := range []string{"", "?sized"} {
			got := fetch(t, client, fmt.Sprintf("http://a.b/%d%s", n, query))
			if want := strings.Repeat("0123456789abcdef", n/16+1)[:n]; got != want {
				t.Errorf("%d%s: %d bytes came, not the same", n, query, len(got))
			}
		}
	}
	if n := r.bal.Metrics().Listeners["http"].Connections; n != 1 {
		t.Errorf("it took %d connections", n)
	}
}

func TestRequestTrailers(t *testing.T) {
	r := newRig(t, one(plain(forward("g")), group("g", server(t, digest))))
	w := r.wire("http")
	w.send("POST / HTTP/1.1\r\nHost: a.b\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nab\r\n3;ext=1\r\ncde\r\n0\r\nX-Sum: 42\r\n\r\n")
	if _, body := w.answer("POST"); !strings.HasPrefix(body, "5 36bbe50e -1 <nil>") {
		t.Errorf("got %q", body)
	}
}

func TestAnswerTrailers(t *testing.T) {
	addr := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		w.Write([]byte("body"))
		w.Header().Set("X-Sum", "42")
	})
	r := newRig(t, one(plain(forward("g")), group("g", addr)))
	w := r.wire("http")
	w.send("GET / HTTP/1.1\r\nHost: a.b\r\n\r\n")
	resp, body := w.answer("GET")
	if body != "body" || resp.Trailer.Get("X-Sum") != "42" {
		t.Errorf("got %q with trailers %v", body, resp.Trailer)
	}
}

func TestMalformedChunksAreRefused(t *testing.T) {
	for name, chunks := range map[string]string{
		"a size that is no number": "x\r\n",
		"a bare LF":                "1\na\r\n0\r\n\r\n",
		"more than the size":       "1\r\nab\r\n0\r\n\r\n",
		"a size that overflows":    "fffffffffffffffff\r\n",
		"a negative size":          "-1\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, one(plain(forward("g")), group("g", server(t, digest))))
			w := r.wire("http")
			w.send("POST / HTTP/1.1\r\nHost: a.b\r\nTransfer-Encoding: chunked\r\n\r\n", chunks)
			if resp, body := w.answer("POST"); resp.StatusCode != 400 || !w.closed() {
				t.Errorf("got %d %q", resp.StatusCode, body)
			}
		})
	}
}

func TestExpectContinue(t *testing.T) {
	lb := plain(forward("g"), balancer.Rule{Priority: 1, Conditions: []balancer.Condition{path("/no")}, Action: fixed("no")})
	r := newRig(t, one(lb, group("g", server(t, digest))))
	for _, length := range []string{"Content-Length: 5", "Transfer-Encoding: chunked"} {
		w := r.wire("http")
		w.send("POST / HTTP/1.1\r\nHost: a.b\r\nExpect: 100-continue\r\n", length, "\r\n\r\n")
		line, _ := w.in.ReadString('\n')
		blank, _ := w.in.ReadString('\n')
		if line != "HTTP/1.1 100 Continue\r\n" || blank != "\r\n" {
			t.Fatalf("asked with %q", line)
		}
		if strings.HasPrefix(length, "C") {
			w.send("hello")
		} else {
			w.send("5\r\nhello\r\n0\r\n\r\n")
		}
		if _, body := w.answer("POST"); !strings.HasPrefix(body, "5 ") {
			t.Errorf("got %q", body)
		}
	}
	w := r.wire("http")
	w.send("POST /no HTTP/1.1\r\nHost: a.b\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	if resp, body := w.answer("POST"); body != "no" || !resp.Close || !w.closed() {
		t.Errorf("a request that is not forwarded got %d %q", resp.StatusCode, body)
	}
}

func TestPipelining(t *testing.T) {
	r := newRig(t, one(plain(forward("g")), group("g", server(t, digest))))
	w := r.wire("http")
	var all strings.Builder
	for i := range 20 {
		fmt.Fprintf(&all, "POST / HTTP/1.1\r\nHost: a.b\r\nContent-Length: %d\r\n\r\n%s", i, strings.Repeat("x", i))
	}
	w.send(all.String())
	for i := range 20 {
		if _, body := w.answer("POST"); !strings.HasPrefix(body, fmt.Sprintf("%d ", i)) {
			t.Errorf("answer %d is %q", i, body)
		}
	}
}

// A body that nobody reads must not be taken for the next request.
func TestUnreadBodies(t *testing.T) {
	r := newRig(t, one(plain(fixed("ok"))))
	w := r.wire("http")
	w.send("POST / HTTP/1.1\r\nHost: a.b\r\nContent-Length: 4\r\n\r\nGET POST / HTTP/1.1\r\nHost: a.b\r\nContent-Length: 100000\r\n\r\nGET / HTTP/1.1\r\n")
	if resp, _ := w.answer("POST"); resp.StatusCode != 200 || resp.Close {
		t.Errorf("a small body: %d, closes %v", resp.StatusCode, resp.Close)
	}
	if resp, _ := w.answer("POST"); resp.StatusCode != 200 || !resp.Close {
		t.Errorf("a large body: %d, closes %v", resp.StatusCode, resp.Close)
	}
	if !w.closed() {
		t.Error("the rest of a body was read as a request")
	}
}

func TestHTTP10(t *testing.T) {
	addr := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush() // an answer of unknown length
		w.Write([]byte(r.Proto + " body"))
	})
	r := newRig(t, one(plain(forward("g"), balancer.Rule{Priority: 1, Conditions: []balancer.Condition{path("/own")}, Action: fixed("own")}), group("g", addr)))
	w := r.wire("http")
	w.send("GET /own HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\nHost: a.b\r\nConnection: keep-alive\r\n\r\n")
	if resp, body := w.answer("GET"); body != "own" || resp.Close {
		t.Errorf("got %q, closes %v", body, resp.Close)
	}
	resp, body := w.answer("GET")
	if body != "HTTP/1.1 body" || len(resp.TransferEncoding) > 0 || !resp.Close {
		t.Errorf("got %q framed by %v, closes %v", body, resp.TransferEncoding, resp.Close)
	}
}

func TestAbsoluteForm(t *testing.T) {
	r := newRig(t, one(plain(forward("g")), group("g", server(t, mirror))))
	w := r.wire("http")
	w.send("GET http://in.the.line/x?y HTTP/1.1\r\nHost: in.the.header\r\n\r\n")
	if _, body := w.answer("GET"); !strings.HasPrefix(body, "GET /x?y\n") || lineOf(body, "Host") != "in.the.line" {
		t.Errorf("the target got %q", body)
	}
}

// An answer that comes before the body has been sent reaches the client.
func TestEarlyAnswer(t *testing.T) {
	addr := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(413)
		w.Write([]byte("too much"))
	})
	r := newRig(t, one(plain(forward("g")), group("g", addr)))
	w := r.wire("http")
	w.send("POST / HTTP/1.1\r\nHost: a.b\r\nContent-Length: 10000000\r\n\r\n", strings.Repeat("x", 100_000))
	if resp, body := w.answer("POST"); resp.StatusCode != 413 || body != "too much" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}

// Each part of an answer reaches the client when the target sends it.
func TestStreamedAnswer(t *testing.T) {
	next := make(chan bool)
	addr := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			return
		}
		for range 3 {
			w.(http.Flusher).Flush()
			<-next
			w.Write([]byte("event\n"))
		}
	})
	r := newRig(t, one(plain(forward("g")), group("g", addr)))
	resp, err := r.client("http").Get("http://a.b/events")
	if err != nil {
		t.Fatal(err) // the head comes without a part of the body
	}
	defer resp.Body.Close()
	lines := newReader(resp.Body)
	for range 3 {
		next <- true
		if l, err := lines.ReadString('\n'); l != "event\n" {
			t.Fatalf("got %q, %v", l, err)
		}
	}
}

// fickle is a target under the test's control: it answers a request, and closes
// its connection afterwards when told so.
type fickle struct {
	addr   string
	closes chan chan bool // told to close the connection; answers when it has
	got    chan string    // the requests it read
	mute   atomic.Bool    // it closes instead of answering
}

func newFickle(t *testing.T) *fickle {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fickle{addr: l.Addr().String(), closes: make(chan chan bool), got: make(chan string, 100)}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f.serve(c)
		}
	}()
	return f
}

func (f *fickle) serve(c net.Conn) {
	defer c.Close()
	ended := make(chan bool)
	go func() {
		defer close(ended)
		in := newReader(c)
		for {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return
			}
			f.got <- fmt.Sprintf("%s %d", req.Method, len(body))
			if f.mute.Load() {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	}()
	select {
	case closed := <-f.closes:
		c.Close()
		closed <- true
	case <-ended:
	}
}

// closeNow makes the target close a connection, and returns when it has.
func (f *fickle) closeNow() {
	closed := make(chan bool)
	f.closes <- closed
	<-closed
}

// hookedConn calls before ahead of a write, once.
type hookedConn struct {
	*net.TCPConn
	before *atomic.Pointer[func()]
}

func (c hookedConn) Write(p []byte) (int, error) {
	if f := c.before.Swap(nil); f != nil {
		(*f)()
	}
	return c.TCPConn.Write(p)
}

// A connection that the target closes while it is idle costs no request, and no
// request that the target may have seen is sent twice.
func TestStaleConnections(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what a target has seen is only known on Linux")
	}
	large := strings.Repeat("x", 20<<10)
	for _, c := range []struct {
		name, method, body string
		mute               bool // the target reads the request and closes
		late               bool // it closes after the connection was taken from the pool
		status             int
		got                string
	}{
		{"GET", "GET", "", false, false, 200, "[GET 0]"},
		{"POST", "POST", "", false, false, 200, "[POST 0]"},
		{"POST with a small body", "POST", "small", false, false, 200, "[POST 5]"},
		{"POST with a large body", "POST", large, false, false, 200, "[POST 20480]"},
		{"GET, closed at the last moment", "GET", "", false, true, 200, "[GET 0]"},
		{"POST, closed at the last moment", "POST", "", false, true, 200, "[POST 0]"},
		{"POST with a small body, closed at the last moment", "POST", "small", false, true, 200, "[POST 5]"},
		{"POST with a large body, closed at the last moment", "POST", large, false, true, 200, "[POST 20480]"},
		{"GET that was seen", "GET", "", true, false, 200, "[GET 0 GET 0]"},
		{"PUT with a small body that was seen", "PUT", "small", true, false, 200, "[PUT 5 PUT 5]"},
		{"POST that was seen", "POST", "", true, false, 502, "[POST 0]"},
		{"POST with a small body that was seen", "POST", "small", true, false, 502, "[POST 5]"},
		{"POST with a large body that was seen", "POST", large, true, false, 502, "[POST 20480]"},
		{"PUT with a large body that was seen", "PUT", large, true, false, 502, "[PUT 20480]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			target, health := newFickle(t), server(t, says("ok"))
			var before atomic.Pointer[func()]
			g := group("g", target.addr)
			fmt.Sscanf(health, "127.0.0.1:%d", &g.HealthCheck.Port)
			r := newRig(t, one(plain(forward("g")), g), func(o *balancer.Options) {
				o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
					if err != nil || addr != target.addr {
						return conn, err
					}
					target.mute.Store(false)
					return hookedConn{conn.(*net.TCPConn), &before}, nil
				}
			})
			r.untilState("t0", balancer.Healthy)
			client := r.client("http")
			fetch(t, client, "http://a.b/") // leaves an idle connection
			<-target.got
			switch {
			case c.late:
				before.Store(new(func() { target.closeNow() }))
			case c.mute:
				target.mute.Store(true) // until the next connection
			default:
				target.closeNow()
			}
			req, _ := http.NewRequest(c.method, "http://a.b/", strings.NewReader(c.body))
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var got []string
			for len(target.got) > 0 {
				got = append(got, <-target.got)
			}
			if resp.StatusCode != c.status || fmt.Sprint(got) != c.got {
				t.Errorf("the client got %d, the target %v", resp.StatusCode, got)
			}
		})
	}
}

func TestSwapsUnderLoadLoseNothing(t *testing.T) {
	start := func() (string, func()) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, n)
		})}
		go s.Serve(l)
		return l.Addr().String(), func() { s.Close() }
	}
	addr, stop := start()
	target := func(i int, addr string) balancer.Target {
		return balancer.Target{ID: fmt.Sprint("v", i), Address: addr}
	}
	g := group("g")
	g.Targets = []balancer.Target{target(0, addr)}
	r := newRig(t, one(plain(forward("g")), g))
	r.untilState("v0", balancer.Healthy)

	quit, ticks := make(chan bool), make(chan bool)
	const clients = 8
	done := make(chan int, clients)
	for i := range clients {
		go func() { done <- hammer(t, r, i, quit, ticks) }()
	}
	for i := 1; i <= 30; i++ {
		for range 20 {
			<-ticks // the load goes on
		}
		next, stopNext := start()
		g.Targets = []balancer.Target{g.Targets[len(g.Targets)-1], target(i, next)}
		r.apply(one(plain(forward("g")), g))
		old := g.Targets[0].ID
		r.untilState(g.Targets[1].ID, balancer.Healthy)
		g.Targets[0].DrainUntil = time.Now().Add(time.Minute)
		r.apply(one(plain(forward("g")), g))
		r.until(old+" to be drained", func() bool {
			for _, h := range r.seen {
				if h.Target == old && h.Drained {
					return true
				}
			}
			return false
		})
		stop() // at once: nothing may be left that needs it
		stop = stopNext
	}
	close(quit)
	total := 0
	for range clients {
		total += <-done
	}
	stop()
	t.Logf("%d requests over 30 swaps", total)
}

// hammer sends requests over one kept connection until told to quit.
func hammer(t *testing.T, r *rig, seed int, quit, ticks chan bool) (n int) {
	w := r.wire("http")
	w.conn.SetDeadline(time.Now().Add(time.Minute))
	for {
		select {
		case <-quit:
			return n
		case ticks <- true:
		default:
		}
		size := []int{0, 10, 5000, 50_000}[(n+seed)%4]
		method := "POST"
		if size == 0 {
			method = "GET"
		}
		req, _ := http.NewRequest(method, "http://a.b/", bytes.NewReader(make([]byte, size)))
		if err := req.Write(w.conn); err != nil {
			t.Errorf("request %d: %v", n, err)
			return n
		}
		resp, err := http.ReadResponse(w.in, req)
		if err != nil {
			t.Errorf("answer %d: %v", n, err)
			return n
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 || string(body) != fmt.Sprint(size) {
			t.Errorf("%s of %d bytes: %d %q %v", method, size, resp.StatusCode, body, err)
			return n
		}
		n++
	}
}
