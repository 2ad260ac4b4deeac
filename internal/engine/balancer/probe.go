package balancer

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func sameChecks(a, b *HealthCheck) bool { return *a == *b }

// startChecks begins a target's health checks, or says why there are none.
// Called with g.mu held.
func (g *group) startChecks(t *target, settings *TargetGroup) {
	switch {
	case !g.used:
		t.health = newHealth(Unused, NotInUse)
		g.report(t)
		return
	case settings.HealthCheck.Disabled:
		t.health = newHealth(Unavailable, HealthCheckDisabled)
		g.report(t)
		return
	case t.health.state == Unused || t.health.state == Unavailable:
		t.health = newHealth(Initial, RegistrationInProgress)
	}
	g.report(t)
	ctx, cancel := context.WithCancel(g.bal.life)
	t.stopProbe = cancel
	p := newProbe(t, settings)
	g.bal.work.Go(func() { p.run(ctx) })
}

func (g *group) stopChecks(t *target) {
	if t.stopProbe != nil {
		t.stopProbe()
		t.stopProbe = nil
	}
}

// probe checks one target. Every check is a connection of its own.
type probe struct {
	target  *target
	check   HealthCheck
	grpc    bool
	want    matcher
	address string
	url     string
	trip    http.RoundTripper
}

func newProbe(t *target, settings *TargetGroup) *probe {
	hc := settings.HealthCheck
	p := &probe{target: t, check: hc, grpc: settings.Version == GRPC, address: t.address}
	p.want, _ = parseMatcher(hc.Matcher) // validated by Apply
	if hc.Port != 0 {
		host, _, _ := net.SplitHostPort(t.address)
		p.address = net.JoinHostPort(host, strconv.Itoa(int(hc.Port)))
	}
	scheme := "http://"
	if hc.Protocol == HTTPS {
		scheme = "https://"
	}
	p.url = scheme + p.address + hc.Path
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return t.group.bal.dialTarget(ctx, t, p.address)
	}
	if settings.Version == HTTP1 {
		p.trip = &http.Transport{DialContext: dial, DisableKeepAlives: true, DisableCompression: true,
			TLSClientConfig: targetTLS()}
	} else {
		p.trip = newH2Transport(dial, hc.Protocol == HTTPS)
	}
	return p
}

// targetTLS is how the load balancer speaks TLS to targets: it does not verify
// their certificates ("Target groups", routing configuration).
func targetTLS() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// run checks every interval. Until the first pass it may check more often, but
// what it finds then only counts as a failure once an interval.
func (p *probe) run(ctx context.Context) {
	g := p.target.group
	g.checking(p.target)
	waiting := p.check.FirstPass > 0 // for the first pass
	for next := time.Now(); ; {
		next = next.Add(p.check.Interval)
		o := p.once(ctx)
		for waiting && o.reason != "" && time.Until(next) > p.check.FirstPass {
			if !sleep(ctx, p.check.FirstPass) {
				return
			}
			o = p.once(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if o.reason == "" {
			waiting = false
		}
		g.checked(p.target, o)
		if wait := time.Until(next); wait > 0 {
			if !sleep(ctx, wait) {
				return
			}
		} else {
			next = time.Now()
		}
	}
}

// checking notes that the first check is on its way.
func (g *group) checking(t *target) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.stopProbe != nil && t.health.state == Initial {
		t.health.reason, t.health.description = InitialHealthChecking, descriptions[InitialHealthChecking]
		g.report(t)
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// once makes one check.
func (p *probe) once(ctx context.Context) outcome {
	ctx, cancel := context.WithTimeout(ctx, p.check.Timeout)
	defer cancel()
	code, err := p.ask(ctx)
	if c, ok := p.trip.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	switch {
	case err != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)):
		return failed(TargetTimeout, err.Error())
	case err != nil:
		return failed(FailedHealthChecks, err.Error())
	case !p.want.has(code):
		return mismatch(code)
	}
	return outcome{}
}

// ask sends the request and returns the HTTP status, or the gRPC status.
func (p *probe) ask(ctx context.Context) (int, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if p.grpc {
		method, body = http.MethodPost, strings.NewReader("\x00\x00\x00\x00\x00") // an empty message
	}
	req, err := http.NewRequestWithContext(ctx, method, p.url, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", "ELB-HealthChecker/2.0")
	req.Header.Set("Accept-Encoding", "gzip, compressed")
	if p.grpc {
		req.Header.Set("Content-Type", "application/grpc")
		req.Header.Set("TE", "trailers")
	}
	resp, err := p.trip.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if !p.grpc {
		return resp.StatusCode, nil
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return 0, err
	}
	status := resp.Trailer.Get("Grpc-Status")
	if status == "" {
		status = resp.Header.Get("Grpc-Status")
	}
	code, err := strconv.Atoi(status)
	if err != nil {
		return 0, errors.New("the answer has no grpc-status")
	}
	return code, nil
}
