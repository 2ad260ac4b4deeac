package taskmetadata

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

var home = state.Scope{Account: "000000000000", Region: "eu-west-1"}

const role = "arn:aws:iam::000000000000:role/app"

// place is a host with the address, or without.
type place struct{ without error }

func (place) Has(netip.Addr) bool { return false }

func (p place) EnsureAddress(context.Context) (docker.Address, error) {
	return docker.Address{Without: p.without, Credentials: netip.MustParseAddr("127.0.0.1")}, nil
}
func (place) Task(string) (docker.TaskStatus, bool)               { return docker.TaskStatus{}, false }
func (place) Stats(context.Context, string) (docker.Stats, error) { return docker.Stats{}, nil }

// trusting are roles that trust ECS, or not.
type trusting struct {
	*iam.Service
	yes bool
	env *operation.Env
}

func (r trusting) RoleTrusts(*state.Tx, string, string) bool { return r.yes }

func (r trusting) IssueRoleSession(tx *state.Tx, _, name string, d time.Duration) (iam.Credentials, error) {
	return r.Issue(tx, iam.Session{Account: home.Account, Kind: operation.AssumedRole, Owner: "AROA", Name: name, Expires: r.env.Now().Add(d)}), nil
}

type rig struct {
	*Server
	now  time.Time
	task *ecs.Task
}

func newRig(t *testing.T, at place, trusts bool) *rig {
	t.Helper()
	r := &rig{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	store := state.InMemory(slices.Concat(ecs.Tables, iam.Tables, Tables)...)
	t.Cleanup(func() { store.Close() })
	env := &operation.Env{Store: store, Vault: vault.New([32]byte{1}), Now: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler), Account: home.Account, Region: home.Region}
	r.Server = New(env, trusting{iam.New(env), trusts, env}, at, http.NotFoundHandler())
	t.Cleanup(func() { r.server.Close() })
	r.task = &ecs.Task{Cluster: "c", ID: "0123", ARN: "arn:aws:ecs:eu-west-1:000000000000:task/c/0123", Definition: "app:1", Last: ecs.Running, Overrides: &api.TaskOverride{TaskRoleArn: new(role)}}
	err := store.Update(func(tx *state.Tx) error {
		ecs.Tasks.Put(tx, home, r.task)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// variables are the container's.
func (r *rig) variables(t *testing.T) map[string]string {
	t.Helper()
	all, err := r.Variables(t.Context(), r.env.Store.View(), home, r.task, "web")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, v := range all {
		name, value, _ := strings.Cut(v, "=")
		out[name] = value
	}
	return out
}

// get asks for a path, as a container does.
func (r *rig) get(t *testing.T, path string) (status int, answer map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	r.mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %v in %s", path, err, w.Body)
	}
	return w.Code, answer
}

func (r *rig) credentialsPath(t *testing.T) string {
	v := r.variables(t)
	if p := v["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]; p != "" {
		return p
	}
	return strings.TrimPrefix(v["AWS_CONTAINER_CREDENTIALS_FULL_URI"], v["AWS_ENDPOINT_URL"])
}

func TestCredentialsAreRenewedBeforeTheyEnd(t *testing.T) {
	r := newRig(t, place{}, true)
	path := r.credentialsPath(t)
	_, first := r.get(t, path)
	if first["RoleArn"] != role || first["Expiration"] != "2026-03-01T18:00:00Z" {
		t.Errorf("the first: %v", first)
	}
	r.now = r.now.Add(4*time.Hour + 59*time.Minute)
	if _, same := r.get(t, path); same["AccessKeyId"] != first["AccessKeyId"] {
		t.Error("they are others long before their end")
	}
	r.now = r.now.Add(2 * time.Minute)
	if _, next := r.get(t, path); next["AccessKeyId"] == first["AccessKeyId"] || next["Expiration"] != "2026-03-01T23:01:00Z" {
		t.Errorf("an hour before their end: %v", next)
	}
}

func TestOnlyItsOwnPathOpensADoor(t *testing.T) {
	r := newRig(t, place{}, true)
	path := r.credentialsPath(t)
	id := path[strings.LastIndex(path, "/")+1:]
	forged := []byte(id)
	forged[len(forged)/2] ^= 1
	for name, path := range map[string]string{
		"a forged id": "/v2/credentials/" + string(forged), "no base64": "/v2/credentials/%25", "the credentials' id for metadata": "/v4/" + id + "/task",
	} {
		if status, answer := r.get(t, path); status < 400 || answer["AccessKeyId"] != nil {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
	err := r.env.Store.Update(func(tx *state.Tx) error {
		over := *r.task
		over.Last = ecs.Stopped
		ecs.Tasks.Put(tx, home, &over)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := r.get(t, path); status != 400 || answer["code"] != "InvalidIdInRequest" {
		t.Errorf("the task is over: %d %v", status, answer)
	}
}

func TestATaskWhoseRoleCannotBeHadDoesNotStart(t *testing.T) {
	for _, tt := range []struct {
		name   string
		at     place
		trusts bool
		want   string
	}{
		{"no trust", place{}, false, "ECS was unable to assume the role '" + role + "'"},
		{"no address", place{errors.New("a virtual machine")}, true, "ResourceInitializationError: the credentials of the task role " + role + " cannot be served: a virtual machine"},
	} {
		r := newRig(t, tt.at, tt.trusts)
		if _, err := r.Variables(t.Context(), r.env.Store.View(), home, r.task, "web"); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	r := newRig(t, place{errors.New("a virtual machine")}, true)
	r.task.Overrides = nil
	if v := r.variables(t); v["AWS_REGION"] != "eu-west-1" || v["AWS_ENDPOINT_URL"] != "" {
		t.Errorf("without a role: %v", v)
	}
}

func TestStrangersAreHungUpOn(t *testing.T) {
	g := &guard{has: netip.MustParsePrefix("172.17.0.0/16").Contains}
	for peer, want := range map[string]bool{"172.17.0.9": true, "169.254.170.2": true, "127.0.0.1": true, "192.168.1.7": false, "172.18.0.2": false, "169.254.170.3": false} {
		if got := g.admits(&net.TCPAddr{IP: net.ParseIP(peer), Port: 1}); got != want {
			t.Errorf("%s is let in: %v", peer, got)
		}
	}
}

// The port stands in containers' environment: the next run has it again.
func TestThePortIsKept(t *testing.T) {
	r := newRig(t, place{}, true)
	first, err := r.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.Forget() // Serve may not have begun
	next := New(r.env, r.roles, r.containers, http.NotFoundHandler())
	defer next.server.Close()
	again, err := next.open(t.Context())
	if err != nil || again != first {
		t.Errorf("%v after %v: %v", again, first, err)
	}
}
