package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// workerFile is a service that takes no requests: nothing has to answer behind a
// simulated load balancer.
const workerFile = `app: ship
image: docker.io/library/ship:1
service: { memory: 64, deploy: { min: 0, max: 100 } }
environments:
  playground: { on: engine, branch: main, cluster: yard }
cluster:
  name: yard
  size: { min: 1, max: 2 }
`

// simulated is an application that takes no requests, on a simulated engine. What
// others do there is seen at once.
func simulated(t *testing.T) *application {
	a := &application{engine: start(t, append(faultsByDefault(t, "stale=0s"), "--simulate")...), dir: t.TempDir()}
	a.write("slipway.yaml", workerFile)
	return a
}

// An environment of slipway's own is as the seed's rules want it and safer: the
// stock client reads it.
func TestAnEnvironmentIsAsTheRulesWantIt(t *testing.T) {
	t.Parallel()
	a := simulated(t)
	a.write("slipway.yaml", strings.NewReplacer("  name: yard\n", "  name: yard\n  insights: true\n", "memory: 64", "memory: 64, port: 8000, host: ship.slipway.test").Replace(workerFile))
	a.runs(0, []string{"env", "up", "playground"}, `^done +yard is there`)
	for _, c := range []struct {
		want string
		ask  []string
	}{
		{"required\tTrue\tNone", []string{"ec2", "describe-launch-template-versions", "--launch-template-name", "yard-instances", "--query", "LaunchTemplateVersions[0].LaunchTemplateData.[MetadataOptions.HttpTokens,BlockDeviceMappings[0].Ebs.Encrypted,KeyName]"}},
		{"t3.small", []string{"ec2", "describe-instances", "--query", "Reservations[].Instances[].InstanceType"}},
		{"redirect\tHTTPS\tHTTP_301", []string{"elbv2", "describe-listeners", "--load-balancer-arn", a.must("elbv2", "describe-load-balancers", "--names", "yard", "--query", "LoadBalancers[0].LoadBalancerArn"),
			"--query", "Listeners[?Port==`80`].DefaultActions[0].[Type,RedirectConfig.Protocol,RedirectConfig.StatusCode]"}},
		{"404", []string{"elbv2", "describe-listeners", "--load-balancer-arn", a.must("elbv2", "describe-load-balancers", "--names", "yard", "--query", "LoadBalancers[0].LoadBalancerArn"),
			"--query", "Listeners[?Port==`443`].DefaultActions[0].FixedResponseConfig.StatusCode"}},
		{"30", []string{"logs", "describe-log-groups", "--log-group-name-prefix", "yard", "--query", "logGroups[0].retentionInDays"}},
		{"2", []string{"ec2", "describe-subnets", "--filters", "Name=tag:slipway:cluster,Values=yard", "--query", "length(Subnets)"}},
		{"443\t80", []string{"ec2", "describe-security-groups", "--filters", "Name=group-name,Values=yard-balancer", "--query", "sort(SecurityGroups[0].IpPermissions[].to_string(FromPort))"}},
		{"", []string{"ec2", "describe-security-groups", "--filters", "Name=group-name,Values=yard-instances", "--query", "SecurityGroups[0].IpPermissions[].IpRanges[0].CidrIp"}},
		{"ENABLED\tENABLED\tENABLED", []string{"ecs", "describe-capacity-providers", "--capacity-providers", "yard", "--query", "capacityProviders[0].autoScalingGroupProvider.[managedScaling.status,managedDraining,managedTerminationProtection]"}},
		{"enabled", []string{"ecs", "describe-clusters", "--clusters", "yard", "--include", "SETTINGS", "--query", "clusters[0].settings[?name=='containerInsights'].value"}},
	} {
		if got := a.must(c.ask...); got != c.want {
			t.Errorf("%s: %q, not %q", strings.Join(c.ask, " "), got, c.want)
		}
	}
	a.runs(0, []string{"env", "up", "playground"})
	a.runs(0, []string{"env", "destroy", "playground", "--yes"}, `^done +nothing is left`)
}

