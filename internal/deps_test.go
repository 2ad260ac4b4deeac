package internal

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/slipway-dev/slipway/"

// rules are the imports that a package must not have, and why. A package is
// named by its path below the module; a rule holds for all below it.
var rules = []struct{ who, not, why string }{
	{"internal/awsapi", "internal/", "facts depend on nothing (their own package aside)"},
	{"internal/wire", "internal/engine", "no service is known to how it is spelled"},
	{"internal/slipway", "", "the deploy wing's nouns are plain data on the standard library"},
	{"internal/plan", "internal/cloud", "a plan is made from what was observed, and calls nothing"},
	{"internal/config", "internal/cloud", "a file is read without an account"},
	{"internal/cloud", "internal/engine", "the wings meet over HTTP alone"},
	{"internal/release", "internal/engine", "the wings meet over HTTP alone"},
	{"internal/dns", "internal/engine", "the wings meet over HTTP alone"},
	{"internal/doctor", "internal/engine", "the wings meet over HTTP alone"},
	{"internal/report", "internal/cloud", "reports render nouns"},
	{"internal/pipeline/travis", "internal/pipeline/", "a pipeline's file is read without running anything"},
	{"internal/pipeline", "internal/engine", "pipelines reach the engine as they reach AWS, over HTTP"},
	{"internal/engine", "internal/pipeline", "the engine serves AWS's APIs and knows no pipeline"},
	{"internal/engine", "internal/cloud", "the wings meet over HTTP alone"},
	{"internal/engine", "internal/slipway", "the engine serves AWS's APIs and knows no file"},
	{"internal/engine/policy", "internal/", "policy evaluation is pure"},
	{"internal/engine/signature", "internal/", "signatures are verified by what a request says"},
	{"internal/engine/balancer", "internal/", "the data plane takes plain nouns"},
	{"internal/engine/docker", "internal/", "containers are run from plain nouns"},
	{"internal/engine/dnsserver", "internal/", "zones are plain nouns"},
	{"internal/engine/authority", "internal/engine/state", "certificates are made from names"},
	{"internal/engine/registry", "internal/engine/state", "the folder is the only truth about images"},
	{"internal/engine/scheduler/rollout", "internal/", "deciders are pure"},
	{"internal/engine/ecs/placement", "internal/", "deciders are pure"},
	{"internal/engine/state", "internal/", "tables know no service"},
	{"internal/engine/iam", "internal/engine/ec2", "the order is iam ← ec2 ← acm ← elbv2 ← ecs ← scheduler"},
	{"internal/engine/ec2", "internal/engine/elbv2", "the order is iam ← ec2 ← acm ← elbv2 ← ecs ← scheduler"},
	{"internal/engine/acm", "internal/engine/elbv2", "the order is iam ← ec2 ← acm ← elbv2 ← ecs ← scheduler"},
	{"internal/engine/elbv2", "internal/engine/ecs", "the order is iam ← ec2 ← acm ← elbv2 ← ecs ← scheduler"},
	{"internal/engine/ecs", "internal/engine/scheduler", "an operation writes what is wanted and does nothing"},
	{"internal/engine", "internal/cli", "only cmd/slipway and tests call the commands"},
}

// acting are packages of the engine that an operation must never reach: what
// serves the API writes desired state, controllers act.
var acting = []string{"internal/engine/docker", "internal/engine/balancer", "internal/wire", "internal/engine/scheduler"}

var services = []string{"iam", "sts", "ec2", "autoscaling", "applicationautoscaling", "acm", "elbv2", "ecr", "ssm", "secretsmanager", "logs", "ecs", "events", "cloudflare", "cloudwatch"}

func TestDependenciesPointDownwards(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		who := strings.TrimPrefix(fields[0], module)
		for _, imported := range fields[1:] {
			check(t, who, imported)
		}
	}
}

func check(t *testing.T, who, imported string) {
	own, ours := strings.CutPrefix(imported, module)
	for _, r := range rules {
		if !below(who, r.who) || below(own, r.who) {
			continue
		}
		foreign := r.not == "" && strings.Contains(imported, ".")
		if foreign || ours && r.not != "" && strings.HasPrefix(own, r.not) {
			t.Errorf("%s imports %s: %s", who, imported, r.why)
		}
	}
	for _, s := range services {
		for _, a := range acting {
			if ours && below(who, "internal/engine/"+s) && below(own, a) {
				t.Errorf("%s imports %s: an operation writes desired state and touches nothing", who, own)
			}
		}
	}
}

func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }
