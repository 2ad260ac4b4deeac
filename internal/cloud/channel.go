package cloud

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Screen is who sits at a session: a terminal, or a pipe.
type Screen struct {
	In  io.Reader
	Out io.Writer
	// Size gives columns and rows; nil where there is no terminal. Resized tells
	// that they have changed.
	Size    func() (columns, rows int)
	Resized <-chan struct{}
}

// channel is the client's side of a session manager's data channel: a websocket of
// messages, each acknowledged by who gets it
// (https://github.com/aws/session-manager-plugin, src/message and src/datachannel).
type channel struct {
	conn   *websocket.Conn
	screen Screen

	mu   sync.Mutex
	sent int64
	got  int64
	code int // of the command, -1 where the other side does not tell
	last string
}

// The parts of a message: see the engine's package session, which is another
// coding of the same.
const (
	channelHeader  = 116
	channelBody    = channelHeader + 4
	channelVersion = "1.0"

	carriesData      = 1
	carriesSize      = 3
	carriesRequest   = 5
	carriesResponse  = 6
	carriesComplete  = 7
	carriesExitCode  = 12
	kindOfInput      = "input_stream_data"
	kindOfOutput     = "output_stream_data"
	kindOfAck        = "acknowledge"
	kindOfClosing    = "channel_closed"
	mostChannelBytes = 1024
)

// converse opens the data channel and brings the screen to the command until it
// ends.
func converse(ctx context.Context, url, token string, screen Screen) (code int, err error) {
	conn, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return -1, fmt.Errorf("opening the session: %w", err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	open, err := json.Marshal(map[string]string{"MessageSchemaVersion": channelVersion, "RequestId": uuidText(newUUID()), "TokenValue": token,
		"ClientId": uuidText(newUUID()), "ClientVersion": "slipway"})
	if err != nil {
		return -1, err
	}
	if err := conn.Write(ctx, websocket.MessageText, open); err != nil {
		return -1, fmt.Errorf("opening the session: %w", err)
	}
	c := &channel{conn: conn, screen: screen, code: -1}
	if err := c.read(ctx); err != nil && ctx.Err() == nil {
		return -1, fmt.Errorf("the session broke off: %w", err)
	}
	if c.last != "" {
		return c.code, errors.New(strings.TrimSpace(c.last))
	}
	return c.code, ctx.Err()
}

// read takes messages until the other side closes the channel.
func (c *channel) read(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		_, b, err := c.conn.Read(ctx)
		if err != nil {
			return err
		}
		if len(b) < channelBody {
			return errors.New("a message that is too short")
		}
		header := int(binary.BigEndian.Uint32(b))
		if header < channelHeader || header+4 > len(b) {
			return errors.New("a message with a wrong header")
		}
		body := b[header+4:]
		switch kind := strings.Trim(string(b[4:36]), " \x00"); kind {
		case kindOfClosing:
			var closing struct{ Output string }
			if err := json.Unmarshal(body, &closing); err == nil {
				c.last = closing.Output
			}
			return nil
		case kindOfOutput:
			sequence := int64(binary.BigEndian.Uint64(b[48:]))
			if sequence > c.got {
				continue // before its turn: it comes again only if it is not acknowledged
			}
			if err := c.acknowledge(ctx, kind, b[64:80], sequence); err != nil {
				return err
			}
			if sequence < c.got {
				continue
			}
			c.got++
			if err := c.take(ctx, binary.BigEndian.Uint32(b[112:]), body); err != nil {
				return err
			}
		}
	}
}

// take does what a message of the output stream carries.
func (c *channel) take(ctx context.Context, carries uint32, body []byte) error {
	switch carries {
	case carriesData:
		_, err := c.screen.Out.Write(body)
		return err
	case carriesRequest:
		var request struct{ RequestedClientActions []struct{ ActionType string } }
		if err := json.Unmarshal(body, &request); err != nil {
			return fmt.Errorf("shaking hands: %w", err)
		}
		processed := []map[string]any{}
		for _, a := range request.RequestedClientActions {
			if a.ActionType != "SessionType" {
				return fmt.Errorf("the session asks for %s, which slipway does not know; use the session manager plugin: aws ecs execute-command", a.ActionType)
			}
			processed = append(processed, map[string]any{"ActionType": a.ActionType, "ActionStatus": 1, "ActionResult": nil, "Error": ""})
		}
		answer, err := json.Marshal(map[string]any{"ClientVersion": "slipway", "ProcessedClientActions": processed, "Errors": nil})
		if err != nil {
			return err
		}
		return c.send(ctx, carriesResponse, answer)
	case carriesComplete:
		go c.feed(ctx)
		if c.screen.Size != nil {
			go c.follow(ctx)
		}
	case carriesExitCode:
		if n, err := strconv.Atoi(strings.TrimSpace(string(body))); err == nil {
			c.code = n
		}
	}
	return nil
}

// feed sends what is typed, and the end of it as a terminal would.
func (c *channel) feed(ctx context.Context) {
	buffer := make([]byte, mostChannelBytes)
	for {
		n, err := c.screen.In.Read(buffer)
		if n > 0 && c.send(ctx, carriesData, buffer[:n]) != nil {
			return
		}
		if err != nil {
			c.send(ctx, carriesData, []byte{4}) // Ctrl-D
			return
		}
	}
}

// follow tells the terminal's size, whenever it changes.
func (c *channel) follow(ctx context.Context) {
	for {
		columns, rows := c.screen.Size()
		size, err := json.Marshal(map[string]int{"cols": columns, "rows": rows})
		if err != nil || c.send(ctx, carriesSize, size) != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-c.screen.Resized:
		}
	}
}

// send sends the next message of the input stream.
func (c *channel) send(ctx context.Context, carries uint32, body []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	flags := uint64(0)
	if c.sent == 0 {
		flags = 1
	}
	b := encodeMessage(kindOfInput, c.sent, flags, carries, body)
	c.sent++
	return c.conn.Write(ctx, websocket.MessageBinary, b)
}

func (c *channel) acknowledge(ctx context.Context, kind string, id []byte, sequence int64) error {
	var u [16]byte
	copy(u[8:], id[:8]) // the halves change places on the wire
	copy(u[:8], id[8:])
	body, err := json.Marshal(map[string]any{"AcknowledgedMessageType": kind, "AcknowledgedMessageId": uuidText(u), "AcknowledgedMessageSequenceNumber": sequence, "IsSequentialMessage": true})
	if err != nil {
		return err
	}
	return c.conn.Write(ctx, websocket.MessageBinary, encodeMessage(kindOfAck, 0, 3, 0, body))
}

func encodeMessage(kind string, sequence int64, flags uint64, carries uint32, body []byte) []byte {
	id, digest := newUUID(), sha256.Sum256(body)
	b := binary.BigEndian.AppendUint32(nil, channelHeader)
	b = append(b, fmt.Sprintf("%-32s", kind)...)
	b = binary.BigEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint64(b, uint64(time.Now().UnixMilli()))
	b = binary.BigEndian.AppendUint64(b, uint64(sequence))
	b = binary.BigEndian.AppendUint64(b, flags)
	b = append(append(b, id[8:]...), id[:8]...)
	b = append(b, digest[:]...)
	b = binary.BigEndian.AppendUint32(b, carries)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

func newUUID() (u [16]byte) {
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return u
}

func uuidText(u [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
