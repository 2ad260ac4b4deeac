package engine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// unmapProgram gives back the pages of the program's own file, which the kernel
// maps by the hundred where one is touched: what the engine starts with and never
// needs again. They stay in the page cache, from which each comes back in a
// microsecond when it is needed. A mapping with pages of its own, such as a
// debugger's breakpoints, is left alone.
func unmapProgram() error {
	mappings, err := programMappings()
	var errs []error
	for _, m := range mappings {
		if m.own != 0 {
			continue
		}
		if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED); errno != 0 {
			errs = append(errs, fmt.Errorf("madvise: %w", errno))
		}
	}
	return errors.Join(append(errs, err)...)
}

// mapping is a part of the program's file in memory that nothing writes to.
// Resident and own, pages that are no longer the file's, are in bytes.
type mapping struct {
	start, end    uintptr
	resident, own int
}

// programMappings reads them from /proc/self/smaps:
// https://www.kernel.org/doc/html/latest/filesystems/proc.html
func programMappings() ([]mapping, error) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return nil, err
	}
	var all []mapping
	ours := false
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if from, to, found := strings.Cut(fields[0], "-"); found {
			if ours = len(fields) > 5 && strings.Join(fields[5:], " ") == program && fields[1][1] == '-'; !ours {
				continue
			}
			start, err1 := strconv.ParseUint(from, 16, 64)
			end, err2 := strconv.ParseUint(to, 16, 64)
			if err := errors.Join(err1, err2); err != nil {
				return nil, fmt.Errorf("/proc/self/smaps: %w", err)
			}
			all = append(all, mapping{start: uintptr(start), end: uintptr(end)})
		}
		if !ours {
			continue
		}
		switch m := &all[len(all)-1]; fields[0] {
		case "Rss:":
			m.resident, err = kibibytes(fields[1])
		case "Anonymous:":
			m.own, err = kibibytes(fields[1])
		}
		if err != nil {
			return nil, fmt.Errorf("/proc/self/smaps: %w", err)
		}
	}
	return all, nil
}

func kibibytes(s string) (int, error) {
	n, err := strconv.Atoi(s)
	return n << 10, err
}
