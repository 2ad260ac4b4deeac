package cloud

import (
	"os"
	"path/filepath"
	"syscall"
)

// Vital signs: a run that holds a lock also holds a file of this machine, locked as long as
// its process lives, whatever ends it: who finds the lock taken and the file free
// knows that the run was killed, and need not wait for its lease to end. On other
// machines there is no such file, and nothing is known.

// vital is the file of a lock with that token.
func vital(token string) string { return filepath.Join(os.TempDir(), "slipway-run-"+token) }

// live holds the file of a token until it is closed or the process ends. nil, where
// none can be made: then only the lease tells.
func live(token string) *os.File {
	f, err := os.OpenFile(vital(token), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		f.Close()
		os.Remove(vital(token))
		return nil
	}
	return f
}

// bury tells that the run with a token was killed on this machine, and removes what
// told so. Only a file of our own counts.
func bury(token string) bool {
	if token == "" || filepath.Base(token) != token {
		return false
	}
	f, err := os.OpenFile(vital(token), os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Getuid() {
		return false
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return false
	}
	os.Remove(vital(token))
	return true
}
