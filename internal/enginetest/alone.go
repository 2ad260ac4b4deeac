package enginetest

import (
	"os"
	"os/exec"
	"testing"
)

// aloneMark is in the environment of a test's own process.
const aloneMark = "SLIPWAY_TEST_ALONE"

// Alone tells whether the test is in a process of its own. If not it runs the
// test in one and reports how that went; the test then returns. It is for what
// changes the whole process, such as limits, under which the testing package's
// own files would suffer.
func Alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv(aloneMark) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), aloneMark+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a process of its own: %v\n%s", err, out)
	}
	return false
}
