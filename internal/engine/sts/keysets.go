package sts

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/iam"
)

// Fetch gets a document of an issuer. A server whose certificate no known
// authority signed is trusted when one of the thumbprints is that of the last
// certificate it shows.
type Fetch func(ctx context.Context, url string, thumbprints []string) ([]byte, error)

// How long an issuer's keys are used without looking again, and how soon they
// are looked for again when a token names one that is not among them.
const (
	keysFresh = 10 * time.Minute
	keysAgain = 5 * time.Second
)

// keySets are the keys of issuers, fetched when first needed.
type keySets struct {
	fetch Fetch
	now   func() time.Time
	mu    sync.Mutex
	sets  map[string]*keySet // by provider's URL
}

// keySet is one issuer's keys.
type keySet struct {
	mu      sync.Mutex // held while they are fetched
	fetched time.Time
	keys    []issuerKey
}

type issuerKey struct {
	id  string
	key crypto.PublicKey
}

// verified tells whether one of the provider's keys signed the token.
func (k *keySets) verified(ctx context.Context, p *iam.Provider, t *token) (bool, error) {
	k.mu.Lock()
	set := k.sets[p.URL]
	if set == nil {
		set = &keySet{}
		k.sets[p.URL] = set
	}
	k.mu.Unlock()
	set.mu.Lock()
	defer set.mu.Unlock()
	age := k.now().Sub(set.fetched)
	if age < keysFresh && set.verified(t) {
		return true, nil
	}
	if !set.fetched.IsZero() && age < keysAgain {
		return false, nil
	}
	keys, err := k.get(ctx, p)
	if err != nil {
		return false, err
	}
	set.fetched, set.keys = k.now(), keys
	return set.verified(t), nil
}

func (set *keySet) verified(t *token) bool {
	for _, key := range set.keys {
		if (t.header.Kid == "" || key.id == "" || key.id == t.header.Kid) && t.signedBy(key.key) {
			return true
		}
	}
	return false
}

// get reads the issuer's configuration (OpenID Connect Discovery, 4) and the
// keys that it points to.
func (k *keySets) get(ctx context.Context, p *iam.Provider) ([]issuerKey, error) {
	text, err := k.fetch(ctx, strings.TrimSuffix(p.URL, "/")+"/.well-known/openid-configuration", p.Thumbprints)
	if err != nil {
		return nil, err
	}
	var configuration struct {
		Keys string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &configuration); err != nil {
		return nil, fmt.Errorf("reading the issuer's configuration: %w", err)
	}
	if !mayFetch(p.URL, configuration.Keys) {
		return nil, fmt.Errorf("the issuer's keys are at %q, which is not an https address", configuration.Keys)
	}
	text, err = k.fetch(ctx, configuration.Keys, p.Thumbprints)
	if err != nil {
		return nil, err
	}
	return parseKeys(text)
}

// mayFetch tells whether an issuer may send us to an address: over https, or to
// itself.
func mayFetch(issuer, target string) bool {
	u, err := url.Parse(target)
	if err != nil {
		return false
	}
	own, err := url.Parse(issuer)
	return u.Scheme == "https" || err == nil && u.Scheme == own.Scheme && u.Host == own.Host
}

// parseKeys reads a JSON Web Key set (RFC 7517). Keys of other kinds are left
// out.
func parseKeys(text []byte) ([]issuerKey, error) {
	var set struct {
		Keys []struct {
			Kid, Kty, Use, N, E, Crv, X, Y string
		}
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("reading the issuer's keys: %w", err)
	}
	var keys []issuerKey
	for _, k := range set.Keys {
		if k.Use != "" && k.Use != "sig" {
			continue
		}
		switch k.Kty {
		case "RSA":
			if key, err := rsaKey(k.N, k.E); err == nil {
				keys = append(keys, issuerKey{k.Kid, key})
			}
		case "EC":
			if key, err := ecKey(k.Crv, k.X, k.Y); err == nil {
				keys = append(keys, issuerKey{k.Kid, key})
			}
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the issuer has no keys that can be used")
	}
	return keys, nil
}

func number(text string) (*big.Int, error) {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, err
	}
	return new(big.Int).SetBytes(b), nil
}

func rsaKey(n, e string) (*rsa.PublicKey, error) {
	modulus, err1 := number(n)
	exponent, err2 := number(e)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if modulus.BitLen() < 2048 || !exponent.IsInt64() || exponent.Int64() < 3 || exponent.Int64() > 1<<31-1 {
		return nil, errors.New("an RSA key that is too weak")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

func ecKey(curve, x, y string) (*ecdsa.PublicKey, error) {
	c, ok := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[curve]
	if !ok {
		return nil, fmt.Errorf("no curve is named %q", curve)
	}
	nx, err1 := number(x)
	ny, err2 := number(y)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	size := (c.Params().BitSize + 7) / 8
	if nx.BitLen() > 8*size || ny.BitLen() > 8*size {
		return nil, errors.New("a point that is not on the curve")
	}
	point := make([]byte, 1+2*size)
	point[0] = 4 // uncompressed
	nx.FillBytes(point[1 : 1+size])
	ny.FillBytes(point[1+size:])
	return ecdsa.ParseUncompressedPublicKey(c, point)
}
