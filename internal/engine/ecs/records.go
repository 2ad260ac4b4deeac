package ecs

import (
	"time"

	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Tables is every table of the package, for state.Open.
var Tables = []state.AnyTable{
	Clusters, CapacityProviders, Instances, Usages, Families, Definitions, Services, Events,
	ServiceDeployments, ServiceRevisions, Tasks, Tallies, Settings, Tokens, Departures,
}

// key is the key of a row that lives in a cluster or in another row. Names hold
// letters, digits, "-" and "_" only, so "/" keeps them apart.
func key(parent, name string) string { return parent + "/" + name }

// Setting is one account setting, of a principal or the account's default.
type Setting struct {
	// Principal is an ARN, or DefaultPrincipal.
	Principal   string
	Name, Value string
}

// DefaultPrincipal stands for everybody who has no setting of their own.
const DefaultPrincipal = "default"

// Settings are the account settings under "principal/name".
var Settings = state.NewTable("ecs.setting", func(s *Setting) string { return key(s.Principal, s.Name) })

// Token remembers what a request with a client token made, so that its
// repetition answers the same.
type Token struct {
	// Key is the operation, the cluster and the caller's token.
	Key string
	// Request is a digest of the request; another one is a conflict.
	Request string
	// Made is the keys of the rows that it made.
	Made []string
}

// Tokens are the client tokens by key.
var Tokens = state.NewTable("ecs.token", func(t *Token) string { return t.Key })

// Departure is a row that lingers until its time: a stopped task, an inactive
// service or cluster, a token.
type Departure struct {
	At    time.Time
	Table string
	Key   string
}

// Departures are the rows that linger, those that go first before the others.
var Departures = state.NewTable("ecs.departure", func(d *Departure) string {
	return d.At.UTC().Format("2006-01-02T15:04:05.000000000") + " " + d.Table + " " + d.Key
})
