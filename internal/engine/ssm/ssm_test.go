package ssm

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ssm"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

var caller = &operation.Caller{Account: "000000000000", Region: "eu-west-1", ARN: "arn:aws:iam::000000000000:user/travis"}

type rig struct {
	*Service
	t *testing.T
}

func newRig(t *testing.T) *rig {
	store := state.InMemory(Tables...)
	t.Cleanup(func() { store.Close() })
	env := &operation.Env{Store: store, Vault: vault.New([32]byte{1}), Now: time.Now, Log: slog.New(slog.DiscardHandler), Account: caller.Account}
	return &rig{New(env, func(region, flavour string) (Image, bool) {
		return Image{ID: "ami-" + region, Name: flavour, OS: "Amazon Linux", AgentVersion: "1.99.0"}, flavour == "amazon-linux-2023"
	}), t}
}

func code(err error) string {
	if e, ok := errors.AsType[*awsapi.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

func (r *rig) put(name, value string, kind api.ParameterType) {
	r.t.Helper()
	if _, err := r.PutParameter(r.t.Context(), caller, &api.PutParameterRequest{Name: &name, Value: &value, Type: kind, Overwrite: new(true)}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) get(name string) (string, error) {
	out, err := r.GetParameter(r.t.Context(), caller, &api.GetParameterRequest{Name: &name, WithDecryption: new(true)})
	if err != nil {
		return "", err
	}
	return *out.Parameter.Value, nil
}

func TestVersionsAndSelectors(t *testing.T) {
	r := newRig(t)
	r.put("/app/url", "one", "String")
	r.put("/app/url", "two", "String")
	_, err := r.LabelParameterVersion(t.Context(), caller, &api.LabelParameterVersionRequest{Name: new("/app/url"), ParameterVersion: new(1), Labels: []string{"old", "aws-no"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"/app/url": "two", "/app/url:1": "one", "/app/url:old": "one", "/app/url:3": "ParameterVersionNotFound", "/app/no": "ParameterNotFound",
		"arn:aws:ssm:eu-west-1:000000000000:parameter/app/url": "two",
	} {
		got, err := r.get(name)
		if err != nil {
			got = code(err)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if _, err := r.PutParameter(t.Context(), caller, &api.PutParameterRequest{Name: new("/app/url"), Value: new("x")}); code(err) != "ParameterAlreadyExists" {
		t.Error(err)
	}
}

func TestSecureStringsAreSealedInTheState(t *testing.T) {
	r := newRig(t)
	r.put("/app/key", "hunter2", "SecureString")
	row, _ := Parameters.Get(r.env.Store.View(), caller.Scope(), "/app/key")
	b, _ := json.Marshal(row)
	if strings.Contains(string(b), "hunter2") {
		t.Errorf("the row shows the secret: %s", b)
	}
	if v, err := r.get("/app/key"); v != "hunter2" {
		t.Error(v, err)
	}
	out, err := r.GetParameter(t.Context(), caller, &api.GetParameterRequest{Name: new("/app/key")})
	if err != nil || strings.Contains(*out.Parameter.Value, "hunter2") {
		t.Errorf("without decryption: %v %v", out, err)
	}
	if v, ok := r.Read(r.env.Store.View(), caller.Scope(), "/app/key"); !ok || v != "hunter2" {
		t.Errorf("a task's secret: %q %v", v, ok)
	}
}

func TestNamesAndValuesThatSSMRefuses(t *testing.T) {
	r := newRig(t)
	tests := []struct{ name, value, want string }{
		{"/aws/x", "v", "AccessDeniedException"},
		{"aws-x", "v", "ValidationException"},
		{"ssm-x", "v", "ValidationException"},
		{"a/b", "v", "ValidationException"},
		{"/a b", "v", "ValidationException"},
		{strings.Repeat("/a", 16), "v", "HierarchyLevelLimitExceededException"},
		{"/big", strings.Repeat("v", 4097), "ValidationException"},
		{"/empty", "", "ValidationException"},
	}
	for _, tt := range tests {
		_, err := r.PutParameter(t.Context(), caller, &api.PutParameterRequest{Name: &tt.name, Value: &tt.value, Type: "String"})
		if code(err) != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	_, err := r.PutParameter(t.Context(), caller, &api.PutParameterRequest{Name: new("/n"), Value: new("x"), Type: "String", AllowedPattern: new(`\d+`)})
	if code(err) != "ParameterPatternMismatchException" {
		t.Error(err)
	}
}

func TestByPath(t *testing.T) {
	r := newRig(t)
	for _, n := range []string{"/a/1", "/a/2", "/a/b/3", "/ab/4"} {
		r.put(n, "v", "String")
	}
	names := func(path string, deep bool) (all []string) {
		var token *string
		for {
			out, err := r.GetParametersByPath(t.Context(), caller, &api.GetParametersByPathRequest{Path: &path, Recursive: &deep, MaxResults: new(1), NextToken: token})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range out.Parameters {
				all = append(all, *p.Name)
			}
			if token = out.NextToken; token == nil {
				return all
			}
		}
	}
	if diff := cmp.Diff([]string{"/a/1", "/a/2"}, names("/a", false)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/a/1", "/a/2", "/a/b/3"}, names("/a/", true)); diff != "" {
		t.Error(diff)
	}
}

func TestPublicParametersNameTheRegionsImage(t *testing.T) {
	r := newRig(t)
	const base = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended"
	if v, err := r.get(base + "/image_id"); v != "ami-eu-west-1" {
		t.Error(v, err)
	}
	v, err := r.get(base)
	var doc struct {
		ImageID string `json:"image_id"`
	}
	if json.Unmarshal([]byte(v), &doc); doc.ImageID != "ami-eu-west-1" {
		t.Error(v, err)
	}
	if _, err := r.get("/aws/service/ecs/optimized-ami/windows/recommended"); code(err) != "ParameterNotFound" {
		t.Error(err)
	}
}

func TestDescribeFilters(t *testing.T) {
	r := newRig(t)
	r.put("/a/1", "v", "String")
	r.put("/a/2", "v", "SecureString")
	_, err := r.AddTagsToResource(t.Context(), caller, &api.AddTagsToResourceRequest{ResourceType: "Parameter", ResourceId: new("/a/1"), Tags: []api.Tag{{Key: new("env"), Value: new("x")}}})
	if err != nil {
		t.Fatal(err)
	}
	count := func(key, option string, values ...string) int {
		f := api.ParameterStringFilter{Key: &key, Values: values}
		if option != "" {
			f.Option = &option
		}
		out, err := r.DescribeParameters(t.Context(), caller, &api.DescribeParametersRequest{ParameterFilters: []api.ParameterStringFilter{f}})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Parameters)
	}
	for name, got := range map[string]int{
		"type": count("Type", "", "SecureString"), "prefix": count("Name", "BeginsWith", "/a/2"), "tag": count("tag:env", "", "x"), "key": count("KeyId", "", "alias/aws/ssm"),
	} {
		if got != 1 {
			t.Errorf("by %s: %d, want 1", name, got)
		}
	}
	_, err = r.DescribeParameters(t.Context(), caller, &api.DescribeParametersRequest{ParameterFilters: []api.ParameterStringFilter{{Key: new("Colour")}}})
	if code(err) != "InvalidFilterKey" {
		t.Error(err)
	}
}
