// Package signature finds out who sent a request: it verifies AWS Signature
// Version 4, in the Authorization header and in the query string of a presigned
// URL.
//
// It knows no state and no wire format. The engine's chain calls it first, with
// the keys that IAM and STS gave out, and renders its Failure in the protocol
// of the service. What a caller may do is for package policy to say.
//
// The algorithm is that of "AWS Signature Version 4 for API requests" in the
// IAM User Guide.
package signature

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// Key is an access key: a user's or root's, or a session's.
type Key struct {
	ID, Secret string
	// Token is the session token that has to come with the key; empty for a
	// long-term key, with which none may come.
	Token string
	// AnyToken lets any token or none come with the key. It is for the fixed
	// credentials of test suites, which often set one.
	AnyToken bool
	Active   bool
	// Expires is when a session ends; zero for never.
	Expires time.Time
	// Caller is whatever its owner wants to find here again.
	Caller any
}

// Keys are all access keys.
type Keys interface {
	// Key finds a key by its id.
	Key(id string) (Key, bool)
}

// Signed is what a valid signature tells.
type Signed struct {
	Key Key
	// Region and Service are the ones that the signature is for.
	Region, Service string
	// Date is when it was made.
	Date time.Time
	// Presigned tells that it stood in the query string.
	Presigned bool
}

// Verifier verifies requests. It may be used by many goroutines.
type Verifier struct {
	Keys Keys
	// Now is the clock.
	Now func() time.Time
	// Window is how far a service lets the client's clock be away from its own;
	// nil is AWS's: 5 minutes for ECS and Elastic Load Balancing, otherwise 15.
	Window func(service string) time.Duration

	derived derivedKeys
}

// Verify checks the signature of a request whose body has been read. It returns
// a Failure, and never a wrong caller, for everything that AWS would refuse.
func (v *Verifier) Verify(r *http.Request, body []byte) (Signed, *Failure) {
	c, failure := read(r)
	if failure != nil {
		return Signed{}, failure
	}
	key, ok := v.Keys.Key(c.scope.key)
	switch {
	case !ok:
		return Signed{}, fail(UnknownKey, invalidToken)
	case !key.Active:
		return Signed{}, fail(InactiveKey, invalidToken)
	}
	now := v.Now()
	if failure := c.timely(now, v.window(c.scope.service)); failure != nil {
		return Signed{}, failure
	}
	if failure := key.admits(c.token, now); failure != nil {
		return Signed{}, failure
	}
	if failure := v.compare(r, &c, &key, body); failure != nil {
		return Signed{}, failure
	}
	return Signed{Key: key, Region: c.scope.region, Service: c.scope.service, Date: c.date, Presigned: c.presigned}, nil
}

func (v *Verifier) window(service string) time.Duration {
	if v.Window != nil {
		return v.Window(service)
	}
	switch service {
	case "ecs", "elasticloadbalancing":
		return 5 * time.Minute
	}
	return 15 * time.Minute
}

// admits checks the session token.
func (k *Key) admits(token string, now time.Time) *Failure {
	if !k.AnyToken && subtle.ConstantTimeCompare([]byte(k.Token), []byte(token)) != 1 {
		return fail(InvalidToken, invalidToken)
	}
	if !k.Expires.IsZero() && !now.Before(k.Expires) {
		return fail(ExpiredToken, "The security token included in the request is expired")
	}
	return nil
}

// compare computes the signature and compares it with the one that came. Clients
// write down a few things in more than one way; the common way is tried first.
func (v *Verifier) compare(r *http.Request, c *claim, key *Key, body []byte) *Failure {
	hash, failure := payload(r, c, body)
	if failure != nil {
		return failure
	}
	signingKey, fresh := v.derived.get(key, &c.scope)
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for spelling := range spellings(r, c) {
		*buffer = canonical((*buffer)[:0], r, c, spelling, hash)
		var sum [sha256.Size]byte = sha256.Sum256(*buffer)
		head := len(*buffer)
		*buffer = c.stringToSign(*buffer, sum)
		if c.signedBy(&signingKey, (*buffer)[head:]) {
			if fresh {
				v.derived.put(key, &c.scope, signingKey)
			}
			return nil
		}
		if failure == nil {
			failure = mismatch(c, (*buffer)[:head], (*buffer)[head:])
		}
	}
	return failure
}

// signedBy tells whether the claim's signature is the key's of a string.
func (c *claim) signedBy(signingKey *[sha256.Size]byte, text []byte) bool {
	mac := sign(signingKey[:], text)
	var want [2 * sha256.Size]byte
	hex.Encode(want[:], mac[:])
	return subtle.ConstantTimeCompare(want[:], []byte(c.signature)) == 1
}

// Scope reads what a request claims to be signed for, without verifying
// anything: to tell services apart before it is known who asks.
func Scope(r *http.Request) (accessKey, date, region, service string, ok bool) {
	s, ok := claimed(r)
	return s.key, s.date, s.region, s.service, ok
}

func claimed(r *http.Request) (scope, bool) {
	if header := r.Header.Get("Authorization"); header != "" {
		if len(header) > maxHeader || !strings.HasPrefix(header, algorithm) {
			return scope{}, false
		}
		_, rest, ok := strings.Cut(header, "Credential=")
		if !ok {
			return scope{}, false
		}
		if end := strings.IndexAny(rest, ", "); end >= 0 {
			rest = rest[:end]
		}
		s, failure := parseScope(rest)
		return s, failure == nil
	}
	if !presigned(r) {
		return scope{}, false
	}
	for name, value := range parameters(r.URL.RawQuery) {
		if name == "X-Amz-Credential" {
			s, failure := parseScope(unescape(value, false))
			return s, failure == nil
		}
	}
	return scope{}, false
}
