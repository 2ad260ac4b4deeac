package traffic

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	elbapi "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/acm"
	"github.com/slipway-dev/slipway/internal/engine/balancer"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	scope = state.Scope{Account: "000000000000", Region: "eu-west-1"}
)

const (
	elb = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:"
	lbA = elb + "loadbalancer/app/a/1"
	lbB = elb + "loadbalancer/app/b/2"
	tgA = elb + "targetgroup/web/1"
)

// walls is a firewall that lets nothing through on port 9.
type walls struct{}

func (walls) Clients(_ *state.Tx, _ state.Scope, groups []string, _ int) []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

func (walls) Towards(*state.Tx, state.Scope, *elbv2.LoadBalancer) Path {
	return func(_ *elbv2.Target, _ elbapi.TargetTypeEnum, port int) string {
		if port == 9 {
			return "port 9 is shut"
		}
		return ""
	}
}

func (walls) Tables() []state.AnyTable { return nil }

// safe has the pairs of certificates by their ARN.
type safe map[string][2][]byte

func (s safe) Pair(_ *state.Tx, _ state.Scope, arn string) (chain, key []byte, ok bool) {
	p, ok := s[arn]
	return p[0], p[1], ok
}

func pair(t *testing.T) [2][]byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"a.example.test"}, NotAfter: noon}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return [2][]byte{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: text})}
}

