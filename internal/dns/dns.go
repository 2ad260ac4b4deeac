// Package dns writes the names that a deploy needs: a host's CNAME or alias to its
// load balancer and the records that prove a certificate's domain. One small
// interface, a file for each provider. Cloud calls it.
package dns

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Record is one name.
type Record struct {
	// ID is the provider's.
	ID, Name, Type, Content string
	Proxied                 bool
	Comment                 string
	// Alias is the hosted zone of the load balancer that Content names: where the
	// provider has alias records, one is written instead of a CNAME, and with IPv6
	// one for AAAA too. Other providers don't look at it.
	Alias string
	IPv6  bool
}

// Provider keeps zones.
type Provider interface {
	// Name is the provider's, for messages.
	Name() string
	// Find is the records of a name that are of the type or stand in its way: a
	// CNAME stands alone, so for one all records of the name are.
	Find(ctx context.Context, name, kind string) ([]Record, error)
	// Put writes a record, in the place of the one whose ID it has.
	Put(ctx context.Context, r Record) error
	// Remove takes one away; one that is gone already is no error.
	Remove(ctx context.Context, r Record) error
}

// Reacher is a provider that can tell, changing nothing, whether it would write a
// name.
type Reacher interface {
	Reach(ctx context.Context, name string) (Reach, error)
}

// Reach is what the credentials can do for a name.
type Reach struct {
	// Zone is the zone that holds it; "" is none yet, which Put makes.
	Zone string
	// ReadOnly is whether the zone may be read and not written.
	ReadOnly bool
	// Pending is whether the zone is not in force: the registrar's name servers are
	// others.
	Pending bool
}

// ErrZone is the error of a name in no zone that the credentials can see.
var ErrZone = errors.New("no zone")

// ByHand is the error of a record that somebody has to write by hand. What waits
// for it goes on waiting.
type ByHand struct{ Record Record }

func (e *ByHand) Error() string {
	return fmt.Sprintf("write this record by hand: %s %s %s", e.Record.Name, e.Record.Type, e.Record.Content)
}

// None is the provider of names that somebody else keeps: it has no record and
// says which ones to write.
type None struct{}

// Name implements Provider.
func (None) Name() string { return "none" }

// Find implements Provider.
func (None) Find(context.Context, string, string) ([]Record, error) { return nil, nil }

// Put implements Provider.
func (None) Put(_ context.Context, r Record) error {
	return &ByHand{r}
}

// Remove implements Provider.
func (None) Remove(context.Context, Record) error { return nil }

// Within tells whether a name is in a zone.
func Within(name, zone string) bool {
	name, zone = Bare(name), Bare(zone)
	return name == zone || strings.HasSuffix(name, "."+zone)
}

// Bare is a name without the dot at its end, in lower case.
func Bare(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
