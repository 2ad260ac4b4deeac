package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/runfile"
)

// A container writes ten thousand lines while the engine is killed and started
// again, twice: each line is in CloudWatch Logs, in order, once.
func TestNoLineIsLostOrDoubledWhenTheEngineIsKilled(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.tag("v1.0.0", "talk")
	a.runs(0, []string{"up"}, `^done +v1\.0\.0 (runs|serves)`)
	for range 2 {
		a.killed()
		if out, code := a.slipway(a.dir, nil, "engine", "start", "--port", "0", "--http", "0", "--https", "0", "--dns", "0", "--registry", "0"); code != 0 {
			t.Fatal(out)
		}
	}
	a.read()
	var lines []string
	until(t, "the last line", func() bool {
		lines = a.lines()
		return len(lines) > 0 && lines[len(lines)-1] == "the end"
	})
	want := 0
	for _, l := range lines {
		var n int
		if _, err := fmt.Sscanf(l, "line %d", &n); err != nil {
			continue
		}
		if n != want {
			t.Fatalf("after line %d comes line %d, of %d", want-1, n, len(lines))
		}
		want++
	}
	if want != 10000 {
		t.Errorf("%d lines of 10000", want)
	}
}

// killed kills the engine and returns when it is gone.
func (a *application) killed() {
	a.t.Helper()
	if err := syscall.Kill(a.status().PID, syscall.SIGKILL); err != nil {
		a.t.Fatal(err)
	}
	if err := runfile.Wait(a.data); err != nil { // the kernel lets go of the lock
		a.t.Fatal(err)
	}
}

// lines are all that the application's tasks wrote, by the stock CLI.
func (a *application) lines() []string {
	a.t.Helper()
	cmd := exec.Command("aws", "logs", "filter-log-events", "--log-group-name", "yard", "--query", "events[].message", "--output", "json")
	cmd.Env = a.env
	out, err := cmd.Output()
	if err != nil {
		time.Sleep(100 * time.Millisecond) // the engine may be starting
		return nil
	}
	var lines []string
	if err := json.Unmarshal(out, &lines); err != nil {
		a.t.Fatalf("%v: %.200s", err, out)
	}
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines
}
