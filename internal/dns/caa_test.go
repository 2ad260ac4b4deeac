package dns

import (
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// resolver answers CAA questions from zone lines.
func resolver(t *testing.T, lines ...string) Resolver {
	t.Helper()
	by := map[string][]dns.RR{}
	for _, l := range lines {
		rr, err := dns.NewRR(l)
		if err != nil {
			t.Fatal(err)
		}
		by[rr.Header().Name] = append(by[rr.Header().Name], rr)
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Answer = by[q.Question[0].Name]
		if q.Question[0].Name == "broken.test." {
			m.Rcode = dns.RcodeServerFailure
		}
		w.WriteMsg(m)
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
	return Resolver{conn.LocalAddr().String()}
}

func TestWhoMayIssue(t *testing.T) {
	r := resolver(t,
		`le.test. CAA 0 issue "letsencrypt.org"`,
		`both.test. CAA 0 issue "letsencrypt.org"`, `both.test. CAA 0 issue "Amazon.com; account=1"`,
		`none.test. CAA 0 issue ";"`, `open.none.test. CAA 0 issue "amazonaws.com"`,
		`mail.test. CAA 0 iodef "mailto:a@mail.test"`,
		`wild.test. CAA 0 issue "amazon.com"`, `wild.test. CAA 0 issuewild "letsencrypt.org"`,
	)
	for host, want := range map[string]string{
		"demo.le.test":     `the certificate for demo.le.test cannot be issued: the CAA record of le.test allows letsencrypt.org only; add 0 issue "amazon.com"`,
		"a.b.both.test":    "",
		"x.none.test":      "the CAA record of none.test allows nobody",
		"x.open.none.test": "",
		"mail.test":        "",
		"www.wild.test":    "",
		"*.wild.test":      "allows letsencrypt.org only",
		"free.test":        "",
		"broken.test":      "",
	} {
		err := r.MayIssue(t.Context(), host)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", host, err, want)
		}
	}
	if err := (Resolver{"127.0.0.1:1"}).MayIssue(t.Context(), "le.test"); err != nil {
		t.Errorf("without a resolver: %v", err)
	}
}
