// Package session is the session manager's side of ECS Exec: ExecuteCommand opens a
// session, and its data channel, a websocket, brings a client to a terminal in the
// container. The stock plugin of the aws CLI speaks it, and slipway exec does.
//
// It knows nothing of ECS; what runs a command in a container is given to it.
package session

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"mvdan.cc/sh/v3/shell"

	"github.com/slipway-dev/slipway/internal/engine/docker"
)

// Run runs a command in a container and gives its exit code.
type Run func(ctx context.Context, container string, cmd docker.Command) (int, error)

// Sessions are the open ones.
type Sessions struct {
	run Run
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	open map[string]*session
}

// session waits for its client, who must come soon.
type session struct {
	id, token, container string
	args                 []string
	until                time.Time
}

// New has no session.
func New(run Run, log *slog.Logger, now func() time.Time) *Sessions {
	return &Sessions{run: run, log: log, now: now, open: map[string]*session{}}
}

// patience is how long a session waits for its client.
const patience = 5 * time.Minute

// Open makes a session with a container: its id and the token that opens its data
// channel, once.
func (s *Sessions) Open(container, command string) (id, token string) {
	key := make([]byte, 32)
	rand.Read(key)
	one := &session{id: "ecs-execute-command-" + strings.ToLower(rand.Text()), token: base64.RawURLEncoding.EncodeToString(key), container: container,
		args: words(command), until: s.now().Add(patience)}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, old := range s.open {
		if s.now().After(old.until) {
			delete(s.open, id)
		}
	}
	s.open[one.id] = one
	return one.id, one.token
}

// words takes a command apart as a shell would, without running anything.
func words(command string) []string {
	fields, err := shell.Fields(command, func(string) string { return "" })
	if err != nil || len(fields) == 0 {
		return strings.Fields(command)
	}
	return fields
}

// take gives the session that the token opens; it is gone then.
func (s *Sessions) take(id, token string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.open[id]
	if one == nil || s.now().After(one.until) || subtle.ConstantTimeCompare([]byte(one.token), []byte(token)) != 1 {
		return nil
	}
	delete(s.open, id)
	return one
}

// ServeHTTP is the data channel, at …/{id}.
func (s *Sessions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil) // refuses browsers of other origins
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	var open struct{ TokenValue, ClientVersion string }
	_, text, err := conn.Read(r.Context())
	if err == nil {
		err = json.Unmarshal(text, &open)
	}
	one := s.take(r.PathValue("id"), open.TokenValue)
	if err != nil || one == nil {
		conn.Close(websocket.StatusPolicyViolation, "the token opens no session")
		return
	}
	c := &channel{conn: conn, session: one, now: s.now, tellsCode: strings.HasPrefix(open.ClientVersion, "slipway"),
		resize: make(chan [2]uint, 1), ready: make(chan struct{})}
	c.stdin, c.input = io.Pipe()
	s.log.Info("session opened", "session", one.id, "container", one.container)
	err = c.serve(r.Context(), s.run)
	s.log.Info("session ended", "session", one.id, "error", err)
}

// channel is one data channel.
type channel struct {
	conn      *websocket.Conn
	session   *session
	now       func() time.Time
	tellsCode bool // to who knows what to do with it

	stdin  *io.PipeReader
	input  *io.PipeWriter
	resize chan [2]uint
	ready  chan struct{} // closed when the client has shaken hands
	once   sync.Once

	mu   sync.Mutex
	sent int64 // the next sequence number
}

