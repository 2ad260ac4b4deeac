package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/slipway"
)

var pipelineEvents = []slipway.PipelineEvent{
	{Kind: slipway.PipelineNote, At: ".travis.yml:1:1", Text: "nothing is cached between runs"},
	{Kind: slipway.PipelineSkipped, Name: "job two", At: ".travis.yml:9:5", Text: "if: tag IS present does not hold"},
	{Kind: slipway.PipelineJob, Job: "1.1", Stage: "Build", Name: "images", At: ".travis.yml:4:5"},
	{Kind: slipway.PipelineCommand, Job: "1.1", Phase: "script", Text: "docker build <dir>", At: ".travis.yml:6:7"},
	{Kind: slipway.PipelineOutput, Job: "1.1", Phase: "script", Text: "Step 1/2"},
	{Kind: slipway.PipelineExited, Job: "1.1", Phase: "script", Code: new(1), At: ".travis.yml:6:7", Elapsed: time.Second},
	{Kind: slipway.PipelineCommand, Job: "1.1", Phase: "script", Text: "true"},
	{Kind: slipway.PipelineExited, Job: "1.1", Phase: "script", Code: new(0)},
	{Kind: slipway.PipelinePhase, Job: "1.1", Phase: "script", Elapsed: 1200 * time.Millisecond},
	{Kind: slipway.PipelineResult, Job: "1.1", Result: slipway.FailedJob, Elapsed: 2 * time.Second},
	{Kind: slipway.PipelineService, Name: "web", Text: "task 12345678 stopped\n│ a line"},
}

func TestAPipelineInLines(t *testing.T) {
	var b bytes.Buffer
	sink := Pipeline(&b)
	for _, e := range pipelineEvents {
		sink(e)
	}
	want := `note         nothing is cached between runs (.travis.yml:1:1)
skipped      job two: if: tag IS present does not hold (.travis.yml:9:5)

job 1.1      Build: images (.travis.yml:4:5)
1.1 script
1.1 $ docker build <dir>
1.1 │ Step 1/2
1.1 exited with 1 (.travis.yml:6:7)
1.1 $ true
             script took 1.2 s
job 1.1      failed in 2.0 s
service      web  task 12345678 stopped
             │ a line
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestAPipelineInJSON(t *testing.T) {
	var b bytes.Buffer
	sink := PipelineJSON(&b)
	for _, e := range pipelineEvents {
		sink(e)
	}
	if strings.Contains(b.String(), `\u003c`) {
		t.Error("HTML is escaped")
	}
	in := json.NewDecoder(&b)
	for _, want := range pipelineEvents {
		var got slipway.PipelineEvent
		if err := in.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}
