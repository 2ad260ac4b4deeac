package runner

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/pipeline/travis"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// step is a command of the job's shell script.
type step struct {
	phase travis.Phase
	text  string
	at    slipway.Position
}

// variables is the phase in which variables are exported.
const variables travis.Phase = "env"

// script is the shell script of a job: all its commands in one bash, so that what
// one exports, or where it goes, the next one finds.
//
// It tells what it does on file descriptor 9, which is where the output goes as
// well, so that both stay in order; the commands themselves do not have it. A mark
// is a line of the record separator, the run's key and words.
type script struct {
	strings.Builder
	steps []step
	key   string
}

// functions are those that Travis gives its jobs and that do something; the others
// only draw.
const functions = `
travis_retry() {
  local tries=1
  until "$@"; do
    local code=$?
    [ $tries -ge 3 ] && return $code
    tries=$((tries + 1))
    echo "the command \"$*\" failed, try $tries of 3" >&2
    sleep 1
  done
}
travis_wait() { case "$1" in [0-9]*) shift ;; esac; "$@"; }
travis_terminate() { exit "${1:-0}"; }
travis_fold() { :; }
travis_time_start() { :; }
travis_time_finish() { :; }
`

// compile writes the script of a job.
func compile(j *travis.SelectedJob, dir, key string) *script {
	s := &script{key: key}
	fmt.Fprintf(s, "exec 9>&1\nslipway_mark() { printf '\\036%%s %%s\\n' %s \"$*\" >&9; }\n%s", key, functions)
	fmt.Fprintf(s, "cd %s || exit 2\n", quote(dir))
	s.phase(variables)
	for _, v := range append(append([]travis.Variable{}, j.Global...), j.Own...) {
		s.run(step{variables, "export " + v.Name + "=" + v.Raw, v.At}, "")
	}
	for _, p := range []travis.Phase{travis.BeforeInstall, travis.Install, travis.BeforeScript} {
		s.commands(j, p, stop)
	}
	s.quietly("export TRAVIS_TEST_RESULT=0")
	s.commands(j, travis.Script, "[ $slipway_code -eq 0 ] || export TRAVIS_TEST_RESULT=1")
	s.WriteString("if { [ \"$TRAVIS_TEST_RESULT\" = 0 ]; } 2>/dev/null; then\n")
	s.quietly(":")
	s.commands(j, travis.AfterSuccess, "")
	for _, d := range j.Deploys {
		s.deploy(j, d)
	}
	s.WriteString("else\n")
	s.quietly(":")
	s.commands(j, travis.AfterFailure, "")
	s.WriteString("fi\n")
	s.commands(j, travis.AfterScript, "")
	s.quietly("slipway_mark done; exit $TRAVIS_TEST_RESULT")
	return s
}

// stop ends the job where a command of the phase fails: it is errored.
const stop = "[ $slipway_code -eq 0 ] || { slipway_mark errored; exit 2; }"

// quietly runs the script's own commands: set -x, which is the commands' affair,
// shows nothing of them.
func (s *script) quietly(command string) { fmt.Fprintf(s, "{ %s; } 2>/dev/null\n", command) }

func (s *script) phase(p travis.Phase) { s.quietly("slipway_mark phase " + string(p)) }

// commands runs the lines of a phase; after each comes what a failure means.
func (s *script) commands(j *travis.SelectedJob, p travis.Phase, after string) {
	lines, _ := j.Commands(p)
	if len(lines) == 0 {
		return
	}
	s.phase(p)
	for _, l := range lines {
		s.run(step{p, l.Text, l.At}, after)
	}
}

func (s *script) run(st step, after string) { s.runAs(st, "eval "+quote(st.text), after) }

func (s *script) runAs(st step, how, after string) {
	n := len(s.steps)
	s.steps = append(s.steps, st)
	s.quietly(fmt.Sprintf("slipway_mark start %d", n))
	fmt.Fprintf(s, "%s 9>&-\n", how)
	s.quietly(fmt.Sprintf("slipway_code=$?; slipway_mark end %d $slipway_code", n))
	if after != "" {
		s.quietly(after)
	}
}

// deploy runs a deploy by a script where the conditions in shell hold. It is a
// process of its own, as on Travis.
func (s *script) deploy(j *travis.SelectedJob, d travis.Deploy) {
	s.WriteString("if { :; } 2>/dev/null")
	for _, c := range d.On.Conditions {
		fmt.Fprintf(s, " && eval %s", quote("[[ "+c+" ]]"))
	}
	s.WriteString("; then\n")
	s.commands(j, travis.BeforeDeploy, stop)
	s.phase(travis.DeployPhase)
	after := stop
	if d.AllowFailure {
		after = ""
	}
	s.runAs(step{travis.DeployPhase, d.Script.Text, d.Script.At}, "bash -c "+quote(d.Script.Text), after)
	s.commands(j, travis.AfterDeploy, "")
	s.WriteString("fi\n")
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
