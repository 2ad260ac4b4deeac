package ec2

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Token remembers what a request with a client token made, so that the request
// can be sent again without making it twice ("Ensuring idempotency").
type Token struct {
	Operation, Token string
	// Input is a digest of the request.
	Input string
	ID    string
	At    time.Time
}

// tokens is the table.
var tokens = state.NewTable("ec2.token", func(t *Token) string { return t.Operation + " " + t.Token })

// remembered is how long a token counts.
const remembered = 24 * time.Hour

// once does what makes a resource, unless a request with the same token has done
// so; it is the resource's id.
func (s *Service) once(tx *state.Tx, scope state.Scope, operation string, token *string, in any, do func() (string, error)) (string, error) {
	if awsapi.V(token) == "" {
		return do()
	}
	digest, err := digestOf(in)
	if err != nil {
		return "", err
	}
	if old, ok := tokens.Get(tx, scope, operation+" "+*token); ok {
		if old.Input != digest {
			return "", awsapi.Errorf("IdempotentParameterMismatch", 400, "The client token '%s' was used by an earlier request with other parameters.", *token)
		}
		return old.ID, nil
	}
	id, err := do()
	if err == nil {
		tokens.Put(tx, scope, &Token{operation, *token, digest, id, s.env.Now()})
	}
	return id, err
}

func digestOf(in any) (string, error) {
	b, err := json.Marshal(in)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), err
}
