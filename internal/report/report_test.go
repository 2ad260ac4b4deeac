package report

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// A pipe gets a line for each thing that happened, and one for all that did not.
func TestPlainLines(t *testing.T) {
	var b bytes.Buffer
	r := NewPlain(&b)
	for _, e := range append(deploy, slipway.Event{Phase: "deploy", Step: "web", State: slipway.Failed, Text: "exited with 1"}, slipway.Event{Phase: "service", Step: "rule b", State: slipway.Kept}) {
		e.Elapsed = time.Second
		r.Sink(e)
	}
	r.End()
	want := `tag          v1.3.0, last tag of release/playground
environment  subnet a  create                                                                                            1.0 s
environment  subnet b  create                                                                                            1.0 s
image        web:v1  sha256:77aa…09  (exists)
same         1 resource is as it should be
deploy       service web  change                                                                                         1.0 s
deploy       web  web:8  new 0/1 running
deploy       failed: exited with 1
same         1 resource is as it should be
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
