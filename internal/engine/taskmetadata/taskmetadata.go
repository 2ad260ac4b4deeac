// Package taskmetadata is what a task's containers can ask about themselves, at
// 169.254.170.2: the credentials of the task's role, the task metadata endpoint
// (version 4, and 3 beside it), and, on the same port, the engine's AWS APIs,
// so that a program with an AWS SDK works in a container as it stands.
//
// The engine itself listens on loopback, which no container reaches. This
// package listens on the one address that containers and host have in common
// (docker.EnsureAddress), when the first task starts, and answers only peers on
// the daemon's bridges and this host. Credentials and metadata are at paths that
// nobody can guess: what they are about is sealed in them, so nothing needs to
// be kept, and the engine that is started next answers them, too. The APIs are
// signed as everywhere.
//
// The engine hands Variables to the scheduler, which puts them into every
// container's environment.
package taskmetadata

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Containers is what of the container runtime is asked.
type Containers interface {
	// EnsureAddress gives the host the address that containers reach.
	EnsureAddress(ctx context.Context) (docker.Address, error)
	// Has tells whether an address is one that containers have.
	Has(netip.Addr) bool
	// Task is what is known of a task's containers.
	Task(id string) (docker.TaskStatus, bool)
	// Stats is what a container uses.
	Stats(ctx context.Context, containerID string) (docker.Stats, error)
}

// Roles is what of IAM is asked.
type Roles interface {
	// RoleTrusts tells whether the role lets the service assume it.
	RoleTrusts(tx *state.Tx, roleARN, service string) bool
	// IssueRoleSession makes credentials for a role.
	IssueRoleSession(tx *state.Tx, roleARN, name string, duration time.Duration) (iam.Credentials, error)
}

// Server answers containers.
type Server struct {
	env        *operation.Env
	roles      Roles
	containers Containers
	mux        *http.ServeMux
	server     *http.Server

	mu       sync.Mutex
	listener net.Listener
	without  error // why there is no address

	sessions sessions
}

// New is a server that does not listen yet. The handler serves AWS's APIs.
func New(env *operation.Env, roles Roles, containers Containers, aws http.Handler) *Server {
	s := &Server{env: env, roles: roles, containers: containers, mux: http.NewServeMux(), sessions: sessions{byTask: map[string]iam.Credentials{}}}
	s.mux.HandleFunc("GET /v2/credentials", s.noID)
	s.mux.HandleFunc("GET /v2/credentials/{id}", s.credentials)
	for _, version := range []string{"v3", "v4"} {
		at := "GET /" + version + "/{id}"
		s.mux.HandleFunc(at, s.about(s.container))
		s.mux.HandleFunc(at+"/task", s.about(s.task))
		s.mux.HandleFunc(at+"/taskWithTags", s.about(s.taskWithTags))
		s.mux.HandleFunc(at+"/stats", s.about(s.stats))
		s.mux.HandleFunc(at+"/task/stats", s.about(s.taskStats))
	}
	s.mux.Handle("/", aws)
	s.server = &http.Server{Handler: s.mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	return s
}

// Address is the port on which an engine answers its containers: it stands in
// their environment, so the next run of the engine must have it again.
type Address struct{ Port int }

var addresses = state.NewTable("taskmetadata.address", func(*Address) string { return "address" })

// Tables are all of the package's.
var Tables = []state.AnyTable{addresses}

// Run serves until ctx ends. Where tasks are left from an earlier run, it
// listens as soon as the daemon answers, otherwise when the first one starts.
func (s *Server) Run(ctx context.Context) error {
	defer s.server.Close()
	if s.expected() {
		s.reopen(ctx)
	}
	<-ctx.Done()
	return ctx.Err()
}

// expected tells whether containers of an earlier run may ask.
func (s *Server) expected() bool {
	for _, t := range ecs.Tasks.Everywhere(s.env.Store.View()) {
		if t.Last != ecs.Stopped && t.Last != ecs.Provisioning {
			return true
		}
	}
	return false
}

// tryAgain is how long after a daemon did not answer it is asked again.
const tryAgain = 2 * time.Second

func (s *Server) reopen(ctx context.Context) {
	tick := time.NewTicker(tryAgain)
	defer tick.Stop()
	for warned := false; ; warned = true {
		_, err := s.open(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if !warned {
			s.env.Log.Warn("containers cannot ask for credentials and metadata", "error", err)
		}
		if s.hopeless() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// hopeless tells that this machine cannot have the address.
func (s *Server) hopeless() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.without != nil
}

// open listens, if it can be done, and tells where containers find it.
func (s *Server) open(ctx context.Context) (netip.AddrPort, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.listener != nil:
		return s.listener.Addr().(*net.TCPAddr).AddrPort(), nil
	case s.without != nil:
		return netip.AddrPort{}, s.without
	}
	n, err := s.containers.EnsureAddress(ctx)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if n.Without != nil {
		s.without = n.Without
		return netip.AddrPort{}, s.without
	}
	l, err := s.listen(n.Credentials)
	if err != nil {
		return netip.AddrPort{}, err
	}
	s.listener = l
	go s.server.Serve(&guard{l, s.containers.Has})
	at := l.Addr().(*net.TCPAddr).AddrPort()
	s.env.Log.Info("containers are answered", "address", at.String())
	return at, nil
}

// Forget stops listening until the next task starts: a reset has taken networks
// and containers away.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		s.listener.Close()
	}
	s.listener, s.without = nil, nil
	s.sessions.forget()
}

