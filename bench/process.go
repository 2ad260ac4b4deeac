package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"
)

// memory is what a process keeps resident, in bytes: all of it, and what is its
// own. The rest are pages of the program's file, which the kernel shares and may
// drop.
type memory struct{ resident, own int }

var rss = regexp.MustCompile(`(VmRSS|RssAnon):\s+(\d+) kB`)

// memoryOf is a process's memory, as Linux tells it.
func memoryOf(pid int) (m memory, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return m, err
	}
	for _, line := range rss.FindAllSubmatch(status, -1) {
		kilobytes, err := strconv.Atoi(string(line[2]))
		if err != nil {
			return m, err
		}
		if string(line[1]) == "VmRSS" {
			m.resident = kilobytes << 10
		} else {
			m.own = kilobytes << 10
		}
	}
	return m, nil
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
