package cloudflare

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/dnsserver"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// NameServers are what every zone is delegated to.
var NameServers = []string{"ns1.engine.slipway.internal", "ns2.engine.slipway.internal"}

// zoneJSON is a zone as the API shows it.
func (s *Service) zoneJSON(z *Zone) map[string]any {
	return map[string]any{
		"id": z.ID, "name": z.Name, "status": "active", "paused": z.Paused, "type": z.Type, "development_mode": 0,
		"name_servers": NameServers, "original_name_servers": nil, "original_registrar": nil, "original_dnshost": nil,
		"created_on": stamp(z.Created), "modified_on": stamp(z.Modified), "activated_on": stamp(z.Created),
		"account": map[string]any{"id": s.account(), "name": "engine"}, "owner": map[string]any{"id": nil, "type": "user", "email": nil},
		"permissions": []string{"#dns_records:edit", "#dns_records:read", "#zone:read", "#zone:edit"},
		"plan":        map[string]any{"id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "name": "Free Website", "price": 0, "currency": "USD", "frequency": "", "is_subscribed": false, "can_subscribe": false, "legacy_id": "free", "legacy_discount": false, "externally_managed": false},
		"meta":        map[string]any{"step": 4, "custom_certificate_quota": 0, "page_rule_quota": 3, "phishing_detected": false},
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func (s *Service) listZones(r *request) (any, *pageInfo, error) {
	q := r.URL.Query()
	var all []any
	var zones []*Zone
	for z := range Zones.All(s.env.Store.View(), s.scope()) {
		if !matches(q.Get("name"), z.Name) || (q.Get("status") != "" && q.Get("status") != "active") {
			continue
		}
		if a := q.Get("account.id"); a != "" && a != s.account() {
			continue
		}
		zones = append(zones, z)
	}
	slices.SortFunc(zones, func(a, b *Zone) int { return strings.Compare(a.Name, b.Name) })
	for _, z := range zones {
		all = append(all, s.zoneJSON(z))
	}
	if all == nil {
		all = []any{}
	}
	return box(page(r, all, 20, 50))
}

// matches is a filter by name: exact, or with an operator before it.
func matches(filter, name string) bool {
	op, value, has := strings.Cut(filter, ":")
	if !has {
		return filter == "" || strings.EqualFold(filter, name)
	}
	value = strings.ToLower(value)
	switch op {
	case "equal":
		return value == name
	case "not_equal":
		return value != name
	case "starts_with":
		return strings.HasPrefix(name, value)
	case "ends_with":
		return strings.HasSuffix(name, value)
	case "contains", "starts_with_case_sensitive", "contains_case_sensitive":
		return strings.Contains(name, value)
	}
	return false
}

func (s *Service) createZone(r *request) (any, *pageInfo, error) {
	var in struct{ Name, Type string }
	if err := r.body(&in); err != nil {
		return nil, nil, err
	}
	name := strings.ToLower(strings.TrimSuffix(in.Name, "."))
	if in.Type == "" {
		in.Type = "full"
	}
	switch {
	case !strings.Contains(name, ".") || dnsserver.Check(dnsserver.Record{Name: name, Type: "A", Data: "127.0.0.1"}) != nil:
		return nil, nil, refuse(http.StatusBadRequest, 1001, "Invalid zone name: "+in.Name)
	case in.Type != "full":
		return nil, nil, refuse(http.StatusBadRequest, 1093, "Zones of the type "+in.Type+" are not served by the slipway engine: use full")
	}
	now := s.env.Now()
	z := &Zone{ID: ids.Hex(32), Name: name, Type: in.Type, Created: now, Modified: now}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		if _, taken := byName.One(tx, s.scope(), name); taken {
			return refuse(http.StatusBadRequest, 1061, name+" already exists")
		}
		Zones.Put(tx, s.scope(), z)
		return nil
	})
	return s.zoneJSON(z), nil, err
}

func (s *Service) getZone(r *request) (any, *pageInfo, error) { return s.zoneJSON(r.zone), nil, nil }

func (s *Service) editZone(r *request) (any, *pageInfo, error) {
	var in struct{ Paused *bool }
	if err := r.body(&in); err != nil {
		return nil, nil, err
	}
	z := *r.zone
	if in.Paused != nil {
		z.Paused = *in.Paused
	}
	z.Modified = s.env.Now()
	err := s.env.Store.Update(func(tx *state.Tx) error {
		if Zones.Has(tx, s.scope(), z.ID) {
			Zones.Put(tx, s.scope(), &z)
		}
		return nil
	})
	return s.zoneJSON(&z), nil, err
}

func (s *Service) deleteZone(r *request) (any, *pageInfo, error) {
	err := s.env.Store.Update(func(tx *state.Tx) error {
		for rec := range Records.Prefix(tx, s.scope(), r.zone.ID+" ") {
			Records.Delete(tx, s.scope(), Records.Key(rec))
		}
		Zones.Delete(tx, s.scope(), r.zone.ID)
		return nil
	})
	return map[string]string{"id": r.zone.ID}, nil, err
}

// purge checks what is to be purged. The engine has no cache in front of the
// load balancer, so that is all there is to do.
func (s *Service) purge(r *request) (any, *pageInfo, error) {
	var in map[string]any
	if err := r.body(&in); err != nil {
		return nil, nil, err
	}
	if in["purge_everything"] == true {
		return map[string]string{"id": r.zone.ID}, nil, nil
	}
	for _, kind := range []string{"files", "tags", "hosts", "prefixes"} {
		list, ok := in[kind].([]any)
		if ok && len(list) > 0 {
			if len(list) > 30 {
				return nil, nil, refuse(http.StatusBadRequest, 1095, fmt.Sprintf("Purging by %s is limited to 30 in a request", kind))
			}
			return map[string]string{"id": r.zone.ID}, nil, nil
		}
	}
	return nil, nil, refuse(http.StatusBadRequest, 1012, "Request must contain one of purge_everything, files, tags, hosts or prefixes")
}
