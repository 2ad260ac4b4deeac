package traffic

import (
	"cmp"
	"crypto/tls"
	"iter"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	elbapi "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/accesslog"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/balancer"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/reach"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// config is the balancer's configuration as the state has it.
func (c *Controller) config(tx *state.Tx) balancer.Config {
	var out balancer.Config
	used := map[string]state.Scope{}
	paths := map[string]Path{} // by target group: from its load balancer
	ports := ports{c.env.Addresses, map[int]elbapi.ProtocolEnum{}}
	for scope, lb := range oldestFirst(tx) {
		made := c.loadBalancer(tx, scope, lb, used, ports)
		out.LoadBalancers = append(out.LoadBalancers, made)
		path := c.firewall.Towards(tx, scope, lb)
		for _, l := range made.Listeners {
			for _, g := range groupsOf(l) {
				paths[g] = path
			}
		}
	}
	for scope, g := range elbv2.TargetGroups.Everywhere(tx) {
		if path, used := paths[g.ARN]; used {
			out.TargetGroups = append(out.TargetGroups, c.targetGroup(tx, scope, g, path))
		}
	}
	for arn, scope := range used {
		if cert := c.certificate(tx, scope, arn); cert != nil {
			out.Certificates = append(out.Certificates, balancer.Certificate{ID: arn, TLS: cert})
		}
	}
	return out
}

// oldestFirst yields all load balancers in the order of their creation.
func oldestFirst(tx *state.Tx) iter.Seq2[state.Scope, *elbv2.LoadBalancer] {
	type placed struct {
		scope state.Scope
		*elbv2.LoadBalancer
	}
	var all []placed
	for scope, lb := range elbv2.LoadBalancers.Everywhere(tx) {
		all = append(all, placed{scope, lb})
	}
	slices.SortFunc(all, func(a, b placed) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ARN, b.ARN)) })
	return func(yield func(state.Scope, *elbv2.LoadBalancer) bool) {
		for _, p := range all {
			if !yield(p.scope, p.LoadBalancer) {
				return
			}
		}
	}
}

// groupsOf are the target groups that a listener forwards to.
func groupsOf(l balancer.Listener) (groups []string) {
	add := func(a balancer.Action) {
		if a.Forward != nil {
			for _, g := range a.Forward.Groups {
				groups = append(groups, g.Group)
			}
		}
	}
	add(l.Default)
	for _, r := range l.Rules {
		add(r.Action)
	}
	return groups
}

func (c *Controller) loadBalancer(tx *state.Tx, scope state.Scope, lb *elbv2.LoadBalancer, used map[string]state.Scope, ports ports) balancer.LoadBalancer {
	_, name, _ := strings.Cut(lb.ARN, "loadbalancer/")
	out := balancer.LoadBalancer{ID: lb.ARN, Name: name, DNSName: lb.DNSName, AccessLog: accessLog(scope, lb), Attributes: balancer.Attributes{
		IdleTimeout:        duration(lb.Attribute("idle_timeout.timeout_seconds")),
		ClientKeepAlive:    duration(lb.Attribute("client_keep_alive.seconds")),
		DisableHTTP2:       lb.Attribute("routing.http2.enabled") == "false",
		Desync:             balancer.DesyncMode(lb.Attribute("routing.http.desync_mitigation_mode")),
		DropInvalidHeaders: lb.Attribute("routing.http.drop_invalid_header_fields.enabled") == "true",
		PreserveHost:       lb.Attribute("routing.http.preserve_host_header.enabled") == "true",
		XForwardedFor:      balancer.XFFMode(lb.Attribute("routing.http.xff_header_processing.mode")),
		XFFClientPort:      lb.Attribute("routing.http.xff_client_port.enabled") == "true",
		TLSHeaders:         lb.Attribute("routing.http.x_amzn_tls_version_and_cipher_suite.enabled") == "true",
	}}
	for l := range elbv2.ListenersOf(tx, scope, lb.ARN) {
		if made, ok := c.listener(tx, scope, lb, l, ports); ok {
			out.Listeners = append(out.Listeners, made)
			for _, cert := range made.Certificates {
				used[cert] = scope
			}
		}
	}
	return out
}

