package docker

import (
	"bytes"
	"errors"
	"syscall"
)

// kernelLog is the kernel's own log. Root reads it, and others where
// kernel.dmesg_restrict is 0.
const kernelLog = "/dev/kmsg"

// memoryKills counts what the kernel's log says of processes of a container that
// were killed for want of memory; 0 where the log cannot be read. It is the better
// witness: it is written before the process dies, while containerd throws its own
// notice away when it finds the container's cgroup gone by the time it comes to
// it, which happens on a busy machine (containerd#8893).
func memoryKills(containerID string) (n int) {
	fd, err := syscall.Open(kernelLog, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer syscall.Close(fd)
	for record := make([]byte, 8<<10); ; { // the kernel's largest, CONSOLE_EXT_LOG_MAX
		size, err := syscall.Read(fd, record)
		switch {
		case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.EINTR): // overwritten before it was read; interrupted
		case err != nil || size == 0: // EAGAIN: that was all
			return n
		case killsForMemory(record[:size], containerID):
			n++
		}
	}
}

// killsForMemory tells whether a record is about a process of the container, or of
// a cgroup below its: "oom-kill:constraint=…,task_memcg=/docker/<id>,task=…"
// (mm/oom_kill.c, dump_oom_victim).
func killsForMemory(record []byte, containerID string) bool {
	_, facts, found := bytes.Cut(record, []byte(";oom-kill:"))
	_, cgroup, named := bytes.Cut(facts, []byte(",task_memcg="))
	cgroup, _, _ = bytes.Cut(cgroup, []byte(",task="))
	return found && named && bytes.Contains(cgroup, []byte(containerID))
}
