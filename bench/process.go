package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"
)

var vmRSS = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// residentMemory is a process's, in bytes, as Linux tells it.
func residentMemory(pid int) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	m := vmRSS.FindSubmatch(status)
	if m == nil {
		return 0, fmt.Errorf("process %d has no VmRSS", pid)
	}
	kilobytes, err := strconv.Atoi(string(m[1]))
	return kilobytes << 10, err
}

// processorTime is what a process has used so far, of both kinds; 0 where
// /proc does not tell.
func processorTime(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // a name may hold spaces
	fields := bytes.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(string(fields[11]))
	system, _ := strconv.Atoi(string(fields[12]))
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
}