// accessLog is where a load balancer's access log goes, "" if it has none.
func accessLog(scope state.Scope, lb *elbv2.LoadBalancer) string {
	if lb.Attribute("access_logs.s3.enabled") != "true" {
		return ""
	}
	return accesslog.Place(lb.Attribute("access_logs.s3.bucket"), lb.Attribute("access_logs.s3.prefix"), scope.Account, scope.Region)
}

// duration reads seconds.
func duration(s string) time.Duration {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

func (c *Controller) listener(tx *state.Tx, scope state.Scope, lb *elbv2.LoadBalancer, l *elbv2.Listener, ports ports) (balancer.Listener, bool) {
	out := balancer.Listener{
		ID: l.ARN, Protocol: balancer.Protocol(l.Protocol), Port: uint16(l.Port), Bind: ports.bind(l.Port, l.Protocol), SecurityPolicy: l.SSLPolicy,
		Default: action(l.Default), Admit: c.firewall.Clients(tx, scope, lb.SecurityGroups, l.Port), Guard: "security groups " + strings.Join(lb.SecurityGroups, ", "), Headers: headers(l),
	}
	if l.Certificate != "" {
		for _, cert := range append([]string{l.Certificate}, l.Certificates...) {
			if c.certificate(tx, scope, cert) != nil {
				out.Certificates = append(out.Certificates, cert)
			}
		}
		if len(out.Certificates) == 0 {
			c.env.Log.Error("a listener is not served: none of its certificates can be read", "listener", l.ARN)
			return out, false // it must not keep the others from being served
		}
	}
	for _, r := range elbv2.RulesOf(tx, scope, l.ARN) {
		out.Rules = append(out.Rules, rule(r))
	}
	return out, true
}

// ports gives out local addresses. Load balancers share one machine: a port is
// HTTP's or HTTPS's, as the oldest listener on it has it.
type ports struct {
	addresses operation.Addresses
	owners    map[int]elbapi.ProtocolEnum
}

// bind is the local address of a listener's port: 80 and 443 are mapped to what
// the engine could bind. A listener that finds its port with the other protocol
// gets a port of its own.
func (p ports) bind(port int, protocol elbapi.ProtocolEnum) string {
	host, _, _ := net.SplitHostPort(p.addresses.HTTP)
	if owner, taken := p.owners[port]; taken && owner != protocol {
		return net.JoinHostPort(host, "0")
	}
	p.owners[port] = protocol
	switch port {
	case 80:
		return p.addresses.HTTP
	case 443:
		return p.addresses.HTTPS
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

func headers(l *elbv2.Listener) balancer.HeaderChanges {
	h := balancer.HeaderChanges{
		HideServer:   l.Attribute("routing.http.response.server.enabled") == "false",
		TLSVersionAs: l.Attribute("routing.http.request.x_amzn_tls_version.header_name"), TLSCipherAs: l.Attribute("routing.http.request.x_amzn_tls_cipher_suite.header_name"),
	}
	for key, value := range l.Attributes {
		name, ok := strings.CutPrefix(key, "routing.http.response.")
		if name, ok2 := strings.CutSuffix(name, ".header_value"); ok && ok2 && value != "" {
			h.SetOnResponse = append(h.SetOnResponse, balancer.Header{Name: http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-")), Value: value})
		}
	}
	slices.SortFunc(h.SetOnResponse, func(a, b balancer.Header) int { return strings.Compare(a.Name, b.Name) })
	return h
}

func rule(r *elbv2.Rule) balancer.Rule {
	out := balancer.Rule{ID: r.ARN, Priority: r.Priority, Action: action(r.Actions)}
	for i := range r.Conditions {
		out.Conditions = append(out.Conditions, condition(&r.Conditions[i]))
	}
	for _, t := range r.Transforms {
		switch {
		case t.HostHeaderRewriteConfig != nil:
			out.RewriteHost = rewrites(t.HostHeaderRewriteConfig.Rewrites)
		case t.UrlRewriteConfig != nil:
			out.RewriteURL = rewrites(t.UrlRewriteConfig.Rewrites)
		}
	}
	return out
}

func rewrites(in []elbapi.RewriteConfig) (out []balancer.Rewrite) {
	for _, w := range in {
		out = append(out, balancer.Rewrite{Regex: awsapi.V(w.Regex), Replace: awsapi.V(w.Replace)})
	}
	return out
}

func condition(c *elbapi.RuleCondition) balancer.Condition {
	out := balancer.Condition{Field: balancer.ConditionField(awsapi.V(c.Field))}
	switch {
	case c.HostHeaderConfig != nil:
		out.Values, out.Regex = c.HostHeaderConfig.Values, c.HostHeaderConfig.RegexValues
	case c.PathPatternConfig != nil:
		out.Values, out.Regex = c.PathPatternConfig.Values, c.PathPatternConfig.RegexValues
	case c.HttpHeaderConfig != nil:
		out.HeaderName, out.Values, out.Regex = awsapi.V(c.HttpHeaderConfig.HttpHeaderName), c.HttpHeaderConfig.Values, c.HttpHeaderConfig.RegexValues
	case c.HttpRequestMethodConfig != nil:
		out.Values = c.HttpRequestMethodConfig.Values
	case c.SourceIpConfig != nil:
		out.Values = c.SourceIpConfig.Values
	case c.QueryStringConfig != nil:
		for _, q := range c.QueryStringConfig.Values {
			out.Query = append(out.Query, balancer.QueryValue{Key: awsapi.V(q.Key), Value: awsapi.V(q.Value)})
		}
	}
	return out
}

// action is the last of the actions: the engine serves no others before it.
func action(actions []elbapi.Action) balancer.Action {
	a := actions[len(actions)-1]
	switch a.Type {
	case elbapi.ActionTypeEnumForward:
		f := &balancer.Forward{}
		for _, g := range a.ForwardConfig.TargetGroups {
			f.Groups = append(f.Groups, balancer.WeightedGroup{Group: awsapi.V(g.TargetGroupArn), Weight: awsapi.V(g.Weight)})
		}
		if s := a.ForwardConfig.TargetGroupStickinessConfig; s != nil && awsapi.V(s.Enabled) {
			f.Stickiness = time.Duration(awsapi.V(s.DurationSeconds)) * time.Second
		}
		return balancer.Action{Forward: f}
	case elbapi.ActionTypeEnumRedirect:
		r := a.RedirectConfig
		status, _ := strconv.Atoi(strings.TrimPrefix(string(r.StatusCode), "HTTP_"))
		return balancer.Action{Redirect: &balancer.Redirect{
			Status: status, Protocol: awsapi.V(r.Protocol), Host: awsapi.V(r.Host), Port: awsapi.V(r.Port), Path: awsapi.V(r.Path), Query: r.Query,
		}}
	}
	f := a.FixedResponseConfig
	status, _ := strconv.Atoi(awsapi.V(f.StatusCode))
	return balancer.Action{FixedResponse: &balancer.FixedResponse{Status: status, ContentType: awsapi.V(f.ContentType), Body: awsapi.V(f.MessageBody)}}
}

func (c *Controller) targetGroup(tx *state.Tx, scope state.Scope, g *elbv2.TargetGroup, path Path) balancer.TargetGroup {
	k := g.Check
	out := balancer.TargetGroup{
		ID: g.ARN, Protocol: balancer.Protocol(g.Protocol), Version: balancer.Version(g.Version), Algorithm: balancer.Algorithm(g.Attribute("load_balancing.algorithm.type")),
		SlowStart: duration(g.Attribute("slow_start.duration_seconds")),
		HealthCheck: balancer.HealthCheck{
			Protocol: balancer.Protocol(k.Protocol), Path: k.Path, Interval: time.Duration(k.Interval) * time.Second, Timeout: time.Duration(k.Timeout) * time.Second,
			HealthyThreshold: k.Healthy, UnhealthyThreshold: k.Unhealthy, Matcher: k.HTTPCode + k.GRPCCode, FirstPass: firstPass,
			Disabled: c.env.Simulate,
		},
		Stickiness: balancer.Stickiness{Enabled: g.Attribute("stickiness.enabled") == "true", Duration: duration(g.Attribute("stickiness.lb_cookie.duration_seconds"))},
	}
	if g.Attribute("stickiness.type") == "app_cookie" {
		out.Stickiness.AppCookie, out.Stickiness.Duration = g.Attribute("stickiness.app_cookie.cookie_name"), duration(g.Attribute("stickiness.app_cookie.duration_seconds"))
	}
	if p, err := strconv.ParseUint(k.Port, 10, 16); err == nil {
		out.HealthCheck.Port = uint16(p)
	}
	out.MinHealthy, _ = strconv.Atoi(g.Attribute("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count"))
	out.MinHealthyPercent, _ = strconv.Atoi(g.Attribute("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage"))
	for _, t := range elbv2.TargetsOf(tx, scope, g.ARN) {
		made := balancer.Target{ID: targetID(t), Address: addressOf(tx, scope, g, t), DrainUntil: t.Until, Obstacle: path(t, g.Type, t.Port)}
		made.CheckObstacle = made.Obstacle
		if p := out.HealthCheck.Port; p != 0 {
			made.CheckObstacle = path(t, g.Type, int(p))
		}
		out.Targets = append(out.Targets, made)
	}
	return out
}

// firstPass is how often a new target is checked until it has passed once. The
// engine need not make anybody wait for the interval's beat.
const firstPass = 100 * time.Millisecond

func targetID(t *elbv2.Target) string { return t.ID + ":" + strconv.Itoa(t.Port) }

// addressOf is where a target is reached: instances are this machine, tasks'
// interfaces and ports the containers behind them.
func addressOf(tx *state.Tx, scope state.Scope, g *elbv2.TargetGroup, t *elbv2.Target) string {
	host, from := "127.0.0.1", reach.HostPort(t.Port)
	switch {
	case g.Type == elbapi.TargetTypeEnumIp:
		host, from = t.ID, reach.Interface(g.VPC, t.ID)
	case g.Check.Port != "traffic-port":
		from = "" // another port is to be asked of the instance, not of one container
	}
	if real, ok := reach.Dial(tx, scope, from, t.Port); ok {
		return real
	}
	return net.JoinHostPort(host, strconv.Itoa(t.Port))
}

// find is the row of a target that the balancer tells of.
func find(tx *state.Tx, group, target string) (state.Scope, *elbv2.Target, bool) {
	a, ok := arn.Parse(group)
	if !ok {
		return state.Scope{}, nil, false
	}
	t, ok := elbv2.Targets.Get(tx, a.Scope(), group+" "+target)
	return a.Scope(), t, ok
}

// certificateCache keeps parsed certificates by ARN.
type certificateCache map[string]parsedCertificate

type parsedCertificate struct {
	serial string
	cert   *tls.Certificate
}

// certificate is a certificate with its chain and key, parsed once.
func (c *Controller) certificate(tx *state.Tx, scope state.Scope, name string) *tls.Certificate {
	chain, key, ok := c.certs.Pair(tx, scope, name)
	if !ok {
		return nil
	}
	if p, ok := c.parsed[name]; ok && p.serial == string(chain) {
		return p.cert
	}
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil {
		c.env.Log.Error("certificate", "arn", name, "error", err)
		return nil
	}
	c.parsed[name] = parsedCertificate{string(chain), &cert}
	return &cert
}
