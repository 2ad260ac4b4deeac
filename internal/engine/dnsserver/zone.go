package dnsserver

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Zone is a domain with the records at and below it.
type Zone struct {
	// Name is the zone's domain, with or without the final dot.
	Name string
	// NameServers are the hosts of the apex's NS records. Default: ns.<zone>.
	NameServers []string
	// Serial is the SOA's. The same one may be given twice.
	Serial uint32
	// Records may stand in any order. A record of type SOA replaces the one
	// that the server makes; NS records at the apex add to NameServers.
	Records []Record
}

// Record is one record as the zone's owner wrote it.
type Record struct {
	// Name is absolute, with or without the final dot; a first label "*" makes
	// it a wildcard (RFC 4592).
	Name string
	// Type is the mnemonic, such as A or CNAME.
	Type string
	// TTL is in seconds. Default 300.
	TTL uint32
	// Data is written as in a zone file; names in it are absolute. For TXT it
	// is the text itself, or quoted strings as in a zone file.
	Data string
	// Flatten answers questions for A and AAAA with what a CNAME's target has,
	// and hides the CNAME, as Cloudflare does for proxied ones. A CNAME at a
	// zone's apex is always flattened.
	Flatten bool
}

// defaultTTL is what Cloudflare's "automatic" stands for.
const defaultTTL = 300

// Check says what is wrong with a record, as Apply would.
func Check(r Record) error {
	_, err := r.parse()
	return err
}

// canonical is a name with a final dot, in lower case, escaped as the library
// escapes names that it has read from the wire.
func canonical(name string) (string, error) {
	var wire [256]byte
	n, err := dns.PackDomainName(dns.Fqdn(name), wire[:], 0, nil, false)
	if err != nil || name == "" {
		return "", fmt.Errorf("%q is not a domain name", name)
	}
	out, _, err := dns.UnpackDomainName(wire[:n], 0)
	if err != nil {
		return "", fmt.Errorf("%q is not a domain name", name)
	}
	return dns.CanonicalName(out), nil
}

// parse is the library's form of the record.
func (r Record) parse() (dns.RR, error) {
	name, err := canonical(r.Name)
	if err != nil {
		return nil, err
	}
	rr, err := r.data()
	if err != nil {
		return nil, fmt.Errorf("%s record %s: %w", r.Type, r.Name, err)
	}
	ttl := r.TTL
	if ttl == 0 {
		ttl = defaultTTL
	}
	*rr.Header() = dns.RR_Header{Name: name, Rrtype: rr.Header().Rrtype, Class: dns.ClassINET, Ttl: ttl}
	if _, err := dns.PackRR(rr, make([]byte, dns.MaxMsgSize), 0, nil, false); err != nil {
		return nil, fmt.Errorf("%s record %s: %q does not fit: %w", r.Type, r.Name, r.Data, err)
	}
	return rr, nil
}

// data parses type and data; the header is left to the caller.
func (r Record) data() (dns.RR, error) {
	typ, ok := dns.StringToType[strings.ToUpper(r.Type)]
	if !ok || meta(typ) {
		return nil, errors.New("no such type of record")
	}
	if typ == dns.TypeTXT && !strings.HasPrefix(r.Data, `"`) {
		return &dns.TXT{Hdr: dns.RR_Header{Rrtype: typ}, Txt: chunks(r.Data)}, nil
	}
	if err := oneLine(r.Data); err != nil {
		return nil, err
	}
	rr, err := dns.NewRR(". 0 IN " + dns.TypeToString[typ] + " " + r.Data)
	if err != nil || rr == nil {
		return nil, fmt.Errorf("%q is not the data of one", r.Data)
	}
	return rr, nil
}

// meta tells the types that exist in questions and messages only.
func meta(typ uint16) bool {
	switch typ {
	case dns.TypeNone, dns.TypeOPT, dns.TypeTSIG, dns.TypeTKEY, dns.TypeReserved:
		return true
	}
	return typ >= 128 && typ <= 255 // RFC 6895, section 3.1: QTYPEs and meta-TYPEs
}

// oneLine refuses what has a meaning of its own in a zone file: data that
// carried it would become another record, or a shorter one.
func oneLine(data string) error {
	quoted, escaped := false, false
	for i, c := range []byte(data) {
		switch {
		case c < ' ' && c != '\t' || c == 0x7f:
			return fmt.Errorf("%q has a control character", data)
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ';' || c == '(' || c == ')':
			return fmt.Errorf("%q has a %q outside of quotes", data, string(c))
		case c == '@' && (i == 0 || data[i-1] == ' ') && (i+1 == len(data) || data[i+1] == ' '):
			return fmt.Errorf("%q has an @: write the name out", data)
		}
	}
	if quoted || escaped {
		return fmt.Errorf("%q ends in the middle of a string", data)
	}
	return nil
}

// chunks cuts a text into the strings of 255 bytes that a TXT record is made
// of, escaped as the library keeps them.
func chunks(text string) []string {
	var out []string
	for len(text) > 255 {
		out = append(out, escapeTXT(text[:255]))
		text = text[255:]
	}
	return append(out, escapeTXT(text))
}

func escapeTXT(s string) string { return strings.ReplaceAll(s, `\`, `\\`) }
