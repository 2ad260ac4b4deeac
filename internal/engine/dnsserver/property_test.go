package dnsserver

import (
	"context"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// oracle answers a question for an A record from the list of records alone, as
// RFC 4592 words it, without any of the snapshot's structure.
func oracle(zone string, names []string, q string) (answer, rcode string) {
	exists := func(name string) bool {
		for _, n := range append([]string{zone}, names...) {
			if n == name || strings.HasSuffix(n, "."+name) {
				return true
			}
		}
		return false
	}
	has := func(name string) bool {
		for _, n := range names {
			if n == name {
				return true
			}
		}
		return false
	}
	switch {
	case q != zone && !strings.HasSuffix(q, "."+zone):
		return "", "REFUSED"
	case has(q):
		return q, "NOERROR"
	case exists(q):
		return "", "NOERROR"
	}
	encloser := q
	for !exists(encloser) {
		_, encloser, _ = strings.Cut(encloser, ".")
	}
	switch {
	case has("*." + encloser):
		return q, "NOERROR"
	case exists("*." + encloser):
		return "", "NOERROR"
	}
	return "", "NXDOMAIN"
}

func TestNamesAreFoundAsRFC4592HasIt(t *testing.T) {
	label := rapid.SampledFrom([]string{"a", "b", "c", "*"})
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(append(rapid.SliceOfN(label, 0, 4).Draw(t, "labels"), "z.test."), ".")
	})
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(name, 0, 6).Draw(t, "names")
		z := Zone{Name: "z.test"}
		for _, n := range names {
			z.Records = append(z.Records, Record{Name: n, Type: "A", Data: "192.0.2.1"})
		}
		s := New(Options{})
		if err := s.Apply([]Zone{z}); err != nil {
			t.Fatal(err)
		}
		q := name.Draw(t, "question")
		wantName, wantCode := oracle("z.test.", names, q)
		a, _ := s.current.Load().answer(q, dns.TypeA, maxChain)
		gotName := ""
		if len(a.answer) > 0 {
			gotName = a.answer[0].Header().Name
		}
		if gotName != wantName || dns.RcodeToString[a.rcode] != wantCode {
			t.Fatalf("%s among %q: %q %s, want %q %s", q, names, gotName, dns.RcodeToString[a.rcode], wantName, wantCode)
		}
		if (len(a.answer) == 0) != (len(a.authority) == 1) {
			t.Fatalf("%s: %d answers with %d SOAs", q, len(a.answer), len(a.authority))
		}
	})
}

func TestTextComesBackAsItWasGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Filter(func(s string) bool { return !strings.HasPrefix(s, `"`) && len(s) < 2000 }).Draw(t, "text")
		s := New(Options{})
		if err := s.Apply([]Zone{{Name: "z.test", Records: []Record{{Name: "z.test", Type: "TXT", Data: in}}}}); err != nil {
			t.Fatal(err)
		}
		req := new(dns.Msg)
		req.SetQuestion("z.test.", dns.TypeTXT)
		wire, err := s.reply(context.Background(), req, false).Pack()
		if err != nil {
			t.Fatal(err)
		}
		res := new(dns.Msg)
		if err := res.Unpack(wire); err != nil {
			t.Fatal(err)
		}
		if got := record(res.Answer[0]).Data; got != in {
			t.Fatalf("%q came back as %q", in, got)
		}
	})
}

// FuzzReply feeds the handler whatever parses as a message: the answer must
// pack, belong to the question and fit the transport.
func FuzzReply(f *testing.F) {
	s := New(Options{})
	if err := s.Apply(zones); err != nil {
		f.Fatal(err)
	}
	for _, z := range zones {
		for _, r := range z.Records {
			for _, typ := range []uint16{dns.TypeA, dns.TypeANY, dns.TypeDS, dns.TypeTXT} {
				m := new(dns.Msg)
				m.SetQuestion(dns.Fqdn(r.Name), typ)
				m.SetEdns0(600, true)
				wire, err := m.Pack()
				if err != nil {
					f.Fatal(err)
				}
				f.Add(wire)
			}
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		req := new(dns.Msg)
		if req.Unpack(wire) != nil {
			return // the library answers FORMERR itself
		}
		for _, udp := range []bool{true, false} {
			res := s.reply(t.Context(), req, udp)
			out, err := res.Pack()
			if err != nil {
				t.Fatalf("%v\nis answered by what does not pack: %v\n%v", req, err, res)
			}
			if res.Id != req.Id || !res.Response {
				t.Fatalf("%v\nis answered by\n%v", req, res)
			}
			limit := dns.MaxMsgSize
			if udp {
				limit = maxUDP
			}
			if len(out) > limit {
				t.Fatalf("%d bytes, limit %d", len(out), limit)
			}
		}
	})
}

// FuzzCheck: whatever record is accepted can be served.
func FuzzCheck(f *testing.F) {
	for _, z := range zones {
		for _, r := range z.Records {
			f.Add(r.Name, r.Type, r.Data)
		}
	}
	f.Fuzz(func(t *testing.T, name, typ, data string) {
		r := Record{Name: name, Type: typ, Data: data}
		if Check(r) != nil {
			return
		}
		s := New(Options{})
		if s.Apply([]Zone{{Name: ".", Records: []Record{r}}}) != nil {
			return
		}
		if typ := strings.ToUpper(typ); typ == "NS" || typ == "SOA" {
			return // these are answered from a zone's own, or by referral
		}
		if _, err := s.Lookup(t.Context(), name, typ); err != nil {
			t.Fatalf("%+v was accepted, but: %v", r, err)
		}
	})
}
