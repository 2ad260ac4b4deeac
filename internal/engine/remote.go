package engine

import (
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/engine/git"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/signature"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// remote is the git remote. Where the engine does not know its own program,
// in another program's tests, there is none.
func (s *services) remote() {
	if len(s.e.cfg.Build) == 0 {
		return
	}
	who := registryIdentities{permissions{s}}
	s.git = git.New(git.Options{
		Dir: filepath.Join(s.e.cfg.Data, "git"), Scope: state.Scope{Account: s.e.cfg.Account, Region: s.e.cfg.Region},
		Store: s.e.store, Logs: s.logs, Log: s.e.cfg.Log, Now: s.e.cfg.Now, Program: s.e.cfg.Build,
		Caller: who.Caller,
		Key:    func(id string) (signature.Key, bool) { return s.iam.Key(id) },
		Allowed: func(c *operation.Caller, action, resource string) string {
			return who.Allowed(s.e.store.View(), c, []operation.Need{{Action: action, Resource: resource}})
		},
		Environment: s.leadsHere,
	})
	s.handlers["/git/"] = s.git
	s.run(s.git.Run)
}

// forgetPushes takes away, at a reset, what was pushed and what builds.
func (s *services) forgetPushes() error {
	if s.git == nil {
		return nil
	}
	return s.git.Reset()
}

// leadsHere is the environment that leads a program to this engine with a key's
// rights, as `slipway engine env` prints it.
func (s *services) leadsHere(key signature.Key) ([]string, error) {
	_, token, err := s.credentials()
	if err != nil {
		return nil, err
	}
	r := s.e.running
	env := []string{
		"AWS_ENDPOINT_URL=http://" + r.API, "AWS_ACCESS_KEY_ID=" + key.ID, "AWS_SECRET_ACCESS_KEY=" + key.Secret, "AWS_DEFAULT_REGION=" + r.Region,
		"SLIPWAY_ACCOUNT=" + r.Account, "SLIPWAY_CA=" + r.CA, "SLIPWAY_HTTP=" + r.HTTP, "SLIPWAY_HTTPS=" + r.HTTPS, "SLIPWAY_DNS=" + r.DNS, "SLIPWAY_REGISTRY=" + r.Registry,
		"CLOUDFLARE_BASE_URL=http://" + r.API + "/client/v4", "CLOUDFLARE_API_TOKEN=" + token,
	}
	if key.Token != "" {
		env = append(env, "AWS_SESSION_TOKEN="+key.Token)
	}
	return env, nil
}
