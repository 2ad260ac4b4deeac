package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"sync"
)

// derivedKeys keeps signing keys: deriving one costs more than all the rest of a
// verification, and it serves a day. A key's secret is kept with it and compared
// at each use, so that no signing key outlives its secret.
type derivedKeys struct {
	mu   sync.RWMutex
	keys map[scope]derivedKey
}

type derivedKey struct {
	secret  string
	signing [sha256.Size]byte
}

// maxDerived is how many are kept before starting anew. Only what verified is
// put, so strangers cannot push others' keys out.
const maxDerived = 4096

// get finds or derives the signing key; fresh tells that it was derived.
func (d *derivedKeys) get(key *Key, s *scope) (signing [sha256.Size]byte, fresh bool) {
	d.mu.RLock()
	kept, ok := d.keys[*s]
	d.mu.RUnlock()
	if ok && subtle.ConstantTimeCompare([]byte(kept.secret), []byte(key.Secret)) == 1 {
		return kept.signing, false
	}
	return derive(key.Secret, s), true
}

func (d *derivedKeys) put(key *Key, s *scope, signing [sha256.Size]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.keys == nil || len(d.keys) >= maxDerived {
		d.keys = make(map[scope]derivedKey)
	}
	// The scope's strings are parts of the request's header: do not keep that.
	own := scope{strings.Clone(s.key), strings.Clone(s.date), strings.Clone(s.region), strings.Clone(s.service)}
	d.keys[own] = derivedKey{key.Secret, signing}
}

// derive makes the signing key of a day, region and service.
func derive(secret string, s *scope) [sha256.Size]byte {
	k := sign([]byte("AWS4"+secret), []byte(s.date))
	k = sign(k[:], []byte(s.region))
	k = sign(k[:], []byte(s.service))
	return sign(k[:], []byte(terminator))
}

func sign(key, text []byte) (mac [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	h.Sum(mac[:0])
	return mac
}
