package cloud

import (
	"os"
	"testing"
)

func TestOnlyAnEndedRunIsBuried(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	if bury("1-1") {
		t.Error("a run of another machine is buried")
	}
	f := live("2-2")
	if f == nil {
		t.Fatal("no sign of life")
	}
	if bury("2-2") {
		t.Error("a run that lives is buried")
	}
	f.Close() // as the end of the process does
	if !bury("2-2") {
		t.Error("a run that was killed is not buried")
	}
	if bury("2-2") {
		t.Error("it is buried twice: two would take its lock over")
	}
	if _, err := os.Stat(vital("2-2")); !os.IsNotExist(err) {
		t.Errorf("its sign of life is left: %v", err)
	}
	for _, token := range []string{"", "..", "../slipway-run-2-2", "a/b"} {
		if bury(token) {
			t.Errorf("%q is buried", token)
		}
	}
}
