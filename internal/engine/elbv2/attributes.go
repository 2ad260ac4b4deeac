package elbv2

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// attributeRule is an attribute: its default and what it may be, a list of
// words and ranges ("true|false", "off|1-100"), or anything ("").
type attributeRule struct {
	key, normal, allowed string
	// hidden ones are shown only once they are set.
	hidden bool
}

// The attributes of each kind of resource, from the ELBv2 API reference.
var (
	loadBalancerAttributes = []attributeRule{
		{"access_logs.s3.enabled", "false", "true|false", false},
		{"access_logs.s3.bucket", "", "", false},
		{"access_logs.s3.prefix", "", "", false},
		{"connection_logs.s3.enabled", "false", "true|false", false},
		{"connection_logs.s3.bucket", "", "", false},
		{"connection_logs.s3.prefix", "", "", false},
		{"health_check_logs.s3.enabled", "false", "true|false", true},
		{"health_check_logs.s3.bucket", "", "", true},
		{"health_check_logs.s3.prefix", "", "", true},
		{"idle_timeout.timeout_seconds", "60", "1-4000", false},
		{"client_keep_alive.seconds", "3600", "60-604800", false},
		{"deletion_protection.enabled", "false", "true|false", false},
		{"load_balancing.cross_zone.enabled", "true", "true", false},
		{"routing.http.desync_mitigation_mode", "defensive", "monitor|defensive|strictest", false},
		{"routing.http.drop_invalid_header_fields.enabled", "false", "true|false", false},
		{"routing.http.preserve_host_header.enabled", "false", "true|false", false},
		{"routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", "true|false", false},
		{"routing.http.xff_client_port.enabled", "false", "true|false", false},
		{"routing.http.xff_header_processing.mode", "append", "append|preserve|remove", false},
		{"routing.http2.enabled", "true", "true|false", false},
		{"waf.fail_open.enabled", "false", "true|false", false},
		{"zonal_shift.config.enabled", "false", "true|false", false},
	}
	targetGroupAttributes = []attributeRule{
		{"deregistration_delay.timeout_seconds", "300", "0-3600", false},
		{"stickiness.enabled", "false", "true|false", false},
		{"stickiness.type", "lb_cookie", "lb_cookie|app_cookie", false},
		{"stickiness.lb_cookie.duration_seconds", "86400", "1-604800", false},
		{"stickiness.app_cookie.cookie_name", "", "", false},
		{"stickiness.app_cookie.duration_seconds", "86400", "1-604800", false},
		{"load_balancing.cross_zone.enabled", "use_load_balancer_configuration", "true|false|use_load_balancer_configuration", false},
		{"load_balancing.algorithm.type", "round_robin", "round_robin|least_outstanding_requests|weighted_random", false},
		{"load_balancing.algorithm.anomaly_mitigation", "off", "on|off", false},
		{"slow_start.duration_seconds", "0", "0-900", false},
		{"target_group_health.dns_failover.minimum_healthy_targets.count", "1", "off|1-1000", false},
		{"target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", "off|1-100", false},
		{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", "1-1000", false},
		{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", "off|1-100", false},
	}
	listenerAttributes = listenerRules()
)

func listenerRules() []attributeRule {
	rules := []attributeRule{{"routing.http.response.server.enabled", "true", "true|false", false}}
	for _, h := range []string{"strict_transport_security", "access_control_allow_origin", "access_control_allow_methods", "access_control_allow_headers",
		"access_control_allow_credentials", "access_control_expose_headers", "access_control_max_age", "content_security_policy", "x_content_type_options", "x_frame_options"} {
		rules = append(rules, attributeRule{"routing.http.response." + h + ".header_value", "", "", false})
	}
	for _, h := range []string{"mtls_clientcert_serial_number", "mtls_clientcert_issuer", "mtls_clientcert_subject", "mtls_clientcert_validity", "mtls_clientcert_leaf", "mtls_clientcert", "tls_version", "tls_cipher_suite"} {
		rules = append(rules, attributeRule{"routing.http.request.x_amzn_" + h + ".header_name", "", "", true})
	}
	return rules
}

// attribute is the value of an attribute, its default when it is not set.
func attribute(rules []attributeRule, values map[string]string, key string) string {
	if v, ok := values[key]; ok {
		return v
	}
	for _, r := range rules {
		if r.key == key {
			return r.normal
		}
	}
	return ""
}

// Attribute is a load balancer's attribute.
func (l *LoadBalancer) Attribute(key string) string {
	return attribute(loadBalancerAttributes, l.Attributes, key)
}

// Attribute is a target group's attribute.
func (t *TargetGroup) Attribute(key string) string {
	return attribute(targetGroupAttributes, t.Attributes, key)
}

// Attribute is a listener's attribute.
func (l *Listener) Attribute(key string) string {
	return attribute(listenerAttributes, l.Attributes, key)
}

var rangeForm = lazyregexp.New(`^(\d+)-(\d+)$`)

// pair is a given attribute.
type pair struct{ key, value *string }

// withAttributes is the values with those given put over them.
func withAttributes(rules []attributeRule, values map[string]string, given []pair) (map[string]string, error) {
	next := maps.Clone(values)
	if next == nil {
		next = map[string]string{}
	}
	for _, g := range given {
		k, v := awsapi.V(g.key), awsapi.V(g.value)
		i := slices.IndexFunc(rules, func(r attributeRule) bool { return r.key == k })
		if i < 0 {
			return nil, invalid("Attribute key '%s' is not recognized", k)
		}
		if !rules[i].allows(v) {
			return nil, invalid("Attribute value '%s' for '%s' is not valid: it must be %s", v, k, rules[i].allowed)
		}
		if err := served(k, v); err != nil {
			return nil, err
		}
		next[k] = v
	}
	return next, nil
}

func (r attributeRule) allows(v string) bool {
	if r.allowed == "" {
		return true
	}
	for form := range strings.SplitSeq(r.allowed, "|") {
		if form == v {
			return true
		}
		if m := rangeForm.FindStringSubmatch(form); m != nil {
			low, _ := strconv.Atoi(m[1])
			high, _ := strconv.Atoi(m[2])
			if n, err := strconv.Atoi(v); err == nil && n >= low && n <= high {
				return true
			}
		}
	}
	return false
}

// unserved are the values of attributes that this engine cannot honour, and what
// they would be. They are refused by name, not dropped.
var unserved = map[pairOf]string{
	{"connection_logs.s3.enabled", "true"}:                "Connection logs are",
	{"health_check_logs.s3.enabled", "true"}:              "Health check logs are",
	{"zonal_shift.config.enabled", "true"}:                "Zonal shift is",
	{"load_balancing.algorithm.anomaly_mitigation", "on"}: "Anomaly mitigation is",
	{"load_balancing.cross_zone.enabled", "false"}:        "Balancing within one zone is",
}

type pairOf struct{ key, value string }

// served refuses what the engine cannot honour.
func served(key, value string) error {
	what := unserved[pairOf{key, value}]
	if strings.HasPrefix(key, "routing.http.request.x_amzn_mtls_") && value != "" {
		what = "Mutual authentication is"
	}
	if what == "" {
		return nil
	}
	return api.InvalidConfigurationRequestException("%s not served by the slipway engine: leave '%s' at its default", what, key)
}

// shown is all attributes of a resource.
func shown[T any](rules []attributeRule, values map[string]string, make func(k, v *string) T) []T {
	all := []T{}
	for _, r := range rules {
		if _, is := values[r.key]; r.hidden && !is {
			continue
		}
		all = append(all, make(new(r.key), new(attribute(rules, values, r.key))))
	}
	return all
}

func lbAttribute(k, v *string) api.LoadBalancerAttribute {
	return api.LoadBalancerAttribute{Key: k, Value: v}
}

func tgAttribute(k, v *string) api.TargetGroupAttribute {
	return api.TargetGroupAttribute{Key: k, Value: v}
}

func listenerAttribute(k, v *string) api.ListenerAttribute {
	return api.ListenerAttribute{Key: k, Value: v}
}

// DescribeLoadBalancerAttributes is a load balancer's attributes.
func (s *Service) DescribeLoadBalancerAttributes(_ context.Context, c *operation.Caller, in *api.DescribeLoadBalancerAttributesInput) (*api.DescribeLoadBalancerAttributesOutput, error) {
	lb, err := findLoadBalancer(s.env.View(c), c.Scope(), in.LoadBalancerArn)
	if err != nil {
		return nil, err
	}
	return &api.DescribeLoadBalancerAttributesOutput{Attributes: shown(loadBalancerAttributes, lb.Attributes, lbAttribute)}, nil
}

// ModifyLoadBalancerAttributes changes the attributes given.
func (s *Service) ModifyLoadBalancerAttributes(_ context.Context, c *operation.Caller, in *api.ModifyLoadBalancerAttributesInput) (*api.ModifyLoadBalancerAttributesOutput, error) {
	var given []pair
	for _, a := range in.Attributes {
		given = append(given, pair{a.Key, a.Value})
	}
	out := &api.ModifyLoadBalancerAttributesOutput{}
	return out, s.changeLoadBalancer(c, in.LoadBalancerArn, func(_ *state.Tx, lb *LoadBalancer) (err error) {
		if lb.Attributes, err = withAttributes(loadBalancerAttributes, lb.Attributes, given); err != nil {
			return err
		}
		if err := lb.checkAccessLogs(); err != nil {
			return err
		}
		out.Attributes = shown(loadBalancerAttributes, lb.Attributes, lbAttribute)
		return nil
	})
}

var bucketForm = lazyregexp.New(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// checkAccessLogs checks where a load balancer's access log would go. The engine
// has no S3: it keeps a folder for each bucket (package accesslog).
func (l *LoadBalancer) checkAccessLogs() error {
	bucket, prefix := l.Attribute("access_logs.s3.bucket"), l.Attribute("access_logs.s3.prefix")
	switch {
	case l.Attribute("access_logs.s3.enabled") != "true":
		return nil
	case !bucketForm.MatchString(bucket) || strings.Contains(bucket, ".."):
		return api.InvalidConfigurationRequestException("The bucket name '%s' is not valid", bucket)
	case strings.Contains(prefix, "AWSLogs") || prefix != "" && !filepath.IsLocal(prefix):
		return api.InvalidConfigurationRequestException("The prefix '%s' is not valid", prefix)
	}
	return nil
}

// DescribeTargetGroupAttributes is a target group's attributes.
func (s *Service) DescribeTargetGroupAttributes(_ context.Context, c *operation.Caller, in *api.DescribeTargetGroupAttributesInput) (*api.DescribeTargetGroupAttributesOutput, error) {
	t, err := findTargetGroup(s.env.View(c), c.Scope(), in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	return &api.DescribeTargetGroupAttributesOutput{Attributes: shown(targetGroupAttributes, t.Attributes, tgAttribute)}, nil
}

// ModifyTargetGroupAttributes changes the attributes given.
func (s *Service) ModifyTargetGroupAttributes(_ context.Context, c *operation.Caller, in *api.ModifyTargetGroupAttributesInput) (*api.ModifyTargetGroupAttributesOutput, error) {
	var given []pair
	for _, a := range in.Attributes {
		given = append(given, pair{a.Key, a.Value})
	}
	out := &api.ModifyTargetGroupAttributesOutput{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		old, err := findTargetGroup(tx, c.Scope(), in.TargetGroupArn)
		if err != nil {
			return err
		}
		t := *old
		if t.Attributes, err = withAttributes(targetGroupAttributes, t.Attributes, given); err != nil {
			return err
		}
		slow, _ := strconv.Atoi(t.Attribute("slow_start.duration_seconds"))
		if slow > 0 && (slow < 30 || t.Attribute("load_balancing.algorithm.type") == "least_outstanding_requests") {
			return invalid("Slow start takes 30 to 900 seconds and does not go with least_outstanding_requests")
		}
		TargetGroups.Put(tx, c.Scope(), &t)
		out.Attributes = shown(targetGroupAttributes, t.Attributes, tgAttribute)
		return nil
	})
}

// DescribeListenerAttributes is a listener's attributes.
func (s *Service) DescribeListenerAttributes(_ context.Context, c *operation.Caller, in *api.DescribeListenerAttributesInput) (*api.DescribeListenerAttributesOutput, error) {
	l, err := findListener(s.env.View(c), c.Scope(), in.ListenerArn)
	if err != nil {
		return nil, err
	}
	return &api.DescribeListenerAttributesOutput{Attributes: shown(listenerAttributes, l.Attributes, listenerAttribute)}, nil
}

// ModifyListenerAttributes changes the attributes given.
func (s *Service) ModifyListenerAttributes(_ context.Context, c *operation.Caller, in *api.ModifyListenerAttributesInput) (*api.ModifyListenerAttributesOutput, error) {
	var given []pair
	for _, a := range in.Attributes {
		given = append(given, pair{a.Key, a.Value})
	}
	out := &api.ModifyListenerAttributesOutput{}
	return out, s.changeListener(c, in.ListenerArn, func(_ *state.Tx, l *Listener) (err error) {
		if l.Attributes, err = withAttributes(listenerAttributes, l.Attributes, given); err != nil {
			return err
		}
		out.Attributes = shown(listenerAttributes, l.Attributes, listenerAttribute)
		return nil
	})
}
