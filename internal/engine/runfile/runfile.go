// Package runfile is how a running engine tells the commands on its machine
// where it listens and with which credentials: a file in the data folder,
// readable by the owner alone. The engine writes it; `slipway engine
// status|env|stop` and the deploy wing's `on: engine` read it.
package runfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/vault"
)

// Running describes a running engine. Addresses are host:port.
type Running struct {
	PID      int       `json:"pid"`
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	Account  string    `json:"account"`
	Region   string    `json:"region"`
	Simulate bool      `json:"simulate"`
	API      string    `json:"api"`
	// HTTP and HTTPS are what the load balancers' ports 80 and 443 are mapped to.
	HTTP     string `json:"http"`
	HTTPS    string `json:"https"`
	DNS      string `json:"dns"`
	Registry string `json:"registry"`
	// CA is the root certificate's file.
	CA string `json:"ca"`

	AccessKeyID string `json:"accessKeyId"`
	// SealedSecret is the root user's secret access key and SealedToken the
	// Cloudflare API's token, under the folder's vault.
	SealedSecret vault.Sealed `json:"sealedSecret"`
	SealedToken  vault.Sealed `json:"sealedToken"`
}

// ErrNone is Read's error when no engine runs on the folder.
var ErrNone = errors.New("no engine is running")

func file(dir string) string { return filepath.Join(dir, "engine.json") }

// Write puts the file in place, whole or not at all.
func Write(dir string, r Running) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing engine.json: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".engine.json-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing engine.json: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, werr := tmp.Write(append(b, '\n'))
	if err := errors.Join(werr, tmp.Close()); err != nil {
		return fmt.Errorf("writing engine.json: %w", err)
	}
	return os.Rename(tmp.Name(), file(dir))
}

// Remove takes the file away.
func Remove(dir string) { os.Remove(file(dir)) }

// Read is the engine that runs on the folder now. A file that a killed engine
// left behind counts as none.
func Read(dir string) (*Running, error) {
	b, err := os.ReadFile(file(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (data folder %s)", ErrNone, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("reading engine.json: %w", err)
	}
	var r Running
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file(dir), err)
	}
	if !locked(dir) {
		return nil, fmt.Errorf("%w (data folder %s): the last one was killed; start it again: slipway engine start", ErrNone, dir)
	}
	return &r, nil
}

// Wait returns when no engine holds the folder any more.
func Wait(dir string) error {
	f, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH)
}

// locked tells whether a process holds the folder's lock.
func locked(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}

// Secrets are the credentials in the clear: the root user's secret access key
// and the Cloudflare API's token.
func (r *Running) Secrets(dir string) (secret, token string, err error) {
	v, err := vault.Existing(dir)
	if err != nil {
		return "", "", err
	}
	s, err1 := v.Open(r.SealedSecret)
	t, err2 := v.Open(r.SealedToken)
	if err := errors.Join(err1, err2); err != nil {
		return "", "", fmt.Errorf("reading the engine's credentials: %w", err)
	}
	return string(s), string(t), nil
}
