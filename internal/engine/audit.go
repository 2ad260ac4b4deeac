package engine

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// Decision is one question that IAM was asked, and its answer. CloudTrail tells
// of calls; this tells what each call has to be allowed: several actions, some of
// them on resources that the request does not name.
type Decision struct {
	Time      time.Time `json:"time"`
	Request   string    `json:"request,omitempty"`
	Caller    string    `json:"caller"`
	AccessKey string    `json:"accessKey,omitempty"`
	UserAgent string    `json:"userAgent,omitempty"`
	Action    string    `json:"action"`
	Resource  string    `json:"resource"`
	// Keys are the condition keys that came with the question beside the global
	// ones.
	Keys    map[string][]string `json:"keys,omitempty"`
	Allowed bool                `json:"allowed"`
}

// trail writes decisions, one JSON object a line, in the order of the answers.
type trail struct {
	mu  sync.Mutex
	out *json.Encoder
}

func newTrail(w io.Writer) *trail {
	if w == nil {
		return nil
	}
	return &trail{out: json.NewEncoder(w)}
}

// audit notes a decision where that was asked for. A trail that can't be written
// is the log's to tell: who may do what does not hang on it.
func (e *Engine) audit(c *operation.Caller, need operation.Need, allowed bool) {
	if e.trail == nil {
		return
	}
	e.trail.mu.Lock()
	defer e.trail.mu.Unlock()
	err := e.trail.out.Encode(Decision{Time: e.cfg.Now(), Request: c.RequestID, Caller: c.ARN, AccessKey: c.AccessKey, UserAgent: c.UserAgent,
		Action: need.Action, Resource: need.Resource, Keys: need.Keys, Allowed: allowed})
	if err != nil {
		e.cfg.Log.Error("audit", "error", err)
	}
}
