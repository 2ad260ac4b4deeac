package dns

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	cfdns "github.com/cloudflare/cloudflare-go/v6/dns"
	"github.com/cloudflare/cloudflare-go/v6/option"
	"github.com/cloudflare/cloudflare-go/v6/zones"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// Cloudflare keeps names in Cloudflare's zones, through an API token that may
// read zones and edit their DNS.
type Cloudflare struct {
	zones   *zones.ZoneService
	records *cfdns.RecordService
	create  bool
	// only and account narrow down which zones are looked at.
	only, account string

	mu    sync.Mutex
	known map[string]string // zone's name → id
}

// NewCloudflare takes the API's base URL ("" is Cloudflare's own) and a token.
// With makeZones a name in no zone gets one: the engine's zones are nobody's
// property.
func NewCloudflare(base, token string, makeZones bool) *Cloudflare {
	options := []option.RequestOption{option.WithAPIToken(token), option.WithMaxRetries(5), option.WithMiddleware(refusals), option.WithHeader("User-Agent", "app/slipway")}
	if base != "" {
		options = append(options, option.WithBaseURL(strings.TrimSuffix(base, "/")+"/"))
	} else {
		options = append(options, option.WithEnvironmentProduction())
	}
	return &Cloudflare{zones: zones.NewZoneService(options...), records: cfdns.NewRecordService(options...), create: makeZones, known: map[string]string{}}
}

// Narrow makes it look at one zone (its name or id) and one account's zones
// alone; "" is all that the token sees.
func (c *Cloudflare) Narrow(zone, account string) *Cloudflare {
	c.only, c.account = zone, account
	return c
}

// hexadecimal ids of 32 characters are what Cloudflare calls its zones.
var zoneID = lazyregexp.New(`^[0-9a-f]{32}$`)

// Name implements Provider.
func (c *Cloudflare) Name() string { return "cloudflare" }