// What others use is not destroyed, and nothing else either: neither a service of
// theirs in the cluster, nor a target group behind its load balancer.
func TestAnEnvironmentThatOthersUseStays(t *testing.T) {
	t.Parallel()
	a := simulated(t)
	a.runs(0, []string{"up", "--tag", "v1"}, `^done +v1 runs`)
	mine := func() string {
		t.Helper()
		return a.must("ecs", "describe-services", "--cluster", "yard", "--services", "playground-ship", "--query", "services[0].[status,runningCount]")
	}
	destroy := []string{"env", "destroy", "playground", "--yes"}

	a.must("ecs", "register-task-definition", "--family", "theirs", "--container-definitions", `[{"name":"a","image":"a","memory":16}]`)
	a.must("ecs", "create-service", "--cluster", "yard", "--service-name", "theirs", "--task-definition", "theirs", "--desired-count", "0")
	a.runs(1, destroy, `^error: others use environment yard: service theirs; remove these first, or this file's services alone: slipway destroy playground; nothing was changed`)
	if got := mine(); got != "ACTIVE\t1" {
		t.Errorf("a destroy that was refused left the service at %q", got)
	}
	a.must("ecs", "delete-service", "--cluster", "yard", "--service", "theirs", "--force")

	lb := a.must("elbv2", "describe-load-balancers", "--names", "yard", "--query", "LoadBalancers[0].[LoadBalancerArn,VpcId]")
	arn, vpc, _ := strings.Cut(lb, "\t")
	group := a.must("elbv2", "create-target-group", "--name", "theirs-tg", "--protocol", "HTTP", "--port", "80", "--vpc-id", vpc, "--query", "TargetGroups[0].TargetGroupArn")
	const refused = `^error: others use environment yard: target group theirs-tg; remove these first, or this file's services alone: slipway destroy playground; nothing was changed`
	listener := a.must("elbv2", "create-listener", "--load-balancer-arn", arn, "--protocol", "HTTP", "--port", "8080", "--default-actions", "Type=forward,TargetGroupArn="+group, "--query", "Listeners[0].ListenerArn")
	a.runs(1, destroy, refused)
	a.must("elbv2", "modify-listener", "--listener-arn", listener, "--default-actions", "Type=fixed-response,FixedResponseConfig={StatusCode=404}")
	a.must("elbv2", "create-rule", "--listener-arn", listener, "--priority", "7", "--conditions", "Field=path-pattern,Values=/theirs", "--actions", "Type=forward,TargetGroupArn="+group)
	a.runs(1, destroy, refused)
	if got := mine(); got != "ACTIVE\t1" {
		t.Errorf("a destroy that was refused left the service at %q", got)
	}
	a.must("elbv2", "delete-listener", "--listener-arn", listener)
	a.must("elbv2", "delete-target-group", "--target-group-arn", group)
	a.runs(0, destroy, `^done +nothing is left`)
}

// With --json every line of every command is JSON, in one spelling.
func TestJSONIsJSON(t *testing.T) {
	t.Parallel()
	a := simulated(t)
	for _, c := range []struct {
		code int
		args []string
		key  string
	}{
		{0, []string{"env", "up", "playground"}, "cluster"}, {0, []string{"up", "--tag", "v1"}, "proofs"}, {0, []string{"plan"}, "steps"}, {0, []string{"env", "show"}, "resources"},
		{0, []string{"status"}, "desired"}, {0, []string{"history"}, "revision"}, {0, []string{"scale", "playground", "2"}, "count"}, {0, []string{"secret", "list", "playground"}, ""},
		{0, []string{"deploy", "playground", "--tag", "v2"}, "calls"}, {0, []string{"rollback", "playground"}, "before"}, {0, []string{"url"}, ""},
		{0, []string{"destroy", "playground", "--yes"}, "kept"}, {0, []string{"env", "destroy", "playground", "--yes"}, "kept"},
	} {
		var last map[string]any
		for l := range strings.Lines(a.runs(c.code, append(c.args, "--json"))) {
			last = nil
			if err := json.Unmarshal([]byte(l), &last); err != nil {
				t.Errorf("slipway %s --json: %v: %s", strings.Join(c.args, " "), err, l)
			}
			for k := range last {
				if k[:1] != strings.ToLower(k[:1]) {
					t.Errorf("slipway %s --json says %q", strings.Join(c.args, " "), k)
				}
			}
		}
		if _, ok := last[c.key]; c.key != "" && !ok {
			t.Errorf("slipway %s --json ends with %v, without %s", strings.Join(c.args, " "), last, c.key)
		}
	}
}
