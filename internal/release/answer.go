package release

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// answer is what the health check's path answers, for people: status and the
// first lines of the body. AWS tells the code alone, so slipway asks for itself:
// the target, where it can be reached from here; else, where nothing older
// serves, the host, for a load balancer without a healthy target asks an
// unhealthy one. It is "" where neither can be done.
func (f *follower) answer(ctx context.Context, target string, alone bool) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	host, port, err := net.SplitHostPort(target)
	if err != nil || strings.HasPrefix(f.svc.Protocol, "grpc") || f.svc.Protocol == "http2" {
		return ""
	}
	if strings.HasPrefix(host, "i-") {
		host = f.door.Instance
	}
	if host != "" {
		scheme := "http"
		if f.svc.Protocol == "https" {
			scheme = "https"
		}
		if text, err := quote(ctx, scheme+"://"+net.JoinHostPort(host, port)+f.svc.Health.Path, ""); err == nil {
			return text
		}
	}
	if alone && len(f.svc.Hosts) > 0 && !strings.ContainsAny(f.svc.Hosts[0], "*?") {
		if text, err := quote(ctx, "https://"+f.svc.Hosts[0]+f.svc.Health.Path, f.door.Address); err == nil {
			return text
		}
	}
	return ""
}

// bodyShown is how much of a body is shown.
const bodyShown = 400

// quote asks a URL, at an address where one is given, and gives the answer as
// lines to be shown. The certificate is nobody's business here: as the load
// balancer does, it is taken as it is.
func quote(ctx context.Context, url, address string) (string, error) {
	var dialer net.Dialer
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
			if address != "" {
				to = address
			}
			return dialer.DialContext(ctx, network, to)
		}}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("User-Agent", "slipway")
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, bodyShown))
	text := fmt.Sprintf("\n│ it answers %s", res.Status)
	if strings.Contains(string(body), "\x00") {
		return text, nil
	}
	for l := range strings.Lines(strings.TrimSpace(strings.ToValidUTF8(string(body), ""))) {
		text += "\n│ " + strings.TrimRight(l, "\r\n")
	}
	return text, nil
}
