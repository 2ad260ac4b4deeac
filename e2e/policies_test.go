package e2e

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/pipeline/policy"
)

var updatePolicies = flag.Bool("update-policies", false, "write docs/policies.md anew")

// run is one command of a scenario, and the exit code that it ends with.
type run struct {
	code int
	args []string
}

// Each command works for a user who has its policy and nothing else, and the
// policy allows nothing that no run of it asked for. What they asked is
// docs/policies.md.
func TestEachCommandRunsWithItsPolicyAlone(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	made := map[string]map[string][]string{} // command → action → resources
	allowed := map[string][]policy.Statement{}
	as := func(command string, runs ...run) {
		t.Helper()
		name := strings.NewReplacer(" --", "-", " ", "-").Replace(command) + fmt.Sprint(len(allowed[command]))
		d := g.policyOf(command, runs)
		variables := g.user(name, d)
		for _, r := range runs {
			switch r.args[0] {
			case "file":
				g.file(r.args[1:]...)
				continue
			case "stable": // ECS goes back to the last rollout that it saw completed
				g.eventually("1", "ecs", "describe-services", "--cluster", "yard", "--services", "playground-ship", "--query", "length(services[0].deployments)")
				continue
			case "aws":
				g.must(r.args[1:]...)
				continue
			}
			out := g.as(variables, r.code, r.args...)
			if strings.Contains(out, "may not") {
				t.Errorf("%s: %s", command, out)
			}
		}
		if made[command] == nil {
			made[command] = map[string][]string{}
		}
		for _, q := range g.asked(name) {
			if !q.Allowed {
				t.Errorf("%s may not %s on %s", command, q.Action, q.Resource)
			}
			if r := general(q.Resource); !slices.Contains(made[command][q.Action], r) {
				made[command][q.Action] = append(made[command][q.Action], r)
			}
		}
		allowed[command] = append(allowed[command], d.Statement...)
	}
	file := func(with ...string) run { return run{0, append([]string{"file"}, with...)} }
	aws := func(args []string) run { return run{0, append([]string{"aws"}, args...)} }

	g.secrets()
	as("env up", run{0, []string{"env", "up", "playground"}},
		file("INSTANCE", "t3.medium", "INSIGHTS", "true", "HOSTS", "ship.slipway.test, more.slipway.test"), run{0, []string{"env", "up", "playground"}})
	g.file()
	g.release("v1.0.0")
	as("build", run{0, []string{"build", "--env", "playground"}}, run{0, []string{"build", "--env", "playground"}})
	g.release("v1.0.1")
	as("push", run{0, []string{"build", "--env", "playground"}}, run{0, []string{"build", "--env", "playground"}})
	g.file("CLUSTER", "dock", "REPOSITORY", "dock", "GROUP", "dock", "HOSTS", "dock.slipway.test")
	g.release("v1.1.0")
	as("up", run{0, []string{"up", "playground"}},
		file("CLUSTER", "dock", "REPOSITORY", "dock", "GROUP", "other", "HOSTS", "dock.slipway.test, deck.slipway.test", "HEALTH", "up", "INSTANCE", "t3.medium", "INSIGHTS", "true"),
		run{0, []string{"up", "playground"}},
		file("CLUSTER", "dock", "REPOSITORY", "dock", "GROUP", "other", "HOSTS", "dock.slipway.test, deck.slipway.test", "HEALTH", "up", "INSTANCE", "t3.medium", "INSIGHTS", "true", "MEMORY", "1900", "LARGEST", "1"),
		run{0, []string{"up", "playground", "--add-instance"}})
	as("env destroy", run{0, []string{"env", "destroy", "playground", "--yes"}})
	g.file()
	g.root(0, "deploy", "playground", "--tag", "v1.0.0") // makes the execution role

	// A service's first release with a role that is there, and one of a service
	// that is, in which all that a release may change has changed.
	second := []string{"APP", "second", "HOSTS", "second.slipway.test", "ROLES", "roles: { execution: playground-ship-execution }"}
	g.file(second...)
	as("deploy", run{0, []string{"deploy", "playground", "--tag", "v1.0.0"}},
		file("APP", "second", "GROUP", "second", "HOSTS", "second.slipway.test, third.slipway.test", "ROLES", "roles: { execution: playground-ship-execution }", "HEALTH", "up"),
		run{0, []string{"deploy", "playground", "--tag", "v1.0.1"}})
	g.file("HEALTH", "up")
	as("deploy", run{0, []string{"deploy", "playground", "--tag", "v1.0.1"}},
		run{0, []string{"stable"}}, aws(noToken), run{3, []string{"deploy", "playground", "--tag", "v1.0.0"}},
		aws(aToken))

	as("plan", run{0, []string{"plan", "playground"}})
	as("env show", run{0, []string{"env", "show", "playground"}})
	as("status", run{0, []string{"status", "playground"}})
	as("logs", run{0, []string{"logs", "playground"}})
	as("history", run{0, []string{"history", "playground"}})
	as("rollback", run{0, []string{"rollback", "playground"}})
	as("scale", run{0, []string{"scale", "playground", "2"}})
	as("doctor", run{0, []string{"doctor", "playground"}})
	as("run", run{0, []string{"run", "playground", "--detach", "--", "/x"}}, aws(noToken),
		run{125, []string{"run", "playground", "--", "/x"}}, aws(aToken))
	as("run --tag", run{0, []string{"run", "playground", "--tag", "v1.0.1", "--detach", "--", "/x"}})
	as("secret list", run{0, []string{"secret", "list", "playground"}})
	as("secret set --running", run{0, []string{"secret", "set", "playground", "PLAIN", "--running"}})
	as("secret rm", run{0, []string{"secret", "rm", "playground", "KEY"}})
	as("destroy", run{0, []string{"destroy", "playground", "--yes"}})
	g.file(second...)
	as("destroy", run{0, []string{"destroy", "playground", "--yes"}})
	for command, statements := range allowed {
		for _, s := range statements {
			for _, action := range s.Action {
				if len(made[command][action]) == 0 && unasked[action] == "" && unasked[command+" "+action] == "" {
					t.Errorf("the policy of %s allows %s in %s, and no run of it asked for that", command, action, s.Sid)
				}
			}
		}
	}
	described(t, made)
}

