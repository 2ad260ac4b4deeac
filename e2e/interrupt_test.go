package e2e

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A deploy that is interrupted says how to go on, gives its lock back, and the
// next run finds what it left.
func TestAnInterruptedDeployGivesItsLockBack(t *testing.T) {
	a := &application{engine: start(t, "--simulate"), dir: t.TempDir()}
	a.write("slipway.yaml", strings.NewReplacer("  secrets: { KEY: \"ssm:/{env}/key\" }\n", "", "example.com", "ship.slipway.test").Replace(faultyFile))
	a.runs(0, []string{"env", "up", "playground"})
	cmd := exec.Command(a.binary, "deploy", "playground", "--tag", "v1")
	cmd.Dir, cmd.Env = a.dir, append(os.Environ(), "SLIPWAY_DATA="+a.data)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); { // nothing answers behind a simulated balancer: the proof waits
		if strings.Contains(lines.Text(), "1/1 healthy") {
			cmd.Process.Signal(os.Interrupt)
		}
	}
	if cmd.Wait(); cmd.ProcessState.ExitCode() != 5 || !strings.Contains(said.String(), "slipway deploy playground continues from there") {
		t.Errorf("exit %d: %s", cmd.ProcessState.ExitCode(), said.String())
	}
	if got := a.aws("ssm", "describe-parameters", "--query", "length(Parameters)"); got != "0" {
		t.Errorf("%s locks are left", got)
	}
	a.runs(0, []string{"plan", "playground"}, `^0 to change, 0 to add, 0 to destroy`)
}
