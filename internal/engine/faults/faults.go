// Package faults decides what goes wrong with a request on purpose, so that
// clients of the engine live through what they will meet on AWS: throttling,
// internal errors, connections that are cut before and after a request was
// carried out, answers that are a moment old. It decides and counts; the
// engine's chain does what it says. Only the engine calls it.
//
// The nth request of an operation has the same fate in every run with the same
// seed, whatever comes between.
package faults

import (
	"encoding/binary"
	"hash/fnv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// Kind is what goes wrong.
type Kind string

// The kinds; "" is nothing.
const (
	None      Kind = ""
	Throttled Kind = "throttled"
	Broken    Kind = "error"
	// LostBefore cuts the connection before the request is carried out, LostAfter
	// instead of the answer.
	LostBefore Kind = "lost before"
	LostAfter  Kind = "lost after"
)

// Fate is what happens to one request.
type Fate struct {
	Kind Kind
	// Age is how old a picture a reading operation answers from.
	Age time.Duration
	// Unavailable tells that a Broken one is a 503 and not a 500.
	Unavailable bool
}

// Source gives requests their fates. Its zero value leaves all alone. It may be
// used by many at once.
type Source struct {
	now atomic.Pointer[drawing]
}

// drawing is one spec and how often each operation was asked for under it.
type drawing struct {
	spec   Spec
	mu     sync.Mutex
	counts map[string]uint64
}

// Set makes the spec the one that counts, from its beginning.
func (s *Source) Set(spec Spec) {
	if spec.Off() {
		s.now.Store(nil)
		return
	}
	s.now.Store(&drawing{spec: spec, counts: map[string]uint64{}})
}

// Spec is what counts now.
func (s *Source) Spec() Spec {
	if d := s.now.Load(); d != nil {
		return d.spec
	}
	return Spec{}
}

// Validation is how much longer ACM takes.
func (s *Source) Validation() time.Duration { return s.Spec().Validation }

// Draw is the fate of the next request of an operation, from a client with that
// User-Agent.
func (s *Source) Draw(service, operation, agent string) Fate {
	d := s.now.Load()
	if d == nil || !strings.Contains(agent, d.spec.Agent) {
		return Fate{}
	}
	name := service + ":" + operation
	d.mu.Lock()
	n := d.counts[name]
	d.counts[name] = n + 1
	d.mu.Unlock()
	return d.spec.fate(name, n)
}

// fate is that of the nth request with a name.
func (s Spec) fate(name string, n uint64) Fate {
	which, detail := dice(s.Seed, name, n, 0), dice(s.Seed, name, n, 1)
	f := Fate{Age: time.Duration(detail * float64(s.Stale))}
	switch {
	case which < s.Throttle:
		f.Kind = Throttled
	case which < s.Throttle+s.Error:
		f.Kind, f.Unavailable = Broken, detail < 0.5
	case which < s.Throttle+s.Error+s.Lost/2:
		f.Kind = LostBefore
	case which < s.Throttle+s.Error+s.Lost:
		f.Kind = LostAfter
	}
	return f
}

// dice is a number from 0 to 1, spread evenly.
func dice(seed uint64, name string, n, side uint64) float64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	x := h.Sum64() ^ seed*0x9e3779b97f4a7c15 ^ n*0xbf58476d1ce4e5b9 ^ side*0x94d049bb133111eb
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], x)
	h.Write(b[:])
	x = h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9 // splitmix64's end
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64((x^x>>31)>>11) / (1 << 53)
}

// Refusal is the error that the service answers for a fate, as AWS spells it;
// nil for one that is none.
func (f Fate) Refusal(svc *awsapi.Service) *awsapi.Error {
	switch {
	case f.Kind == Throttled && svc.Protocol == "ec2": // "Error codes for the Amazon EC2 API", client errors
		return awsapi.Errorf("RequestLimitExceeded", 503, "Request limit exceeded.")
	case f.Kind == Throttled && svc.Protocol == "query": // "Common errors" of each query API
		return awsapi.Errorf("Throttling", 400, "Rate exceeded")
	case f.Kind == Throttled:
		return awsapi.Errorf("ThrottlingException", 400, "Rate exceeded")
	case f.Kind != Broken:
		return nil
	case f.Unavailable && svc.Protocol == "ec2":
		return awsapi.Errorf("Unavailable", 503, "The server is overloaded and can't handle the request.")
	case f.Unavailable:
		return awsapi.Errorf("ServiceUnavailable", 503, "The request has failed due to a temporary failure of the server.")
	case svc.Protocol == "ec2":
		return awsapi.Errorf("InternalError", 500, "An internal error has occurred.")
	}
	return awsapi.Errorf("InternalFailure", 500, "The request processing has failed because of an unknown error, exception or failure.")
}
