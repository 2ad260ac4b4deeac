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
// the aws command.
type resident struct {
	mu  sync.Mutex
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

const residentScript = `
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver
driver, answers = create_clidriver(), sys.stdout
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = driver.main(json.loads(line))
        except SystemExit as e:
            code = e.code
    print(json.dumps({"Code": code or 0, "Out": out.getvalue(), "Err": err.getvalue()}), file=answers, flush=True)
`

// startResident is nil where the CLI cannot be imported: the command is run
// then.
func startResident(env []string) *resident {
	if exec.Command("python3", "-c", "import awscli.clidriver").Run() != nil {
		return nil
	}
	r := &resident{cmd: exec.Command("python3", "-c", residentScript)}
	r.cmd.Env = env
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

// call runs one command.
func (r *resident) call(args []string) (out, errs string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line, _ := json.Marshal(args)
	if _, err := r.in.Write(append(line, '\n')); err != nil {
		return "", err.Error(), false
	}
	answer, err := r.out.ReadBytes('\n')
	var a struct {
		Code     int
		Out, Err string
	}
	if err != nil || json.Unmarshal(answer, &a) != nil {
		return "", "the aws CLI broke off: " + string(answer), false
	}
	return a.Out, a.Err, a.Code == 0
}

func (r *resident) close() {
	if r != nil {
		r.in.Close()
		r.cmd.Wait()
	}
}
