package dnsserver

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// zones are the ones of a small engine: a user's zone, the balancers', the
// validations'.
var zones = []Zone{
	{Name: "windingtree.com", Serial: 7, NameServers: []string{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com."}, Records: []Record{
		{Name: "windingtree.com", Type: "CNAME", TTL: 60, Data: "shared-1.eu-west-1.elb.amazonaws.com"},
		{Name: "windingtree.com", Type: "MX", Data: "10 mail.windingtree.com"},
		{Name: "windingtree.com", Type: "TXT", Data: "v=spf1 -all"},
		{Name: "windingtree.com", Type: "CAA", Data: `0 issue "amazon.com"`},
		{Name: "Demo.WindingTree.com.", Type: "CNAME", Data: "shared-1.eu-west-1.elb.amazonaws.com."},
		{Name: "proxied.windingtree.com", Type: "CNAME", Flatten: true, Data: "demo.windingtree.com"},
		{Name: "mail.windingtree.com", Type: "A", TTL: 120, Data: "192.0.2.1"},
		{Name: "mail.windingtree.com", Type: "A", TTL: 999, Data: "192.0.2.2"},
		{Name: "mail.windingtree.com", Type: "AAAA", Data: "2001:db8::1"},
		{Name: "*.windingtree.com", Type: "A", Data: "192.0.2.9"},
		{Name: "*.alias.windingtree.com", Type: "CNAME", Data: "mail.windingtree.com"},
		{Name: "_sip._tcp.windingtree.com", Type: "SRV", Data: "1 2 5060 mail.windingtree.com"},
		{Name: "elsewhere.windingtree.com", Type: "CNAME", Data: "example.org"},
		{Name: "gone.windingtree.com", Type: "CNAME", Data: "gone.eu-west-1.elb.amazonaws.com"},
		{Name: "round.windingtree.com", Type: "CNAME", Data: "about.windingtree.com"},
		{Name: "about.windingtree.com", Type: "CNAME", Data: "round.windingtree.com"},
		{Name: "sub.windingtree.com", Type: "NS", Data: "ns.sub.windingtree.com"},
		{Name: "ns.sub.windingtree.com", Type: "A", Data: "192.0.2.53"},
		{Name: "below.child.windingtree.com", Type: "A", Data: "192.0.2.99"}, // hidden by the child
		{Name: "long.windingtree.com", Type: "TXT", Data: strings.Repeat("long ", 400)},
	}},
	{Name: "child.windingtree.com", Records: []Record{{Name: "a.child.windingtree.com", Type: "A", Data: "192.0.2.10"}}},
	{Name: "elb.amazonaws.com", Records: []Record{
		{Name: "shared-1.eu-west-1.elb.amazonaws.com", Type: "A", TTL: 60, Data: "127.0.0.1"},
	}},
	{Name: "far.example", Records: []Record{{Name: "far.example", Type: "CNAME", Data: "example.org"}}},
	{Name: "ring.example", Records: []Record{{Name: "ring.example", Type: "CNAME", Data: "gnir.example"}}},
	{Name: "gnir.example", Records: []Record{{Name: "gnir.example", Type: "CNAME", Data: "ring.example"}}},
}

