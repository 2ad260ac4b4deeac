package e2e

import (
	"bufio"
	"os"
	"os/exec"
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
	cmd := exec.Command(a.binary, "deploy", "playground", "--tag", "v1", "--wait")
	cmd.Dir, cmd.Env = a.dir, append(os.Environ(), "SLIPWAY_DATA="+a.data)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "another deploy runs: travis #42 has been deploying v0.9.0 of playground-ship since") {
			a.must("ssm", "delete-parameter", "--name", lockOfShip)
		}
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(said.String(), "another deploy runs") || !strings.Contains(said.String(), "v1 runs") {
		t.Errorf("it ends with %v:\n%s", err, &said)
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
	a.runs(0, []string{"env", "destroy", "playground", "--yes"})
	if got := a.must("ssm", "describe-parameters", "--query", "Parameters[].Name"); got != "" {
		t.Errorf("the removal leaves %q", got)
	}
}
