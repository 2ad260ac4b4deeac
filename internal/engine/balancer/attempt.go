package balancer

import "io"

// maxTargets is how many targets a request may be taken to, one after another.
const maxTargets = 3

// attempts takes the exchange to its target and, when that one cannot be reached
// or is gone, to another. A request that a target may have seen is only taken
// to one more, and only if it is safe to repeat: a target that is killed costs
// at most what was in flight on it, and a request that kills targets does not
// kill them all. (A load balancer on AWS answers 502 right away.)
func (x *exchange) attempts(f *forward, settings *TargetGroup) (*answer, *failure) {
	if settings.Version == HTTP1 {
		buf := getBuf()
		defer buf.release()
		if fail := x.compose(buf); fail != nil {
			return nil, fail
		}
	}
	var tried [maxTargets]*target
	seen := false
	for n := 0; ; n++ {
		x.setCookies = x.setCookies[:0]
		x.setCookiesFor(f, settings)
		a, fail := x.send(settings.Version)
		if fail == nil || fail.elsewhere == never || seen || n+1 == maxTargets {
			return a, fail
		}
		seen = fail.elsewhere == once
		tried[n] = x.target
		next := x.group.another(tried[:n+1])
		if next == nil {
			return nil, fail
		}
		x.bal.log.Debug("target gave no answer: another is tried", "group", x.group.id, "target", x.target.id, "next", next.id, "cause", fail.err)
		x.target.release()
		x.target = next
	}
}

// elsewhere tells whether a request that failed at one target may be taken to
// another.
type elsewhere int

const (
	never  elsewhere = iota
	once             // the target may have seen it; it is safe
	always           // the target has not seen it
)

// compose puts together what an HTTP/1.1 target gets at first: the head and, if
// it is small, the body.
func (x *exchange) compose(buf *outbuf) *failure {
	buf.b = appendRequestHead(buf.b, x)
	x.message, x.streams = buf, x.req.body != nil
	if !x.streams || x.req.length <= 0 || x.req.length > smallBody {
		return nil
	}
	x.askForBody()
	n := len(buf.b)
	buf.b = append(buf.b, make([]byte, x.req.length)...)
	if _, err := io.ReadFull(x.req.body, buf.b[n:]); err != nil {
		return clientFailure(unexpected(err))
	}
	x.streams = false
	return nil
}

// safe requests change nothing (RFC 9110 section 9.2.1) and are all at hand.
func (x *exchange) safe() bool {
	switch x.req.method {
	case "GET", "HEAD", "OPTIONS":
		return x.req.upgrade == "" && !x.streams && x.upload == nil
	}
	return false
}
