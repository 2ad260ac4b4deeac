package dnsserver

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// snapshot is every zone at one moment. It is never written to once it is
// current: answers hand its slices out as they are.
type snapshot struct {
	nodes map[string]*node // by canonical name
	zones map[string]*zone
	// parsed saves the next Apply from reading again what has not changed.
	parsed map[Record]dns.RR
}

type zone struct {
	name     string
	soa      *dns.SOA
	negative []dns.RR // the SOA as a denial carries it (RFC 2308, section 3)
}

// node is a name that exists: it has records, or a name below it has.
type node struct {
	zone *zone
	sets []set
	// alias is the name that a flattened CNAME stands for, "" for none.
	alias    string
	aliasTTL uint32
	// wildcard is the node "*" directly below, nil for none.
	wildcard *node
	// cut is the node at or above this one, below the apex, that delegates to
	// somebody else's name servers; nil where the zone itself answers.
	cut *node
}

// set is the records of one type at one name.
type set struct {
	typ uint16
	rrs []dns.RR
}

func (n *node) set(typ uint16) []dns.RR {
	for i := range n.sets {
		if n.sets[i].typ == typ {
			return n.sets[i].rrs
		}
	}
	return nil
}

func (n *node) add(rr dns.RR) {
	typ := rr.Header().Rrtype
	for i := range n.sets {
		if n.sets[i].typ != typ {
			continue
		}
		// Within a set there are no duplicates and one TTL (RFC 2181, section 5).
		if !slices.ContainsFunc(n.sets[i].rrs, func(have dns.RR) bool { return dns.IsDuplicate(have, rr) }) {
			rr.Header().Ttl = n.sets[i].rrs[0].Header().Ttl
			n.sets[i].rrs = append(n.sets[i].rrs, rr)
		}
		return
	}
	n.sets = append(n.sets, set{typ, []dns.RR{rr}})
}

// Apply replaces all zones. A record or a zone that cannot be served (see
// [Check]; a name outside its zone, a CNAME beside other records, a zone given
// twice) is left out and named in the error, everything else is served: one bad
// record must not hold back the others' changes.
func (s *Server) Apply(zones []Zone) error {
	s.applies.Lock()
	defer s.applies.Unlock()
	b := builder{
		old:      s.current.Load(),
		snapshot: snapshot{map[string]*node{}, map[string]*zone{}, map[Record]dns.RR{}},
	}
	// The zones come first so that a record finds the deepest one it falls in.
	kept := make([]*zone, len(zones))
	for i := range zones {
		kept[i] = b.zone(&zones[i])
	}
	for i, z := range kept {
		if z != nil {
			b.records(z, &zones[i])
		}
	}
	b.cuts()
	s.current.Store(&b.snapshot)
	return errors.Join(b.errs...)
}

type builder struct {
	snapshot
	old  *snapshot
	errs []error
}

func (b *builder) refuse(format string, args ...any) {
	b.errs = append(b.errs, fmt.Errorf(format, args...))
}

// parse reads a record, or remembers how it was read last time. The result is
// the caller's own: sets adjust TTLs.
func (b *builder) parse(r Record) (dns.RR, error) {
	rr, ok := b.old.parsed[r]
	if !ok {
		var err error
		if rr, err = r.parse(); err != nil {
			return nil, err
		}
	}
	b.parsed[r] = rr
	return dns.Copy(rr), nil
}

// zone makes the zone's apex with what every zone has: SOA and NS.
func (b *builder) zone(in *Zone) *zone {
	name, err := canonical(in.Name)
	if err != nil {
		b.refuse("zone %w", err)
		return nil
	}
	if b.zones[name] != nil {
		b.refuse("zone %s is given twice", name)
		return nil
	}
	z := &zone{name: name}
	b.zones[name] = z
	apex := &node{zone: z}
	b.nodes[name] = apex
	servers := in.NameServers
	if len(servers) == 0 {
		servers = []string{"ns." + strings.TrimPrefix(name, ".")}
	}
	for _, host := range servers {
		host, err := canonical(host)
		if err != nil {
			b.refuse("name server of zone %s: %w", name, err)
			continue
		}
		apex.add(&dns.NS{Hdr: header(name, dns.TypeNS, 86400), Ns: host})
	}
	if len(apex.sets) == 0 {
		apex.add(&dns.NS{Hdr: header(name, dns.TypeNS, 86400), Ns: "ns." + strings.TrimPrefix(name, ".")})
	}
	// The times are those of Cloudflare's zones, but for a short negative TTL:
	// what a deploy has just made must not stay unknown to a resolver for half
	// an hour.
	z.setSOA(&dns.SOA{
		Hdr: header(name, dns.TypeSOA, 1800), Ns: apex.set(dns.TypeNS)[0].(*dns.NS).Ns, Mbox: "dns." + strings.TrimPrefix(name, "."),
		Serial: in.Serial, Refresh: 10000, Retry: 2400, Expire: 604800, Minttl: 30,
	})
	return z
}

