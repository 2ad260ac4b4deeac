package balancer

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// maxForwarded is how many addresses X-Forwarded-For may hold ("HTTP 463").
const maxForwarded = 30

func tooManyForwarded(f fields) bool {
	n := 0
	for v := range f.all("X-Forwarded-For") {
		n += 1 + strings.Count(v, ",")
	}
	return n > maxForwarded
}

// toTarget are the headers that the target gets, beside Host and framing.
func (x *exchange) toTarget() fields {
	if len(x.forTarget) > 0 {
		return x.forTarget
	}
	r, attrs := &x.req, &x.lb.attributes
	out := x.forTarget
	if xff, ok := x.forwardedFor(); ok {
		out = append(out, field{"X-Forwarded-For", xff})
	}
	out = append(out,
		field{"X-Forwarded-Proto", x.scheme()},
		field{"X-Forwarded-Port", strconv.Itoa(int(x.listener.port))},
		field{"X-Amzn-Trace-Id", x.trace})
	if t := x.client.tls; t != nil && attrs.TLSHeaders {
		h := &x.listener.headers
		out = append(out,
			field{or(h.TLSVersionAs, "X-Amzn-Tls-Version"), t.version},
			field{or(h.TLSCipherAs, "X-Amzn-Tls-Cipher-Suite"), t.cipher})
	}
	nominates := nominating(r.fields)
	for _, f := range r.fields {
		if x.passes(f) && !(nominates && r.fields.token("Connection", f.name)) {
			out = append(out, f)
		}
	}
	x.forTarget = out
	return out
}

// passes tells whether a client's header goes on to the target.
func (x *exchange) passes(f field) bool {
	switch len(f.name) {
	case 4:
		if equalFold(f.name, "Host") {
			return false
		}
	case 6:
		if equalFold(f.name, "Expect") {
			return false
		}
	case 14:
		if equalFold(f.name, "Content-Length") {
			return false
		}
	case 15:
		if equalFold(f.name, "X-Forwarded-For") || equalFold(f.name, "X-Amzn-Trace-Id") {
			return false
		}
	case 16:
		if equalFold(f.name, "X-Forwarded-Port") {
			return false
		}
	}
	if equalFold(f.name, "X-Forwarded-Proto") || hopByHop(f.name) {
		return false
	}
	if x.lb.attributes.DropInvalidHeaders && !plainName(f.name) {
		return false
	}
	return true
}

// nominating tells whether a Connection header makes other headers hop-by-hop.
func nominating(f fields) bool {
	v := f.get("Connection")
	return v != "" && !equalFold(v, "keep-alive") && !equalFold(v, "close")
}

// plainName is what ELB calls a valid header name: [-A-Za-z0-9]+.
func plainName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := lower(s[i]); c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != ""
}

// forwardedFor is the X-Forwarded-For that the target gets ("HTTP headers and
// Application Load Balancers").
func (x *exchange) forwardedFor() (string, bool) {
	was := ""
	for v := range x.req.fields.all("X-Forwarded-For") {
		if was != "" {
			was += ", "
		}
		was += v
	}
	switch x.lb.attributes.XForwardedFor {
	case XFFPreserve:
		return was, was != ""
	case XFFRemove:
		return "", false
	}
	client := x.client.ip
	if x.lb.attributes.XFFClientPort {
		client = x.client.remote.String()
	}
	if was == "" {
		return client, true
	}
	return was + ", " + client, true
}

// hostForTarget is the Host that the target gets: as sent, but for the port of
// the listener where it is 80 or 443, unless the attribute preserves it.
func (x *exchange) hostForTarget() string {
	host := x.req.host
	if x.lb.attributes.PreserveHost || x.listener.port != 80 && x.listener.port != 443 {
		return host
	}
	if name, port, err := net.SplitHostPort(host); err == nil && (port == "80" || port == "443") {
		return bracket(name)
	}
	return host
}

// traceID makes or completes X-Amzn-Trace-Id ("Request tracing").
func traceID(was string, now time.Time) string {
	var id [16]byte
	binary.BigEndian.PutUint32(id[:], uint32(now.Unix()))
	binary.BigEndian.PutUint64(id[4:], rand.Uint64())
	binary.BigEndian.PutUint32(id[12:], rand.Uint32())
	root := strings.Contains(was, "Root=")
	b := make([]byte, 0, 64)
	if root {
		b = append(b, "Self=1-"...)
	} else {
		b = append(b, "Root=1-"...)
	}
	b = hex.AppendEncode(b, id[:4])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[4:])
	if was == "" {
		return string(b)
	}
	for part := range strings.SplitSeq(was, ";") {
		if root && strings.HasPrefix(strings.TrimSpace(part), "Self=") {
			continue // it is replaced
		}
		b = append(b, ';')
		b = append(b, part...)
	}
	return string(b)
}

// toClient are the headers of a target's answer that the client gets.
func (x *exchange) toClient(a *answer) fields {
	h := &x.listener.headers
	out := x.forClient[:0]
	nominates := nominating(a.fields)
	for _, f := range a.fields {
		if hopByHop(f.name) || h.HideServer && equalFold(f.name, "Server") {
			continue
		}
		if nominates && a.fields.token("Connection", f.name) {
			continue
		}
		out = append(out, f)
	}
	for _, c := range x.setCookies {
		out = append(out, field{"Set-Cookie", c})
	}
	x.forClient = x.listener.decorate(out)
	return x.forClient
}

// decorate sets the headers that listener attributes add to every answer.
func (l *listener) decorate(out fields) fields {
	for _, s := range l.headers.SetOnResponse {
		out = append(out.without(s.Name), field{s.Name, s.Value})
	}
	return out
}

func (x *exchange) scheme() string {
	if x.client.tls != nil {
		return "https"
	}
	return "http"
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		p := t.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	p, _ := netip.ParseAddrPort(a.String())
	return p
}
