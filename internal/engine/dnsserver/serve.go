package dnsserver

import (
	"context"
	"net"

	"github.com/miekg/dns"
)

// maxUDP is the largest answer sent over UDP whatever the client offers: it
// passes any network unfragmented (DNS flag day 2020).
const maxUDP = 1232

// serve answers one message.
func (s *Server) serve(ctx context.Context, w dns.ResponseWriter, req *dns.Msg) {
	_, udp := w.RemoteAddr().(*net.UDPAddr)
	if err := w.WriteMsg(s.reply(ctx, req, udp)); err != nil && ctx.Err() == nil {
		s.log.Debug("answering a DNS question", "client", w.RemoteAddr().String(), "error", err)
	}
}

// reply is the answer to a message, fit for the transport.
func (s *Server) reply(ctx context.Context, req *dns.Msg, udp bool) *dns.Msg {
	res := new(dns.Msg)
	res.SetReply(req)
	res.RecursionAvailable = s.forward != nil
	size := dns.MaxMsgSize
	opt := req.IsEdns0()
	switch {
	case udp && opt != nil:
		size = min(max(int(opt.UDPSize()), dns.MinMsgSize), maxUDP)
	case udp:
		size = dns.MinMsgSize
	}
	if res.Rcode = refusal(req, opt); res.Rcode == dns.RcodeSuccess {
		a := s.resolve(ctx, dns.CanonicalName(req.Question[0].Name), req.Question[0].Qtype, req.RecursionDesired)
		res.Rcode, res.Authoritative = a.rcode, a.authoritative
		res.Answer, res.Ns = a.answer, a.authority
		res.Extra = a.additional[:len(a.additional):len(a.additional)]
	}
	if opt != nil {
		own := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
		own.SetUDPSize(maxUDP)
		own.SetDo(opt.Do()) // RFC 3225, section 3
		res.Extra = append(res.Extra, own)
	}
	res.Truncate(size)
	return res
}

// refusal is the code for a message that is no question we answer.
func refusal(req *dns.Msg, opt *dns.OPT) int {
	switch {
	case opt != nil && opt.Version() != 0:
		return dns.RcodeBadVers
	case req.Opcode != dns.OpcodeQuery:
		return dns.RcodeNotImplemented
	case len(req.Question) != 1:
		return dns.RcodeFormatError
	}
	q := req.Question[0]
	switch {
	case q.Qclass != dns.ClassINET && q.Qclass != dns.ClassANY:
		return dns.RcodeRefused
	case q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR:
		return dns.RcodeRefused
	case q.Qtype == dns.TypeOPT || q.Qtype == dns.TypeNone:
		return dns.RcodeFormatError
	}
	return dns.RcodeSuccess
}

// resolve answers from the zones and, where they end, from the forwarders.
func (s *Server) resolve(ctx context.Context, name string, typ uint16, recurse bool) answer {
	snap := s.current.Load()
	a, outside := snap.answer(name, typ, maxChain)
	switch {
	case outside && s.forward != nil && recurse:
		return s.forward.ask(ctx, name, typ)
	case a.flat != "" && s.forward == nil:
		// Cloudflare, too, has no answer for a target that it cannot resolve.
		a.rcode = dns.RcodeServerFailure
	case a.flat != "":
		return s.flattenOutside(ctx, snap, a, typ)
	case a.chase != "" && s.forward != nil && recurse:
		b := s.forward.ask(ctx, a.chase, typ)
		a.answer = append(a.answer, b.answer...)
		a.rcode, a.authority = b.rcode, b.authority
	}
	return a
}

func (s *Server) flattenOutside(ctx context.Context, snap *snapshot, a answer, typ uint16) answer {
	b := s.forward.ask(ctx, a.chase, typ)
	if b.rcode != dns.RcodeSuccess && b.rcode != dns.RcodeNameError {
		a.rcode = dns.RcodeServerFailure
		return a
	}
	n, _ := snap.find(a.flat)
	a.flattened(n.zone, b.answer, a.flat, typ, a.flatTTL)
	return a
}