func (c *channel) serve(ctx context.Context, run Run) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hello, _ := json.Marshal(map[string]any{
		"AgentVersion":           "3.3.0.0",
		"RequestedClientActions": []any{map[string]any{"ActionType": "SessionType", "ActionParameters": map[string]any{"SessionType": "Standard_Stream", "Properties": nil}}},
	})
	if err := c.stream(ctx, payloadHandshakeRequest, hello); err != nil {
		return err
	}
	read := make(chan error, 1)
	go func() {
		err := c.read(ctx)
		c.input.CloseWithError(io.EOF)
		read <- err
		cancel() // who has gone away leaves nothing to run for
	}()
	select {
	case <-c.ready:
	case err := <-read:
		return err
	}
	start := c.now()
	done, _ := json.Marshal(map[string]any{"HandshakeTimeToComplete": c.now().Sub(start), "CustomerMessage": ""})
	if err := c.stream(ctx, payloadHandshakeComplete, done); err != nil {
		return err
	}
	code, err := run(ctx, c.session.container, docker.Command{Args: c.session.args, User: "0", Terminal: true, Stdin: c.stdin, Stdout: output{ctx, c}, Resize: c.resize})
	return errors.Join(c.end(ctx, code, err), err)
}

// end says how it ended and closes the channel.
func (c *channel) end(ctx context.Context, code int, err error) error {
	last := ""
	if err != nil {
		last = fmt.Sprintf("the command could not be run: %v", err)
	} else if c.tellsCode {
		if err := c.stream(ctx, payloadExitCode, fmt.Append(nil, code)); err != nil {
			return err
		}
	}
	if err := c.send(ctx, closed(c.session.id, last, c.now())); err != nil {
		return err
	}
	return c.conn.Close(websocket.StatusNormalClosure, "")
}

// output is where the command writes: a message for each write.
type output struct {
	ctx context.Context
	c   *channel
}

// mostOutput is the largest payload that the plugin is sent.
const mostOutput = 1024

// Write implements io.Writer.
func (o output) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		part := p[:min(len(p), mostOutput)]
		if err := o.c.stream(o.ctx, payloadOutput, part); err != nil {
			return n, err
		}
		n, p = n+len(part), p[len(part):]
	}
	return n, nil
}

// stream sends the next message of the output stream.
func (c *channel) stream(ctx context.Context, t payloadType, body []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := &message{kind: kindOutput, sequence: c.sent, id: newID(), payload: t, body: body}
	if c.sent == 0 {
		m.flags = flagFirst
	}
	if err := c.send(ctx, m); err != nil {
		return err
	}
	c.sent++
	return nil
}

func (c *channel) send(ctx context.Context, m *message) error {
	return c.conn.Write(ctx, websocket.MessageBinary, m.marshal(c.now()))
}

// read takes what the client sends, in its order, and acknowledges it.
func (c *channel) read(ctx context.Context) error {
	next := int64(0)
	for {
		_, b, err := c.conn.Read(ctx)
		if err != nil {
			return err
		}
		m, err := unmarshal(b)
		if err != nil {
			c.conn.Close(websocket.StatusUnsupportedData, err.Error())
			return err
		}
		if m.kind != kindInput || m.sequence > next {
			continue // acknowledgements; what comes too early comes again
		}
		if err := c.send(ctx, acknowledgement(m)); err != nil {
			return err
		}
		if m.sequence < next {
			continue
		}
		next++
		if err := c.take(m); err != nil {
			return err
		}
	}
}

var errTerminated = errors.New("the client ended the session")

// take does what a message of the input stream asks for.
func (c *channel) take(m *message) error {
	switch m.payload {
	case payloadHandshakeResponse:
		var answer struct{ Errors []string }
		if err := json.Unmarshal(m.body, &answer); err != nil || len(answer.Errors) > 0 {
			return fmt.Errorf("the client refuses the session: %v %w", answer.Errors, err)
		}
		c.once.Do(func() { close(c.ready) })
	case payloadOutput:
		_, err := c.input.Write(m.body)
		return err
	case payloadSize:
		var size struct{ Cols, Rows uint }
		if json.Unmarshal(m.body, &size) == nil && size.Cols > 0 && size.Rows > 0 {
			select {
			case c.resize <- [2]uint{size.Cols, size.Rows}:
			default: // one is on its way; the client tells its size twice a second
			}
		}
	case payloadFlag:
		if len(m.body) == 4 && m.body[3] == terminateFlag {
			return errTerminated
		}
	}
	return nil
}
