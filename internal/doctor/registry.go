package doctor

import (
	"context"
	"fmt"
	"net/http"

	"github.com/slipway-dev/slipway/internal/cloud"
)

// Registry asks for the registry's password, as docker login would, and whether
// the registry takes it.
func Registry(ctx context.Context, a *cloud.Account) Finding {
	login, err := a.RegistryLogin(ctx)
	if err != nil {
		return warn("registry", "images can't be pushed from here: slipway ci policy --for build tells what a user needs", "%s", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, login.URL+"/v2/", nil)
	if err != nil {
		return fail("registry", "", "%s", err)
	}
	req.SetBasicAuth(login.User, login.Password)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return registry(login.Registry, 0, err)
	}
	res.Body.Close()
	return registry(login.Registry, res.StatusCode, nil)
}

func registry(host string, status int, err error) Finding {
	switch {
	case err != nil:
		return fail("registry", "is a proxy or a firewall between? docker login "+host+" must work", "%s does not answer: %s", host, because(err))
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fail("registry", "docker login "+host+" must work; is the clock right?", "%s refuses the password that the account gave for it (%d)", host, status)
	case status != http.StatusOK:
		return fail("registry", "docker login "+host+" must work", "%s answers %s", host, fmt.Sprintf("%d %s", status, http.StatusText(status)))
	}
	return ok("registry", "%s takes the account's password", host)
}
