package engine

import "testing"

// What the program's file takes shrinks, and what is needed of it comes back.
func TestUnmapProgram(t *testing.T) {
	before := resident(t)
	if err := unmapProgram(); err != nil {
		t.Fatal(err)
	}
	if after := resident(t); before == 0 || after >= before {
		t.Errorf("%d KiB of the program were resident, %d KiB are now", before>>10, after>>10)
	}
}

func resident(t *testing.T) (n int) {
	t.Helper()
	all, err := programMappings()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		n += m.resident
	}
	return n
}