// listen takes the port of the run before, or 80, which
// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI means, or any.
func (s *Server) listen(a netip.Addr) (l net.Listener, err error) {
	ports := []int{80, 0}
	before, had := addresses.Get(s.env.Store.View(), state.Scope{}, "address")
	if had {
		ports = append([]int{before.Port}, ports...)
	}
	for _, port := range ports {
		if l, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, uint16(port)))); err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listening for containers: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if had && port != before.Port {
		s.env.Log.Warn("containers that run already ask another port and are not answered: it is taken", "port", before.Port, "now", port)
	}
	return l, s.env.Store.Update(func(tx *state.Tx) error {
		addresses.Put(tx, state.Scope{}, &Address{port})
		return nil
	})
}

// guard lets in peers on the daemon's bridges and this host. The host answers
// to the address on its other interfaces as well.
type guard struct {
	net.Listener
	has func(netip.Addr) bool
}

func (g *guard) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil || g.admits(c.RemoteAddr()) {
			return c, err
		}
		c.Close()
	}
}

func (g *guard) admits(peer net.Addr) bool {
	t, ok := peer.(*net.TCPAddr)
	if !ok {
		return false
	}
	a := t.AddrPort().Addr().Unmap()
	return a == docker.CredentialsAddress || a.IsLoopback() || g.has(a)
}

// Variables are what a container of a task finds in its environment, as the ECS
// agent has it, and AWS_ENDPOINT_URL, which leads the SDKs here. An error is the
// reason that the task stops for: it has a role, and would get no credentials.
func (s *Server) Variables(ctx context.Context, tx *state.Tx, scope state.Scope, t *ecs.Task, container string) ([]string, error) {
	env := []string{"AWS_REGION=" + scope.Region, "AWS_DEFAULT_REGION=" + scope.Region, "AWS_EXECUTION_ENV=AWS_ECS_" + kind(t)}
	role := roleOf(tx, scope, t)
	at, err := s.open(ctx)
	if err != nil {
		if role != "" {
			return nil, fmt.Errorf("ResourceInitializationError: the credentials of the task role %s cannot be served: %w", role, err)
		}
		s.env.Log.Warn("a task's containers have no metadata endpoint", "task", t.ARN, "error", err)
		return env, nil
	}
	base := "http://" + at.String()
	if at.Port() == 80 {
		base = "http://" + at.Addr().String()
	}
	id := s.seal(subject{"metadata", scope, t.Cluster, t.ID, container})
	env = append(env, "AWS_ENDPOINT_URL="+base, "ECS_CONTAINER_METADATA_URI="+base+"/v3/"+id, "ECS_CONTAINER_METADATA_URI_V4="+base+"/v4/"+id)
	if role == "" {
		return env, nil
	}
	if !s.roles.RoleTrusts(tx, role, "ecs-tasks.amazonaws.com") {
		return nil, stopped(fmt.Sprintf("ECS was unable to assume the role '%s' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.", role))
	}
	path := "/v2/credentials/" + s.seal(subject{"credentials", scope, t.Cluster, t.ID, container})
	if at.Port() == 80 {
		return append(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="+path), nil
	}
	return append(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI="+base+path), nil
}

// stopped is an error that is shown as a task's stop reason, in ECS's words.
type stopped string

func (s stopped) Error() string { return string(s) }

// kind is what the task runs on, as AWS_EXECUTION_ENV tells it.
func kind(t *ecs.Task) string {
	if t.LaunchType == api.LaunchTypeFargate {
		return "FARGATE"
	}
	return "EC2"
}

// roleOf is the ARN of the task's role: the one that it was run with, or its
// definition's.
func roleOf(tx *state.Tx, scope state.Scope, t *ecs.Task) string {
	if t.Overrides != nil && t.Overrides.TaskRoleArn != nil {
		return *t.Overrides.TaskRoleArn
	}
	if def, ok := ecs.DefinitionOf(tx, scope, t.Definition); ok {
		return awsapi.V(def.Body.TaskRoleArn)
	}
	return ""
}

// subject is what a path is about.
type subject struct {
	For           string // "credentials" or "metadata": no path opens the other's door
	Scope         state.Scope
	Cluster, Task string
	Container     string
}

func (s *Server) seal(about subject) string {
	plain, err := json.Marshal(about)
	if err != nil {
		panic("sealing a path: " + err.Error()) // plain texts always encode
	}
	return base64.RawURLEncoding.EncodeToString(s.env.Vault.Seal(plain))
}

var errNotFound = errors.New("not found")

// unseal is what a path is about, and the task.
func (s *Server) unseal(id, purpose string) (subject, *ecs.Task, error) {
	var about subject
	sealed, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return about, nil, errNotFound
	}
	plain, err := s.env.Vault.Open(sealed)
	if err != nil || json.Unmarshal(plain, &about) != nil || about.For != purpose {
		return about, nil, errNotFound
	}
	t, ok := ecs.Tasks.Get(s.env.Store.View(), about.Scope, about.Cluster+"/"+about.Task)
	if !ok || t.Last == ecs.Stopped {
		return about, nil, errNotFound
	}
	return about, t, nil
}

// refusal is an error as the ECS agent answers it.
type refusal struct {
	Code          string `json:"code"`
	Message       string `json:"message"`
	HTTPErrorCode int
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, refusal{code, message, status})
}

func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"code":"InternalServerError"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}

// id is the path's, which clients may put a final slash behind.
func id(r *http.Request) string { return strings.TrimSuffix(r.PathValue("id"), "/") }
