package slipway

import "time"

// PipelineEvent is something that happened while a repository's pipeline ran.
type PipelineEvent struct {
	Time time.Time    `json:"time"`
	Kind PipelineKind `json:"kind"`
	// Job is the job's number, "1.2".
	Job   string `json:"job,omitempty"`
	Stage string `json:"stage,omitempty"`
	Name  string `json:"name,omitempty"`
	Phase string `json:"phase,omitempty"`
	// At is where it stands in the pipeline's file.
	At   string `json:"at,omitempty"`
	Text string `json:"text,omitempty"`
	// Code is a command's exit code.
	Code *int `json:"code,omitempty"`
	// Result is a job's, or the pipeline's.
	Result  Result        `json:"result,omitempty"`
	Elapsed time.Duration `json:"elapsed,omitempty"` // nanoseconds
}

// PipelineKind is what an event is about.
type PipelineKind string

// The kinds of events, as they come.
const (
	PipelineNote     PipelineKind = "note"     // something to know before
	PipelineSkipped  PipelineKind = "skipped"  // a stage or job that does not run
	PipelineJob      PipelineKind = "job"      // a job begins
	PipelineCommand  PipelineKind = "command"  // a command begins
	PipelineOutput   PipelineKind = "output"   // a line that it wrote
	PipelineExited   PipelineKind = "exited"   // the command ended
	PipelinePhase    PipelineKind = "phase"    // a phase ended
	PipelineResult   PipelineKind = "result"   // the job ended
	PipelineService  PipelineKind = "service"  // what became of a service that the run changed
	PipelineFinished PipelineKind = "finished" // all ended
)

// Result is how a job or a pipeline ended.
type Result string

// The results.
const (
	Passed      Result = "passed"
	FailedJob   Result = "failed"  // a command of script failed
	Errored     Result = "errored" // a command before script failed, or a deploy
	TimedOut    Result = "timed out"
	Interrupted Result = "interrupted"
)
