package balancer

import (
	"io"
	"iter"
	"net/netip"
	"strings"
)

// field is one header line, its name as the sender spelled it.
type field struct{ name, value string }

// fields are header lines in the sender's order.
type fields []field

// get returns the first value of name, compared case-insensitively.
func (f fields) get(name string) string {
	for i := range f {
		if equalFold(f[i].name, name) {
			return f[i].value
		}
	}
	return ""
}

// all yields every value of name.
func (f fields) all(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range f {
			if equalFold(f[i].name, name) && !yield(f[i].value) {
				return
			}
		}
	}
}

// without removes the lines called name, in place.
func (f fields) without(name string) fields {
	out := f[:0]
	for _, l := range f {
		if !equalFold(l.name, name) {
			out = append(out, l)
		}
	}
	return out
}

// token reports whether the comma-separated lists called name hold token.
func (f fields) token(name, token string) bool {
	for v := range f.all(name) {
		for part := range strings.SplitSeq(v, ",") {
			if equalFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// equalFold compares ASCII case-insensitively.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// request is a request as a client sent it, whichever front read it.
type request struct {
	method   string
	target   string // the request target as sent
	path     string // raw path
	query    string // raw query without its ?
	hasQuery bool
	host     string // authority as sent, with its port
	proto    string // HTTP/1.0, HTTP/1.1, HTTP/2.0
	fields   fields // without Host; framing and hop-by-hop headers still in
	length   int64  // of the body; -1 is unknown, 0 is none
	body     io.Reader
	trailers func() fields // valid after the body's end; nil is none
	ask      func()        // asks a client that waits for 100 Continue to send the body
	upgrade  string        // the protocol asked for by Connection: upgrade
	source   netip.Addr
	headSize int
	verdict  verdict
}

// hostname is the host without its port, in lower case.
func (r *request) hostname() string { return lowerHost(stripPort(r.host)) }

// stripPort cuts :port off an authority, keeping the brackets of IPv6 away.
func stripPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		if strings.IndexByte(host, ':') == i || host[0] == '[' {
			host = host[:i]
		}
	}
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	return host
}

// splitTarget cuts a request target into path and query.
func (r *request) splitTarget(pathAndQuery string) {
	r.path, r.query, r.hasQuery = strings.Cut(pathAndQuery, "?")
}

// isGRPC tells gRPC requests by their content type, as the protocol defines.
func (r *request) isGRPC() bool {
	return strings.HasPrefix(r.fields.get("Content-Type"), "application/grpc")
}
