package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// load is steady traffic against a load balancer by clients that never try
// anything again: keep-alive GETs and POSTs, slow answers, WebSockets.
type load struct {
	address string
	host    string
	workers int // keep-alive connections
	rate    int // requests a second over all of them
	slow    int // slow answers at a time
	sockets int // WebSockets

	stop     chan struct{}
	done     sync.WaitGroup
	requests atomic.Int64
	streamed atomic.Int64 // slow answers
	echoes   atomic.Int64 // over WebSockets
	behind   atomic.Int64 // requests that were due and found no free connection
	mu       sync.Mutex
	failures []failure
	endings  []ending
}

// failure is a request that was not answered as it should have been.
type failure struct {
	worker string
	at     time.Time
	err    error
}

func (f failure) String() string {
	return f.at.Format("15:04:05.000 ") + f.worker + ": " + f.err.Error()
}

// ending is a WebSocket that was closed by the other side.
type ending struct {
	instance string
	at       time.Time
	err      error
}

// begin lets the traffic flow until end.
func (l *load) begin() {
	l.stop = make(chan struct{})
	due := make(chan struct{}, l.rate)
	l.done.Go(func() { l.pace(due) })
	for i := range l.workers {
		l.done.Go(func() { l.work(fmt.Sprintf("connection %d", i), due) })
	}
	for i := range l.slow {
		l.done.Go(func() { l.stream(fmt.Sprintf("slow %d", i)) })
	}
	for i := range l.sockets {
		l.done.Go(func() { l.converse(fmt.Sprintf("websocket %d", i)) })
	}
}

func (l *load) end() {
	close(l.stop)
	l.done.Wait()
}

func (l *load) over() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

// pace says when requests are due.
func (l *load) pace(due chan<- struct{}) {
	defer close(due)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	began, sent := time.Now(), 0
	for {
		select {
		case <-l.stop:
			return
		case now := <-tick.C:
			for ; sent < int(now.Sub(began).Seconds()*float64(l.rate)); sent++ {
				select {
				case due <- struct{}{}:
				default:
					l.behind.Add(1)
				}
			}
		}
	}
}

func (l *load) fail(worker string, err error) {
	l.mu.Lock()
	l.failures = append(l.failures, failure{worker, time.Now(), err})
	l.mu.Unlock()
}

// failed are the failures so far.
func (l *load) failed() []failure {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.failures)
}

// connection is a client's, dialled anew when the last answer said that it
// closes.
type connection struct {
	net.Conn
	in *bufio.Reader
}

func (l *load) dial(old *connection) (*connection, error) {
	if old != nil {
		old.Close()
	}
	c, err := net.DialTimeout("tcp", l.address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReader(c)}, nil
}

// ask sends one request and reads its answer.
func (l *load) ask(c *connection, method, path string, body []byte) (answer []byte, header http.Header, last bool, err error) {
	req, err := http.NewRequest(method, "http://"+l.host+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, false, err
	}
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if err := req.Write(c); err != nil {
		return nil, nil, false, fmt.Errorf("%s %s: sending: %w", method, path, err)
	}
	res, err := http.ReadResponse(c.in, req)
	if err != nil {
		return nil, nil, false, fmt.Errorf("%s %s: answer: %w", method, path, err)
	}
	answer, err = io.ReadAll(res.Body)
	switch {
	case err != nil:
		return answer, res.Header, false, fmt.Errorf("%s %s: body after %d bytes: %w", method, path, len(answer), err)
	case res.StatusCode != http.StatusOK:
		return answer, res.Header, false, fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	return answer, res.Header, res.Close, nil
}

// work makes a request whenever one is due, one in four of them a POST.
func (l *load) work(name string, due <-chan struct{}) {
	var c *connection
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	for range due {
		if c == nil {
			fresh, err := l.dial(nil)
			if err != nil {
				l.fail(name, err)
				continue
			}
			c = fresh
		}
		last, err := l.one(c)
		l.requests.Add(1)
		if err != nil {
			l.fail(name, err)
		}
		if err != nil || last {
			c.Close()
			c = nil
		}
	}
}

func (l *load) one(c *connection) (last bool, err error) {
	if rand.IntN(4) > 0 {
		answer, _, last, err := l.ask(c, "GET", "/", nil)
		if err == nil && !bytes.HasPrefix(answer, []byte("version=")) {
			err = fmt.Errorf("GET /: %.60q", answer)
		}
		return last, err
	}
	size := 1 + rand.IntN(500)
	if rand.IntN(10) == 0 {
		size = 20 << 10 // streamed to the target, not sent in one piece
	}
	body := bytes.Repeat([]byte{byte('a' + rand.IntN(26))}, size)
	answer, _, last, err := l.ask(c, "POST", "/echo", body)
	if err == nil && !bytes.Equal(answer, body) {
		err = fmt.Errorf("POST /echo: %d bytes came back of %d", len(answer), size)
	}
	return last, err
}

const slowParts = 20

// stream fetches one slow answer after the other.
func (l *load) stream(name string) {
	for !l.over() {
		c, err := l.dial(nil)
		if err != nil {
			l.fail(name, err)
			return
		}
		answer, _, _, err := l.ask(c, "GET", fmt.Sprintf("/slow?parts=%d&every=50ms", slowParts), nil)
		c.Close()
		if err == nil && strings.Count(string(answer), "\n") != slowParts {
			err = fmt.Errorf("GET /slow: the answer ends after %d bytes", len(answer))
		}
		if err != nil {
			l.fail(name, err)
			continue
		}
		l.streamed.Add(1)
	}
}

// converse keeps a WebSocket open, and opens another when it is closed.
func (l *load) converse(name string) {
	for !l.over() {
		if err := l.conversation(); err != nil {
			l.fail(name, err)
			return
		}
	}
}

func (l *load) conversation() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+l.address+"/ws", nil)
	if err != nil {
		return fmt.Errorf("opening a WebSocket: %w", err)
	}
	defer ws.CloseNow()
	_, instance, err := ws.Read(ctx)
	if err != nil {
		return fmt.Errorf("a WebSocket's first message: %w", err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return nil
		case <-tick.C:
		}
		message := fmt.Appendf(nil, "message %d", n)
		err := ws.Write(ctx, websocket.MessageText, message)
		var got []byte
		if err == nil {
			_, got, err = ws.Read(ctx)
		}
		if err != nil {
			l.mu.Lock()
			l.endings = append(l.endings, ending{string(instance), time.Now(), err})
			l.mu.Unlock()
			return nil
		}
		if !bytes.Equal(got, message) {
			return fmt.Errorf("a WebSocket echoes %q for %q", got, message)
		}
		l.echoes.Add(1)
	}
}