// start serves the zones on free ports until the test ends.
func start(t testing.TB, o Options, zones []Zone) *Server {
	t.Helper()
	s := New(o)
	if err := s.Apply(zones); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

func ask(t testing.TB, s *Server, transport, name, typ string) *dns.Msg {
	t.Helper()
	req := new(dns.Msg)
	req.SetQuestion(dns.Fqdn(name), dns.StringToType[typ])
	c := dns.Client{Net: transport, Timeout: 5 * time.Second}
	res, _, err := c.Exchange(req, s.Addr())
	if err != nil {
		t.Fatalf("%s %s over %s: %v", name, typ, transport, err)
	}
	return res
}

// section writes records on one line each, TTL left out.
func section(rrs []dns.RR) []string {
	var out []string
	for _, rr := range rrs {
		r := record(rr)
		out = append(out, r.Name+" "+r.Type+" "+r.Data)
	}
	return out
}

const (
	denied  = "windingtree.com. SOA ada.ns.cloudflare.com. dns.windingtree.com. 7 10000 2400 604800 30"
	elbSOA  = "elb.amazonaws.com. SOA ns.elb.amazonaws.com. dns.elb.amazonaws.com. 0 10000 2400 604800 30"
	elbAddr = "shared-1.eu-west-1.elb.amazonaws.com. A 127.0.0.1"
)

func TestAnswers(t *testing.T) {
	s := start(t, Options{}, zones)
	tests := []struct {
		why, name, typ    string
		rcode             string
		notAuthoritative  bool
		answer, authority []string
	}{
		{why: "a set", name: "mail.windingtree.com", typ: "A", answer: []string{"mail.windingtree.com. A 192.0.2.1", "mail.windingtree.com. A 192.0.2.2"}},
		{why: "any case", name: "MAIL.windingTREE.com", typ: "AAAA", answer: []string{"mail.windingtree.com. AAAA 2001:db8::1"}},
		{why: "no data", name: "mail.windingtree.com", typ: "MX", authority: []string{denied}},
		{why: "an empty non-terminal exists", name: "_tcp.windingtree.com", typ: "A", authority: []string{denied}},
		{why: "service", name: "_sip._tcp.windingtree.com", typ: "SRV", answer: []string{"_sip._tcp.windingtree.com. SRV 1 2 5060 mail.windingtree.com."}},
		{why: "chain into the balancers' zone", name: "demo.windingtree.com", typ: "A",
			answer: []string{"demo.windingtree.com. CNAME shared-1.eu-west-1.elb.amazonaws.com.", elbAddr}},
		{why: "chain without the type at its end", name: "demo.windingtree.com", typ: "AAAA", authority: []string{elbSOA},
			answer: []string{"demo.windingtree.com. CNAME shared-1.eu-west-1.elb.amazonaws.com."}},
		{why: "the CNAME itself", name: "demo.windingtree.com", typ: "CNAME",
			answer: []string{"demo.windingtree.com. CNAME shared-1.eu-west-1.elb.amazonaws.com."}},
		{why: "chain to a name that is not", name: "gone.windingtree.com", typ: "A", rcode: "NXDOMAIN", authority: []string{elbSOA},
			answer: []string{"gone.windingtree.com. CNAME gone.eu-west-1.elb.amazonaws.com."}},
		{why: "chain that leaves", name: "elsewhere.windingtree.com", typ: "A", answer: []string{"elsewhere.windingtree.com. CNAME example.org."}},
		{why: "chain without end", name: "round.windingtree.com", typ: "A", rcode: "SERVFAIL", notAuthoritative: true},
		{why: "flattened apex", name: "windingtree.com", typ: "A", answer: []string{"windingtree.com. A 127.0.0.1"}},
		{why: "flattened apex without the type", name: "windingtree.com", typ: "AAAA", authority: []string{denied}},
		{why: "flattened apex hides its CNAME", name: "windingtree.com", typ: "CNAME", authority: []string{denied}},
		{why: "flattened apex keeps other types", name: "windingtree.com", typ: "MX", answer: []string{"windingtree.com. MX 10 mail.windingtree.com."}},
		{why: "flattened apexes without end", name: "ring.example", typ: "A", rcode: "SERVFAIL"},
		{why: "flattened apex whose target is outside", name: "far.example", typ: "A", rcode: "SERVFAIL"},
		{why: "proxied", name: "proxied.windingtree.com", typ: "A", answer: []string{"proxied.windingtree.com. A 127.0.0.1"}},
		{why: "proxied hides its CNAME", name: "proxied.windingtree.com", typ: "CNAME", authority: []string{denied}},
		{why: "text", name: "windingtree.com", typ: "TXT", answer: []string{"windingtree.com. TXT v=spf1 -all"}},
		{why: "CAA", name: "windingtree.com", typ: "CAA", answer: []string{`windingtree.com. CAA 0 issue "amazon.com"`}},
		{why: "name servers", name: "windingtree.com", typ: "NS",
			answer: []string{"windingtree.com. NS ada.ns.cloudflare.com.", "windingtree.com. NS bob.ns.cloudflare.com."}},
		{why: "SOA", name: "windingtree.com", typ: "SOA", answer: []string{denied}},
		{why: "any", name: "mail.windingtree.com", typ: "ANY", answer: []string{`mail.windingtree.com. HINFO "RFC8482" ""`}},
		{why: "wildcard", name: "a.b.windingtree.com", typ: "A", answer: []string{"a.b.windingtree.com. A 192.0.2.9"}},
		{why: "wildcard without the type", name: "new.windingtree.com", typ: "MX", authority: []string{denied}},
		{why: "a name that exists hides the wildcard", name: "x.mail.windingtree.com", typ: "A", rcode: "NXDOMAIN", authority: []string{denied}},
		{why: "wildcard CNAME", name: "x.alias.windingtree.com", typ: "AAAA",
			answer: []string{"x.alias.windingtree.com. CNAME mail.windingtree.com.", "mail.windingtree.com. AAAA 2001:db8::1"}},
		{why: "delegation", name: "www.sub.windingtree.com", typ: "A", notAuthoritative: true, authority: []string{"sub.windingtree.com. NS ns.sub.windingtree.com."}},
		{why: "DS of a delegation is ours", name: "sub.windingtree.com", typ: "DS", authority: []string{denied}},
		{why: "a zone of ours below another", name: "a.child.windingtree.com", typ: "A", answer: []string{"a.child.windingtree.com. A 192.0.2.10"}},
		{why: "the zone below hides the one above", name: "below.child.windingtree.com", typ: "A", rcode: "NXDOMAIN",
			authority: []string{"child.windingtree.com. SOA ns.child.windingtree.com. dns.child.windingtree.com. 0 10000 2400 604800 30"}},
		{why: "DS of a zone below is the one above's", name: "child.windingtree.com", typ: "DS", authority: []string{denied}},
		{why: "outside", name: "example.org", typ: "A", rcode: "REFUSED", notAuthoritative: true},
		{why: "transfers are refused", name: "windingtree.com", typ: "IXFR", rcode: "REFUSED", notAuthoritative: true},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			for _, transport := range []string{"udp", "tcp"} {
				res := ask(t, s, transport, tt.name, tt.typ)
				if want := cmpOr(tt.rcode, "NOERROR"); dns.RcodeToString[res.Rcode] != want {
					t.Errorf("%s: rcode %s, want %s", transport, dns.RcodeToString[res.Rcode], want)
				}
				if res.Authoritative == tt.notAuthoritative {
					t.Errorf("%s: authoritative %v", transport, res.Authoritative)
				}
				if d := cmp.Diff(tt.answer, section(res.Answer)); d != "" {
					t.Errorf("%s: answer (-want +got):\n%s", transport, d)
				}
				if d := cmp.Diff(tt.authority, section(res.Ns)); d != "" {
					t.Errorf("%s: authority (-want +got):\n%s", transport, d)
				}
				if res.RecursionAvailable {
					t.Errorf("%s: recursion offered without forwarders", transport)
				}
			}
		})
	}
}

