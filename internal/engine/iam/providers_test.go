package iam

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
)

func TestIdentityProviders(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	print := func(c string) string { return strings.Repeat(c, 40) }
	create := func(url string, clients, thumbprints []string) (*api.CreateOpenIDConnectProviderResponse, error) {
		return r.CreateOpenIDConnectProvider(ctx, r.root, &api.CreateOpenIDConnectProviderRequest{Url: &url, ClientIDList: clients, ThumbprintList: thumbprints})
	}
	arn := ok[api.CreateOpenIDConnectProviderResponse](t)(create("https://gitlab.com/group", []string{"a", "a"}, nil)).OpenIDConnectProviderArn
	if *arn != "arn:aws:iam::000000000000:oidc-provider/gitlab.com/group" {
		t.Errorf("made %s", *arn)
	}
	ok[awsapi.Empty](t)(r.AddClientIDToOpenIDConnectProvider(ctx, r.root, &api.AddClientIDToOpenIDConnectProviderRequest{OpenIDConnectProviderArn: arn, ClientID: new("b")}))
	ok[awsapi.Empty](t)(r.RemoveClientIDFromOpenIDConnectProvider(ctx, r.root, &api.RemoveClientIDFromOpenIDConnectProviderRequest{OpenIDConnectProviderArn: arn, ClientID: new("a")}))
	ok[awsapi.Empty](t)(r.UpdateOpenIDConnectProviderThumbprint(ctx, r.root, &api.UpdateOpenIDConnectProviderThumbprintRequest{OpenIDConnectProviderArn: arn, ThumbprintList: []string{print("c")}}))
	got := ok[api.GetOpenIDConnectProviderResponse](t)(r.GetOpenIDConnectProvider(ctx, r.root, &api.GetOpenIDConnectProviderRequest{OpenIDConnectProviderArn: arn}))
	want := &api.GetOpenIDConnectProviderResponse{ClientIDList: []string{"b"}, CreateDate: r.time, Tags: []api.Tag{}, ThumbprintList: []string{print("c")}, Url: new("gitlab.com/group")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var clients []string
	for i := range 101 {
		clients = append(clients, fmt.Sprint(i))
	}
	for _, tt := range []struct {
		url                  string
		clients, thumbprints []string
		code, message        string
		status               int
	}{
		{"https://gitlab.com/group", nil, nil, "EntityAlreadyExists", "Provider with url https://gitlab.com/group already exists.", 409},
		{"gitlab.com", nil, nil, "ValidationError", "Invalid Open ID Connect Provider URL", 400},
		{"http://gitlab.com", nil, nil, "ValidationError", "Invalid Open ID Connect Provider URL", 400},
		{"https://x.example", clients, nil, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", 409},
		{"https://x.example", nil, []string{print("1"), print("2"), print("3"), print("4"), print("5"), print("6")}, "InvalidInput", "Thumbprint list must contain fewer than 5 entries.", 400},
	} {
		_, err := create(tt.url, tt.clients, tt.thumbprints)
		refused(t, err, tt.code, tt.status, tt.message)
	}
	ok[api.CreateOpenIDConnectProviderResponse](t)(create("http://127.0.0.1:8080", nil, nil))
	if list := ok[api.ListOpenIDConnectProvidersResponse](t)(r.ListOpenIDConnectProviders(ctx, r.root, &api.ListOpenIDConnectProvidersRequest{})).OpenIDConnectProviderList; len(list) != 2 {
		t.Errorf("%d providers are listed", len(list))
	}
	ok[awsapi.Empty](t)(r.DeleteOpenIDConnectProvider(ctx, r.root, &api.DeleteOpenIDConnectProviderRequest{OpenIDConnectProviderArn: arn}))
	_, err := r.GetOpenIDConnectProvider(ctx, r.root, &api.GetOpenIDConnectProviderRequest{OpenIDConnectProviderArn: arn})
	refused(t, err, "NoSuchEntity", 404, "OpenIDConnect Provider not found for arn "+*arn)
	_, err = r.DeleteOpenIDConnectProvider(ctx, r.root, &api.DeleteOpenIDConnectProviderRequest{OpenIDConnectProviderArn: arn})
	refused(t, err, "NoSuchEntity", 404, "OpenId connect Provider "+*arn+" cannot be found.")
}
