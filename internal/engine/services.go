package engine

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	acmapi "github.com/slipway-dev/slipway/internal/awsapi/acm"
	ec2api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	iamapi "github.com/slipway-dev/slipway/internal/awsapi/iam"
	ssmapi "github.com/slipway-dev/slipway/internal/awsapi/ssm"
	stsapi "github.com/slipway-dev/slipway/internal/awsapi/sts"
	"github.com/slipway-dev/slipway/internal/engine/acm"
	"github.com/slipway-dev/slipway/internal/engine/authority"
	"github.com/slipway-dev/slipway/internal/engine/cloudflare"
	"github.com/slipway-dev/slipway/internal/engine/ec2"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/ssm"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/sts"
)

// services are everything that the engine serves, and the controllers that make
// it true.
type services struct {
	e          *Engine
	iam        *iam.Service
	cloudflare *cloudflare.Service
	names      *names
	// aws are the services behind the AWS endpoint.
	aws []served
	// handlers are other patterns of the API's port.
	handlers map[string]http.Handler
	// runs are the controllers' loops.
	runs []func(context.Context) error
	// closers are closed at the end, the last first.
	closers []func() error
}

// served is one service: the model's facts and the operations bound to them.
type served struct {
	api        *awsapi.Service
	operations []operation.Operation
}

// tables are every service's.
func tables() []state.AnyTable {
	return slices.Concat(iam.Tables, ec2.Tables, acm.Tables, ssm.Tables, cloudflare.Tables)
}

// newServices makes every service, with what it needs of the others.
func newServices(ctx context.Context, e *Engine) (*services, error) {
	s := &services{e: e, handlers: map[string]http.Handler{}}
	var roots []iam.Root
	for _, k := range e.cfg.RootKeys {
		roots = append(roots, iam.Root(k))
	}
	s.iam = iam.New(e.env, roots...)
	issuer, err := s.authority()
	if err != nil {
		return nil, err
	}
	if s.cloudflare, err = cloudflare.New(e.env); err != nil {
		return nil, err
	}
	s.handlers["/client/v4/"] = s.cloudflare
	if s.names, err = newNames(e); err != nil {
		return nil, err
	}
	certificates := acm.New(e.env, issuer, s.names)
	s.add(iamapi.API, s.iam.Operations())
	s.add(stsapi.API, sts.New(e.env, s.iam, nil).Operations())
	machines := ec2.New(e.env)
	s.add(ec2api.API, machines.Operations())
	s.add(ssmapi.API, ssm.New(e.env, images).Operations())
	s.add(acmapi.API, certificates.Operations())
	s.run(s.iam.Run, machines.Run, s.names.Run, certificates.Run)
	return s, nil
}

func (s *services) add(api *awsapi.Service, operations []operation.Operation) {
	s.aws = append(s.aws, served{api, operations})
}

func (s *services) run(loops ...func(context.Context) error) { s.runs = append(s.runs, loops...) }

// issuer has ACM's certificates made by the engine's own authority.
type issuer struct{ *authority.Authority }

// Issue implements acm.Issuer.
func (i issuer) Issue(names []string, key acmapi.KeyAlgorithm) (certificate, chain, privateKey []byte, err error) {
	c, err := i.Authority.Issue(authority.Request{Names: names, Key: authority.KeyAlgorithm(key)})
	if err != nil {
		return nil, nil, nil, err
	}
	return c.Certificate, c.Chain, c.PrivateKey, nil
}

func (s *services) authority() (issuer, error) {
	v := s.e.vault
	a, err := authority.Open(authority.Options{
		Dir:  filepath.Join(s.e.cfg.Data, "authority"),
		Seal: func(b []byte) ([]byte, error) { return v.Seal(b), nil },
		Open: func(b []byte) ([]byte, error) { return v.Open(b) },
		Now:  s.e.cfg.Now,
	})
	if err != nil {
		return issuer{}, err
	}
	s.e.ca = a.RootFile()
	return issuer{a}, nil
}

// credentials are the root key that the engine made and Cloudflare's token.
func (s *services) credentials() (iam.Root, string, error) {
	root, err := s.iam.RootKey()
	return root, s.cloudflare.Token(), err
}

// prepare brings back, after a reset, what an engine always has.
func (s *services) prepare() error {
	_, err := s.iam.RootKey()
	return errors.Join(err, s.cloudflare.Prepare())
}

func (s *services) close() error {
	var errs []error
	for _, c := range slices.Backward(s.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// images are the ECS-optimized images that SSM's public parameters name.
func images(region, flavour string) (ssm.Image, bool) {
	id, name, os, agent, ok := ec2.ECSImage(region, flavour)
	return ssm.Image{ID: id, Name: name, OS: os, AgentVersion: agent}, ok
}
