// Package cloudflare serves Cloudflare's API for DNS (/client/v4): zones and
// their records, cache purges, token verification, in Cloudflare's envelope and
// with its error codes. It only keeps what it is given; the DNS server answers
// from its tables (package engine puts the two together).
//
// Called by the engine's API port.
package cloudflare

import (
	"cmp"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

// Zone is a domain.
type Zone struct {
	ID, Name          string
	Type              string
	Paused            bool
	Created, Modified time.Time
}

// Record is a DNS record of a zone.
type Record struct {
	ID, Zone          string
	Name, Type        string
	Content           string
	TTL               int
	Priority          *int           `json:",omitempty"`
	Data              map[string]any `json:",omitempty"`
	Proxied           bool
	Comment           string
	Tags              []string
	Settings          map[string]any `json:",omitempty"`
	Created, Modified time.Time
}

// Token is the API token that the engine made.
type Token struct {
	ID     string
	Sealed vault.Sealed
}

// The tables. They are the engine's account's, without a region.
var (
	Zones   = state.NewTable("cloudflare.zone", func(z *Zone) string { return z.ID })
	Records = state.NewTable("cloudflare.record", func(r *Record) string { return r.Zone + " " + r.ID })
	Tokens  = state.NewTable("cloudflare.token", func(t *Token) string { return t.ID })

	byName   = state.NewIndex(Zones, func(z *Zone) []string { return []string{z.Name} })
	byRecord = state.NewIndex(Records, func(r *Record) []string { return []string{r.Zone + " " + r.Name} })

	// Tables are all of the service's.
	Tables = []state.AnyTable{Zones, Records, Tokens}
)

// Service answers the API.
type Service struct {
	env   *operation.Env
	mux   *http.ServeMux
	token string
	id    string
	// endpoints are the patterns that mux serves.
	endpoints []string
}

// Endpoints are the methods and paths that are served, in the order of the paths.
func (s *Service) Endpoints() []string {
	return slices.SortedFunc(slices.Values(s.endpoints), func(a, b string) int {
		verb, path, _ := strings.Cut(a, " ")
		otherVerb, otherPath, _ := strings.Cut(b, " ")
		return cmp.Or(strings.Compare(path, otherPath), strings.Compare(verb, otherVerb))
	})
}

// New is the service, with the token that it makes the first time.
func New(env *operation.Env) (*Service, error) {
	s := &Service{env: env, mux: http.NewServeMux()}
	if err := s.Prepare(); err != nil {
		return nil, err
	}
	for pattern, h := range map[string]handler{
		"GET /client/v4/user/tokens/verify":                   s.verifyToken,
		"GET /client/v4/user":                                 s.user,
		"GET /client/v4/accounts":                             s.accounts,
		"GET /client/v4/zones":                                s.listZones,
		"POST /client/v4/zones":                               s.createZone,
		"GET /client/v4/zones/{zone}":                         s.inZone(s.getZone),
		"PATCH /client/v4/zones/{zone}":                       s.inZone(s.editZone),
		"DELETE /client/v4/zones/{zone}":                      s.inZone(s.deleteZone),
		"PUT /client/v4/zones/{zone}/activation_check":        s.inZone(s.getZone),
		"POST /client/v4/zones/{zone}/purge_cache":            s.inZone(s.purge),
		"GET /client/v4/zones/{zone}/dns_records":             s.inZone(s.listRecords),
		"POST /client/v4/zones/{zone}/dns_records":            s.inZone(s.createRecord),
		"POST /client/v4/zones/{zone}/dns_records/batch":      s.inZone(s.batch),
		"GET /client/v4/zones/{zone}/dns_records/export":      s.inZone(s.export),
		"GET /client/v4/zones/{zone}/dns_records/{record}":    s.inZone(s.getRecord),
		"PUT /client/v4/zones/{zone}/dns_records/{record}":    s.inZone(s.putRecord),
		"PATCH /client/v4/zones/{zone}/dns_records/{record}":  s.inZone(s.patchRecord),
		"DELETE /client/v4/zones/{zone}/dns_records/{record}": s.inZone(s.deleteRecord),
	} {
		s.mux.Handle(pattern, s.serve(h))
		s.endpoints = append(s.endpoints, pattern)
	}
	s.mux.Handle("/", s.serve(unserved))
	return s, nil
}

// Prepare makes the token where there is none yet.
func (s *Service) Prepare() error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		for t := range Tokens.All(tx, s.scope()) {
			plain, err := s.env.Vault.Open(t.Sealed)
			s.id, s.token = t.ID, string(plain)
			return err
		}
		if s.token == "" { // after a reset the old one stays good
			s.id, s.token = ids.Hex(32), ids.Mixed(40)
		}
		Tokens.Put(tx, s.scope(), &Token{s.id, s.env.Vault.Seal([]byte(s.token))})
		return nil
	})
}

// Token is the API token in the clear.
func (s *Service) Token() string { return s.token }

func (s *Service) scope() state.Scope { return state.Scope{Account: s.env.Account} }

// account is the account's id, which Cloudflare writes as 32 hexadecimal digits.
func (s *Service) account() string { return strings.Repeat("0", 20) + s.env.Account }

// ServeHTTP answers a request below /client/v4.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// request is an authenticated request.
type request struct {
	*http.Request
	zone *Zone // of the path, if it has one
}