func cmpOr(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func TestTimesToLive(t *testing.T) {
	s := start(t, Options{}, zones)
	for _, tt := range []struct {
		name string
		ttl  uint32
	}{
		{"mail.windingtree.com", 120},           // the set has one
		{"windingtree.com", 60},                 // flattened: the shorter of the two
		{"proxied.windingtree.com", 60},         // likewise
		{"new.windingtree.com", defaultTTL},     // none given
		{"a.child.windingtree.com", defaultTTL}, // none given
	} {
		for _, rr := range ask(t, s, "udp", tt.name, "A").Answer {
			if rr.Header().Ttl != tt.ttl {
				t.Errorf("%s has TTL %d, want %d", tt.name, rr.Header().Ttl, tt.ttl)
			}
		}
	}
	if res := ask(t, s, "udp", "mail.windingtree.com", "MX"); res.Ns[0].Header().Ttl != 30 {
		t.Errorf("a denial has TTL %d, want 30", res.Ns[0].Header().Ttl)
	}
}

func TestTruncationAndEDNS(t *testing.T) {
	s := start(t, Options{}, zones)
	if res := ask(t, s, "udp", "long.windingtree.com", "TXT"); !res.Truncated || len(res.Answer) != 0 {
		t.Errorf("over UDP 2000 bytes came untruncated: TC %v, %d records", res.Truncated, len(res.Answer))
	}
	res := ask(t, s, "tcp", "long.windingtree.com", "TXT")
	if got := record(res.Answer[0]).Data; got != strings.Repeat("long ", 400) {
		t.Errorf("over TCP the text is %q", got)
	}
	if res.IsEdns0() != nil {
		t.Error("OPT in an answer to a question without one")
	}

	req := new(dns.Msg)
	req.SetQuestion("mail.windingtree.com.", dns.TypeA)
	req.SetEdns0(4096, true)
	res, _, err := new(dns.Client).Exchange(req, s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if opt := res.IsEdns0(); opt == nil || opt.UDPSize() != maxUDP || !opt.Do() || opt.Version() != 0 {
		t.Errorf("OPT in the answer is %v", opt)
	}
	req.IsEdns0().SetVersion(1)
	if res, _, err = new(dns.Client).Exchange(req, s.Addr()); err != nil || res.Rcode != dns.RcodeBadVers {
		t.Errorf("EDNS version 1: %v %v", res, err)
	}
}

func TestRefusedMessages(t *testing.T) {
	s := start(t, Options{}, zones)
	tests := []struct {
		why   string
		spoil func(*dns.Msg)
		rcode int
	}{
		{"notify", func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }, dns.RcodeNotImplemented},
		{"update", func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }, dns.RcodeNotImplemented},
		{"chaos", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, dns.RcodeRefused},
		{"no question", func(m *dns.Msg) { m.Question = nil }, dns.RcodeFormatError},
	}
	for _, tt := range tests {
		req := new(dns.Msg)
		req.SetQuestion("mail.windingtree.com.", dns.TypeA)
		tt.spoil(req)
		res, _, err := new(dns.Client).Exchange(req, s.Addr())
		if err != nil || res.Rcode != tt.rcode || len(res.Answer) != 0 {
			t.Errorf("%s: %v, %v; want rcode %s", tt.why, res, err, dns.RcodeToString[tt.rcode])
		}
	}
}

