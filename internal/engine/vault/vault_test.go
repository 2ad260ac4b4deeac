package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestSealedValuesOpenOnlyWithTheirKey(t *testing.T) {
	dir := t.TempDir()
	v, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := v.Seal([]byte("hunter2"))
	if bytes.Contains(s, []byte("hunter2")) {
		t.Fatal("the sealed value shows the plain one")
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(s); err != nil || string(got) != "hunter2" {
		t.Fatalf("reopened vault: %q, %v", got, err)
	}
	other, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(s); !errors.Is(err, ErrKey) {
		t.Fatalf("another vault's key: %v, want ErrKey", err)
	}
	s[len(s)-1] ^= 1
	if _, err := v.Open(s); !errors.Is(err, ErrKey) {
		t.Fatalf("altered value: %v, want ErrKey", err)
	}
}

func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "secret.key")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a key of the wrong length was taken")
	}
}

func TestAKeyThatValuesNeedIsNotMadeAnew(t *testing.T) {
	dir := t.TempDir()
	if _, err := Existing(dir); !errors.Is(err, ErrMissing) {
		t.Errorf("%v, want ErrMissing", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "secret.key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key was made: %v", err)
	}
	v, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Existing(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(v.Seal([]byte("x"))); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}
