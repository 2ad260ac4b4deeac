//go:build !linux

package git

import (
	"os/exec"
	"syscall"
	"time"
)

// bind makes a build end with the engine, where it can end it, and its children
// with it.
func bind(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
}
