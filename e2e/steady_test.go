package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
)

// steadily asks the host over verified TLS, on several connections and without a
// second try, until the function that it returns is called; that fails the test
// where a request was not answered with 200.
func (a *application) steadily(host string) (end func()) {
	a.t.Helper()
	root, err := os.ReadFile(a.lookup("SLIPWAY_CA"))
	if err != nil {
		a.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	address := a.lookup("SLIPWAY_HTTPS")
	stop := make(chan struct{})
	var asked, lost atomic.Int64
	var first atomic.Value
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, address)
				}}}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				asked.Add(1)
				res, err := client.Post("https://"+host+"/", "text/plain", nil) // what is not idempotent is not tried again by the client
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
				if err != nil || res.StatusCode != http.StatusOK {
					lost.Add(1)
					first.CompareAndSwap(nil, errorOr(err, res))
				}
			}
		})
	}
	return func() {
		a.t.Helper()
		close(stop)
		all.Wait()
		if lost.Load() > 0 || asked.Load() == 0 {
			a.t.Errorf("%d of %d requests were lost, the first: %v", lost.Load(), asked.Load(), first.Load())
		}
	}
}

// errorOr is what went wrong with a request, in words.
func errorOr(err error, res *http.Response) string {
	if err != nil {
		return err.Error()
	}
	return res.Status
}