func TestApplyLeavesOutOnlyWhatIsWrong(t *testing.T) {
	s := New(Options{})
	err := s.Apply([]Zone{
		{Name: "a.example", Records: []Record{
			{Name: "good.a.example", Type: "A", Data: "192.0.2.1"},
			{Name: "v6.a.example", Type: "A", Data: "2001:db8::1"},
			{Name: "elsewhere.example", Type: "A", Data: "192.0.2.1"},
			{Name: "good.a.example", Type: "CNAME", Data: "b.example"},
			{Name: "split.a.example", Type: "A", Data: "192.0.2.1\n$INCLUDE /etc/passwd"},
			{Name: "comment.a.example", Type: "MX", Data: "10 mail.example ; no"},
			{Name: "at.a.example", Type: "CNAME", Data: "@"},
			{Name: "x.a.example", Type: "AXFR", Data: ""},
			{Name: "x.a.example", Type: "NOSUCH", Data: ""},
			{Name: "deep.a.example", Type: "SOA", Data: "a. b. 1 2 3 4 5"},
		}},
		{Name: "A.example."},
		{Name: "..", Records: nil},
	})
	for _, want := range []string{"v6.a.example", "elsewhere.example", "beside the CNAME", "split.a.example", "comment.a.example",
		"at.a.example", "AXFR", "NOSUCH", "apex only", "given twice", `".." is not a domain name`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %q:\n%v", want, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 11 {
		t.Errorf("%d complaints, want 11:\n%v", n, err)
	}
	got, err := s.Lookup(t.Context(), "good.a.example", "A")
	if err != nil || len(got) != 1 || got[0].Data != "192.0.2.1" {
		t.Errorf("the good record: %v, %v", got, err)
	}
}

