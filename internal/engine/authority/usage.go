package authority

import (
	"crypto/x509"
	"strings"
)

// signature spells an algorithm as ACM does: "SHA256-RSA" is SHA256WITHRSA.
func signature(alg x509.SignatureAlgorithm) string {
	switch alg {
	case x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS:
		return strings.TrimSuffix(alg.String(), "-RSAPSS") + "WITHRSAANDMGF1"
	case x509.PureEd25519:
		return "ED25519"
	}
	name := alg.String()
	if hash, key, ok := strings.Cut(name, "-"); ok {
		if strings.HasPrefix(key, "SHA") { // ECDSA-SHA256
			hash, key = key, hash
		}
		return hash + "WITH" + key
	}
	return strings.ToUpper(name)
}

// usages are ACM's names (KeyUsageName) in the order of RFC 5280's bits.
var usages = []struct {
	bit  x509.KeyUsage
	name string
}{
	{x509.KeyUsageDigitalSignature, "DIGITAL_SIGNATURE"},
	{x509.KeyUsageContentCommitment, "NON_REPUDIATION"},
	{x509.KeyUsageKeyEncipherment, "KEY_ENCIPHERMENT"},
	{x509.KeyUsageDataEncipherment, "DATA_ENCIPHERMENT"},
	{x509.KeyUsageKeyAgreement, "KEY_AGREEMENT"},
	{x509.KeyUsageCertSign, "CERTIFICATE_SIGNING"},
	{x509.KeyUsageCRLSign, "CRL_SIGNING"},
	{x509.KeyUsageEncipherOnly, "ENCIPHER_ONLY"},
	{x509.KeyUsageDecipherOnly, "DECIPHER_ONLY"},
}

func keyUsages(u x509.KeyUsage) []string {
	var out []string
	for _, k := range usages {
		if u&k.bit != 0 {
			out = append(out, k.name)
		}
	}
	return out
}

// extendedUsages are ACM's names (ExtendedKeyUsageName).
var extendedUsages = map[x509.ExtKeyUsage]ExtendedKeyUsage{
	x509.ExtKeyUsageAny:             {"ANY", "2.5.29.37.0"},
	x509.ExtKeyUsageServerAuth:      {"TLS_WEB_SERVER_AUTHENTICATION", "1.3.6.1.5.5.7.3.1"},
	x509.ExtKeyUsageClientAuth:      {"TLS_WEB_CLIENT_AUTHENTICATION", "1.3.6.1.5.5.7.3.2"},
	x509.ExtKeyUsageCodeSigning:     {"CODE_SIGNING", "1.3.6.1.5.5.7.3.3"},
	x509.ExtKeyUsageEmailProtection: {"EMAIL_PROTECTION", "1.3.6.1.5.5.7.3.4"},
	x509.ExtKeyUsageIPSECEndSystem:  {"IPSEC_END_SYSTEM", "1.3.6.1.5.5.7.3.5"},
	x509.ExtKeyUsageIPSECTunnel:     {"IPSEC_TUNNEL", "1.3.6.1.5.5.7.3.6"},
	x509.ExtKeyUsageIPSECUser:       {"IPSEC_USER", "1.3.6.1.5.5.7.3.7"},
	x509.ExtKeyUsageTimeStamping:    {"TIME_STAMPING", "1.3.6.1.5.5.7.3.8"},
	x509.ExtKeyUsageOCSPSigning:     {"OCSP_SIGNING", "1.3.6.1.5.5.7.3.9"},
}

func extendedKeyUsages(c *x509.Certificate) []ExtendedKeyUsage {
	var out []ExtendedKeyUsage
	for _, u := range c.ExtKeyUsage {
		if e, ok := extendedUsages[u]; ok {
			out = append(out, e)
		} else {
			out = append(out, ExtendedKeyUsage{Name: "CUSTOM"})
		}
	}
	for _, oid := range c.UnknownExtKeyUsage {
		out = append(out, ExtendedKeyUsage{"CUSTOM", oid.String()})
	}
	return out
}
