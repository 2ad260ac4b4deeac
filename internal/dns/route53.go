package dns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// Route53 keeps names in the public hosted zones of an AWS account. A name that
// leads to a load balancer is an alias, which may stand at a zone's apex where a
// CNAME may not and costs no query
// (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html).
type Route53 struct {
	client *route53.Client
	only   string
	spread time.Duration

	mu    sync.Mutex
	zones []hosted
}

// hosted is a public hosted zone.
type hosted struct{ id, name string }

// NewRoute53 takes a client and the zone to write in, its name or id; "" is the
// longest one that a host fits in.
func NewRoute53(client *route53.Client, zone string) *Route53 {
	return &Route53{client: client, only: zone, spread: 2 * time.Minute}
}

// Name implements Provider.
func (p *Route53) Name() string { return "route53" }

// zone is the id of the zone that the name is in.
func (p *Route53) zone(ctx context.Context, name string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.zones == nil {
		pages := route53.NewListHostedZonesPaginator(p.client, &route53.ListHostedZonesInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return "", spoken("reading hosted zones", err)
			}
			for _, z := range page.HostedZones {
				if z.Config == nil || !z.Config.PrivateZone {
					p.zones = append(p.zones, hosted{strings.TrimPrefix(aws.ToString(z.Id), "/hostedzone/"), Bare(aws.ToString(z.Name))})
				}
			}
		}
	}
	id, err := choose(p.zones, p.only, name)
	if err != nil {
		return "", fmt.Errorf("%w in Route 53 holds %s: %s", ErrZone, name, err)
	}
	return id, nil
}

// Reach implements Reacher. Whether records may be written shows when one is: IAM
// tells it to nobody before.
func (p *Route53) Reach(ctx context.Context, name string) (Reach, error) {
	id, err := p.zone(ctx, name)
	if err != nil {
		return Reach{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.zones, func(z hosted) bool { return z.id == id })
	return Reach{Zone: p.zones[i].name}, nil
}

// choose gives the id of the longest zone that holds the name; only narrows it
// to one zone. Two public zones of one name are told apart by id alone: which of
// them the registrar leads to, nothing here says.
func choose(zones []hosted, only, name string) (string, error) {
	var best []hosted
	for _, z := range zones {
		if !Within(name, z.name) || only != "" && z.id != only && z.name != Bare(only) {
			continue
		}
		switch {
		case len(best) == 0 || len(z.name) > len(best[0].name):
			best = []hosted{z}
		case z.name == best[0].name:
			best = append(best, z)
		}
	}
	switch {
	case len(best) == 1:
		return best[0].id, nil
	case len(best) > 1:
		return "", fmt.Errorf("%d public zones are called %s; name one by its id: dns: {provider: route53, zone: %s}", len(best), best[0].name, best[0].id)
	case only != "":
		return "", fmt.Errorf("dns.zone %s is no public zone of this account that the host is in", only)
	}
	return "", errors.New("make a public hosted zone for its domain and lead the registrar's name servers there, or write dns: cloudflare or dns: none")
}

// Find implements Provider.
func (p *Route53) Find(ctx context.Context, name, kind string) ([]Record, error) {
	zone, err := p.zone(ctx, name)
	if err != nil {
		return nil, err
	}
	sets, err := p.sets(ctx, zone, name)
	if err != nil {
		return nil, err
	}
	var list []Record
	for _, s := range sets {
		if stands(s.Type) && kind == "CNAME" || string(s.Type) == kind {
			list = append(list, read(s)...)
		}
	}
	return list, nil
}

// stands tells whether a record of the type stands in the way of a CNAME or an
// alias.
func stands(t types.RRType) bool {
	return t == types.RRTypeA || t == types.RRTypeAaaa || t == types.RRTypeCname
}

// sets are the record sets of exactly that name: the API lists from a name on.
func (p *Route53) sets(ctx context.Context, zone, name string) ([]types.ResourceRecordSet, error) {
	out, err := p.client.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{HostedZoneId: &zone, StartRecordName: aws.String(Bare(name) + "."), MaxItems: aws.Int32(100)})
	if err != nil {
		return nil, spoken("reading records of "+name, err)
	}
	return slices.DeleteFunc(out.ResourceRecordSets, func(s types.ResourceRecordSet) bool { return unescape(aws.ToString(s.Name)) != Bare(name) }), nil
}

// unescape is a name as people write it: the API gives * as \052.
func unescape(name string) string { return Bare(strings.ReplaceAll(name, `\052`, "*")) }

