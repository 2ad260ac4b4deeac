package e2e

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway/internal/enginetest"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// A deploy that is interrupted says how to go on, gives its lock back, and the
// next run finds what it left.
func TestAnInterruptedDeployGivesItsLockBack(t *testing.T) {
	t.Parallel()
	a := &application{engine: start(t, "--simulate"), dir: t.TempDir()}
	a.write("slipway.yaml", strings.NewReplacer("  secrets: { KEY: \"ssm:/{env}/key\" }\n", "", "example.com", "ship.slipway.test").Replace(faultyFile))
	a.runs(0, []string{"env", "up", "playground"})
	cmd, lines, said := a.begin(t.Context(), "deploy", "playground", "--tag", "v1")
	for lines.Scan() { // nothing answers behind a simulated balancer: the proof waits
		if strings.Contains(lines.Text(), "1/1 healthy") {
			cmd.Process.Signal(os.Interrupt)
		}
	}
	if cmd.Wait(); cmd.ProcessState.ExitCode() != 5 || !strings.Contains(said.String(), "slipway deploy playground --tag v1 continues from there") {
		t.Errorf("exit %d: %s", cmd.ProcessState.ExitCode(), said.String())
	}
	if got := a.aws("ssm", "describe-parameters", "--query", "length(Parameters)"); got != "0" {
		t.Errorf("%s locks are left", got)
	}
	a.runs(0, []string{"plan", "playground"}, `^0 to change, 0 to add, 0 to destroy`)
}

// ended runs up and ends it with a signal at the first event that is the one, and
// tells whether that came. What it was at goes on, or does not.
func (a *application) ended(with os.Signal, at func(e slipway.Event) bool) bool {
	a.t.Helper()
	cmd, lines, said := a.begin(a.t.Context(), "up", "--json")
	came := false
	for lines.Scan() {
		var e slipway.Event
		if json.Unmarshal(lines.Bytes(), &e) == nil && !came && at(e) {
			came = true
			cmd.Process.Signal(with)
		}
	}
	cmd.Wait()
	switch status := cmd.ProcessState.Sys().(syscall.WaitStatus); {
	case came && with == os.Interrupt && (status.ExitStatus() != 5 || !strings.Contains(said.String(), "slipway up --json continues from there")):
		a.t.Errorf("interrupted, it ends with %s: %s", cmd.ProcessState, said)
	case !came && !cmd.ProcessState.Success():
		a.t.Fatalf("it ended by itself, %s: %s", cmd.ProcessState, said)
	}
	return came
}

// Whenever an up is interrupted or killed, the next one continues at once: nobody
// is kept out, and nothing is made twice.
func TestAnUpContinuesWhereverItWasEnded(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.tag("v1.0.0", "serve")
	c := &enginetest.Client{Endpoint: a.lookup("AWS_ENDPOINT_URL"), Region: a.lookup("AWS_DEFAULT_REGION"), KeyID: a.lookup("AWS_ACCESS_KEY_ID"), Secret: a.lookup("AWS_SECRET_ACCESS_KEY"), CloudflareToken: a.lookup("CLOUDFLARE_API_TOKEN")}
	empty := everything(t, c)
	ends := 0
	for range 8 { // each comes a few steps further
		begun := 0
		if !a.ended([]os.Signal{os.Kill, os.Interrupt}[ends%2], func(e slipway.Event) bool {
			if e.State == slipway.Started {
				begun++
			}
			return begun > 3
		}) {
			break
		}
		ends++
	}
	if ends < 3 {
		t.Errorf("it was ended %d times only", ends)
	}
	a.runs(0, []string{"up"}, `^done +v1\.0\.0 serves `)
	a.answers("v1.0.0")

	a.tag("v1.1.0", "serve")
	says := func(part string) func(slipway.Event) bool {
		return func(e slipway.Event) bool { return strings.Contains(e.Text, part) }
	}
	for i, at := range []func(slipway.Event) bool{says("Step 2/"), says("pushing"), func(e slipway.Event) bool { return e.Step == "service playground-ship" && e.State == slipway.Started }} {
		if !a.ended([]os.Signal{os.Kill, os.Interrupt}[i%2], at) {
			t.Errorf("the build, the push and the rollout: it came to its end at %d", i)
		}
	}
	a.runs(0, []string{"up"}, `^done +v1\.1\.0 serves `)
	a.answers("v1.1.0")
	a.runs(0, []string{"up"}, `nothing was changed`)
	made := since(empty, everything(t, c))
	if once := slices.Compact(slices.Clone(made)); len(once) != len(made) {
		t.Errorf("something is there twice: %s", strings.Join(made, ", "))
	}
	if i := slices.IndexFunc(made, func(s string) bool { return strings.HasPrefix(s, "parameter ") }); i >= 0 {
		t.Errorf("%s is left", made[i])
	}
	a.runs(0, []string{"env", "destroy", "playground", "--yes"}, `^done +nothing is left`)
	if left := slices.DeleteFunc(since(empty, everything(t, c)), kept); len(left) > 0 {
		t.Errorf("left: %s", strings.Join(left, ", "))
	}
}
