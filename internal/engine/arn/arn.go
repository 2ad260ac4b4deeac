// Package arn builds and takes apart Amazon Resource Names. Services use it for
// the names they give and are given.
package arn

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/engine/state"
)

// ARN is a resource's name: arn:aws:service:region:account:resource.
type ARN struct {
	Service, Region, Account string
	// Resource is what follows the account: "cluster/web", "user/travis",
	// "targetgroup/web/0123".
	Resource string
}

// New is the name of a resource of a service in a scope.
func New(service string, scope state.Scope, resource string) string {
	return "arn:aws:" + service + ":" + scope.Region + ":" + scope.Account + ":" + resource
}

// Parse takes a name apart; ok is false when it is none.
func Parse(s string) (a ARN, ok bool) {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || p[0] != "arn" || !strings.HasPrefix(p[1], "aws") || p[2] == "" || p[5] == "" {
		return ARN{}, false
	}
	return ARN{p[2], p[3], p[4], p[5]}, true
}

// Scope is the account and region in the name.
func (a ARN) Scope() state.Scope { return state.Scope{Account: a.Account, Region: a.Region} }

// After is what follows the kind in the resource, "web" in "cluster/web" after
// "cluster/"; ok is false when the resource is of another kind.
func (a ARN) After(kind string) (name string, ok bool) { return strings.CutPrefix(a.Resource, kind) }
