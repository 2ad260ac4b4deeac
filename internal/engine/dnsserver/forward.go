package dnsserver

import (
	"context"
	"net"
	"time"

	"github.com/miekg/dns"
)

// forwarder asks other name servers, one after the other.
type forwarder struct {
	servers  []string
	udp, tcp *dns.Client
	// slots bound the questions in flight: a stuck upstream must not eat the
	// machine's sockets.
	slots chan struct{}
}

func newForwarder(servers []string) *forwarder {
	if len(servers) == 0 {
		return nil
	}
	f := &forwarder{
		udp:   &dns.Client{Net: "udp", Timeout: 2 * time.Second, UDPSize: maxUDP},
		tcp:   &dns.Client{Net: "tcp", Timeout: 4 * time.Second},
		slots: make(chan struct{}, 256),
	}
	for _, host := range servers {
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(host, "53")
		}
		f.servers = append(f.servers, host)
	}
	return f
}

// ask is the first usable answer, or SERVFAIL.
func (f *forwarder) ask(ctx context.Context, name string, typ uint16) answer {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return answer{rcode: dns.RcodeServerFailure}
	}
	req := new(dns.Msg)
	req.SetQuestion(name, typ)
	req.SetEdns0(maxUDP, false)
	for _, server := range f.servers {
		res, _, err := f.udp.ExchangeContext(ctx, req, server)
		if err == nil && res.Truncated {
			res, _, err = f.tcp.ExchangeContext(ctx, req, server)
		}
		if err == nil && (res.Rcode == dns.RcodeSuccess || res.Rcode == dns.RcodeNameError) {
			return answer{rcode: res.Rcode, answer: res.Answer, authority: res.Ns}
		}
	}
	return answer{rcode: dns.RcodeServerFailure}
}
