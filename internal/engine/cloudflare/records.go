package cloudflare

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/engine/dnsserver"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// recordInput is a record as a client writes it; absent members are nil.
type recordInput struct {
	ID       string         `json:"id"`
	Name     *string        `json:"name"`
	Type     *string        `json:"type"`
	Content  *string        `json:"content"`
	TTL      *float64       `json:"ttl"`
	Priority *int           `json:"priority"`
	Data     map[string]any `json:"data"`
	Proxied  *bool          `json:"proxied"`
	Comment  *string        `json:"comment"`
	Tags     []string       `json:"tags"`
	Settings map[string]any `json:"settings"`
}

// recordJSON is a record as the API shows it.
func recordJSON(z *Zone, r *Record) map[string]any {
	out := map[string]any{
		"id": r.ID, "zone_id": z.ID, "zone_name": z.Name, "name": r.Name, "type": r.Type, "content": r.Content, "ttl": r.TTL, "proxied": r.Proxied,
		"proxiable": proxiable(r.Type), "comment": nil, "tags": r.Tags, "meta": map[string]any{}, "settings": r.Settings,
		"created_on": stamp(r.Created), "modified_on": stamp(r.Modified),
	}
	if r.Comment != "" {
		out["comment"] = r.Comment
	}
	if r.Tags == nil {
		out["tags"] = []string{}
	}
	if r.Settings == nil {
		out["settings"] = map[string]any{}
	}
	if r.Priority != nil {
		out["priority"] = *r.Priority
	}
	if r.Data != nil {
		out["data"] = r.Data
	}
	return out
}

func proxiable(kind string) bool { return kind == "A" || kind == "AAAA" || kind == "CNAME" }

// apply puts what the input has over the record.
func (in *recordInput) apply(z *Zone, r *Record) {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&r.Name, in.Name)
	set(&r.Type, in.Type)
	set(&r.Content, in.Content)
	set(&r.Comment, in.Comment)
	r.Type = strings.ToUpper(r.Type)
	if in.TTL != nil {
		r.TTL = int(*in.TTL)
	}
	if in.Priority != nil {
		r.Priority = in.Priority
	}
	if in.Proxied != nil {
		r.Proxied = *in.Proxied
	}
	if in.Tags != nil {
		r.Tags = in.Tags
	}
	if in.Settings != nil {
		r.Settings = in.Settings
	}
	if in.Data != nil {
		r.Data, r.Content = in.Data, fromData(r.Type, in.Data)
	}
	r.Name = qualified(strings.ToLower(r.Name), z.Name)
	if r.Type == "CNAME" || r.Type == "MX" || r.Type == "NS" {
		r.Content = strings.TrimSuffix(strings.ToLower(r.Content), ".")
	}
	if r.TTL == 0 || r.Proxied {
		r.TTL = 1
	}
}

// qualified is a record's full name: @ and a name without the zone are completed.
func qualified(name, zone string) string {
	name = strings.TrimSuffix(name, ".")
	if name == "@" || name == zone || name == "" {
		return zone
	}
	if strings.HasSuffix(name, "."+zone) {
		return name
	}
	return name + "." + zone
}

// fromData writes the content of the types whose parts stand in data.
func fromData(kind string, d map[string]any) string {
	part := func(names ...string) []any {
		var out []any
		for _, n := range names {
			out = append(out, d[n])
		}
		return out
	}
	switch kind {
	case "CAA":
		return fmt.Sprintf("%v %v %q", part("flags", "tag", "value")...)
	case "SRV":
		return fmt.Sprintf("%v %v %v", part("weight", "port", "target")...)
	}
	return ""
}

// rdata is a record's data as a zone file has it.
func rdata(r *Record) string {
	if (r.Type == "MX" || r.Type == "SRV") && r.Priority != nil {
		return fmt.Sprintf("%d %s", *r.Priority, r.Content)
	}
	return r.Content
}

