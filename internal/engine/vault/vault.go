// Package vault encrypts what must not lie in the data folder in the clear:
// access keys' secrets, SecureString parameters, Secrets Manager values,
// private keys. Services seal a value before they put it in a row.
//
// It protects a copy of the database (a backup, a bug report), not against
// somebody who can read the whole folder: the key lies beside it, mode 0600.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Sealed is an encrypted value: nonce, ciphertext, tag. encoding/json stores it
// as base64.
type Sealed []byte

// ErrKey is the error for a key file or a sealed value that is not this
// vault's.
var ErrKey = errors.New("sealed with another key")

// Vault seals and opens values under one key (AES-256-GCM).
type Vault struct {
	aead cipher.AEAD
	key  [32]byte
}

// ErrMissing is the error for a folder that must have a key and has none.
var ErrMissing = errors.New("the key of the data folder's secrets is missing, restore it from a backup")

// Open reads the folder's key, or makes one where there is none yet.
func Open(dir string) (*Vault, error) {
	v, err := Existing(dir)
	if !errors.Is(err, ErrMissing) {
		return v, err
	}
	key, err := create(keyFile(dir))
	if err != nil {
		return nil, fmt.Errorf("opening vault: %w", err)
	}
	return New([32]byte(key)), nil
}

func keyFile(dir string) string { return filepath.Join(dir, "secret.key") }

// Existing reads the folder's key where values are sealed with it already: a new
// one would open none of them.
func Existing(dir string) (*Vault, error) {
	file := keyFile(dir)
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrMissing, file)
	}
	if err != nil {
		return nil, fmt.Errorf("opening vault: %w", err)
	}
	if len(key) != 32 {
		return nil, fmt.Errorf("opening vault: %s is %d bytes long, not 32: restore it from a backup", file, len(key))
	}
	return New([32]byte(key)), nil
}

// New is a vault on a given key.
func New(key [32]byte) *Vault {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return &Vault{aead, key}
}

// create writes a new key so that a crash leaves either none or the whole of it.
func create(file string) ([]byte, error) {
	key := make([]byte, 32)
	rand.Read(key)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".secret.key-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	_, werr := tmp.Write(key)
	if err := errors.Join(werr, tmp.Sync(), tmp.Close()); err != nil {
		return nil, err
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return nil, err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	return key, errors.Join(dir.Sync(), dir.Close())
}

// Seal encrypts the value.
func (v *Vault) Seal(value []byte) Sealed { return v.aead.Seal(nil, nil, value, nil) }

// Open decrypts a value that this vault sealed.
func (v *Vault) Open(s Sealed) ([]byte, error) {
	value, err := v.aead.Open(nil, nil, s, nil)
	if err != nil {
		return nil, ErrKey
	}
	return value, nil
}

// Derive is a key for another purpose, 32 bytes, the same each time for the same
// folder and purpose.
func (v *Vault) Derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, v.key[:], nil, purpose, 32)
	if err != nil {
		panic(err) // 32 bytes can be had
	}
	return key
}
