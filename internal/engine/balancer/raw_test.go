package balancer_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// wire is a client that writes bytes as they are.
type wire struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (r *rig) wire(listener string) *wire {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr(listener))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return &wire{r.t, c, bufio.NewReader(c)}
}

func newReader(c io.Reader) *bufio.Reader { return bufio.NewReader(c) }

func (w *wire) send(parts ...string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, strings.Join(parts, "")); err != nil {
		w.t.Fatalf("sending: %v", err)
	}
}

// answer reads one response with its body.
func (w *wire) answer(method string) (*http.Response, string) {
	w.t.Helper()
	resp, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("reading an answer: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatalf("reading an answer's body: %v", err)
	}
	return resp, string(body)
}

// closed tells whether the load balancer ends the connection now.
func (w *wire) closed() bool {
	w.t.Helper()
	_, err := w.in.ReadByte()
	return err == io.EOF
}
