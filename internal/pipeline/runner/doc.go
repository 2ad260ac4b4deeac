// Package runner runs a repository's pipeline on this machine against the engine:
// the jobs that internal/pipeline/travis selects, each in a fresh clone of the
// tag or branch with a HOME of its own, one bash process a job.
//
// It does not read the pipeline's file, knows no AWS API, and changes neither the
// repository nor the user's settings. The command `ci run` calls it.
package runner