// zone is the id of the zone that the name is in: the longest that there is.
func (c *Cloudflare) zone(ctx context.Context, name string) (string, error) {
	ctx = listening(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if zoneID.MatchString(c.only) {
		return c.only, nil
	}
	if c.only != "" && !Within(name, c.only) {
		return "", fmt.Errorf("%w: dns.zone is %s and %s is not in it", ErrZone, c.only, name)
	}
	labels := strings.Split(Bare(name), ".")
	for i := range labels[:max(len(labels)-1, 0)] {
		candidate := strings.Join(labels[i:], ".")
		if c.only != "" && candidate != Bare(c.only) {
			continue
		}
		if id := c.known[candidate]; id != "" {
			return id, nil
		}
		var list zones.ZoneListParams
		list.Name.Value, list.Name.Present = candidate, true
		list.Account.Value.ID.Value, list.Account.Value.ID.Present = c.account, c.account != ""
		list.Account.Present = c.account != ""
		page, err := c.zones.List(ctx, list)
		if err != nil {
			return "", explain(ctx, "reading zones", err)
		}
		if len(page.Result) > 0 {
			c.known[candidate] = page.Result[0].ID
			return page.Result[0].ID, nil
		}
	}
	if !c.create || len(labels) < 2 {
		return "", fmt.Errorf("%w at Cloudflare that the token can read holds %s; give the token Zone:Read and DNS:Edit for its zone", ErrZone, name)
	}
	apex := strings.Join(labels[len(labels)-2:], ".")
	var made zones.ZoneNewParams
	made.Name.Value, made.Name.Present = apex, true
	made.Type.Value, made.Type.Present = zones.TypeFull, true
	z, err := c.zones.New(ctx, made)
	if err := explain(ctx, "making zone "+apex, err); isCode(err, 1061) { // it exists: the answer of a call before was lost
		var list zones.ZoneListParams
		list.Name.Value, list.Name.Present = apex, true
		if page, err := c.zones.List(ctx, list); err == nil && len(page.Result) > 0 {
			c.known[apex] = page.Result[0].ID
			return page.Result[0].ID, nil
		}
	}
	if err != nil {
		return "", explain(ctx, "making zone "+apex, err)
	}
	c.known[apex] = z.ID
	return z.ID, nil
}

// Reach implements Reacher.
func (c *Cloudflare) Reach(ctx context.Context, name string) (Reach, error) {
	ctx = listening(ctx)
	if zoneID.MatchString(c.only) {
		var params zones.ZoneGetParams
		params.ZoneID.Value, params.ZoneID.Present = c.only, true
		z, err := c.zones.Get(ctx, params)
		if err != nil {
			return Reach{}, explain(ctx, "reading zone "+c.only, err)
		}
		return reach(*z), nil
	}
	all := c.zones.ListAutoPaging(ctx, zones.ZoneListParams{})
	best := Reach{}
	for all.Next() {
		z := all.Current()
		if Within(name, z.Name) && len(z.Name) > len(best.Zone) && (c.only == "" || Bare(c.only) == Bare(z.Name)) && (c.account == "" || z.Account.ID == c.account) {
			best = reach(z)
		}
	}
	if err := all.Err(); err != nil {
		return Reach{}, explain(ctx, "reading zones", err)
	}
	if best.Zone == "" && !c.create {
		return Reach{}, fmt.Errorf("%w at Cloudflare that the token can read holds %s; give the token Zone:Read and DNS:Edit for its zone", ErrZone, name)
	}
	return best, nil
}

// reach is what a zone says of itself. A token sees its own permissions there,
// though not of all kinds of tokens: none at all means nothing.
func reach(z zones.Zone) Reach {
	may := z.Permissions //lint:ignore SA1019 account memberships, which are to replace it, are not what a token of one zone may read
	edit := slices.Contains(may, "#dns_records:edit")
	return Reach{Zone: z.Name, Pending: z.Status == zones.ZoneStatusPending || z.Status == zones.ZoneStatusInitializing,
		ReadOnly: !edit && slices.Contains(may, "#dns_records:read")}
}

// Find implements Provider.
func (c *Cloudflare) Find(ctx context.Context, name, kind string) ([]Record, error) {
	ctx = listening(ctx)
	zone, err := c.zone(ctx, name)
	if err != nil {
		return nil, err
	}
	var list []Record
	var params cfdns.RecordListParams
	params.ZoneID.Value, params.ZoneID.Present = zone, true
	params.Name.Present = true
	params.Name.Value.Exact.Value, params.Name.Value.Exact.Present = Bare(name), true
	pages := c.records.ListAutoPaging(ctx, params)
	for pages.Next() {
		r := pages.Current()
		if kind == "CNAME" && (r.Type == "A" || r.Type == "AAAA" || r.Type == "CNAME") || string(r.Type) == kind {
			list = append(list, Record{ID: r.ID, Name: Bare(r.Name), Type: string(r.Type), Content: Bare(r.Content), Proxied: r.Proxied, Comment: r.Comment})
		}
	}
	return list, explain(ctx, "reading records of "+name, pages.Err())
}

// Put implements Provider.
func (c *Cloudflare) Put(ctx context.Context, r Record) error {
	ctx = listening(ctx)
	zone, err := c.zone(ctx, r.Name)
	if err != nil {
		return err
	}
	var body cfdns.CNAMERecordParam
	body.Name.Value, body.Name.Present = Bare(r.Name), true
	body.Type.Value, body.Type.Present = cfdns.CNAMERecordTypeCNAME, true
	body.Content.Value, body.Content.Present = Bare(r.Content), true
	body.TTL.Value, body.TTL.Present = 1, true // automatic
	body.Proxied.Value, body.Proxied.Present = r.Proxied, true
	body.Comment.Value, body.Comment.Present = r.Comment, r.Comment != ""
	if r.ID == "" {
		params := cfdns.RecordNewParams{Body: body}
		params.ZoneID.Value, params.ZoneID.Present = zone, true
		_, err = c.records.New(ctx, params)
		if e := explain(ctx, "writing "+r.Name, err); isCode(e, 81053, 81057, 81058) { // identical, or one of the name is there
			have, found := c.Find(ctx, r.Name, "CNAME")
			if found != nil || len(have) == 0 {
				return errors.Join(e, found)
			}
			if have[0].Content == Bare(r.Content) && have[0].Proxied == r.Proxied {
				return nil
			}
			r.ID = have[0].ID
			return c.Put(ctx, r)
		}
	} else {
		params := cfdns.RecordUpdateParams{Body: body}
		params.ZoneID.Value, params.ZoneID.Present = zone, true
		_, err = c.records.Update(ctx, r.ID, params)
	}
	return explain(ctx, "writing "+r.Name, err)
}

// Remove implements Provider.
func (c *Cloudflare) Remove(ctx context.Context, r Record) error {
	ctx = listening(ctx)
	zone, err := c.zone(ctx, r.Name)
	if err != nil {
		return err
	}
	var params cfdns.RecordDeleteParams
	params.ZoneID.Value, params.ZoneID.Present = zone, true
	_, err = c.records.Delete(ctx, r.ID, params)
	err = explain(ctx, "removing "+r.Name, err)
	if e, ok := errors.AsType[*refusal](err); ok && e.status == http.StatusNotFound {
		return nil
	}
	return err
}

// refusal is an answer of the API that is no success, in Cloudflare's words.
type refusal struct {
	status, code int
	message      string
}

// isCode tells whether an error is a refusal with one of Cloudflare's codes.
func isCode(err error, codes ...int) bool {
	e, ok := errors.AsType[*refusal](err)
	return ok && slices.Contains(codes, e.code)
}

func (e *refusal) Error() string { return fmt.Sprintf("%s (code %d)", e.message, e.code) }

// refusals notes why a request was refused. The client's own error type lives in
// its root package, which links every product that Cloudflare has.
func refusals(r *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	res, err := next(r)
	if err != nil || res.StatusCode < 400 || res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500 {
		return res, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return res, err
	}
	var envelope struct {
		Errors []struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if said, ok := r.Context().Value(refusal{}).(*refusal); ok && json.Unmarshal(body, &envelope) == nil && len(envelope.Errors) > 0 {
		*said = refusal{res.StatusCode, envelope.Errors[0].Code, envelope.Errors[0].Message}
	}
	return res, nil
}

// listening is a context in which refusals says why a request was refused.
func listening(ctx context.Context) context.Context {
	return context.WithValue(ctx, refusal{}, new(refusal))
}

// explain is an error in Cloudflare's own words, where it had any.
func explain(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if said, ok := ctx.Value(refusal{}).(*refusal); ok && said.status != 0 {
		err = said
	}
	return fmt.Errorf("cloudflare: %s: %w", what, err)
}
