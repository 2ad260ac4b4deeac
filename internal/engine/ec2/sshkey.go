package ec2

import (
	"crypto"
	"crypto/ed25519"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
)

// sshKey is a key as EC2 tells it.
type sshKey struct {
	typ                          api.KeyType
	public, private, fingerprint string
}

// generateKey makes a key: RSA of 2,048 bits unless told otherwise.
func generateKey(typ api.KeyType) (k sshKey, err error) {
	if typ == api.KeyTypeEd25519 {
		return generateEd25519()
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return k, fmt.Errorf("generating a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return k, fmt.Errorf("encoding a key: %w", err)
	}
	sum := sha1.Sum(der)
	k = sshKey{typ: api.KeyTypeRsa, fingerprint: colons(sum[:])}
	k.private = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	k.public, err = authorized(key.Public())
	return k, err
}

func generateEd25519() (k sshKey, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return k, fmt.Errorf("generating a key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return k, fmt.Errorf("encoding a key: %w", err)
	}
	k = sshKey{typ: api.KeyTypeEd25519, private: string(pem.EncodeToMemory(block))}
	if k.public, err = authorized(public); err != nil {
		return k, err
	}
	k.fingerprint, err = sha256Print(public)
	return k, err
}

// authorized is a public key as a line of authorized_keys.
func authorized(public crypto.PublicKey) (string, error) {
	p, err := ssh.NewPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("encoding a key: %w", err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(p))), nil
}

// Fingerprints ("Determine the fingerprint of the key pair"): of an ED25519 key
// SHA-256 of OpenSSH's form in base64; of an RSA key that EC2 made SHA-1 of the
// private key in PKCS#8; of one that was imported MD5 of the public key in DER.

func sha256Print(public crypto.PublicKey) (string, error) {
	p, err := ssh.NewPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("encoding a key: %w", err)
	}
	sum := sha256.Sum256(p.Marshal())
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}

func colons(sum []byte) string {
	var parts []string
	for _, b := range sum {
		parts = append(parts, fmt.Sprintf("%02x", b))
	}
	return strings.Join(parts, ":")
}

// importKey reads a public key in one of the three forms that EC2 takes: OpenSSH's,
// DER in base64, or RFC 4716.
func importKey(material []byte) (k sshKey, err error) {
	malformed := awsapi.Errorf("InvalidKey.Format", 400, "Key is not in valid OpenSSH public key format")
	public, ok := parsePublic(strings.TrimSpace(string(material)))
	if !ok {
		return k, malformed
	}
	k.public, err = authorized(public)
	if err != nil {
		return k, malformed
	}
	switch key := public.(type) {
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n != 1024 && n != 2048 && n != 4096 {
			return k, awsapi.Errorf("InvalidKey.Format", 400, "RSA keys must have 1024, 2048 or 4096 bits, not %d", n)
		}
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return k, malformed
		}
		sum := md5.Sum(der)
		k.typ, k.fingerprint = api.KeyTypeRsa, colons(sum[:])
	case ed25519.PublicKey:
		k.typ = api.KeyTypeEd25519
		k.fingerprint, err = sha256Print(key)
	default:
		return k, malformed
	}
	return k, err
}

func parsePublic(text string) (crypto.PublicKey, bool) {
	if p, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text)); err == nil {
		return cryptoKey(p)
	}
	body := text
	if rest, ok := strings.CutPrefix(text, "---- BEGIN SSH2 PUBLIC KEY ----"); ok {
		body = withoutHeaders(strings.TrimSuffix(strings.TrimSpace(rest), "---- END SSH2 PUBLIC KEY ----"))
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
	if err != nil {
		return nil, false
	}
	if p, err := ssh.ParsePublicKey(raw); err == nil {
		return cryptoKey(p)
	}
	p, err := x509.ParsePKIXPublicKey(raw)
	return p, err == nil
}

func cryptoKey(p ssh.PublicKey) (crypto.PublicKey, bool) {
	c, ok := p.(ssh.CryptoPublicKey)
	if !ok {
		return nil, false
	}
	return c.CryptoPublicKey(), true
}

// withoutHeaders drops RFC 4716's headers, which may go on over lines that end
// in a backslash.
func withoutHeaders(text string) string {
	var kept []string
	header := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if header = header || strings.Contains(line, ":"); !header {
			kept = append(kept, line)
		}
		if !strings.HasSuffix(line, `\`) {
			header = false
		}
	}
	return strings.Join(kept, "\n")
}
