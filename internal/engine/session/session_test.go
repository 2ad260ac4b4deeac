package session

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/engine/docker"
)

func TestMessagesKeepWhatTheyCarry(t *testing.T) {
	m := &message{kind: kindInput, sequence: 7, flags: flagFirst, id: newID(), payload: payloadSize, body: []byte(`{"cols":80,"rows":24}`)}
	b := m.marshal(time.UnixMilli(1_700_000_000_000))
	if len(b) != 120+len(m.body) || string(b[4:36]) != "input_stream_data               " {
		t.Errorf("the header is %d bytes, the kind %q", len(b)-len(m.body), b[4:36])
	}
	got, err := unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got, cmp.AllowUnexported(message{})); diff != "" {
		t.Error(diff)
	}
	b[len(b)-1] ^= 1
	if _, err := unmarshal(b); err == nil {
		t.Error("a payload with another digest is taken")
	}
}

// FuzzUnmarshal: whatever comes is refused or comes out as it went in.
func FuzzUnmarshal(f *testing.F) {
	f.Add((&message{kind: kindInput, id: newID(), body: []byte("x")}).marshal(time.Now()))
	f.Add(make([]byte, atBody))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := unmarshal(b)
		if err != nil {
			return
		}
		if len(m.kind) > kindLength || strings.TrimSpace(m.kind) != m.kind {
			return // such a kind is nobody's
		}
		again, err := unmarshal(m.marshal(time.Now()))
		if err != nil || !bytes.Equal(again.body, m.body) || again.id != m.id || again.sequence != m.sequence {
			t.Fatalf("%+v became %+v (%v)", m, again, err)
		}
	})
}

// client is a client as the plugin is one.
type client struct {
	t    *testing.T
	conn *websocket.Conn
	sent int64
}

func dial(t *testing.T, url, token string) *client {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	text, _ := json.Marshal(map[string]string{"TokenValue": token, "ClientVersion": "slipway"})
	if err := conn.Write(t.Context(), websocket.MessageText, text); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, conn: conn}
}

func (c *client) send(p payloadType, body string) {
	c.t.Helper()
	m := &message{kind: kindInput, sequence: c.sent, id: newID(), payload: p, body: []byte(body)}
	if err := c.conn.Write(c.t.Context(), websocket.MessageBinary, m.marshal(time.Now())); err != nil {
		c.t.Fatal(err)
	}
	c.sent++
}

// next is the next message that is no acknowledgement.
func (c *client) next() *message {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	for {
		_, b, err := c.conn.Read(ctx)
		if err != nil {
			c.t.Fatal(err)
		}
		m, err := unmarshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		if m.kind != kindAcknowledge {
			return m
		}
	}
}

func TestASession(t *testing.T) {
	got := make(chan docker.Command, 1)
	s := New(func(_ context.Context, container string, cmd docker.Command) (int, error) {
		got <- cmd
		line := make([]byte, 5)
		io.ReadFull(cmd.Stdin, line)
		io.WriteString(cmd.Stdout, container+" got "+string(line))
		return 3, nil
	}, slog.New(slog.DiscardHandler), time.Now)
	mux := http.NewServeMux()
	mux.Handle("GET /s/{id}", s)
	server := httptest.NewServer(mux)
	defer server.Close()
	id, token := s.Open("abc", `/bin/echo 'two words' $HOME`)
	url := "ws" + strings.TrimPrefix(server.URL, "http") + "/s/" + id

	if _, _, err := dial(t, url, "wrong").conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("a wrong token: %v", err)
	}
	c := dial(t, url, token)
	if m := c.next(); m.payload != payloadHandshakeRequest || m.flags != flagFirst {
		t.Fatalf("it begins with %+v", m)
	}
	c.send(payloadHandshakeResponse, `{"Errors":null}`)
	if m := c.next(); m.payload != payloadHandshakeComplete {
		t.Fatalf("after the handshake: %+v", m)
	}
	cmd := <-got
	if diff := cmp.Diff([]string{"/bin/echo", "two words"}, cmd.Args); diff != "" || !cmd.Terminal {
		t.Errorf("the command: %s", diff)
	}
	c.send(payloadSize, `{"cols":100,"rows":30}`)
	if size := <-cmd.Resize; size != [2]uint{100, 30} {
		t.Errorf("the size is %v", size)
	}
	c.send(payloadOutput, "hello")
	if m := c.next(); string(m.body) != "abc got hello" {
		t.Errorf("it writes %q", m.body)
	}
	if m := c.next(); m.payload != payloadExitCode || string(m.body) != "3" {
		t.Errorf("the exit code: %+v", m)
	}
	if m := c.next(); m.kind != kindClosed {
		t.Errorf("the end: %+v", m)
	}
	if _, _, err := dial(t, url, token).conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("the token opens a second session: %v", err)
	}
}

func TestASessionWaitsOnlySoLong(t *testing.T) {
	now := time.Now()
	s := New(nil, slog.New(slog.DiscardHandler), func() time.Time { return now })
	id, token := s.Open("abc", "/bin/sh")
	now = now.Add(patience + time.Second)
	if s.take(id, token) != nil {
		t.Error("it is still open")
	}
}