func TestApplyReplacesEverything(t *testing.T) {
	s := New(Options{})
	apply := func(zones ...Zone) {
		if err := s.Apply(zones); err != nil {
			t.Fatal(err)
		}
	}
	record := Record{Name: "x.example", Type: "A", Data: "192.0.2.1"}
	apply(Zone{Name: "example", Records: []Record{record, {Name: "y.example", Type: "A", Data: "192.0.2.2"}}})
	apply(Zone{Name: "example", Records: []Record{record}})
	if _, err := s.Lookup(t.Context(), "x.example", "A"); err != nil {
		t.Errorf("a record that stayed: %v", err)
	}
	if _, err := s.Lookup(t.Context(), "y.example", "A"); !errors.Is(err, ErrNoName) {
		t.Errorf("a record that went: %v, want %v", err, ErrNoName)
	}
	apply()
	if _, err := s.Lookup(t.Context(), "x.example", "A"); !errors.Is(err, ErrOutside) {
		t.Errorf("a zone that went: %v, want %v", err, ErrOutside)
	}
}

func TestLookup(t *testing.T) {
	s := New(Options{})
	if err := s.Apply(zones); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, typ string
		want      []string
		err       error
	}{
		{"Demo.windingtree.com", "A", []string{"127.0.0.1"}, nil},
		{"demo.windingtree.com", "CNAME", []string{"shared-1.eu-west-1.elb.amazonaws.com."}, nil},
		{"long.windingtree.com", "txt", []string{strings.Repeat("long ", 400)}, nil},
		{"proxied.windingtree.com", "CNAME", nil, ErrNoData},
		{"mail.windingtree.com", "TXT", nil, ErrNoData},
		{"x.mail.windingtree.com", "TXT", nil, ErrNoName},
		{"example.org", "A", nil, ErrOutside},
		{"elsewhere.windingtree.com", "A", nil, ErrOutside},
		{"round.windingtree.com", "A", nil, ErrUnanswered},
	}
	for _, tt := range tests {
		records, err := s.Lookup(t.Context(), tt.name, tt.typ)
		if !errors.Is(err, tt.err) {
			t.Errorf("%s %s: error %v, want %v", tt.name, tt.typ, err, tt.err)
		}
		var got []string
		for _, r := range records {
			got = append(got, r.Data)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s %s: %q, want %q", tt.name, tt.typ, got, tt.want)
		}
	}
}

// TestForwarding has a second server of ours for the rest of the world.
func TestForwarding(t *testing.T) {
	world := start(t, Options{}, []Zone{{Name: "org", Records: []Record{
		{Name: "example.org", Type: "A", Data: "198.51.100.1"},
		{Name: "example.org", Type: "TXT", Data: strings.Repeat("far ", 500)},
	}}})
	// A port that nothing answers on comes first.
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	s := start(t, Options{Forward: []string{closed.LocalAddr().String(), world.Addr()}}, zones)
	tests := []struct {
		name, typ, rcode string
		answer           []string
	}{
		{"example.org", "A", "NOERROR", []string{"example.org. A 198.51.100.1"}},
		{"none.org", "A", "NXDOMAIN", nil},
		{"none.test", "A", "SERVFAIL", nil},
		{"elsewhere.windingtree.com", "A", "NOERROR", []string{"elsewhere.windingtree.com. CNAME example.org.", "example.org. A 198.51.100.1"}},
		{"far.example", "A", "NOERROR", []string{"far.example. A 198.51.100.1"}},
		{"far.example", "AAAA", "NOERROR", nil},
	}
	for _, tt := range tests {
		res := ask(t, s, "udp", tt.name, tt.typ)
		if dns.RcodeToString[res.Rcode] != tt.rcode || !slices.Equal(section(res.Answer), tt.answer) || !res.RecursionAvailable {
			t.Errorf("%s %s: %v; want %s %v", tt.name, tt.typ, res, tt.rcode, tt.answer)
		}
	}
	if res := ask(t, s, "tcp", "example.org", "TXT"); len(res.Answer) != 1 {
		t.Errorf("an answer that needs TCP upstream: %v", res)
	}
	req := new(dns.Msg)
	req.SetQuestion("example.org.", dns.TypeA)
	req.RecursionDesired = false
	if res, _, err := new(dns.Client).Exchange(req, s.Addr()); err != nil || res.Rcode != dns.RcodeRefused {
		t.Errorf("a question that wants no recursion: %v, %v", res, err)
	}
}

func TestListenPicksOnePortForBoth(t *testing.T) {
	s := New(Options{})
	addr, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.tcp.Close()
	defer s.udp.Close()
	if got := s.udp.LocalAddr().String(); got != addr {
		t.Errorf("UDP is on %s, TCP on %s", got, addr)
	}
	if _, err := New(Options{}).Listen(addr); err == nil {
		t.Errorf("listening twice on %s went well", addr)
	}
}

