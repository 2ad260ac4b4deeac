package logs

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// Group is a log group.
type Group struct {
	Name string
	// ID names its streams in the archive: a group made anew under an old name
	// has none of the old one's events.
	ID        string
	Created   int64 // milliseconds
	Retention int   `json:",omitempty"` // days; 0 is for ever
	Class     api.LogGroupClass
	KMSKey    string `json:",omitempty"`
	Protected bool   `json:",omitempty"`
	Tags      tagging.Set
}

// Groups is the table.
var Groups = state.NewTable("logs.group", func(g *Group) string { return g.Name })

// Tables are all of the service's.
var Tables = []state.AnyTable{Groups}

// ARN is a group's, without the star that some answers have behind it.
func ARN(scope state.Scope, name string) string { return arn.New("logs", scope, "log-group:"+name) }

// either is a group's name from a request that takes a name or an identifier,
// which may be an ARN.
func either(name, identifier *string) *string {
	if name != nil {
		return name
	}
	return identifier
}

// nameOf is a group's name, of itself or out of its ARN.
func nameOf(identifier *string) *string {
	a, ok := arn.Parse(awsapi.V(identifier))
	if !ok {
		return identifier
	}
	name, ok := strings.CutPrefix(a.Resource, "log-group:")
	if !ok {
		return identifier
	}
	return new(strings.TrimSuffix(name, ":*"))
}

// group is the one of a name or an ARN, which must be of the caller's account and
// region.
func group(tx *state.Tx, scope state.Scope, name *string) (*Group, error) {
	if a, ok := arn.Parse(awsapi.V(name)); ok && a.Scope() != scope {
		return nil, noGroup()
	}
	g, ok := Groups.Get(tx, scope, awsapi.V(nameOf(name)))
	if !ok {
		return nil, noGroup()
	}
	return g, nil
}
