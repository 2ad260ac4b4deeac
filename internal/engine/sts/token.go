package sts

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // RS256, ES256
	_ "crypto/sha512" // and their longer kin
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/sts"
)

// token is a JSON Web Token (RFC 7519) that is signed (RFC 7515).
type token struct {
	header struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
	}
	claims    claims
	signed    string // what the signature is of
	signature []byte
}

// claims are those of an ID token (OpenID Connect Core, 2) that AWS looks at.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Party     string   `json:"azp"`
	Expires   *int64   `json:"exp"`
	NotBefore *int64   `json:"nbf"`
	Methods   []string `json:"amr"`
	// Tags are session tags that the issuer vouches for, SourceIdentity the
	// name of who it is.
	Tags *struct {
		Principal  map[string][]string `json:"principal_tags"`
		Transitive []string            `json:"transitive_tag_keys"`
	} `json:"https://aws.amazon.com/tags"`
	SourceIdentity string `json:"https://aws.amazon.com/source_identity"`
}

// audience is one name or a list.
type audience []string

// UnmarshalJSON reads either.
func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

func badToken(format string, args ...any) error {
	return api.InvalidIdentityTokenException(format, args...)
}

// parseToken takes a token apart; nothing in it is verified yet.
func parseToken(text string) (*token, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, badToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	t := &token{signed: parts[0] + "." + parts[1]}
	header, err1 := base64.RawURLEncoding.DecodeString(parts[0])
	payload, err2 := base64.RawURLEncoding.DecodeString(parts[1])
	signature, err3 := base64.RawURLEncoding.DecodeString(parts[2])
	if err1 != nil || err2 != nil || err3 != nil || json.Unmarshal(header, &t.header) != nil || json.Unmarshal(payload, &t.claims) != nil {
		return nil, badToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	t.signature = signature
	if t.claims.Issuer == "" || t.claims.Subject == "" || len(t.claims.Audience) == 0 || t.claims.Expires == nil {
		return nil, badToken("Missing a required claim: iss, sub, aud or exp")
	}
	return t, nil
}

// audience is the one that counts: the authorized party where there is one.
func (c *claims) audience() string {
	if c.Party != "" {
		return c.Party
	}
	return c.Audience[0]
}

// meant tells whether the token is for one of the provider's clients.
func (c *claims) meant(clients []string) bool {
	if c.Party != "" {
		return slices.Contains(clients, c.Party)
	}
	return slices.ContainsFunc(c.Audience, func(a string) bool { return slices.Contains(clients, a) })
}

// skew is how far an issuer's clock may go before ours.
const skew = 5 * time.Minute

// timely tells whether the token is valid at the time.
func (c *claims) timely(now time.Time) error {
	if now.Unix() >= *c.Expires {
		return api.ExpiredTokenException("Token expired: current date/time %d must be before the expiration date/time %d", now.Unix(), *c.Expires)
	}
	if c.NotBefore != nil && now.Add(skew).Unix() < *c.NotBefore {
		return badToken("Token is not yet valid: current date/time %d must be after %d", now.Unix(), *c.NotBefore)
	}
	return nil
}

// hashes are those of the algorithms that are taken: RSA (PKCS #1 v1.5) and
// ECDSA. "none" and HMAC are not.
var hashes = map[string]crypto.Hash{
	"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512,
	"ES256": crypto.SHA256, "ES384": crypto.SHA384, "ES512": crypto.SHA512,
}

// curves are the bits of the curve that an ECDSA algorithm goes with.
var curves = map[string]int{"ES256": 256, "ES384": 384, "ES512": 521}

// signedBy tells whether the key made the signature.
func (t *token) signedBy(key crypto.PublicKey) bool {
	hash, ok := hashes[t.header.Alg]
	if !ok {
		return false
	}
	h := hash.New()
	h.Write([]byte(t.signed))
	sum := h.Sum(nil)
	switch key := key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(t.header.Alg, "RS") && rsa.VerifyPKCS1v15(key, hash, sum, t.signature) == nil
	case *ecdsa.PublicKey:
		size := (key.Params().BitSize + 7) / 8
		if curves[t.header.Alg] != key.Params().BitSize || len(t.signature) != 2*size {
			return false
		}
		return ecdsa.Verify(key, sum, new(big.Int).SetBytes(t.signature[:size]), new(big.Int).SetBytes(t.signature[size:]))
	}
	return false
}
