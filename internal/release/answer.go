package release

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// replies are what the health check's path answered when slipway asked.
type replies struct {
	since map[string]time.Time // when a target was seen first
	tries map[string]int
	text  string // the latest, as answer gives it
}

// listen asks this rollout's targets that are not healthy although the load
// balancer has asked them: for itself, because AWS tells of the answer no more
// than its code, and while they are there, because what is unhealthy is stopped.
func (f *follower) listen(ctx context.Context, p *slipway.Progress, now time.Time) {
	if f.heard.since == nil {
		f.heard.since, f.heard.tries = map[string]time.Time{}, map[string]int{}
	}
	for _, t := range p.Targets {
		ours := slices.ContainsFunc(p.Tasks, func(task slipway.Task) bool { return !task.Stopping() && leadsTo(t, task) })
		if !ours || t.State == "healthy" || t.State == "draining" {
			continue
		}
		if _, known := f.heard.since[t.ID]; !known {
			f.heard.since[t.ID] = now
		}
		if asked := t.State == "unhealthy" || now.Sub(f.heard.since[t.ID]) > f.svc.Health.Interval; asked && f.heard.tries[t.ID] < 2 {
			f.heard.tries[t.ID]++
			if text := f.answer(ctx, t.ID, p.Old == 0); text != "" {
				f.heard.text, f.heard.tries[t.ID] = text, 2
			}
		}
	}
}

// answer is what the health check's path answers, as lines to be shown: from the
// target, where it can be reached from here; else, where nothing older serves,
// from the host, for a load balancer without a healthy target asks an unhealthy
// one. It is "" where neither can be done.
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
