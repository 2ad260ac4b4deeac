// Package uuid stands in for github.com/twinj/uuid, of which the plugin needs a
// version that no module proxy has: what the plugin asks of it, and no more.
package uuid

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
)

// UUID is sixteen bytes.
type UUID interface {
	Bytes() []byte
	String() string
}

type id [16]byte

func (u id) Bytes() []byte { return u[:] }

func (u id) String() string {
	s := hex.EncodeToString(u[:])
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}

// Format is how a UUID is written.
type Format string

// CleanHyphen is the only format here.
const CleanHyphen Format = "%x-%x-%x-%x%x-%x"

// SwitchFormat does nothing: there is one format.
func SwitchFormat(Format) {}

// New is a UUID of sixteen bytes.
func New(b []byte) UUID {
	var u id
	copy(u[:], b)
	return u
}

// NewV4 is a random one.
func NewV4() UUID {
	var u id
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return u
}

// Parse reads one as String writes it.
func Parse(s string) (UUID, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != 16 {
		return nil, errors.New("not a UUID: " + s)
	}
	return New(b), nil
}
