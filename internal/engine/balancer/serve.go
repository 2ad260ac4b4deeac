package balancer

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// serve takes a request through the load balancer: listener, rule, action, log.
func (b *Balancer) serve(x *exchange, s *sockRoutes) {
	defer x.end()
	host := x.req.hostname()
	x.listener = s.pick(host)
	x.lb = x.listener.lb
	if !x.listener.admits(x.req.source) {
		b.refused(x.listener, x.req.source.String())
		x.silence()
		return
	}
	x.trace = traceID(x.req.fields.get("X-Amzn-Trace-Id"), x.now)
	x.listener.metrics.requests.Add(1)
	if status := x.unacceptable(); status != 0 {
		x.refuse(status)
		return
	}
	x.rule = x.listener.router.find(&x.req, host)
	switch a := x.rule.action; {
	case a.redirect != nil:
		x.redirect(a.redirect)
	case a.fixed != nil:
		x.fixed(a.fixed)
	default:
		x.forward(a.forward)
	}
}

// unacceptable are requests that no rule sees.
func (x *exchange) unacceptable() int {
	switch {
	case x.req.method == "TRACE":
		return 405
	case tooManyForwarded(x.req.fields):
		return 463
	case x.req.verdict.blocked(x.lb.attributes.Desync):
		x.closing = true
		return 400
	}
	return 0
}

func (x *exchange) redirect(d *Redirect) {
	x.listener.metrics.redirects.Add(1)
	x.redirectURL = d.location(&x.req, x.scheme(), x.listener.port, x.lb.published)
	x.refuse(d.Status, field{"Location", x.redirectURL})
}

func (x *exchange) fixed(f *FixedResponse) {
	x.listener.metrics.fixed.Add(1)
	kind := f.ContentType
	if kind != "" {
		kind += "; charset=utf-8"
	}
	x.reply(f.Status, f.Body, ownFields(kind))
}

// forward picks a group and a target, and carries the exchange there and back.
func (x *exchange) forward(f *forward) {
	if !x.transform() {
		x.refuse(500)
		return
	}
	x.group = x.stickyGroup(f)
	if x.group == nil { // every weight is 0
		x.refuse(503)
		return
	}
	settings := x.group.settings()
	if incompatible(&x.req, settings.Version) {
		x.refuse(464)
		return
	}
	t := x.group.pick(x.stickyTarget(settings))
	if t == nil {
		x.refuse(503)
		return
	}
	x.target = t
	defer func() { x.target.release() }()
	a, fail := x.attempts(f, settings)
	if fail != nil {
		x.fail(fail)
		return
	}
	x.targetStatus = a.status
	x.group.metrics.answered(x, a.status)
	x.appCookie(a, settings)
	if a.status == 101 {
		x.tunnel(a)
		return
	}
	x.relay(a)
}

func (x *exchange) send(v Version) (*answer, *failure) {
	x.group.metrics.requests.Add(1)
	if v == HTTP1 {
		return x.target.sendH1(x)
	}
	return x.group.h2.send(x)
}

// incompatible is an "HTTP 464": the request's protocol does not go with the
// version that the target group speaks.
func incompatible(r *request, v Version) bool {
	http2 := r.proto == "HTTP/2.0"
	switch v {
	case GRPC:
		return !http2 || r.method != "POST"
	case HTTP2:
		return !http2
	}
	return http2 && r.isGRPC()
}

// transform applies the rule's rewrites; false means that they went wrong.
func (x *exchange) transform() bool {
	x.uri, x.host = x.req.path, x.hostForTarget()
	if x.req.hasQuery {
		x.uri += "?" + x.req.query
	}
	if x.req.verdict.severity > compliant {
		x.uri = escapeTarget(x.uri)
	}
	var hostDone, uriDone bool
	if len(x.rule.rewriteURL) > 0 {
		x.uri, uriDone = apply(x.rule.rewriteURL, x.uri)
	}
	if len(x.rule.rewriteHost) > 0 {
		x.host, hostDone = apply(x.rule.rewriteHost, x.host)
	}
	switch {
	case uriDone && !validTarget(x.uri):
		x.transformed = "TransformInvalidPath"
	case hostDone && !validHost(x.host):
		x.transformed = "TransformInvalidHost"
	case uriDone || hostDone:
		x.transformed = "TransformSuccess"
	default:
		return true
	}
	return x.transformed == "TransformSuccess"
}

// escapeTarget encodes spaces and control characters that mitigation let pass,
// so that the target's request line is beyond doubt.
func escapeTarget(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func validTarget(s string) bool {
	if s == "" || s[0] != '/' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func validHost(s string) bool {
	for i := 0; i < len(s); i++ {
		c := lower(s[i])
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != ':' && c != '[' && c != ']' && c != '_' {
			return false
		}
	}
	return s != ""
}

// fail answers for a target that did not.
func (x *exchange) fail(f *failure) {
	x.sent, x.answered = time.Time{}, time.Time{}
	if f.status == statusClientLeft {
		x.status = statusClientLeft
		x.out.abort()
		return
	}
	x.bal.log.Debug("target gave no answer", "group", x.group.id, "target", x.target.id, "status", f.status, "cause", f.err)
	if f.status == 408 || f.status == 400 {
		x.closing = true
	}
	x.refuse(f.status)
}

// relay sends a target's answer to the client.
func (x *exchange) relay(a *answer) {
	x.status = a.status
	x.replied = time.Now()
	length := a.length
	if length == untilClose {
		length = -1
	}
	clean := x.copyAnswer(a, length)
	a.owner.finish(clean)
	if !clean {
		x.out.abort()
	}
}

func (x *exchange) copyAnswer(a *answer, length int64) bool {
	if x.out.begin(a.status, a.reason, x.toClient(a), length) != nil {
		return false
	}
	if a.body != nil && !x.copyBody(a) {
		return false
	}
	var trailers fields
	if t, ok := a.body.(trailing); ok {
		trailers = t.trailing()
	}
	return x.out.finish(trailers) == nil
}

// copyBody sends the body part by part as it comes.
func (x *exchange) copyBody(a *answer) bool {
	if !a.body.ready() && x.out.flush() != nil {
		return false
	}
	buf := getBuf()
	defer buf.release()
	b := buf.b[:partSize]
	for {
		n, err := a.body.Read(b)
		if n > 0 {
			x.returned += int64(n)
			if x.out.write(b[:n], err == io.EOF || err == nil && a.body.ready()) != nil {
				return false
			}
		}
		if err == nil {
			err = x.splice(a)
		}
		if err == io.EOF {
			return true
		}
		if err != nil {
			x.bal.log.Debug("target's answer broke off", "group", x.group.id, "target", x.target.id, "cause", err)
			return false
		}
	}
}

// silence leaves a request without an answer: its listener does not admit the
// client, but another on the same socket does.
func (x *exchange) silence() {
	ctx, left := context.WithCancel(x.bal.silent)
	stop := x.out.watch(left)
	x.bal.hold(ctx)
	stop()
	left()
	x.out.abort()
	x.listener = nil // neither counted nor logged
}

// end counts and logs the exchange.
func (x *exchange) end() {
	if x.listener == nil {
		return
	}
	x.listener.metrics.count(x)
	if x.bal.accessLog != nil && x.lb.accessLog != "" {
		x.bal.accessLog(x.entry())
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
