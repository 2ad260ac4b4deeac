package elbv2

import (
	"testing"

	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
)

// What the engine cannot honour is refused, nothing is dropped.
func TestAttributesThatAreRefused(t *testing.T) {
	r := newRig(t)
	lb, group := r.loadBalancer("web"), r.group("web")
	listener := r.listener(lb, 80)
	kinds := map[string]func(key, value string) error{
		"load balancer": func(k, v string) error {
			_, err := r.ModifyLoadBalancerAttributes(t.Context(), caller, &api.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &lb, Attributes: []api.LoadBalancerAttribute{{Key: &k, Value: &v}}})
			return err
		},
		"target group": func(k, v string) error {
			_, err := r.ModifyTargetGroupAttributes(t.Context(), caller, &api.ModifyTargetGroupAttributesInput{TargetGroupArn: &group, Attributes: []api.TargetGroupAttribute{{Key: &k, Value: &v}}})
			return err
		},
		"listener": func(k, v string) error {
			_, err := r.ModifyListenerAttributes(t.Context(), caller, &api.ModifyListenerAttributesInput{ListenerArn: &listener, Attributes: []api.ListenerAttribute{{Key: &k, Value: &v}}})
			return err
		},
	}
	const refused, invalid, taken = "InvalidConfigurationRequest", "ValidationError", "<nil>"
	for _, tt := range []struct{ kind, key, value, want string }{
		{"load balancer", "connection_logs.s3.enabled", "true", refused},
		{"load balancer", "connection_logs.s3.enabled", "false", taken},
		{"load balancer", "health_check_logs.s3.enabled", "true", refused},
		{"load balancer", "zonal_shift.config.enabled", "true", refused},
		{"load balancer", "load_balancing.cross_zone.enabled", "false", invalid},
		{"load balancer", "waf.fail_open.enabled", "true", taken},
		{"load balancer", "access_logs.s3.enabled", "true", refused}, // no bucket
		{"load balancer", "access_logs.s3.bucket", "logs", taken},
		{"load balancer", "access_logs.s3.enabled", "true", taken},
		{"load balancer", "access_logs.s3.prefix", "../../etc", refused},
		{"load balancer", "access_logs.s3.prefix", "a/AWSLogs", refused},
		{"load balancer", "access_logs.s3.bucket", "../..", refused},
		{"load balancer", "idle_timeout.timeout_seconds", "0", invalid},
		{"load balancer", "idle_timeout.timeout_seconds", "4000", taken},
		{"load balancer", "no.such", "1", invalid},
		{"target group", "load_balancing.algorithm.anomaly_mitigation", "on", refused},
		{"target group", "load_balancing.cross_zone.enabled", "false", refused},
		{"target group", "load_balancing.cross_zone.enabled", "true", taken},
		{"target group", "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "0", invalid},
		{"target group", "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", taken},
		{"target group", "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "101", invalid},
		{"target group", "slow_start.duration_seconds", "29", invalid},
		{"listener", "routing.http.request.x_amzn_mtls_clientcert.header_name", "X-Cert", refused},
		{"listener", "routing.http.response.server.enabled", "false", taken},
	} {
		if got := code(kinds[tt.kind](tt.key, tt.value)); got != tt.want {
			t.Errorf("%s %s=%s: %s, not %s", tt.kind, tt.key, tt.value, got, tt.want)
		}
	}
}
