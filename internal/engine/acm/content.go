package acm

import (
	"github.com/slipway-dev/slipway/internal/engine/authority"
)

// inspect reads what a certificate in PEM says of itself.
func inspect(text []byte) (Content, *authority.Description, error) {
	d, err := authority.Describe(text)
	if err != nil {
		return Content{}, nil, err
	}
	return Content{
		Certificate: string(text), Serial: d.Serial, Subject: d.Subject, Issuer: d.Issuer, NotBefore: d.NotBefore, NotAfter: d.NotAfter,
		SignatureAlgorithm: d.SignatureAlgorithm, KeyUsages: d.KeyUsages, ExtendedUsages: d.ExtendedKeyUsages,
	}, d, nil
}

// namesOf are a certificate's names, the domain name first.
func namesOf(d *authority.Description) []string {
	names := []string{d.DomainName}
	for _, n := range d.Names {
		if n != d.DomainName {
			names = append(names, n)
		}
	}
	return names
}
