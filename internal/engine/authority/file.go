package authority

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// sealedKey is the PEM type of a private key as Options.Seal left it.
const sealedKey = "SLIPWAY SEALED PRIVATE KEY"

// save writes a key and its certificates as one file, so that neither is ever
// there without the other.
func (a *Authority) save(name string, key *ecdsa.PrivateKey, certs []*x509.Certificate) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	sealed, err := a.o.Seal(der)
	if err != nil {
		return fmt.Errorf("sealing %s: %w", name, err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: sealedKey, Bytes: sealed})
	return write(filepath.Join(a.o.Dir, name), append(block, encode(certs...)...), 0o600)
}

// load reads what save wrote.
func (a *Authority) load(name string) (*ecdsa.PrivateKey, []*x509.Certificate, error) {
	file := filepath.Join(a.o.Dir, name)
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	spoilt := func(err error) error { return fmt.Errorf("%s: %w: restore it from a backup", file, err) }
	block, rest := pem.Decode(rest)
	if block == nil || block.Type != sealedKey {
		return nil, nil, spoilt(errors.New("no private key in it"))
	}
	der, err := a.o.Open(block.Bytes)
	if err != nil {
		return nil, nil, spoilt(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, nil, spoilt(err)
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	certs, err := certificates(rest)
	if err != nil || !ok || len(certs) == 0 || !ec.PublicKey.Equal(certs[0].PublicKey) {
		return nil, nil, spoilt(errors.New("no certificate for the key in it"))
	}
	return ec, certs, nil
}

// certificates parses PEM that holds certificates and nothing else.
func certificates(text []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return out, nil
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("a %s among certificates", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
}

// write puts a file in place, whole or not at all, also through a power loss.
func write(file string, content []byte, mode os.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, werr := tmp.Write(content)
	if err := errors.Join(werr, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
