package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	ecrapi "github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ecr"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/registry"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// images is ECR and the registry behind it.
func (s *services) images(context.Context) error {
	l, err := s.e.cfg.listen("registry", s.e.cfg.Registry)
	if err != nil {
		return err
	}
	s.e.env.Addresses.Registry = l.Addr().String()
	s.ecr = ecr.New(s.e.env)
	r, err := registry.New(registry.Options{
		Dir: filepath.Join(s.e.cfg.Data, "registry"), Account: s.e.cfg.Account, Region: s.e.cfg.Region,
		Authorize: s.ecr.Authorize(registryIdentities{permissions{s}}), Exists: s.ecr.Exists, Immutable: s.ecr.Immutable, OnPush: s.ecr.Pushed, Log: s.e.cfg.Log, Now: s.e.cfg.Now,
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	s.registry = r
	s.ecr.Use(r)
	s.add(ecrapi.API, s.ecr.Operations())
	host, _, _ := net.SplitHostPort(s.e.env.Addresses.Registry)
	own := &leaf{authority: s.issuer.Authority, address: host, now: s.e.cfg.Now}
	l = either{l, &tls.Config{GetCertificate: own.get}}
	server := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	s.run(func(ctx context.Context) error { return serveUntil(ctx, server, l) }, s.collect, s.ecr.Run)
	return nil
}

// serveUntil serves until ctx ends, and lets requests in flight end.
func serveUntil(ctx context.Context, server *http.Server, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		server.Shutdown(grace)
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// collectEvery is how often the registry gives back the space of deleted images.
const collectEvery = 10 * time.Minute

func (s *services) collect(ctx context.Context) error {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if freed, err := s.registry.Collect(ctx); err != nil {
				s.e.cfg.Log.Error("registry", "error", err)
			} else {
				s.e.cfg.Log.Debug("registry collected", "freed", freed)
			}
		}
	}
}

// permissions is IAM for services that ask it beside the chain.
type permissions struct{ s *services }

// Allowed is "" for a caller who may do what is needed, and otherwise IAM's
// message.
func (p permissions) Allowed(tx *state.Tx, c *operation.Caller, needs []operation.Need) string {
	return p.s.e.permitted(tx, c, &policy.Request{
		Principal: iam.Principal(c), Now: p.s.e.cfg.Now(), SourceIP: c.Source,
		Context: map[string][]string{"aws:SecureTransport": {strconv.FormatBool(c.Secure)}, "aws:RequestedRegion": {c.Region}, "aws:UserAgent": {c.UserAgent}},
	}, needs)
}

// registryIdentities is IAM as the registry's requests need it.
type registryIdentities struct{ permissions }

// Caller implements ecr.Identities.
func (i registryIdentities) Caller(accessKey string) (*operation.Caller, bool) {
	key, ok := i.s.iam.Key(accessKey)
	if !ok || !key.Active || (!key.Expires.IsZero() && !i.s.e.cfg.Now().Before(key.Expires)) {
		return nil, false
	}
	c := *key.Caller.(*operation.Caller)
	c.AccessKey, c.Region = accessKey, i.s.e.cfg.Region
	return &c, true
}

// Role implements ecr.Identities.
func (i registryIdentities) Role(roleARN, session string) (*operation.Caller, bool) {
	c, ok := iam.RoleCaller(i.s.e.store.View(), roleARN, session)
	if ok {
		c.Region = i.s.e.cfg.Region
	}
	return c, ok
}

// source is where an image is pulled from: the engine's own registry for its own
// account's names, and otherwise as it is named.
func (s *services) source(_ context.Context, task docker.Identity, image string) (docker.Source, error) {
	ref := s.localReference(image)
	if !s.own(ref) {
		return docker.Source{Ref: ref}, nil
	}
	// The engine pulls as itself for tasks without an execution role.
	root, err := s.iam.RootKey()
	if err != nil {
		return docker.Source{}, err
	}
	return docker.Source{Ref: ref, Username: "AWS", Password: s.ecr.Token(root.ID)}, nil
}
