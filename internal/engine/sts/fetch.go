package sts

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxDocument bounds an issuer's documents.
const maxDocument = 1 << 20

// fetchOverNetwork is the Fetch of a running engine.
func fetchOverNetwork(ctx context.Context, address string, thumbprints []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client := &http.Client{
		Transport: &http.Transport{
			Proxy:             http.ProxyFromEnvironment,
			DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{
				InsecureSkipVerify: true, // verified below, where thumbprints count as well
				VerifyConnection:   func(c tls.ConnectionState) error { return verified(c, thumbprints) },
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, maxDocument))
}

// verified checks a server's certificate against the system's authorities, and
// failing that the thumbprint (SHA-1, as IAM has it) of the last certificate that
// it shows. In both cases the certificate has to be for the host and in its time.
func verified(c tls.ConnectionState, thumbprints []string) error {
	if len(c.PeerCertificates) == 0 {
		return errors.New("the server shows no certificate")
	}
	options := x509.VerifyOptions{DNSName: c.ServerName, Intermediates: x509.NewCertPool()}
	for _, i := range c.PeerCertificates[1:] {
		options.Intermediates.AddCert(i)
	}
	_, err := c.PeerCertificates[0].Verify(options)
	if err == nil {
		return nil
	}
	top := c.PeerCertificates[len(c.PeerCertificates)-1]
	sum := sha1.Sum(top.Raw)
	known := hex.EncodeToString(sum[:])
	if !slices.ContainsFunc(thumbprints, func(t string) bool { return strings.EqualFold(t, known) }) {
		return err
	}
	options.Roots = x509.NewCertPool()
	options.Roots.AddCert(top)
	_, err = c.PeerCertificates[0].Verify(options)
	return err
}