// check refuses what Cloudflare refuses of a single record.
func (r *Record) check(z *Zone) error {
	bad := func(code int, format string, args ...any) error {
		return refuse(http.StatusBadRequest, code, fmt.Sprintf(format, args...))
	}
	addr, addrErr := netip.ParseAddr(r.Content)
	switch {
	case !slices.Contains([]string{"A", "AAAA", "CNAME", "TXT", "MX", "NS", "SRV", "CAA", "PTR"}, r.Type):
		return bad(9004, "DNS record type %q is not served by the slipway engine, or no type", r.Type)
	case r.TTL != 1 && (r.TTL < 60 || r.TTL > 86400):
		return bad(9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.")
	case r.Type == "A" && (addrErr != nil || !addr.Is4()):
		return bad(9005, "Content for A record must be a valid IPv4 address.")
	case r.Type == "AAAA" && (addrErr != nil || !addr.Is6()):
		return bad(9006, "Content for AAAA record must be a valid IPv6 address.")
	case r.Content == "":
		return bad(9209, "DNS record content is required.")
	case r.Type == "CNAME" && r.Content == r.Name:
		return bad(9015, "CNAME content cannot reference itself.")
	case r.Type == "MX" && r.Priority == nil:
		return bad(9100, "MX record must have a valid priority.")
	case r.Proxied && !proxiable(r.Type):
		return bad(9041, "This DNS record cannot be proxied.")
	case utf8.RuneCountInString(r.Comment) > 100 || strings.ContainsAny(r.Comment, "\r\n"):
		return bad(9301, "DNS record comment must be at most 100 characters on one line.")
	case len(r.Tags) > 0:
		return bad(9300, "DNS record has 1 tag(s), exceeding the quota of 0: tags need a paid plan.")
	}
	if err := dnsserver.Check(dnsserver.Record{Name: r.Name, Type: r.Type, Data: rdata(r), TTL: 300}); err != nil {
		return bad(9009, "DNS record is invalid: %s", err)
	}
	return nil
}

// checkOthers refuses a record that does not go with the others of its name.
func (s *Service) checkOthers(tx *state.Tx, r *Record) error {
	for o := range byRecord.Get(tx, s.scope(), r.Zone+" "+r.Name) {
		if o.ID == r.ID {
			continue
		}
		switch {
		case o.Type == r.Type && o.Content == r.Content && o.priority() == r.priority():
			return refuse(http.StatusBadRequest, 81058, "An identical record already exists.")
		case o.Type == "CNAME" || r.Type == "CNAME":
			return refuse(http.StatusBadRequest, 81053, "An A, AAAA, or CNAME record with that host already exists.")
		}
	}
	return nil
}

func (r *Record) priority() int {
	if r.Priority == nil {
		return -1
	}
	return *r.Priority
}

func (s *Service) put(tx *state.Tx, z *Zone, r *Record) error {
	if err := r.check(z); err != nil {
		return err
	}
	if err := s.checkOthers(tx, r); err != nil {
		return err
	}
	Records.Put(tx, s.scope(), r)
	return nil
}

func (s *Service) find(tx *state.Tx, z *Zone, id string) (*Record, error) {
	r, ok := Records.Get(tx, s.scope(), z.ID+" "+id)
	if !ok {
		return nil, refuse(http.StatusNotFound, 81044, "Record does not exist.")
	}
	return r, nil
}

func (s *Service) create(tx *state.Tx, z *Zone, in *recordInput) (*Record, error) {
	now := s.env.Now()
	r := &Record{ID: ids.Hex(32), Zone: z.ID, Created: now, Modified: now}
	in.apply(z, r)
	return r, s.put(tx, z, r)
}

// change replaces a record (PUT) or changes members of it (PATCH).
func (s *Service) change(tx *state.Tx, z *Zone, id string, in *recordInput, replace bool) (*Record, error) {
	old, err := s.find(tx, z, id)
	if err != nil {
		return nil, err
	}
	r := *old
	if replace {
		r = Record{ID: old.ID, Zone: old.Zone, Created: old.Created}
	}
	r.Modified = s.env.Now()
	in.apply(z, &r)
	return &r, s.put(tx, z, &r)
}

// edit runs one change of records and shows the record that comes of it.
func (s *Service) edit(r *request, do func(tx *state.Tx, in *recordInput) (*Record, error)) (any, *pageInfo, error) {
	var in recordInput
	if err := r.body(&in); err != nil {
		return nil, nil, err
	}
	var made *Record
	err := s.env.Store.Update(func(tx *state.Tx) (err error) {
		made, err = do(tx, &in)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return recordJSON(r.zone, made), nil, nil
}

func (s *Service) createRecord(r *request) (any, *pageInfo, error) {
	return s.edit(r, func(tx *state.Tx, in *recordInput) (*Record, error) { return s.create(tx, r.zone, in) })
}

func (s *Service) putRecord(r *request) (any, *pageInfo, error) {
	return s.edit(r, func(tx *state.Tx, in *recordInput) (*Record, error) {
		return s.change(tx, r.zone, r.PathValue("record"), in, true)
	})
}

func (s *Service) patchRecord(r *request) (any, *pageInfo, error) {
	return s.edit(r, func(tx *state.Tx, in *recordInput) (*Record, error) {
		return s.change(tx, r.zone, r.PathValue("record"), in, false)
	})
}

func (s *Service) getRecord(r *request) (any, *pageInfo, error) {
	rec, err := s.find(s.env.Store.View(), r.zone, r.PathValue("record"))
	if err != nil {
		return nil, nil, err
	}
	return recordJSON(r.zone, rec), nil, nil
}

func (s *Service) deleteRecord(r *request) (any, *pageInfo, error) {
	id := r.PathValue("record")
	err := s.env.Store.Update(func(tx *state.Tx) error {
		rec, err := s.find(tx, r.zone, id)
		if err == nil {
			Records.Delete(tx, s.scope(), Records.Key(rec))
		}
		return err
	})
	return map[string]string{"id": id}, nil, err
}

// batch does deletes, patches, puts and posts, in this order, all or none.
func (s *Service) batch(r *request) (any, *pageInfo, error) {
	var in struct{ Deletes, Patches, Puts, Posts []recordInput }
	if err := r.body(&in); err != nil {
		return nil, nil, err
	}
	if n := len(in.Deletes) + len(in.Patches) + len(in.Puts) + len(in.Posts); n == 0 || n > 200 {
		return nil, nil, refuse(http.StatusBadRequest, 9207, "A batch has 1 to 200 operations.")
	}
	out := map[string][]any{"deletes": {}, "patches": {}, "puts": {}, "posts": {}}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		for _, d := range in.Deletes {
			rec, err := s.find(tx, r.zone, d.ID)
			if err != nil {
				return err
			}
			Records.Delete(tx, s.scope(), Records.Key(rec))
			out["deletes"] = append(out["deletes"], recordJSON(r.zone, rec))
		}
		for _, step := range []struct {
			name string
			list []recordInput
			do   func(in *recordInput) (*Record, error)
		}{
			{"patches", in.Patches, func(in *recordInput) (*Record, error) { return s.change(tx, r.zone, in.ID, in, false) }},
			{"puts", in.Puts, func(in *recordInput) (*Record, error) { return s.change(tx, r.zone, in.ID, in, true) }},
			{"posts", in.Posts, func(in *recordInput) (*Record, error) { return s.create(tx, r.zone, in) }},
		} {
			for i := range step.list {
				rec, err := step.do(&step.list[i])
				if err != nil {
					return err
				}
				out[step.name] = append(out[step.name], recordJSON(r.zone, rec))
			}
		}
		return nil
	})
	return out, nil, err
}

func (s *Service) listRecords(r *request) (any, *pageInfo, error) {
	q := r.URL.Query()
	var found []*Record
	for rec := range Records.Prefix(s.env.Store.View(), s.scope(), r.zone.ID+" ") {
		if wanted(q, rec) {
			found = append(found, rec)
		}
	}
	slices.SortFunc(found, order(q.Get("order"), q.Get("direction") == "desc"))
	all := []any{}
	for _, rec := range found {
		all = append(all, recordJSON(r.zone, rec))
	}
	return box(page(r, all, 100, 5_000_000))
}

// wanted tells whether a record passes the query's filters; with match=any one
// of them is enough.
func wanted(q url.Values, r *Record) bool {
	passed, tried := 0, 0
	for key, values := range q {
		field, op, _ := strings.Cut(key, ".")
		value, known := map[string]string{"name": r.Name, "content": r.Content, "type": r.Type, "comment": r.Comment, "proxied": fmt.Sprint(r.Proxied)}[field]
		if field == "search" {
			value, known, op = r.Name+" "+r.Content+" "+r.Comment+" "+r.Type, true, "contains"
		}
		if !known {
			continue
		}
		tried++
		if compare(op, strings.ToLower(value), strings.ToLower(values[0])) {
			passed++
		}
	}
	if q.Get("match") == "any" {
		return tried == 0 || passed > 0
	}
	return passed == tried
}

func compare(op, value, with string) bool {
	switch op {
	case "", "exact":
		return value == with
	case "contains":
		return strings.Contains(value, with)
	case "startswith":
		return strings.HasPrefix(value, with)
	case "endswith":
		return strings.HasSuffix(value, with)
	case "present":
		return value != ""
	case "absent":
		return value == ""
	}
	return false
}

func order(by string, descending bool) func(a, b *Record) int {
	return func(a, b *Record) int {
		c := 0
		switch by {
		case "content":
			c = strings.Compare(a.Content, b.Content)
		case "ttl":
			c = cmp.Compare(a.TTL, b.TTL)
		case "type":
			c = strings.Compare(a.Type, b.Type)
		default:
			c = strings.Compare(a.Name, b.Name)
		}
		if descending {
			c = -c
		}
		return cmp.Or(c, a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	}
}

// export is the zone as a zone file.
func (s *Service) export(r *request) (any, *pageInfo, error) {
	var b strings.Builder
	fmt.Fprintf(&b, ";; Domain: %s.\n", r.zone.Name)
	for rec := range Records.Prefix(s.env.Store.View(), s.scope(), r.zone.ID+" ") {
		content := rdata(rec)
		if rec.Type == "CNAME" || rec.Type == "MX" || rec.Type == "NS" {
			content += "."
		}
		fmt.Fprintf(&b, "%s.\t%d\tIN\t%s\t%s\n", rec.Name, rec.TTL, rec.Type, content)
	}
	return text(b.String()), nil, nil
}

// DNS is the zones as the DNS server takes them.
func DNS(tx *state.Tx, account string) []dnsserver.Zone {
	scope := state.Scope{Account: account}
	var zones []dnsserver.Zone
	for z := range Zones.All(tx, scope) {
		out := dnsserver.Zone{Name: z.Name, NameServers: NameServers}
		for r := range Records.Prefix(tx, scope, z.ID+" ") {
			ttl := r.TTL
			if ttl == 1 {
				ttl = 300
			}
			out.Records = append(out.Records, dnsserver.Record{Name: r.Name, Type: r.Type, TTL: uint32(ttl), Data: rdata(r), Flatten: r.Proxied})
		}
		zones = append(zones, out)
	}
	return zones
}
