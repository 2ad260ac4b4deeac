package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// The errors of Lookup. Its error wraps one of them.
var (
	// ErrNoName: the name does not exist (NXDOMAIN).
	ErrNoName = errors.New("no such name")
	// ErrNoData: the name exists, but has no record of the type.
	ErrNoData = errors.New("no record of the type")
	// ErrOutside: no zone has the name, and there is no forwarder.
	ErrOutside = errors.New("not in a zone of the engine")
	// ErrUnanswered: the chain of CNAMEs has no end, or a forwarder failed.
	ErrUnanswered = errors.New("no answer")
)

// Lookup answers a question as the server would over the network: the records
// of the type at the name, behind CNAMEs too, without those CNAMEs unless they
// are what is asked for. Names come in lower case with a final dot; the data of
// a TXT record is its text.
func (s *Server) Lookup(ctx context.Context, name, typ string) ([]Record, error) {
	records, err := s.lookup(ctx, name, typ)
	if err != nil {
		return nil, fmt.Errorf("looking up %s %s: %w", name, typ, err)
	}
	return records, nil
}

func (s *Server) lookup(ctx context.Context, name, typ string) ([]Record, error) {
	qname, err := canonical(name)
	if err != nil {
		return nil, err
	}
	qtype, ok := dns.StringToType[strings.ToUpper(typ)]
	if !ok || meta(qtype) {
		return nil, errors.New("no such type of record")
	}
	a := s.resolve(ctx, qname, qtype, true)
	switch a.rcode {
	case dns.RcodeRefused:
		return nil, ErrOutside
	case dns.RcodeNameError:
		return nil, ErrNoName
	case dns.RcodeServerFailure:
		return nil, ErrUnanswered
	}
	var out []Record
	for _, rr := range a.answer {
		if rr.Header().Rrtype == qtype {
			out = append(out, record(rr))
		}
	}
	switch {
	case out != nil:
		return out, nil
	case a.chase != "" && s.forward == nil:
		return nil, fmt.Errorf("it is a CNAME for %s: %w", a.chase, ErrOutside)
	}
	return nil, ErrNoData
}

// record is the plain form of a library's record.
func record(rr dns.RR) Record {
	h := rr.Header()
	r := Record{Name: h.Name, Type: dns.TypeToString[h.Rrtype], TTL: h.Ttl}
	if txt, ok := rr.(*dns.TXT); ok {
		r.Data = text(txt)
	} else {
		r.Data = strings.TrimPrefix(rr.String(), h.String())
	}
	return r
}

// text is the bytes of a TXT record: the library keeps them escaped.
func text(rr *dns.TXT) string {
	var b strings.Builder
	for _, s := range rr.Txt {
		for i := 0; i < len(s); i++ {
			if s[i] != '\\' || i+1 == len(s) {
				b.WriteByte(s[i])
				continue
			}
			if i+3 < len(s) && digits(s[i+1:i+4]) {
				b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + (s[i+3] - '0'))
				i += 3
				continue
			}
			i++
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
