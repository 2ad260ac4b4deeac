package authority

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// ErrPublicSuffix is the error for a name such as co.uk or *.github.io: no
// anchor can be bound to what belongs to everybody.
var ErrPublicSuffix = errors.New("it is a public suffix: name a domain below it")

// ErrName is the error for what is no host name.
var ErrName = errors.New("not a host name")

// reserved are the top-level names that nobody can register (RFC 6761, RFC 6762,
// RFC 8375, and ICANN's reservation of internal): each is one domain.
var reserved = []string{"localhost", "test", "example", "invalid", "local", "internal", "home.arpa"}

// normalize is the name as certificates carry it: lower case, no final dot.
func normalize(name string) (string, error) {
	if ip, err := netip.ParseAddr(name); err == nil && ip.Zone() == "" {
		return ip.Unmap().String(), nil
	}
	out := strings.ToLower(strings.TrimSuffix(name, "."))
	rest := strings.TrimPrefix(out, "*.")
	if rest == "" || len(out) > 253 {
		return "", fmt.Errorf("%q: %w", name, ErrName)
	}
	for label := range strings.SplitSeq(rest, ".") {
		if !isLabel(label) {
			return "", fmt.Errorf("%q: %w", name, ErrName)
		}
	}
	return out, nil
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// domain is the registrable domain of a normalized name: what its owner owns.
// An address is its own, but all of loopback is one.
func domain(name string) (string, error) {
	if ip, err := netip.ParseAddr(name); err == nil {
		if ip.IsLoopback() && ip.Is4() {
			return "127.0.0.0/8", nil
		}
		return netip.PrefixFrom(ip, ip.BitLen()).String(), nil
	}
	bare := strings.TrimPrefix(name, "*.")
	for _, r := range reserved {
		if bare == r || strings.HasSuffix(bare, "."+r) {
			return r, nil
		}
	}
	suffix, icann := publicsuffix.PublicSuffix(bare)
	if bare != suffix {
		return publicsuffix.EffectiveTLDPlusOne(bare)
	}
	if icann || strings.Contains(bare, ".") || name != bare {
		return "", fmt.Errorf("%q: %w", name, ErrPublicSuffix)
	}
	return bare, nil // a single label that is no top-level domain: a machine's name
}

// domains is the sorted set of the names' domains.
func domains(names []string) ([]string, error) {
	var out []string
	for _, n := range names {
		d, err := domain(n)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// issuerName is what the issuer for a set of domains is called, in files too.
func issuerName(set []string) string {
	first := set[0]
	if strings.Contains(first, "/") { // addresses; no host name has a plus
		first = "ip+" + strings.NewReplacer("/", "-", ":", "-").Replace(first)
	}
	if len(set) == 1 {
		return first
	}
	sum := sha256.Sum256([]byte(strings.Join(set, " ")))
	return fmt.Sprintf("%s+%d-%x", first, len(set)-1, sum[:4])
}
