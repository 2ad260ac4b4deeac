package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// upstream is a name server of the world outside, with CNAME records.
type upstream struct {
	mu      sync.Mutex
	records map[string]string
}

func (u *upstream) set(name, target string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.records[dns.Fqdn(name)] = dns.Fqdn(target)
}

func (u *upstream) ServeDNS(w dns.ResponseWriter, req *dns.Msg) {
	u.mu.Lock()
	defer u.mu.Unlock()
	res := new(dns.Msg).SetReply(req)
	name := strings.ToLower(req.Question[0].Name)
	if target, ok := u.records[name]; ok {
		res.Answer = []dns.RR{&dns.CNAME{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: 60}, Target: target}}
	} else {
		res.Rcode = dns.RcodeNameError
	}
	w.WriteMsg(res)
}

func startUpstream(t *testing.T) (*upstream, string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{records: map[string]string{}}
	s := &dns.Server{PacketConn: conn, Handler: u}
	go s.ActivateAndServe()
	t.Cleanup(func() { conn.Close() })
	return u, conn.LocalAddr().String()
}

// A certificate is issued once its record really resolves: here through a name
// server that the engine was told of. Until then, and with a wrong record, it is
// pending, and the engine's log says what was found.
func TestCertificatesAreValidatedThroughTheConfiguredResolver(t *testing.T) {
	t.Parallel() // it waits most of the time
	needs(t, "dig")
	world, address := startUpstream(t)
	e := start(t, "--simulate", "--forward", address)
	arn, name, value := e.request("www.example.org")
	world.set(name, "elsewhere.example.org")
	until(t, "the wrong record in the log", func() bool {
		b, _ := os.ReadFile(filepath.Join(e.data, "engine.log"))
		return strings.Contains(string(b), "validation record leads elsewhere")
	})
	if got := e.certificateStatus(arn); got != "PENDING_VALIDATION" {
		t.Errorf("with a wrong record: %s", got)
	}
	world.set(name, value)
	until(t, "the certificate", func() bool { return e.certificateStatus(arn) == "ISSUED" })

	world.set("www.example.org", "somewhere.example.org")
	host, port, _ := net.SplitHostPort(e.lookup("SLIPWAY_DNS"))
	out, err := exec.Command("dig", "@"+host, "-p", port, "+short", "www.example.org", "CNAME").CombinedOutput()
	if err != nil || string(out) != "somewhere.example.org.\n" {
		t.Errorf("dig through the engine: %v %s", err, out)
	}
}

// Without one nothing outside is asked, and a wrong record in the engine's own
// zone proves nothing until it is put right.
func TestCertificatesAreValidatedByTheEnginesOwnZones(t *testing.T) {
	t.Parallel()
	e := start(t, "--simulate")
	zone := e.cloudflare("POST", "/zones", `{"name":"example.test"}`)
	arn, name, value := e.request("web.example.test")
	record := e.cloudflare("POST", "/zones/"+zone+"/dns_records", fmt.Sprintf(`{"type":"CNAME","name":%q,"content":"wrong.example.test","ttl":60}`, name))
	until(t, "the wrong record in the log", func() bool {
		b, _ := os.ReadFile(filepath.Join(e.data, "engine.log"))
		return strings.Contains(string(b), "validation record leads elsewhere")
	})
	if got := e.certificateStatus(arn); got != "PENDING_VALIDATION" {
		t.Errorf("with a wrong record: %s", got)
	}
	e.cloudflare("PATCH", "/zones/"+zone+"/dns_records/"+record, fmt.Sprintf(`{"content":%q}`, value))
	until(t, "the certificate", func() bool { return e.certificateStatus(arn) == "ISSUED" })
}
