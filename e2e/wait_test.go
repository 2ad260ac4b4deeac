package e2e

import (
	"strings"
	"sync"
	"testing"
)

// A deploy that waits says for whom, goes on once the lock is given back, and two
// at once come one after the other. Nothing is removed meanwhile.
func TestADeployWaitsForAnother(t *testing.T) {
	t.Parallel()
	a := simulated(t)
	a.runs(0, []string{"env", "up", "playground"})
	a.held("travis #42", "v0.9.0")
	a.runs(1, []string{"destroy", "playground", "--yes"}, `another deploy runs: travis #42 has been deploying v0.9.0 of playground-ship since .*--wait`)
	said := a.saying("another deploy runs: travis #42 has been deploying v0.9.0 of playground-ship since", func() {
		a.must("ssm", "delete-parameter", "--name", lockOfShip)
	}, "deploy", "playground", "--tag", "v1", "--wait")
	if !strings.Contains(said, "v1 runs") {
		t.Error(said)
	}

	var all sync.WaitGroup
	for _, tag := range []string{"v2", "v3"} {
		all.Go(func() {
			if out, code := a.slipway(a.dir, nil, "deploy", "playground", "--tag", tag, "--wait"); code != 0 || !strings.Contains(out, tag+" runs") {
				t.Errorf("deploy %s beside another: exit %d\n%s", tag, code, out)
			}
		})
	}
	all.Wait()
	if got := a.must("ecs", "describe-services", "--cluster", "yard", "--services", "playground-ship", "--query", "services[0].[taskDefinition,runningCount]"); !strings.HasSuffix(got, ":3\t1") {
		t.Errorf("after three deploys the service is at %q", got)
	}

	// A rollback that was interrupted and can go neither on nor back.
	service := []string{"ecs", "update-service", "--cluster", "yard", "--service", "playground-ship", "--deployment-configuration"}
	a.must(append(service, "minimumHealthyPercent=100,maximumPercent=150", "--task-definition", "playground-ship:2")...)
	said = a.saying("back to", func() { a.must(append(service, "minimumHealthyPercent=100,maximumPercent=200")...) }, "rollback", "playground")
	if !strings.Contains(said, "(playground-ship:2)") {
		t.Errorf("a rollback of what is on its way back goes further:\n%s", said)
	}

	a.runs(0, []string{"env", "destroy", "playground", "--yes"})
	if got := a.must("ssm", "describe-parameters", "--query", "Parameters[].Name"); got != "" {
		t.Errorf("the removal leaves %q", got)
	}
}

// saying runs slipway, does something when a line has the text, and is all that
// slipway said. It ends well.
func (a *application) saying(text string, then func(), args ...string) string {
	a.t.Helper()
	cmd, lines, errs := a.begin(a.t.Context(), args...)
	var said strings.Builder
	seen := false
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if !seen && strings.Contains(lines.Text(), text) {
			seen = true
			then()
		}
	}
	if err := cmd.Wait(); err != nil || !seen {
		a.t.Errorf("slipway %s ends with %v:\n%s%s", strings.Join(args, " "), err, &said, errs)
	}
	return said.String()
}
