package balancer

import (
	"crypto/tls"
	"strings"
)

// SecurityPolicy is a named set of TLS versions and ciphers ("Security policies
// for your Application Load Balancer"). Ciphers carry OpenSSL's names, in order
// of preference.
type SecurityPolicy struct {
	Name     string
	Versions []string // TLSv1.3, TLSv1.2, TLSv1.1, TLSv1
	Ciphers  []string
}

// DefaultSecurityPolicy is the policy of listeners that name none.
const DefaultSecurityPolicy = "ELBSecurityPolicy-TLS13-1-2-2021-06"

var (
	tls13Ciphers = []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
	gcmECDHE     = []string{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"}
	gcm256ECDHE  = []string{"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"}
	cbcECDHE     = []string{"ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256"}
	cbc256ECDHE  = []string{"ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384"}
	shaECDHE     = []string{"ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA"}
	sha256ECDHE  = []string{"ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA"}
	plainRSA     = []string{"AES128-GCM-SHA256", "AES128-SHA256"}
	plainRSASHA  = []string{"AES128-SHA"}
	plainRSA256  = []string{"AES256-GCM-SHA384", "AES256-SHA256"}
	plainRSA256S = []string{"AES256-SHA"}
)

func list(parts ...[]string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// SecurityPolicies lists the policies that listeners may name.
func SecurityPolicies() []SecurityPolicy { return policies }

var policies = []SecurityPolicy{
	{"ELBSecurityPolicy-TLS13-1-2-2021-06", versions(3, 2), list(tls13Ciphers, gcmECDHE, cbcECDHE, gcm256ECDHE, cbc256ECDHE)},
	{"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", versions(3, 2), list(tls13Ciphers, gcmECDHE, gcm256ECDHE)},
	{"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", versions(3, 2), list(tls13Ciphers, gcmECDHE, cbcECDHE, gcm256ECDHE, cbc256ECDHE, plainRSA, plainRSA256)},
	{"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", versions(3, 2), list(tls13Ciphers, gcmECDHE, cbcECDHE, shaECDHE, gcm256ECDHE, cbc256ECDHE, sha256ECDHE, plainRSA, plainRSASHA, plainRSA256, plainRSA256S)},
	{"ELBSecurityPolicy-TLS13-1-3-2021-06", versions(3), tls13Ciphers},
	{"ELBSecurityPolicy-TLS13-1-1-2021-06", versions(3, 2, 1), list(tls13Ciphers, gcmECDHE, cbcECDHE, shaECDHE, gcm256ECDHE, cbc256ECDHE, sha256ECDHE, plainRSA, plainRSASHA, plainRSA256, plainRSA256S)},
	{"ELBSecurityPolicy-TLS13-1-0-2021-06", versions(3, 2, 1, 0), list(tls13Ciphers, gcmECDHE, cbcECDHE, shaECDHE, gcm256ECDHE, cbc256ECDHE, sha256ECDHE, plainRSA, plainRSASHA, plainRSA256, plainRSA256S)},
	{"ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", versions(3, 2), list(tls13Ciphers, gcmECDHE, cbcECDHE, gcm256ECDHE, cbc256ECDHE)},
	{"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", versions(3, 2), list(tls13Ciphers, gcmECDHE, gcm256ECDHE)},
	{"ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", versions(3), tls13Ciphers},
	{"ELBSecurityPolicy-FS-1-2-Res-2020-10", versions(2), list(gcmECDHE, gcm256ECDHE)},
	{"ELBSecurityPolicy-FS-1-2-Res-2019-08", versions(2), list(gcmECDHE, cbcECDHE, gcm256ECDHE, cbc256ECDHE)},
	{"ELBSecurityPolicy-FS-1-2-2019-08", versions(2), list(gcmECDHE, cbcECDHE, shaECDHE, gcm256ECDHE, cbc256ECDHE, sha256ECDHE)},
	{"ELBSecurityPolicy-FS-1-1-2019-08", versions(2, 1), list(gcmECDHE, cbcECDHE, shaECDHE, gcm256ECDHE, cbc256ECDHE, sha256ECDHE)},
	{"ELBSecurityPolicy-FS-2018-06", versions(2, 1, 0), list(gcmECDHE, cbcECDHE, shaECDHE, gcm256ECDHE, cbc256ECDHE, sha256ECDHE)},
	{"ELBSecurityPolicy-TLS-1-2-Ext-2018-06", versions(2), list(gcmECDHE, cbcECDHE, shaECDHE, gcm256ECDHE, cbc256ECDHE, sha256ECDHE, plainRSA, plainRSASHA, plainRSA256, plainRSA256S)},
	{"ELBSecurityPolicy-TLS-1-2-2017-01", versions(2), list(gcmECDHE, cbcECDHE, gcm256ECDHE, cbc256ECDHE, plainRSA, plainRSA256)},
	{"ELBSecurityPolicy-TLS-1-1-2017-01", versions(2, 1), list(gcmECDHE, cbcECDHE, shaECDHE, gcm256ECDHE, cbc256ECDHE, sha256ECDHE, plainRSA, plainRSASHA, plainRSA256, plainRSA256S)},
	{"ELBSecurityPolicy-2016-08", versions(2, 1, 0), list(gcmECDHE, cbcECDHE, shaECDHE, gcm256ECDHE, cbc256ECDHE, sha256ECDHE, plainRSA, plainRSASHA, plainRSA256, plainRSA256S)},
	{"ELBSecurityPolicy-2015-05", versions(2, 1, 0), list(gcmECDHE, cbcECDHE, shaECDHE, gcm256ECDHE, cbc256ECDHE, sha256ECDHE, plainRSA, plainRSASHA, plainRSA256, plainRSA256S)},
}

func versions(minors ...int) []string {
	var out []string
	for _, m := range minors {
		out = append(out, [...]string{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}[m])
	}
	return out
}

func findPolicy(name string) (SecurityPolicy, bool) {
	for _, p := range policies {
		if p.Name == name {
			return p, true
		}
	}
	return SecurityPolicy{}, false
}

// suites maps OpenSSL's names to what crypto/tls has. It has no SHA-384 CBC
// suites and no AES256-SHA256: policies that name them offer the rest.
var suites = map[string]uint16{
	"ECDHE-ECDSA-AES128-GCM-SHA256": tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-RSA-AES128-GCM-SHA256":   tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-ECDSA-AES256-GCM-SHA384": tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-RSA-AES256-GCM-SHA384":   tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-ECDSA-AES128-SHA256":     tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
	"ECDHE-RSA-AES128-SHA256":       tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	"ECDHE-ECDSA-AES128-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	"ECDHE-RSA-AES128-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	"ECDHE-ECDSA-AES256-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	"ECDHE-RSA-AES256-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	"AES128-GCM-SHA256":             tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
	"AES256-GCM-SHA384":             tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
	"AES128-SHA256":                 tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
	"AES128-SHA":                    tls.TLS_RSA_WITH_AES_128_CBC_SHA,
	"AES256-SHA":                    tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	"ECDHE-RSA-CHACHA20-POLY1305":   tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-ECDSA-CHACHA20-POLY1305": tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
}

// apply sets a policy's versions and suites. TLS 1.0 and 1.1 are never spoken,
// even where an old policy would.
func (p SecurityPolicy) apply(c *tls.Config) {
	c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if p.Versions[0] == "TLSv1.3" {
		c.MaxVersion = tls.VersionTLS13
		if len(p.Versions) == 1 {
			c.MinVersion = tls.VersionTLS13
		}
	}
	for _, name := range p.Ciphers {
		if id, ok := suites[name]; ok {
			c.CipherSuites = append(c.CipherSuites, id)
		}
	}
	if !strings.Contains(p.Name, "-PQ-") {
		c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	}
}

// cipherName is a suite's name as OpenSSL and the access log write it.
func cipherName(id uint16) string {
	for name, s := range suites {
		if s == id {
			return name
		}
	}
	return tls.CipherSuiteName(id)
}

func tlsVersionName(v uint16) string {
	switch v {
	case tls.VersionTLS13:
		return "TLSv1.3"
	case tls.VersionTLS12:
		return "TLSv1.2"
	}
	return tls.VersionName(v)
}
