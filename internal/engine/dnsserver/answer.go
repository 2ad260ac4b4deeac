package dnsserver

import "github.com/miekg/dns"

// maxChain bounds the CNAMEs followed for one question.
const maxChain = 16

// answer is what a snapshot has to say about a question.
type answer struct {
	rcode         int
	authoritative bool
	// Sections. They may be the snapshot's own slices: to be read only.
	answer, authority, additional []dns.RR
	// chase is a CNAME's target outside of all zones, for a forwarder to go on
	// with; flat is the name its addresses are to be put at, "" to give them
	// under their own.
	chase, flat string
	flatTTL     uint32
}

// answer resolves within the snapshot, following up to chain CNAMEs. The name is
// canonical. outside is true when no zone has the name.
func (s *snapshot) answer(name string, typ uint16, chain int) (a answer, outside bool) {
	for ; chain > 0; chain-- {
		n, exact := s.find(name)
		if n == nil {
			if a.answer == nil {
				return answer{rcode: dns.RcodeRefused}, true
			}
			a.chase = name
			return a, false
		}
		if z := s.above(n.zone); exact && typ == dns.TypeDS && name == n.zone.name && z != nil {
			a.authoritative = true
			return a.deny(z, dns.RcodeSuccess), false
		}
		if n.cut != nil && (n.cut != n || !exact || typ != dns.TypeDS) {
			return a.refer(s, n.cut), false
		}
		// A chain is authoritative as its first name is (RFC 1035, section 4.1.1).
		a.authoritative = true
		if !exact {
			if n.wildcard == nil {
				return a.deny(n.zone, dns.RcodeNameError), false
			}
			n = n.wildcard
		}
		next, done := s.at(&a, n, name, typ, exact, chain)
		if done {
			return a, false
		}
		name = next
	}
	return answer{rcode: dns.RcodeServerFailure}, false // CNAMEs in a circle
}

// above is the zone of ours that a zone lies in, nil for none. A child's DS is on
// its side (RFC 4035, section 3.1.4.1); we sign nothing, so there is none.
func (s *snapshot) above(z *zone) *zone {
	i, end := dns.NextLabel(z.name, 0)
	if end {
		return nil
	}
	if n, _ := s.find(z.name[i:]); n != nil {
		return n.zone
	}
	return nil
}

// at answers from one node; a CNAME gives the name to go on with.
func (s *snapshot) at(a *answer, n *node, name string, typ uint16, exact bool, chain int) (next string, done bool) {
	if n.alias != "" && (typ == dns.TypeA || typ == dns.TypeAAAA) {
		s.flatten(a, n, name, typ, chain-1)
		return "", true
	}
	if cname := n.set(dns.TypeCNAME); cname != nil && typ != dns.TypeCNAME && typ != dns.TypeANY {
		a.give(cname, name, exact)
		return cname[0].(*dns.CNAME).Target, false
	}
	switch {
	case typ == dns.TypeSOA && exact && name == n.zone.name:
		a.give([]dns.RR{n.zone.soa}, name, true)
	case typ == dns.TypeANY && (len(n.sets) > 0 || n.alias != ""):
		// As Cloudflare does (RFC 8482, section 4.2).
		a.give([]dns.RR{&dns.HINFO{Hdr: header(name, dns.TypeHINFO, 3789), Cpu: "RFC8482"}}, name, true)
	case n.set(typ) != nil:
		a.give(n.set(typ), name, exact)
	default:
		*a = a.deny(n.zone, dns.RcodeSuccess)
	}
	return "", true
}

// give adds a set to the answer; under the name asked for when it is a
// wildcard's.
func (a *answer) give(rrs []dns.RR, name string, exact bool) {
	if !exact {
		rrs = renamed(rrs, name, 0)
	}
	if a.answer == nil {
		a.answer = rrs[:len(rrs):len(rrs)]
		return
	}
	a.answer = append(a.answer, rrs...)
}

// renamed copies records to another name, with a TTL no longer than limit
// unless that is 0.
func renamed(rrs []dns.RR, name string, limit uint32) []dns.RR {
	out := make([]dns.RR, len(rrs))
	for i, rr := range rrs {
		out[i] = dns.Copy(rr)
		h := out[i].Header()
		h.Name = name
		if limit != 0 {
			h.Ttl = min(h.Ttl, limit)
		}
	}
	return out
}

// flatten answers with the addresses of the alias' target, as the name's own.
func (s *snapshot) flatten(a *answer, n *node, name string, typ uint16, chain int) {
	b, outside := s.answer(n.alias, typ, chain)
	switch {
	case outside:
		a.chase, a.flat, a.flatTTL = n.alias, name, n.aliasTTL
	case b.chase != "":
		a.chase, a.flat, a.flatTTL = b.chase, name, n.aliasTTL
	case b.rcode == dns.RcodeServerFailure:
		a.rcode = b.rcode
	default:
		a.flattened(n.zone, b.answer, name, typ, n.aliasTTL)
	}
}

// flattened puts the addresses among rrs at name; without any the name has no
// such record.
func (a *answer) flattened(z *zone, rrs []dns.RR, name string, typ uint16, ttl uint32) {
	var found []dns.RR
	for _, rr := range rrs {
		if rr.Header().Rrtype == typ {
			found = append(found, rr)
		}
	}
	if found == nil {
		*a = a.deny(z, dns.RcodeSuccess)
		return
	}
	a.answer = append(a.answer[:len(a.answer):len(a.answer)], renamed(found, name, ttl)...)
}

// deny says that there is no such name, or no such type at the name. After a
// CNAME it speaks of the chain's last name (RFC 6604).
func (a answer) deny(z *zone, rcode int) answer {
	a.rcode, a.authority = rcode, z.negative
	return a
}

// refer points to the name servers of a delegation, with their addresses where
// we have them.
func (a answer) refer(s *snapshot, cut *node) answer {
	a.authority = cut.set(dns.TypeNS)
	for _, ns := range a.authority {
		if n := s.nodes[dns.CanonicalName(ns.(*dns.NS).Ns)]; n != nil && n.zone == cut.zone {
			a.additional = append(append(a.additional, n.set(dns.TypeA)...), n.set(dns.TypeAAAA)...)
		}
	}
	return a
}