// read gives what a record set says. An alias of a load balancer may have been
// written by the console, which puts dualstack. before its name.
func read(s types.ResourceRecordSet) []Record {
	r := Record{ID: string(s.Type), Name: unescape(aws.ToString(s.Name)), Type: string(s.Type)}
	if s.AliasTarget != nil {
		r.Content, r.Alias = strings.TrimPrefix(Bare(aws.ToString(s.AliasTarget.DNSName)), "dualstack."), aws.ToString(s.AliasTarget.HostedZoneId)
		return []Record{r}
	}
	var list []Record
	for _, v := range s.ResourceRecords {
		r.Content = Bare(aws.ToString(v.Value))
		list = append(list, r)
	}
	return list
}

// Put implements Provider. A record with Alias becomes one, and Put returns once
// all name servers have it: a resolver that asks too early remembers that there
// is nothing. What ACM asks for is asked again and needs no waiting.
func (p *Route53) Put(ctx context.Context, r Record) error {
	zone, err := p.zone(ctx, r.Name)
	if err != nil {
		return err
	}
	have, err := p.sets(ctx, zone, r.Name)
	if err != nil {
		return err
	}
	changes, err := replacing(r, have)
	if err != nil {
		return err
	}
	out, err := p.client.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{HostedZoneId: &zone, ChangeBatch: &types.ChangeBatch{Changes: changes, Comment: comment(r.Comment)}})
	if err != nil {
		return spoken("writing "+r.Name, err)
	}
	if r.Alias == "" || out.ChangeInfo.Status == types.ChangeStatusInsync {
		return nil
	}
	err = route53.NewResourceRecordSetsChangedWaiter(p.client, func(o *route53.ResourceRecordSetsChangedWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Second, 5*time.Second
	}).Wait(ctx, &route53.GetChangeInput{Id: out.ChangeInfo.Id}, p.spread)
	if err != nil {
		return spoken("waiting until all name servers know "+r.Name, err)
	}
	return nil
}

func comment(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// replacing is the batch that puts r in the place of what has its name: all of it
// or nothing happens. A name with a routing policy is somebody's own work.
func replacing(r Record, have []types.ResourceRecordSet) ([]types.Change, error) {
	var wanted []types.ResourceRecordSet
	switch {
	case r.Alias != "":
		target := &types.AliasTarget{DNSName: aws.String(Bare(r.Content)), HostedZoneId: aws.String(r.Alias), EvaluateTargetHealth: false}
		for _, t := range []types.RRType{types.RRTypeA, types.RRTypeAaaa} {
			if t == types.RRTypeA || r.IPv6 {
				wanted = append(wanted, types.ResourceRecordSet{Name: aws.String(Bare(r.Name)), Type: t, AliasTarget: target})
			}
		}
	default:
		wanted = []types.ResourceRecordSet{{Name: aws.String(Bare(r.Name)), Type: types.RRType(r.Type), TTL: aws.Int64(300), ResourceRecords: []types.ResourceRecord{{Value: aws.String(Bare(r.Content))}}}}
	}
	var changes []types.Change
	for _, s := range have {
		if !stands(s.Type) {
			continue
		}
		if s.SetIdentifier != nil {
			return nil, fmt.Errorf("route53: %s %s has a routing policy (%s); slipway doesn't change it: write the record by hand and set dns: none, or remove it", r.Name, s.Type, *s.SetIdentifier)
		}
		if !slices.ContainsFunc(wanted, func(w types.ResourceRecordSet) bool { return w.Type == s.Type }) {
			changes = append(changes, types.Change{Action: types.ChangeActionDelete, ResourceRecordSet: &s})
		}
	}
	for i := range wanted {
		changes = append(changes, types.Change{Action: types.ChangeActionUpsert, ResourceRecordSet: &wanted[i]})
	}
	return changes, nil
}

// Remove implements Provider. The API wants every value repeated as it stands, so
// the record is read again.
func (p *Route53) Remove(ctx context.Context, r Record) error {
	zone, err := p.zone(ctx, r.Name)
	if err != nil {
		return err
	}
	have, err := p.sets(ctx, zone, r.Name)
	if err != nil {
		return err
	}
	var changes []types.Change
	for _, s := range have {
		if string(s.Type) == r.Type && slices.ContainsFunc(read(s), func(x Record) bool { return x.Content == r.Content }) {
			changes = append(changes, types.Change{Action: types.ChangeActionDelete, ResourceRecordSet: &s})
		}
	}
	if len(changes) == 0 {
		return nil
	}
	_, err = p.client.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{HostedZoneId: &zone, ChangeBatch: &types.ChangeBatch{Changes: changes}})
	if err != nil && strings.Contains(err.Error(), "not found") { // gone meanwhile
		return nil
	}
	return spoken("removing "+r.Name, err)
}

// spoken is an error with what was done.
func spoken(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("route53: %s: %w", what, err)
}