func header(name string, typ uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: typ, Class: dns.ClassINET, Ttl: ttl}
}

func (z *zone) setSOA(soa *dns.SOA) {
	z.soa = soa
	denial := dns.Copy(soa).(*dns.SOA)
	denial.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	z.negative = []dns.RR{denial}
}

func (b *builder) records(z *zone, in *Zone) {
	for _, r := range in.Records {
		rr, err := b.parse(r)
		if err != nil {
			b.refuse("zone %s: %w", z.name, err)
			continue
		}
		name := rr.Header().Name
		if !dns.IsSubDomain(z.name, name) {
			b.refuse("zone %s: %s record %s lies outside of it", z.name, r.Type, r.Name)
			continue
		}
		if n, _ := b.find(name); n.zone != z {
			continue // a zone of its own stands there, and answers instead
		}
		if err := b.node(name).place(rr, r.Flatten || name == z.name); err != nil {
			b.refuse("zone %s: %s record %s: %w", z.name, r.Type, r.Name, err)
		}
	}
}

// place puts a record at its name.
func (n *node) place(rr dns.RR, flatten bool) error {
	switch rr := rr.(type) {
	case *dns.SOA:
		if rr.Hdr.Name != n.zone.name {
			return errors.New("a SOA stands at the zone's apex only")
		}
		n.zone.setSOA(rr)
		return nil
	case *dns.CNAME:
		target, err := canonical(rr.Target)
		if err != nil {
			return err
		}
		rr.Target = target
		if n.alias != "" || n.set(dns.TypeCNAME) != nil {
			return errors.New("there is another CNAME")
		}
		if flatten {
			if n.set(dns.TypeA) != nil || n.set(dns.TypeAAAA) != nil {
				return errors.New("there are addresses beside the CNAME")
			}
			n.alias, n.aliasTTL = rr.Target, rr.Hdr.Ttl
			return nil
		}
		if len(n.sets) > 0 {
			return errors.New("there are other records beside the CNAME")
		}
	case *dns.A, *dns.AAAA:
		if n.alias != "" {
			return errors.New("there is a CNAME beside the address")
		}
	}
	if n.set(dns.TypeCNAME) != nil {
		return errors.New("there is a CNAME beside the record")
	}
	n.add(rr)
	return nil
}

// node is the name's node, made with those above it up to the apex: a name with
// something below it exists (RFC 8020).
func (b *builder) node(name string) *node {
	if n := b.nodes[name]; n != nil {
		return n
	}
	i, _ := dns.NextLabel(name, 0)
	above := name[i:]
	if above == "" {
		above = "."
	}
	up := b.node(above)
	n := &node{zone: up.zone}
	b.nodes[name] = n
	if strings.HasPrefix(name, "*.") {
		up.wildcard = n
	}
	return n
}

// cuts marks delegations, parents first.
func (b *builder) cuts() {
	names := make([]string, 0, len(b.nodes))
	for name := range b.nodes {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(dns.CountLabel(a), dns.CountLabel(b)) })
	for _, name := range names {
		n := b.nodes[name]
		if name == n.zone.name {
			continue
		}
		i, _ := dns.NextLabel(name, 0)
		if up := b.nodes[name[i:]]; up != nil && up.cut != nil {
			n.cut = up.cut
		} else if n.set(dns.TypeNS) != nil {
			n.cut = n
		}
	}
}

// find is the node of a canonical name or, when there is none, of its closest
// encloser; nil when the name lies outside of all zones.
func (s *snapshot) find(name string) (n *node, exact bool) {
	if n := s.nodes[name]; n != nil {
		return n, true
	}
	for i, end := dns.NextLabel(name, 0); !end; i, end = dns.NextLabel(name, i) {
		if n := s.nodes[name[i:]]; n != nil {
			return n, false
		}
	}
	return s.nodes["."], false
}
