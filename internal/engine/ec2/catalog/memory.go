package catalog

import (
	"os"
	"strconv"
	"strings"
)

// assumedMemory is what a machine is said to have that does not tell, in MiB.
const assumedMemory = 4096

// machineMemory is this machine's memory in MiB, as Linux tells it.
func machineMemory() int {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return assumedMemory
	}
	return memoryIn(string(b))
}

// memoryIn reads MemTotal, which is in KiB.
func memoryIn(meminfo string) int {
	for line := range strings.Lines(meminfo) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "MemTotal:" {
			continue
		}
		if kib, err := strconv.Atoi(f[1]); err == nil {
			return kib / 1024
		}
	}
	return assumedMemory
}
