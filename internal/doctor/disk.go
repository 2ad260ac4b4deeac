package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// Below these many bytes a disk is worth a word, and a deploy may fail half-way.
const (
	diskWarns = 2 << 30
	diskFails = 256 << 20
)

// space is what a file system has and what of it this user may still take.
type space struct{ free, total, freeFiles, files uint64 }

// Disk finds out whether there is room at a path, or where it will be made.
func Disk(what, path string) Finding {
	var s syscall.Statfs_t
	at := path
	err := syscall.Statfs(at, &s)
	for errors.Is(err, fs.ErrNotExist) && filepath.Dir(at) != at {
		at = filepath.Dir(at)
		err = syscall.Statfs(at, &s)
	}
	if err != nil || filepath.Dir(at) == at && at != path { // Docker's machine may be another one
		return ok("disk", "%s: %s is not on this machine's disks", what, path)
	}
	size := uint64(s.Bsize)
	return spacious(what, path, space{uint64(s.Bavail) * size, s.Blocks * size, uint64(s.Ffree), s.Files})
}

func spacious(what, path string, s space) Finding {
	text := fmt.Sprintf("%s: %s has %s of %s free", what, path, amount(s.free), amount(s.total))
	next := "make room at " + path + " (docker system prune removes images that nothing uses)"
	switch {
	case s.free < diskFails:
		return fail("disk", next, "%s", text)
	case s.files > 0 && s.freeFiles < 1000:
		return fail("disk", next, "%s: %s has %d of %d files left", what, path, s.freeFiles, s.files)
	case s.free < diskWarns:
		return warn("disk", next, "%s", text)
	}
	return ok("disk", "%s", text)
}

func amount(n uint64) string {
	if n >= 10<<30 {
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
