package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A wrong command line is refused with exit code 1, says what is wrong with it and
// how the command is written.
func TestAWrongCommandLineSaysWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "slipway.yaml")
	text := "app: app\nimage: docker.io/library/none:1\nservice: { memory: 16 }\nenvironments:\n  here: { on: engine, branch: main, cluster: c }\n  there: { on: engine, branch: main, cluster: c }\ncluster: { name: c }\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"frob":                         `error: slipway has no command "frob"` + "\nnext: slipway --help\n",
		"stauts":                       `error: slipway has no command "stauts"; did you mean status?` + "\nnext: slipway --help\n",
		"secret frob":                  `error: slipway secret has no command "frob"` + "\nnext: slipway secret --help\n",
		"engine statsu":                `error: slipway engine has no command "statsu"; did you mean status?` + "\nnext: slipway engine --help\n",
		"deploy --file " + file:        "error: ENV is missing; " + file + " has here, there\nnext: slipway deploy ENV [flags]\n",
		"scale":                        "error: ENV and N are missing\nnext: slipway scale ENV N [flags]\n",
		"scale here":                   "error: N is missing\nnext: slipway scale ENV N [flags]\n",
		"status here there":            `error: slipway status takes no argument "there"` + "\nnext: slipway status [ENV] [flags]\n",
		"version now":                  `error: slipway version takes no argument "now"` + "\nnext: slipway version [flags]\n",
		"exec here ls":                 "error: the command stands behind --\nnext: slipway exec ENV [-- COMMAND…] [flags]\n",
		"ci run":                       "error: what was pushed is missing: --tag T or --branch B\nnext: slipway ci run (--tag T | --branch B) [flags]\n",
		"plan --frob":                  "error: unknown flag: --frob\nnext: slipway plan --help\n",
		"completion tcsh":              `error: "tcsh" is no SHELL; it is one of bash, zsh, fish, powershell` + "\nnext: slipway completion SHELL [flags]\n",
		"completion":                   "error: SHELL is missing; it is one of bash, zsh, fish, powershell\nnext: slipway completion SHELL [flags]\n",
		"secret set here --file /none": "error: NAME is missing\nnext: slipway secret set ENV NAME [flags]\n",
	} {
		var out, errs bytes.Buffer
		if code := Main(strings.Fields(line), strings.NewReader(""), &out, &errs); code != exitRefused || errs.String() != want || out.Len() > 0 {
			t.Errorf("slipway %s: exit %d, and says\n%s%s\nwanted\n%s", line, code, out.String(), errs.String(), want)
		}
	}
}

// What is asked for rightly is given: help of a command that has others, topics,
// completion scripts and what the scripts ask.
func TestARightCommandLineIsLeftAlone(t *testing.T) {
	for line, want := range map[string]string{
		"":                      "Ship:",
		"secret":                "slipway secret [command]",
		"secret --help":         "slipway secret [command]",
		"help engine":           "slipway engine [command]",
		"help exit-codes":       "8  a job of the pipeline failed",
		"environment":           "SLIPWAY_DATA",
		"--version":             "slipway ",
		"completion bash":       "__start_slipway",
		"completion zsh":        "#compdef slipway",
		"completion fish":       "complete -c slipway",
		"completion powershell": "Register-ArgumentCompleter",
		"__complete engine sta": "status\t",
	} {
		var out, errs bytes.Buffer
		if code := Main(strings.Fields(line), strings.NewReader(""), &out, &errs); code != exitDone || !strings.Contains(out.String(), want) {
			t.Errorf("slipway %s: exit %d, and says\n%.400s%s\nwanted %s", line, code, out.String(), errs.String(), want)
		}
	}
}
