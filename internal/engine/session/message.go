package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// message is one message of a data channel, in the layout that the session
// manager's agent and its plugin share: a header of 116 bytes, all numbers big
// endian, the type padded with blanks, then the payload's length and the payload
// (https://github.com/aws/session-manager-plugin, src/message).
type message struct {
	kind     string
	sequence int64
	flags    uint64
	id       [16]byte
	payload  payloadType
	body     []byte
}

const (
	headerLength = 116
	kindLength   = 32

	atKind     = 4
	atVersion  = atKind + kindLength
	atCreated  = atVersion + 4
	atSequence = atCreated + 8
	atFlags    = atSequence + 8
	atID       = atFlags + 8
	atDigest   = atID + 16
	atType     = atDigest + sha256.Size
	atLength   = atType + 4
	atBody     = atLength + 4

	schemaVersion = 1
	// flagFirst is on the first message of a side.
	flagFirst = 1
)

// The kinds of messages.
const (
	kindInput       = "input_stream_data"
	kindOutput      = "output_stream_data"
	kindAcknowledge = "acknowledge"
	kindClosed      = "channel_closed"
)

// payloadType is what a stream's message carries.
type payloadType uint32

const (
	payloadOutput            payloadType = 1
	payloadSize              payloadType = 3
	payloadHandshakeRequest  payloadType = 5
	payloadHandshakeResponse payloadType = 6
	payloadHandshakeComplete payloadType = 7
	payloadFlag              payloadType = 10
	payloadExitCode          payloadType = 12
)

// terminateFlag is a payloadFlag's number that ends the session.
const terminateFlag = 2

var errMessage = errors.New("not a message of a data channel")

func (m *message) marshal(now time.Time) []byte {
	b := make([]byte, atBody, atBody+len(m.body))
	binary.BigEndian.PutUint32(b, headerLength)
	copy(b[atKind:], fmt.Sprintf("%-*s", kindLength, m.kind))
	binary.BigEndian.PutUint32(b[atVersion:], schemaVersion)
	binary.BigEndian.PutUint64(b[atCreated:], uint64(now.UnixMilli()))
	binary.BigEndian.PutUint64(b[atSequence:], uint64(m.sequence))
	binary.BigEndian.PutUint64(b[atFlags:], m.flags)
	copy(b[atID:], m.id[8:]) // the halves of a UUID change places on the wire
	copy(b[atID+8:], m.id[:8])
	digest := sha256.Sum256(m.body)
	copy(b[atDigest:], digest[:])
	binary.BigEndian.PutUint32(b[atType:], uint32(m.payload))
	binary.BigEndian.PutUint32(b[atLength:], uint32(len(m.body)))
	return append(b, m.body...)
}

func unmarshal(b []byte) (*message, error) {
	if len(b) < atBody {
		return nil, errMessage
	}
	// The length of the header may grow; the payload's length stands behind it.
	header := int(binary.BigEndian.Uint32(b))
	if header < headerLength || header > len(b)-4 {
		return nil, errMessage
	}
	m := &message{
		kind:     strings.TrimRight(strings.TrimSpace(string(b[atKind:atVersion])), "\x00"),
		sequence: int64(binary.BigEndian.Uint64(b[atSequence:])),
		flags:    binary.BigEndian.Uint64(b[atFlags:]),
		payload:  payloadType(binary.BigEndian.Uint32(b[atType:])),
	}
	copy(m.id[8:], b[atID:])
	copy(m.id[:8], b[atID+8:atDigest])
	n := int64(binary.BigEndian.Uint32(b[header:]))
	if n != int64(len(b)-header-4) {
		return nil, errMessage
	}
	m.body = b[header+4:]
	if digest := sha256.Sum256(m.body); string(digest[:]) != string(b[atDigest:atType]) {
		return nil, errMessage
	}
	return m, nil
}

// newID is a random UUID.
func newID() (id [16]byte) {
	rand.Read(id[:])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

func idText(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// acknowledgement answers a message; who sent it sends it again otherwise.
func acknowledgement(m *message) *message {
	body, _ := json.Marshal(struct {
		AcknowledgedMessageType           string
		AcknowledgedMessageId             string
		AcknowledgedMessageSequenceNumber int64
		IsSequentialMessage               bool
	}{m.kind, idText(m.id), m.sequence, true})
	return &message{kind: kindAcknowledge, id: newID(), flags: 3, body: body}
}

// closed ends a session, with a last word for who sat at it.
func closed(session, output string, now time.Time) *message {
	id := newID()
	body, _ := json.Marshal(struct {
		MessageId, CreatedDate, DestinationId, SessionId, MessageType string
		SchemaVersion                                                 int
		Output                                                        string
	}{idText(id), now.UTC().Format(time.RFC3339), session, session, kindClosed, schemaVersion, output})
	return &message{kind: kindClosed, id: id, body: body}
}
