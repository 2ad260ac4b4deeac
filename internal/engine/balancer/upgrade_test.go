package balancer_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// wsEcho answers WebSocket messages in capitals.
func wsEcho(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		return
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, msg, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if c.Write(r.Context(), kind, []byte(strings.ToUpper(string(msg)))) != nil {
			return
		}
	}
}

func TestWebSocket(t *testing.T) {
	g := group("g", server(t, wsEcho))
	plainConfig := one(plain(forward("g")), g)
	secureConfig := secure(forward("g"), issue(t, "c", ecKey(t), time.Hour, "www.example.com"))
	secureConfig.TargetGroups = []balancer.TargetGroup{g}
	for _, c := range []struct {
		listener, url, kind string
		config              balancer.Config
	}{
		{"http", "ws://www.example.com/ws", "ws", plainConfig},
		{"https", "wss://www.example.com/ws", "wss", secureConfig},
	} {
		t.Run(c.kind, func(t *testing.T) {
			r := newRig(t, c.config)
			client := r.client(c.listener)
			client.Transport.(*http.Transport).TLSClientConfig = insecure()
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			ws, _, err := websocket.Dial(ctx, c.url, &websocket.DialOptions{HTTPClient: client})
			if err != nil {
				t.Fatal(err)
			}
			defer ws.CloseNow()
			for _, m := range []string{"hello", strings.Repeat("long ", 5000)} {
				if err := ws.Write(ctx, websocket.MessageText, []byte(m)); err != nil {
					t.Fatal(err)
				}
				if _, got, err := ws.Read(ctx); err != nil || string(got) != strings.ToUpper(m) {
					t.Fatalf("got %.20q, %v", got, err)
				}
			}
			if h := r.bal.Health(); h[0].InFlight != 1 {
				t.Errorf("an open WebSocket counts as %d in flight", h[0].InFlight)
			}
			r.mu.Lock()
			if len(r.entries) != 0 {
				t.Error("logged before the close")
			}
			r.mu.Unlock()
			ws.Close(websocket.StatusNormalClosure, "")
			e := r.entry(0)
			if e.Type != c.kind || e.Status != 101 || e.TargetStatus != 101 || e.Received < 25_000 || e.Sent < 25_000 {
				t.Errorf("entry %+v", e)
			}
		})
	}
}

// A WebSocket on a draining target lives to the deadline and is cut then.
func TestWebSocketAtADrainsEnd(t *testing.T) {
	g := group("g", server(t, wsEcho))
	r := newRig(t, one(plain(forward("g")), g))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://a.b/", &websocket.DialOptions{HTTPClient: r.client("http")})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	until := time.Now().Add(300 * time.Millisecond)
	g.Targets[0].DrainUntil = until
	r.apply(one(plain(forward("g")), g))
	if err := ws.Write(ctx, websocket.MessageText, []byte("still there")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := ws.Read(ctx); err != nil || string(got) != "STILL THERE" {
		t.Fatalf("got %q, %v", got, err)
	}
	if _, _, err := ws.Read(ctx); err == nil {
		t.Error("read on")
	}
	if time.Now().Before(until) {
		t.Error("cut before the deadline")
	}
}

func TestOtherUpgrades(t *testing.T) {
	addr := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "lines/1" || !strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
			w.Write([]byte("no upgrade"))
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: lines/1\r\n\r\nwelcome\n")
		for {
			l, err := rw.ReadString('\n')
			if err != nil {
				return
			}
			fmt.Fprintf(c, "you said %s", l)
		}
	})
	r := newRig(t, one(plain(forward("g")), group("g", addr)))
	w := r.wire("http")
	w.send("GET / HTTP/1.1\r\nHost: a.b\r\nConnection: Upgrade\r\nUpgrade: lines/1\r\n\r\nfirst\n")
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "lines/1" {
		t.Fatalf("got %+v, %v", resp, err)
	}
	lines := bufio.NewScanner(w.in)
	for _, want := range []string{"welcome", "you said first"} {
		if !lines.Scan() || lines.Text() != want {
			t.Errorf("read %q, want %q", lines.Text(), want)
		}
	}
	w.conn.(*net.TCPConn).CloseWrite()
	if lines.Scan() {
		t.Errorf("after the end came %q", lines.Text())
	}
	// An upgrade that the target does not take up is an ordinary answer.
	w = r.wire("http")
	w.send("GET / HTTP/1.1\r\nHost: a.b\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
	if resp, body := w.answer("GET"); resp.StatusCode != 200 || body != "no upgrade" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}
