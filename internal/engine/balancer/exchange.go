package balancer

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"
)

// exchange is one request on its way through the load balancer, with everything
// found out about it.
type exchange struct {
	bal    *Balancer
	client *client
	req    request
	out    responder
	ctx    context.Context

	lb       *loadBalancer
	listener *listener
	rule     *rule
	group    *group
	target   *target
	now      time.Time // when the request was received

	sent, answered, replied time.Time // to the target, by the target, to the client
	status                  int
	targetStatus            int
	trace                   string
	redirectURL             string
	errorReason             string
	host, uri               string // after transforms; what the target is told
	transformed             string // the transform's status for the log
	setCookies              []string
	closing                 bool // close the client's connection after the answer
	apart                   bool // close the target's too: the request is ambiguous
	upgraded                bool
	received, returned      int64 // bytes
	upload                  *upload
	message                 *outbuf // what an HTTP/1.1 target gets at first
	streams                 bool    // the body follows it
	forTarget, forClient    fields
}

// client is what is known of a connection.
type client struct {
	remote  netip.AddrPort
	ip      string // remote's address
	local   netip.AddrPort
	tls     *clientTLS // nil for plain connections
	traceID string
}

// clientTLS are a TLS connection's facts.
type clientTLS struct {
	version, cipher string // as OpenSSL names them
	sni             string
	resumed         bool
	certificate     string // ID of the one presented
	matched         bool   // it was chosen by the server name
}

// responder is a front's way to answer one exchange.
type responder interface {
	// begin starts the answer; length −1 is unknown.
	begin(status int, reason string, f fields, length int64) error
	// write sends a part of the body. more tells that another part, or the
	// end, follows without waiting.
	write(p []byte, more bool) error
	// flush sends what has been held back, the head to begin with.
	flush() error
	// finish ends the answer.
	finish(trailers fields) error
	// abort ends it so that the client cannot take it for complete.
	abort()
	// watch calls left if the client leaves before stop is called.
	watch(left func()) (stop func())
	// takeOver answers 101 and returns the raw connection.
	takeOver(f fields) (net.Conn, *input, error)
}

// answer is a target's response.
type answer struct {
	status int
	reason string
	fields fields
	length int64      // −1 is unknown
	body   answerBody // nil is none
	owner  answerOwner
	// conn is the raw connection after 101.
	conn net.Conn
	in   *input
}

// answerBody is a body as it comes from a target.
type answerBody interface {
	io.Reader
	ready() bool // Read would not wait
}

// trailing bodies have trailers at their end.
type trailing interface{ trailing() fields }

// answerOwner takes an answer's connection back, or closes it when the exchange
// did not come to a clean end. The answer is void afterwards.
type answerOwner interface{ finish(clean bool) }

// failure is why a target gave no answer: the status the client gets, and why.
type failure struct {
	status    int
	err       error
	elsewhere elsewhere
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// failing maps an error of the target's side: time is up → 504, else 502.
func failing(err error) *failure {
	if timedOut(err) {
		return &failure{status: 504, err: err}
	}
	return &failure{status: 502, err: err}
}

func timedOut(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// statusClientLeft is only ever logged ("HTTP 460").
const statusClientLeft = 460

// clientFailure maps an error of the client's side.
func clientFailure(err error) *failure {
	switch {
	case timedOut(err):
		return &failure{status: 408, err: err}
	case errors.Is(err, errBadChunk), errors.Is(err, errBareLF), errors.Is(err, errTooLong):
		return &failure{status: 400, err: err}
	}
	return &failure{status: statusClientLeft, err: err}
}
