package balancer

import (
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"
)

// Entry is one line of the access log ("Access logs for your Application Load
// Balancer"): a request, or a WebSocket at its close. Health checks have none.
type Entry struct {
	Type             string // http, https, h2, grpcs, ws, wss
	Time             time.Time
	LoadBalancer     string // its name: app/my-loadbalancer/50dc6c495c0c9188
	Client           netip.AddrPort
	Target           string        // host:port
	RequestTime      time.Duration // received → sent to the target; −1 where it was not
	TargetTime       time.Duration // sent → first byte of the answer
	ResponseTime     time.Duration // answered → sent to the client
	Status           int
	TargetStatus     int // 0: none
	Received, Sent   int64
	Request          string
	UserAgent        string
	Cipher, Protocol string
	TargetGroup      string
	TraceID          string
	Domain           string
	Certificate      string
	RulePriority     int // 0: default; −1: error; −2: no rule was looked for
	Created          time.Time
	Actions          string
	RedirectURL      string
	ErrorReason      string
	Classification   string
	ClassReason      string
	ConnectionTrace  string
	TransformedHost  string
	TransformedURI   string
	TransformStatus  string

	// Log is the load balancer's AccessLog. It, ListenerID and TargetID are not
	// part of the line.
	Log                  string
	ListenerID, TargetID string
}

// entry tells an exchange as the log does.
func (x *exchange) entry() Entry {
	r := &x.req
	e := Entry{
		Type: x.logType(), Log: x.lb.accessLog, Time: time.Now(), LoadBalancer: x.lb.name, Client: x.client.remote,
		RequestTime: -1, TargetTime: -1, ResponseTime: -1,
		Status: x.status, TargetStatus: x.targetStatus,
		Received: int64(r.headSize) + atomic.LoadInt64(&x.received), Sent: x.returned,
		Request:   r.method + " " + x.url() + " " + r.proto,
		UserAgent: r.fields.get("User-Agent"), TraceID: x.trace, RulePriority: -2, Created: x.now,
		RedirectURL: x.redirectURL, ErrorReason: x.errorReason,
		Classification: r.verdict.severity.String(), ClassReason: r.verdict.reason,
		ConnectionTrace: x.client.traceID, TransformStatus: x.transformed, ListenerID: x.listener.id,
	}
	if x.rule != nil {
		e.RulePriority, e.Actions = x.rule.priority, x.rule.action.name()
	}
	if x.group != nil {
		e.TargetGroup = x.group.id
	}
	if x.target != nil {
		e.Target, e.TargetID = x.target.address, x.target.id
	}
	if !x.answered.IsZero() {
		e.RequestTime, e.TargetTime = x.sent.Sub(x.now), x.answered.Sub(x.sent)
		e.ResponseTime = x.replied.Sub(x.answered)
	}
	if x.transformed == "TransformSuccess" {
		if x.host != x.hostForTarget() {
			e.TransformedHost = x.host
		}
		if x.uri != r.target {
			e.TransformedURI = x.uri
		}
	}
	if t := x.client.tls; t != nil {
		e.Cipher, e.Protocol = t.cipher, t.version
		if t.matched {
			e.Domain = t.sni
		}
		e.Certificate = t.certificate
		if t.resumed {
			e.Certificate = "session-reused"
		}
	}
	return e
}

func (x *exchange) logType() string {
	secure := x.client.tls != nil
	switch {
	case x.upgraded && secure:
		return "wss"
	case x.upgraded:
		return "ws"
	case x.req.proto == "HTTP/2.0" && x.req.isGRPC():
		return "grpcs"
	case x.req.proto == "HTTP/2.0":
		return "h2"
	case secure:
		return "https"
	}
	return "http"
}

// url is the request's URL as the log writes it, always with the port.
func (x *exchange) url() string {
	host := bracket(stripPort(x.req.host))
	if host == "" {
		host = bracket(x.client.local.Addr().String())
	}
	u := x.scheme() + "://" + host + ":" + strconv.Itoa(int(x.listener.port)) + x.req.path
	if x.req.hasQuery {
		u += "?" + x.req.query
	}
	return u
}

// Append writes the entry as a line without its newline, in the documented
// order of fields.
func (e *Entry) Append(b []byte) []byte {
	b = append(b, e.Type...)
	b = e.Time.UTC().AppendFormat(append(b, ' '), isoMicros)
	b = appendWord(b, e.LoadBalancer)
	b = e.Client.AppendTo(append(b, ' '))
	b = appendWord(b, e.Target)
	b = appendSeconds(b, e.RequestTime)
	b = appendSeconds(b, e.TargetTime)
	b = appendSeconds(b, e.ResponseTime)
	b = strconv.AppendInt(append(b, ' '), int64(e.Status), 10)
	b = appendStatus(append(b, ' '), e.TargetStatus)
	b = strconv.AppendInt(append(b, ' '), e.Received, 10)
	b = strconv.AppendInt(append(b, ' '), e.Sent, 10)
	b = appendQuoted(b, e.Request)
	b = appendQuoted(b, e.UserAgent[:min(len(e.UserAgent), 8<<10)])
	b = appendWord(b, e.Cipher)
	b = appendWord(b, e.Protocol)
	b = appendWord(b, e.TargetGroup)
	b = appendQuoted(b, e.TraceID)
	b = appendQuoted(b, e.Domain)
	b = appendQuoted(b, e.Certificate)
	if e.RulePriority < -1 {
		b = append(b, " -"...)
	} else {
		b = strconv.AppendInt(append(b, ' '), int64(e.RulePriority), 10)
	}
	b = e.Created.UTC().AppendFormat(append(b, ' '), isoMicros)
	b = appendQuoted(b, e.Actions)
	b = appendQuoted(b, e.RedirectURL)
	b = appendQuoted(b, e.ErrorReason)
	b = appendQuoted(b, e.Target)
	b = append(appendStatus(append(b, ` "`...), e.TargetStatus), '"')
	b = appendQuoted(b, e.Classification)
	b = appendQuoted(b, e.ClassReason)
	b = appendWord(b, e.ConnectionTrace)
	b = appendQuoted(b, e.TransformedHost)
	b = appendQuoted(b, e.TransformedURI)
	return appendQuoted(b, e.TransformStatus)
}

const (
	isoMicros = "2006-01-02T15:04:05.000000Z"
	hexDigits = "0123456789abcdef"
)

func appendWord(b []byte, s string) []byte { return append(append(b, ' '), or(s, "-")...) }

func appendStatus(b []byte, status int) []byte {
	if status == 0 {
		return append(b, '-')
	}
	return strconv.AppendInt(b, int64(status), 10)
}

func appendSeconds(b []byte, d time.Duration) []byte {
	if d < 0 {
		return append(b, " -1"...)
	}
	return strconv.AppendFloat(append(b, ' '), d.Seconds(), 'f', 3, 64)
}

// appendQuoted writes a string in quotes; what could end the quotes or the line
// is escaped.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, ' ', '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c >= 0x7f:
			b = append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	if s == "" {
		b = append(b, '-')
	}
	return append(b, '"')
}
