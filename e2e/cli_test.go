package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"sync"
)

// resident is the stock aws CLI kept loaded: python spends a second and more on
// importing it, a call takes a tenth of that. Arguments and output are those of
// the aws command. Every answer that it gets is held against its operation's model.
type resident struct {
	mu  sync.Mutex
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

const residentScript = `
import contextlib, io, json, sys
sys.path.insert(0, "testdata/boto3")
import strict
strict.watch()
from awscli.clidriver import create_clidriver
driver, answers = create_clidriver(), sys.stdout
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = driver.main(json.loads(line))
        except SystemExit as e:
            code = e.code
    print(json.dumps({"Code": code or 0, "Out": out.getvalue(), "Err": err.getvalue(), "Broken": strict.broken}), file=answers, flush=True)
    strict.broken.clear()
`

// startResident is nil where the CLI cannot be imported: the command is run
// then.
func startResident(env []string) *resident {
	if exec.Command("python3", "-c", "import awscli.clidriver").Run() != nil {
		return nil
	}
	r := &resident{cmd: exec.Command("python3", "-c", residentScript)}
	r.cmd.Env = append(env[:len(env):len(env)], "PYTHONDONTWRITEBYTECODE=1")
	in, err := r.cmd.StdinPipe()
	if err != nil {
		return nil
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil || r.cmd.Start() != nil {
		return nil
	}
	r.in, r.out = in, bufio.NewReader(out)
	return r
}

// said is what came of a command.
type said struct {
	Code     int
	Out, Err string
	// Broken are the answers to it that break their model.
	Broken []string
}

// call runs one command.
func (r *resident) call(args []string) said {
	r.mu.Lock()
	defer r.mu.Unlock()
	line, _ := json.Marshal(args)
	if _, err := r.in.Write(append(line, '\n')); err != nil {
		return said{Code: 255, Err: err.Error()}
	}
	answer, err := r.out.ReadBytes('\n')
	var a said
	if err != nil || json.Unmarshal(answer, &a) != nil {
		return said{Code: 255, Err: "the aws CLI broke off: " + string(answer)}
	}
	return a
}

func (r *resident) close() {
	if r != nil {
		r.in.Close()
		r.cmd.Wait()
	}
}
