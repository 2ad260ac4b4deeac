package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A job of the file runs on its schedule: as the role that the deploy made, from
// the revision that the service runs, as long as it stands in the file.
func TestAJobRunsOnItsSchedule(t *testing.T) {
	t.Parallel() // it waits for a minute to begin
	a := newApplication(t)
	jobs := func(list string) {
		a.write("slipway.yaml", strings.NewReplacer("  greet: { command: [/ship, hello] }\n", list, "  port: 8000\n", "", "    host: ship.slipway.test\n", "").Replace(shipFile))
	}
	jobs("  tick: { command: [/ship, tick], schedule: \"cron(* * * * ? *)\" }\n  nightly: { command: [/ship, fail], schedule: \"cron(0 3 L * ? 2199)\" }\n")
	a.tag("v1.0.0", "serve")
	a.runs(0, []string{"up"}, `schedule playground-ship-tick`, `^done +v1\.0\.0 (runs|serves)`)
	a.runs(0, []string{"plan"}, `^0 to change, 0 to add, 0 to destroy`)
	a.runs(0, []string{"status"}, `playground +job nightly +cron\(0 3 L \* \? 2199\) +next 2199-01-31 03:00 UTC`, `playground +job tick +cron\(\* \* \* \* \? \*\) +next \d{4}-`)

	revision := func() string {
		return a.aws("events", "list-targets-by-rule", "--rule", "playground-ship-tick", "--query", "Targets[0].EcsParameters.TaskDefinitionArn")
	}
	if !strings.HasSuffix(revision(), "playground-ship:1") {
		t.Errorf("the rule runs %s", revision())
	}
	a.writes("tick v1.0.0")
	listed := func(status string) bool {
		return a.aws("ecs", "list-tasks", "--cluster", "yard", "--started-by", "events-rule/playground-ship-tick", "--desired-status", status, "--query", "taskArns[0]") != "None"
	}
	if !listed("RUNNING") && !listed("STOPPED") { // in this order it cannot slip between them
		t.Error("the job's task is not listed")
	}

	// By hand, somebody lets it rest; the plan tells, and a deploy mends it.
	a.aws("events", "disable-rule", "--name", "playground-ship-tick")
	a.runs(2, []string{"plan"}, `schedule playground-ship-tick .*state DISABLED → ENABLED`)
	a.tag("v1.1.0", "serve")
	jobs("  tick: { command: [/ship, tick], schedule: \"cron(0 0 * * ? *)\" }\n")
	a.runs(2, []string{"plan"}, `schedule playground-ship-nightly is not in the file any more`)
	a.runs(0, []string{"deploy", "playground", "--build"}, `schedule playground-ship-nightly +removed`, `^done +v1\.1\.0`)
	if !strings.HasSuffix(revision(), "playground-ship:2") {
		t.Errorf("after the deploy, the rule runs %s", revision())
	}
	a.runs(0, []string{"rollback", "playground"}, `^done +v1\.0\.0`)
	if !strings.HasSuffix(revision(), "playground-ship:1") {
		t.Errorf("after the rollback, the rule runs %s", revision())
	}
	a.runs(0, []string{"env", "destroy", "playground", "--yes"}, `^done +nothing is left`)
	if got := a.aws("events", "list-rules", "--query", "length(Rules)"); got != "0" {
		t.Errorf("%s rules are left", got)
	}
	if got := a.aws("iam", "list-roles", "--query", "length(Roles[?contains(RoleName, 'ship')])"); got != "0" {
		t.Errorf("%s roles are left", got)
	}
}

// writes follows the log until a line says so; a minute is the longest that a
// schedule of each minute needs.
func (a *application) writes(text string) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), 90*time.Second)
	defer cancel()
	cmd, lines, _ := a.begin(ctx, "logs", "playground", "-f")
	defer cmd.Wait()
	defer cancel()
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	a.t.Fatalf("nothing wrote %q", text)
}

// What a rule's role may not do, the rule does not do, and the aws command reads
// EventBridge's own words.
func TestRulesByTheAwsCommand(t *testing.T) {
	t.Parallel()
	needs(t, "aws")
	e := start(t, "--simulate")
	trust := func(service string) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":%q},"Action":"sts:AssumeRole"}]}`, service)
	}
	cluster := e.aws("ecs", "create-cluster", "--cluster-name", "c", "--query", "cluster.clusterArn")
	definition := e.aws("ecs", "register-task-definition", "--family", "f", "--container-definitions", `[{"name":"f","image":"f","memory":64}]`, "--query", "taskDefinition.taskDefinitionArn")
	role := e.aws("iam", "create-role", "--role-name", "events", "--assume-role-policy-document", trust("events.amazonaws.com"), "--query", "Role.Arn")
	foreign := e.aws("iam", "create-role", "--role-name", "foreign", "--assume-role-policy-document", trust("ec2.amazonaws.com"), "--query", "Role.Arn")
	rule := e.aws("events", "put-rule", "--name", "r", "--schedule-expression", "rate(5 minutes)", "--tags", "Key=k,Value=v", "--query", "RuleArn")
	target := func(role string) []string {
		return []string{"events", "put-targets", "--rule", "r", "--targets", fmt.Sprintf(`[{"Id":"t","Arn":%q,"RoleArn":%q,"EcsParameters":{"TaskDefinitionArn":%q}}]`, cluster, role, definition)}
	}
	e.aws(target(role)...)
	if got := e.aws("events", "list-tags-for-resource", "--resource-arn", rule, "--query", "Tags[0].Value"); got != "v" {
		t.Errorf("its tag is %s", got)
	}
	for want, args := range map[string][]string{
		"Parameter ScheduleExpression is not valid.":              {"events", "put-rule", "--name", "x", "--schedule-expression", "cron(0 3 * * * *)"},
		"EventPattern is not served":                              {"events", "put-rule", "--name", "x", "--event-pattern", "{}"},
		"Rule can't be deleted since it has targets.":             {"events", "delete-rule", "--name", "r"},
		"Rule none does not exist on EventBus default.":           {"events", "describe-rule", "--name", "none"},
		"cannot be assumed by principal 'events.amazonaws.com'.":  target(foreign),
		"PutEvents of events is not served by the slipway engine": {"events", "put-events", "--entries", `[{"Source":"s"}]`},
	} {
		if out := e.aws(args...); !strings.HasPrefix(out, "error: ") || !strings.Contains(out, want) {
			t.Errorf("aws %s does not say %q: %s", strings.Join(args, " "), want, out)
		}
	}
	e.aws("events", "remove-targets", "--rule", "r", "--ids", "t")
	e.aws("events", "delete-rule", "--name", "r")
}
