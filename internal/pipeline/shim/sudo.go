package shim

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// sudo runs the command with the rights that the job has: on a CI service's
// machine, which is thrown away, jobs are administrators; here they are not.
func sudo(args []string, errw io.Writer) error {
	var env []string
	for len(args) > 0 {
		a := args[0]
		switch {
		case a == "--":
			args = args[1:]
			return plainly(args, env, errw)
		case slices.Contains([]string{"-u", "-g", "-p", "-C", "-D", "-R", "-T"}, a) && len(args) > 1:
			args = args[2:]
		case strings.HasPrefix(a, "-"):
			args = args[1:]
		case strings.Contains(a, "=") && !strings.HasPrefix(a, "="):
			env, args = append(env, a), args[1:]
		default:
			return plainly(args, env, errw)
		}
	}
	return fmt.Errorf("sudo has no command")
}

func plainly(args, env []string, errw io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("sudo has no command")
	}
	file, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	fmt.Fprintf(errw, "slipway: sudo gives no rights here: %s runs as you\n", args[0])
	err = syscall.Exec(file, args, append(os.Environ(), env...))
	return fmt.Errorf("starting %s: %w", file, err)
}