// config is the balancer's configuration for rows.
func config(t *testing.T, certs safe, put func(tx *state.Tx)) balancer.Config {
	t.Helper()
	store := state.InMemory(append(elbv2.Tables, acm.Tables...)...)
	t.Cleanup(func() { store.Close() })
	if err := store.Update(func(tx *state.Tx) error { put(tx); return nil }); err != nil {
		t.Fatal(err)
	}
	env := &operation.Env{Store: store, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler), Addresses: operation.Addresses{HTTP: "127.0.0.1:8080", HTTPS: "127.0.0.1:8443"}}
	made := New(env, walls{}, certs).config(store.View())
	b := balancer.New(balancer.Options{})
	if err := b.Apply(withFreePorts(made)); err != nil {
		t.Errorf("the balancer refuses it: %v", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return made
}

// withFreePorts keeps tests off the ports that are named.
func withFreePorts(c balancer.Config) balancer.Config {
	c.LoadBalancers = slices.Clone(c.LoadBalancers)
	for i := range c.LoadBalancers {
		c.LoadBalancers[i].Listeners = slices.Clone(c.LoadBalancers[i].Listeners)
		for j := range c.LoadBalancers[i].Listeners {
			c.LoadBalancers[i].Listeners[j].Bind = "127.0.0.1:0"
		}
	}
	return c
}

func page() []elbapi.Action {
	return []elbapi.Action{{Type: "fixed-response", FixedResponseConfig: &elbapi.FixedResponseActionConfig{StatusCode: new("404")}}}
}

func to(group string) []elbapi.Action {
	return []elbapi.Action{{Type: "forward", ForwardConfig: &elbapi.ForwardActionConfig{TargetGroups: []elbapi.TargetGroupTuple{{TargetGroupArn: &group, Weight: new(1)}}}}}
}

func TestLoadBalancersAttributesReachTheBalancer(t *testing.T) {
	got := config(t, nil, func(tx *state.Tx) {
		elbv2.LoadBalancers.Put(tx, scope, &elbv2.LoadBalancer{ARN: lbA, DNSName: "a.elb.test", SecurityGroups: []string{"sg-1"}, Attributes: map[string]string{
			"idle_timeout.timeout_seconds": "7", "client_keep_alive.seconds": "61", "routing.http2.enabled": "false", "routing.http.desync_mitigation_mode": "strictest",
			"routing.http.drop_invalid_header_fields.enabled": "true", "routing.http.preserve_host_header.enabled": "true", "routing.http.xff_header_processing.mode": "remove",
			"routing.http.xff_client_port.enabled": "true", "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "true",
			"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "logs", "access_logs.s3.prefix": "a",
		}})
		elbv2.Listeners.Put(tx, scope, &elbv2.Listener{ARN: lbA + "/l", LoadBalancer: lbA, Port: 80, Protocol: "HTTP", Default: page(), Attributes: map[string]string{
			"routing.http.response.server.enabled": "false", "routing.http.response.strict_transport_security.header_value": "max-age=1",
			"routing.http.request.x_amzn_tls_version.header_name": "X-V", "routing.http.request.x_amzn_tls_cipher_suite.header_name": "X-C",
		}})
	})
	want := []balancer.LoadBalancer{{
		ID: lbA, Name: "app/a/1", DNSName: "a.elb.test", AccessLog: "logs/a/AWSLogs/000000000000/elasticloadbalancing/eu-west-1",
		Attributes: balancer.Attributes{
			IdleTimeout: 7 * time.Second, ClientKeepAlive: 61 * time.Second, DisableHTTP2: true, Desync: balancer.Strictest, DropInvalidHeaders: true, PreserveHost: true,
			XForwardedFor: balancer.XFFRemove, XFFClientPort: true, TLSHeaders: true,
		},
		Listeners: []balancer.Listener{{
			ID: lbA + "/l", Protocol: balancer.HTTP, Port: 80, Bind: "127.0.0.1:8080", Default: balancer.Action{FixedResponse: &balancer.FixedResponse{Status: 404}},
			Admit: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Guard: "security groups sg-1",
			Headers: balancer.HeaderChanges{HideServer: true, TLSVersionAs: "X-V", TLSCipherAs: "X-C", SetOnResponse: []balancer.Header{{Name: "Strict-Transport-Security", Value: "max-age=1"}}},
		}},
	}}
	if diff := cmp.Diff(want, got.LoadBalancers, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestTargetGroupsReachTheBalancer(t *testing.T) {
	got := config(t, nil, func(tx *state.Tx) {
		elbv2.LoadBalancers.Put(tx, scope, &elbv2.LoadBalancer{ARN: lbA})
		elbv2.Listeners.Put(tx, scope, &elbv2.Listener{ARN: lbA + "/l", LoadBalancer: lbA, Port: 80, Protocol: "HTTP", Default: to(tgA)})
		elbv2.TargetGroups.Put(tx, scope, &elbv2.TargetGroup{ARN: elb + "targetgroup/unused/1", Type: "instance", Protocol: "HTTP"})
		elbv2.TargetGroups.Put(tx, scope, &elbv2.TargetGroup{ARN: tgA, Type: "instance", Protocol: "HTTPS", Version: "HTTP2",
			Check: elbv2.Check{Protocol: "HTTP", Port: "9", Path: "/up", Interval: 5, Timeout: 2, Healthy: 3, Unhealthy: 4, HTTPCode: "200-299"},
			Attributes: map[string]string{
				"load_balancing.algorithm.type": "weighted_random", "slow_start.duration_seconds": "30", "stickiness.enabled": "true", "stickiness.type": "app_cookie",
				"stickiness.app_cookie.cookie_name": "sid", "stickiness.app_cookie.duration_seconds": "60",
				"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "2", "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "50",
			}})
		elbv2.Targets.Put(tx, scope, &elbv2.Target{Group: tgA, ID: "i-1", Port: 32768})
		elbv2.Targets.Put(tx, scope, &elbv2.Target{Group: tgA, ID: "i-2", Port: 9, Draining: noon, Until: noon.Add(time.Minute)})
	})
	want := []balancer.TargetGroup{{
		ID: tgA, Protocol: balancer.HTTPS, Version: balancer.HTTP2, Algorithm: balancer.WeightedRandom, SlowStart: 30 * time.Second,
		HealthCheck: balancer.HealthCheck{Protocol: balancer.HTTP, Port: 9, Path: "/up", Interval: 5 * time.Second, Timeout: 2 * time.Second, HealthyThreshold: 3, UnhealthyThreshold: 4,
			Matcher: "200-299", FirstPass: firstPass},
		Stickiness: balancer.Stickiness{Enabled: true, AppCookie: "sid", Duration: time.Minute}, MinHealthy: 2, MinHealthyPercent: 50,
		Targets: []balancer.Target{
			{ID: "i-1:32768", Address: "127.0.0.1:32768", CheckObstacle: "port 9 is shut"},
			{ID: "i-2:9", Address: "127.0.0.1:9", DrainUntil: noon.Add(time.Minute), Obstacle: "port 9 is shut", CheckObstacle: "port 9 is shut"},
		},
	}}
	if diff := cmp.Diff(want, got.TargetGroups); diff != "" {
		t.Error(diff)
	}
}

// Two load balancers may have a port with different protocols: they are two
// machines on AWS.
func TestAPortWithTwoProtocols(t *testing.T) {
	got := config(t, safe{"cert": pair(t)}, func(tx *state.Tx) {
		elbv2.LoadBalancers.Put(tx, scope, &elbv2.LoadBalancer{ARN: lbB, Created: noon})
		elbv2.LoadBalancers.Put(tx, scope, &elbv2.LoadBalancer{ARN: lbA, Created: noon.Add(time.Hour)})
		elbv2.Listeners.Put(tx, scope, &elbv2.Listener{ARN: "young", LoadBalancer: lbA, Port: 8000, Protocol: "HTTPS", Certificate: "cert", SSLPolicy: "ELBSecurityPolicy-2016-08", Default: page()})
		elbv2.Listeners.Put(tx, scope, &elbv2.Listener{ARN: "old", LoadBalancer: lbB, Port: 8000, Protocol: "HTTP", Default: page()})
	})
	binds := map[string]string{}
	for _, lb := range got.LoadBalancers {
		for _, l := range lb.Listeners {
			binds[l.ID] = l.Bind
		}
	}
	if diff := cmp.Diff(map[string]string{"old": "127.0.0.1:8000", "young": "127.0.0.1:0"}, binds); diff != "" {
		t.Error(diff)
	}
	if got.LoadBalancers[0].ID != lbB {
		t.Error("the oldest load balancer is not the first")
	}
}

// A certificate that cannot be read costs its name, and at worst its listener.
func TestACertificateThatCannotBeRead(t *testing.T) {
	got := config(t, safe{"good": pair(t), "torn": {[]byte("x"), []byte("y")}}, func(tx *state.Tx) {
		elbv2.LoadBalancers.Put(tx, scope, &elbv2.LoadBalancer{ARN: lbA})
		elbv2.Listeners.Put(tx, scope, &elbv2.Listener{ARN: "1", LoadBalancer: lbA, Port: 443, Protocol: "HTTPS", Certificate: "torn", Default: page()})
		elbv2.Listeners.Put(tx, scope, &elbv2.Listener{ARN: "2", LoadBalancer: lbA, Port: 8443, Protocol: "HTTPS", Certificate: "good", Certificates: []string{"torn", "gone"}, Default: page()})
	})
	if len(got.LoadBalancers[0].Listeners) != 1 {
		t.Fatalf("%d listeners", len(got.LoadBalancers[0].Listeners))
	}
	if l := got.LoadBalancers[0].Listeners[0]; l.ID != "2" || !slices.Equal(l.Certificates, []string{"good"}) {
		t.Errorf("served: %s with %v", l.ID, l.Certificates)
	}
}

// Every policy that a listener may name is one that the balancer knows, with the
// same protocols.
func TestSecurityPoliciesAgree(t *testing.T) {
	known := map[string][]string{}
	for _, p := range balancer.SecurityPolicies() {
		known[p.Name] = slices.Sorted(slices.Values(p.Versions))
	}
	store := state.InMemory(elbv2.Tables...)
	defer store.Close()
	out, err := elbv2.New(&operation.Env{Store: store, Log: slog.New(slog.DiscardHandler)}, nil).DescribeSSLPolicies(t.Context(), &operation.Caller{Account: scope.Account, Region: scope.Region}, &elbapi.DescribeSSLPoliciesInput{})
	if err != nil || len(out.SslPolicies) < 16 {
		t.Fatalf("%v %v", out, err)
	}
	for _, p := range out.SslPolicies {
		if diff := cmp.Diff(known[*p.Name], slices.Sorted(slices.Values(p.SslProtocols))); diff != "" {
			t.Errorf("%s: %s", *p.Name, diff)
		}
	}
}
