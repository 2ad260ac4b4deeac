package balancer

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
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
	version Version
	want    matcher
	address string
}

func newProbe(t *target, settings *TargetGroup) *probe {
	hc := settings.HealthCheck
	p := &probe{target: t, check: hc, version: settings.Version, address: t.address}
	p.want, _ = parseMatcher(hc.Matcher) // validated by Apply
	if hc.Port != 0 {
		host, _, _ := net.SplitHostPort(t.address)
		p.address = net.JoinHostPort(host, strconv.Itoa(int(hc.Port)))
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
	switch {
	case err != nil && timedOut(err):
		return failed(TargetTimeout, err.Error())
	case err != nil:
		return failed(FailedHealthChecks, err.Error())
	case !p.want.has(code):
		return mismatch(code)
	}
	return outcome{}
}

// ask connects, sends the request and returns the HTTP or gRPC status.
func (p *probe) ask(ctx context.Context) (int, error) {
	c, err := p.target.group.bal.dialTarget(ctx, p.target, p.address, *p.target.checkObstacle.Load())
	if err != nil {
		return 0, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	if p.version != HTTP1 {
		return p.askH2(ctx, c)
	}
	if p.check.Protocol == HTTPS {
		s := tls.Client(c, targetTLS())
		if err := s.HandshakeContext(ctx); err != nil {
			return 0, err
		}
		c = s
	}
	return p.askH1(c)
}

const probeAgent = "ELB-HealthChecker/2.0"

func (p *probe) askH1(c net.Conn) (int, error) {
	b := append([]byte("GET "), p.check.Path...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendField(b, "Host", p.address)
	b = appendField(b, "Connection", "close")
	b = appendField(b, "User-Agent", probeAgent)
	b = appendField(b, "Accept-Encoding", "gzip, compressed")
	if _, err := c.Write(append(b, "\r\n"...)); err != nil {
		return 0, err
	}
	head, err := newInput(c).head(responseHeadLimit)
	if err != nil {
		return 0, unexpected(err)
	}
	var a answer
	if err := a.parse(head); err != nil {
		return 0, err
	}
	return a.status, nil
}

func (p *probe) askH2(ctx context.Context, c net.Conn) (int, error) {
	scheme := "http"
	if p.check.Protocol == HTTPS {
		scheme = "https"
	}
	tr := newH2Transport(func(context.Context) (net.Conn, error) { return c, nil }, p.check.Protocol == HTTPS)
	cc, err := tr.NewClientConn(ctx, scheme, p.address)
	if err != nil {
		return 0, err
	}
	defer cc.Close()
	method, body := http.MethodGet, io.Reader(nil)
	if p.version == GRPC {
		method, body = http.MethodPost, strings.NewReader("\x00\x00\x00\x00\x00") // an empty message
	}
	req, err := http.NewRequestWithContext(ctx, method, scheme+"://"+p.address+p.check.Path, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", probeAgent)
	if p.version == GRPC {
		req.Header.Set("Content-Type", "application/grpc")
		req.Header.Set("TE", "trailers")
	}
	resp, err := cc.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if p.version != GRPC {
		return resp.StatusCode, nil
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return 0, err
	}
	status := or(resp.Trailer.Get("Grpc-Status"), resp.Header.Get("Grpc-Status"))
	code, err := strconv.Atoi(status)
	if err != nil {
		return 0, errors.New("the answer has no grpc-status")
	}
	return code, nil
}