// handler does one operation. Its result goes into the envelope.
type handler func(r *request) (result any, info *pageInfo, err error)

// fault is an error in Cloudflare's form.
type fault struct {
	status, code int
	message      string
}

func (f *fault) Error() string { return strconv.Itoa(f.code) + ": " + f.message }

func refuse(status, code int, message string) error { return &fault{status, code, message} }

// pageInfo is the result_info of a list.
type pageInfo struct {
	Page       int `json:"page"`
	PerPage    int `json:"per_page"`
	Count      int `json:"count"`
	TotalCount int `json:"total_count"`
	TotalPages int `json:"total_pages"`
}

type message struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// envelope is around every answer.
type envelope struct {
	Result     any       `json:"result"`
	Success    bool      `json:"success"`
	Errors     []message `json:"errors"`
	Messages   []message `json:"messages"`
	ResultInfo *pageInfo `json:"result_info,omitempty"`
}

// text is a result that is no JSON.
type text string

func (s *Service) serve(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var result any
		var info *pageInfo
		err := s.authenticate(r)
		if err == nil {
			result, info, err = h(&request{Request: r})
		}
		if plain, ok := result.(text); ok && err == nil {
			io.WriteString(w, string(plain))
			return
		}
		e := envelope{Result: result, Success: err == nil, Errors: []message{}, Messages: []message{}, ResultInfo: info}
		status := http.StatusOK
		if err != nil {
			status, e.Result, e.ResultInfo = s.failed(&e, err), nil, nil
		}
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(e)
		s.env.Log.Info("request", "service", "cloudflare", "operation", r.Method+" "+r.URL.Path, "status", status)
	})
}

func (s *Service) failed(e *envelope, err error) int {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		s.env.Log.Error("cloudflare request broke", "error", err)
		f = &fault{500, 10000, "Internal error; the engine's log has it"}
	}
	e.Errors = append(e.Errors, message{f.code, f.message})
	return f.status
}

// authenticate takes the token as a bearer, and nothing else: the old global
// key with its e-mail header opens too much.
func (s *Service) authenticate(r *http.Request) error {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case r.Header.Get("X-Auth-Key") != "":
		return refuse(http.StatusForbidden, 9103, "Unknown X-Auth-Key or X-Auth-Email: use an API token")
	case !ok:
		return refuse(http.StatusBadRequest, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
	case subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) != 1:
		if strings.HasSuffix(r.URL.Path, "/user/tokens/verify") {
			return refuse(http.StatusUnauthorized, 1000, "Invalid API Token")
		}
		return refuse(http.StatusForbidden, 9109, "Invalid access token")
	}
	return nil
}

// unserved refuses what no pattern is for, by its name.
func unserved(r *request) (any, *pageInfo, error) {
	return nil, nil, refuse(http.StatusNotFound, 7000, "No route for that URI: the engine does not serve "+r.Method+" "+r.URL.Path+"; docs/coverage.md lists what it serves")
}

// inZone looks the path's zone up first.
func (s *Service) inZone(h handler) handler {
	return func(r *request) (any, *pageInfo, error) {
		id := r.PathValue("zone")
		z, ok := Zones.Get(s.env.Store.View(), s.scope(), id)
		if !ok {
			return nil, nil, refuse(http.StatusNotFound, 7003, "Could not route to /client/v4/zones/"+id+", perhaps your object identifier is invalid?")
		}
		r.zone = z
		return h(r)
	}
}

// body reads a JSON body, bounded.
func (r *request) body(into any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	if err := d.Decode(into); err != nil {
		return refuse(http.StatusBadRequest, 9207, "Request body is invalid: "+err.Error())
	}
	return nil
}

// page cuts a list as ?page= and ?per_page= say.
func page[T any](r *request, all []T, normal, most int) ([]T, *pageInfo, error) {
	n, size := 1, normal
	for name, to := range map[string]*int{"page": &n, "per_page": &size} {
		if v := r.URL.Query().Get(name); v != "" {
			i, err := strconv.Atoi(v)
			if err != nil || i < 1 {
				return nil, nil, refuse(http.StatusBadRequest, 1004, "Invalid value for "+name)
			}
			*to = i
		}
	}
	size = min(size, most)
	info := &pageInfo{Page: n, PerPage: size, TotalCount: len(all), TotalPages: (len(all) + size - 1) / size}
	from := min((n-1)*size, len(all))
	out := all[from:min(from+size, len(all))]
	info.Count = len(out)
	return out, info, nil
}

func (s *Service) verifyToken(*request) (any, *pageInfo, error) {
	return map[string]string{"id": s.id, "status": "active"}, nil, nil
}

func (s *Service) user(*request) (any, *pageInfo, error) {
	return map[string]any{"id": s.account(), "email": "root@engine.slipway", "suspended": false}, nil, nil
}

func (s *Service) accounts(r *request) (any, *pageInfo, error) {
	return page2(r, []any{map[string]any{"id": s.account(), "name": "engine", "type": "standard"}})
}

func page2(r *request, all []any) (any, *pageInfo, error) { return box(page(r, all, 20, 50)) }

func box[T any](list []T, info *pageInfo, err error) (any, *pageInfo, error) { return list, info, err }