// policyOf is a command's policy for the file as it is, and as the runs change it.
func (g *guarded) policyOf(command string, runs []run) policy.Document {
	g.t.Helper()
	before := g.with
	all := g.policies("--for", command)[0].Document.Statement
	for _, r := range runs {
		if r.args[0] == "file" {
			g.file(r.args[1:]...)
			all = append(all, g.policies("--for", command)[0].Document.Statement...)
		}
	}
	g.file(before...)
	return policy.Of(all...)
}

// unasked are actions that a policy has and that no run here asks for.
var unasked = map[string]string{
	"ecr:TagResource":                            "asked by AWS for a repository made with tags",
	"logs:TagResource":                           "asked by AWS for a log group made with tags",
	"iam:CreateServiceLinkedRole":                "asked by AWS at an account's first cluster, load balancer and group",
	"elasticloadbalancing:DescribeAccountLimits": "asked when a load balancer is nearly full",
	"ecs:UpdateCapacityProvider":                 "asked when somebody changed the capacity provider",
	"elasticloadbalancing:ModifyListener":        "asked when somebody changed the listener",
	"autoscaling:CompleteLifecycleAction":        "asked when an instance waits in the draining hook",
	"up logs:GetLogEvents":                       "asked for a task that stopped, as deploy does here",
	"run ecs:StopTask":                           "asked at Ctrl-C",
	"run --tag ecs:StopTask":                     "asked at Ctrl-C",
	"run --tag ecs:DescribeTasks":                "as for run",
	"run --tag logs:GetLogEvents":                "as for run",
	"rollback logs:GetLogEvents":                 "as for up",
	"scale logs:GetLogEvents":                    "as for up",
	"acm:DescribeCertificate":                    "asked when a certificate expires soon",
	"ecs:DeregisterContainerInstance":            "asked when an ended instance is still registered",
}

var ids = regexp.MustCompile(`\b(vpc|subnet|igw|rtb|sg|lt|i)-[0-9a-f]{8,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{16,32}\b`)

// general is an ARN with a star for what AWS made up, and without the account.
func general(arn string) string {
	arn = ids.ReplaceAllString(arn, "*")
	return strings.NewReplacer(":eu-west-1:000000000000:", ":REGION:ACCOUNT:", "::000000000000:", "::ACCOUNT:", ":eu-west-1::", ":REGION::").Replace(arn)
}

const generatedFrom, generatedTo = "<!-- What follows is made by go test ./e2e -run TestEachCommandRunsWithItsPolicyAlone -update-policies -->\n", "<!-- end -->\n"

// described holds docs/policies.md against the calls that were made.
func described(t *testing.T, made map[string]map[string][]string) {
	t.Helper()
	var b strings.Builder
	for _, command := range policy.Commands() {
		fmt.Fprintf(&b, "\n### %s\n\n| action | on |\n|---|---|\n", command)
		for _, action := range slices.Sorted(maps.Keys(made[command])) {
			slices.Sort(made[command][action])
			fmt.Fprintf(&b, "| `%s` | `%s` |\n", action, strings.Join(made[command][action], "`<br>`"))
		}
	}
	const page = "../docs/policies.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), generatedFrom)
	have, after, ok2 := strings.Cut(rest, generatedTo)
	if !ok1 || !ok2 {
		t.Fatalf("%s has lost its marks", page)
	}
	if have == b.String()+"\n" {
		return
	}
	if !*updatePolicies {
		t.Errorf("%s is stale: go test ./e2e -run TestEachCommandRunsWithItsPolicyAlone -update-policies", page)
		return
	}
	if err := os.WriteFile(page, []byte(before+generatedFrom+b.String()+"\n"+generatedTo+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
