package taskmetadata

import (
	"net/http"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

const (
	// lifetime is how long a task's credentials are good for, as on ECS.
	lifetime = 6 * time.Hour
	// renewal is how long before their end others are given out. SDKs ask again
	// five to fifteen minutes before it.
	renewal = time.Hour
)

// sessions are the credentials that were given out last, so that a container
// that asks often does not fill IAM's tables.
type sessions struct {
	mu     sync.Mutex
	byTask map[string]iam.Credentials // by the task's ARN and the role's
}

func (s *sessions) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.byTask)
}

// credentialsAnswer is as the container credentials endpoint answers.
type credentialsAnswer struct {
	RoleArn, AccessKeyId, SecretAccessKey, Token, Expiration string
}

func (s *Server) noID(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusBadRequest, "NoIdInRequest", "CredentialsV2Request: No ID in the request")
}

func (s *Server) credentials(w http.ResponseWriter, r *http.Request) {
	about, t, err := s.unseal(id(r), "credentials")
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidIdInRequest", "CredentialsV2Request: Credentials not found")
		return
	}
	role := roleOf(s.env.Store.View(), about.Scope, t)
	c, err := s.session(t, role)
	if err != nil {
		s.env.Log.Error("credentials of a task's role", "task", t.ARN, "role", role, "error", err)
		refuse(w, http.StatusServiceUnavailable, "CredentialsUninitialized", "CredentialsV2Request: Credentials uninitialized for ID")
		return
	}
	answer(w, http.StatusOK, credentialsAnswer{role, c.AccessKeyID, c.SecretAccessKey, c.SessionToken, c.Expiration.UTC().Format(time.RFC3339)})
}

// session is the role's session named after the task, a new one when the last
// one nears its end.
func (s *Server) session(t *ecs.Task, role string) (c iam.Credentials, err error) {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	now := s.env.Now()
	key := t.ARN + " " + role
	if c, ok := s.sessions.byTask[key]; ok && now.Before(c.Expiration.Add(-renewal)) {
		if _, kept := iam.SessionByKey(s.env.Store.View(), c.AccessKeyID); kept { // a reset forgets it
			return c, nil
		}
	}
	err = s.env.Store.Update(func(tx *state.Tx) error {
		c, err = s.roles.IssueRoleSession(tx, role, t.ID, lifetime)
		return err
	})
	if err != nil {
		return c, err
	}
	for other, old := range s.sessions.byTask {
		if !now.Before(old.Expiration.Add(-renewal)) {
			delete(s.sessions.byTask, other)
		}
	}
	s.sessions.byTask[key] = c
	return c, nil
}
