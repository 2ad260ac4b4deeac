package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
)

// KeyAlgorithm is a private key's kind and size, spelled as in ACM's API.
type KeyAlgorithm string

// The algorithms that ACM knows.
const (
	RSA1024 KeyAlgorithm = "RSA_1024" // imported only
	RSA2048 KeyAlgorithm = "RSA_2048"
	RSA3072 KeyAlgorithm = "RSA_3072"
	RSA4096 KeyAlgorithm = "RSA_4096"
	P256    KeyAlgorithm = "EC_prime256v1"
	P384    KeyAlgorithm = "EC_secp384r1"
	P521    KeyAlgorithm = "EC_secp521r1"
)

func (k KeyAlgorithm) rsa() bool { return strings.HasPrefix(string(k), "RSA") }

func (k KeyAlgorithm) generate() (crypto.Signer, error) {
	switch k {
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	case RSA4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	case P256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case P384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case P521:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	}
	return nil, fmt.Errorf("no certificate is issued for a key of type %q", k)
}

// algorithm is the public key's, "" for one that ACM does not know.
func algorithm(public any) KeyAlgorithm {
	switch key := public.(type) {
	case *rsa.PublicKey:
		switch n := key.N.BitLen(); n {
		case 1024, 2048, 3072, 4096:
			return KeyAlgorithm(fmt.Sprintf("RSA_%d", n))
		}
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return P256
		case elliptic.P384():
			return P384
		case elliptic.P521():
			return P521
		}
	}
	return ""
}

// kind names the keys that algorithm has no name for.
func kind(public any) string {
	switch public.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return "EC"
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "unknown"
}