// TestDig lets dig judge: it complains about what is not proper DNS.
func TestDig(t *testing.T) {
	dig, err := exec.LookPath("dig")
	if err != nil {
		t.Skip("SKIP: dig is not installed (Debian: bind9-dnsutils)")
	}
	s := start(t, Options{}, zones)
	host, port, _ := net.SplitHostPort(s.Addr())
	tests := []struct {
		args string
		want []string
	}{
		{"demo.windingtree.com", []string{"status: NOERROR", "flags: qr aa rd;", "CNAME\tshared-1.eu-west-1.elb.amazonaws.com.", "A\t127.0.0.1"}},
		{"+norecurse windingtree.com A", []string{"status: NOERROR", "IN\tA\t127.0.0.1"}},
		{"x.mail.windingtree.com", []string{"status: NXDOMAIN", "IN\tSOA\tada.ns.cloudflare.com."}},
		{"long.windingtree.com TXT", []string{";; Truncated, retrying in TCP mode.", "status: NOERROR", "long long"}},
		{"+tcp mail.windingtree.com AAAA", []string{"2001:db8::1", "(TCP)"}},
		{"example.org", []string{"status: REFUSED"}},
		{"+edns=9 +noednsnegotiation mail.windingtree.com", []string{"status: BADVERS"}},
		{"+noedns mail.windingtree.com", []string{"192.0.2.2"}},
	}
	for _, tt := range tests {
		args := append([]string{"@" + host, "-p", port, "+tries=1", "+time=5"}, strings.Fields(tt.args)...)
		out, err := exec.Command(dig, args...).CombinedOutput()
		if err != nil {
			t.Errorf("dig %s: %v\n%s", tt.args, err, out)
		}
		for _, want := range tt.want {
			if !strings.Contains(string(out), want) {
				t.Errorf("dig %s does not say %q:\n%s", tt.args, want, out)
			}
		}
		if strings.Contains(strings.ToLower(string(out)), "warning: message") || strings.Contains(string(out), "extra bytes") || strings.Contains(string(out), "malformed") {
			t.Errorf("dig %s complains:\n%s", tt.args, out)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, hosts := range []int{10, 10_000} {
		b.Run(strconv.Itoa(hosts), func(b *testing.B) {
			s := New(Options{})
			z := Zone{Name: "example.com"}
			for i := range hosts {
				z.Records = append(z.Records, Record{Name: "host-" + strconv.Itoa(i) + ".example.com", Type: "CNAME", Data: "lb.elb.amazonaws.com"})
			}
			if err := s.Apply([]Zone{z, {Name: "elb.amazonaws.com", Records: []Record{{Name: "lb.elb.amazonaws.com", Type: "A", Data: "127.0.0.1"}}}}); err != nil {
				b.Fatal(err)
			}
			req := new(dns.Msg)
			req.SetQuestion("host-7.example.com.", dns.TypeA)
			b.ReportAllocs()
			for b.Loop() {
				if res := s.reply(b.Context(), req, true); len(res.Answer) != 2 {
					b.Fatal(res)
				}
			}
		})
	}
}

// BenchmarkServe is a question over the loopback, from eight clients.
func BenchmarkServe(b *testing.B) {
	s := start(b, Options{}, zones)
	b.SetParallelism(4)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c := dns.Client{}
		conn, err := c.Dial(s.Addr())
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		req := new(dns.Msg)
		req.SetQuestion("demo.windingtree.com.", dns.TypeA)
		for pb.Next() {
			if _, _, err := c.ExchangeWithConn(req, conn); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkApply10000(b *testing.B) {
	s := New(Options{})
	z := Zone{Name: "example.com"}
	for i := range 10_000 {
		z.Records = append(z.Records, Record{Name: "host-" + strconv.Itoa(i) + ".example.com", Type: "A", Data: "127.0.0.1"})
	}
	for b.Loop() {
		z.Serial++
		if err := s.Apply([]Zone{z}); err != nil {
			b.Fatal(err)
		}
	}
}
