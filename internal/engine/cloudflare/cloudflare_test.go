package cloudflare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

type rig struct {
	*Service
	t *testing.T
}

func newRig(t *testing.T) *rig {
	store := state.InMemory(Tables...)
	t.Cleanup(func() { store.Close() })
	s, err := New(&operation.Env{Store: store, Vault: vault.New([32]byte{1}), Now: time.Now, Log: slog.New(slog.DiscardHandler), Account: "000000000000"})
	if err != nil {
		t.Fatal(err)
	}
	return &rig{s, t}
}

// answer is an envelope, taken apart.
type answer struct {
	Status  int
	Success bool
	Result  json.RawMessage
	Errors  []message
	Info    *pageInfo `json:"result_info"`
}

func (a answer) code() int {
	if len(a.Errors) == 0 {
		return 0
	}
	return a.Errors[0].Code
}

func (r *rig) call(method, path string, body any) answer {
	r.t.Helper()
	return r.send(method, path, body, "Bearer "+r.Token())
}

func (r *rig) send(method, path string, body any, authorization string) answer {
	r.t.Helper()
	var in io.Reader
	if body != nil {
		b, _ := json.Marshal(body)
		in = bytes.NewReader(b)
	}
	req := httptest.NewRequest(method, "/client/v4"+path, in)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	a := answer{Status: w.Code}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		r.t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
	}
	return a
}

func (r *rig) zone(name string) string {
	r.t.Helper()
	a := r.call("POST", "/zones", map[string]any{"name": name})
	var z struct{ ID string }
	if json.Unmarshal(a.Result, &z); z.ID == "" {
		r.t.Fatalf("creating %s: %+v", name, a)
	}
	return z.ID
}

type object = map[string]any

func TestOnlyTheTokenOpens(t *testing.T) {
	r := newRig(t)
	for auth, want := range map[string]struct{ status, code int }{"": {400, 9106}, "Bearer wrong": {403, 9109}, "Basic eDp5": {400, 9106}} {
		if a := r.send("GET", "/zones", nil, auth); a.Status != want.status || a.code() != want.code || a.Success {
			t.Errorf("%q: %+v", auth, a)
		}
	}
	if a := r.send("GET", "/user/tokens/verify", nil, "Bearer wrong"); a.Status != 401 || a.code() != 1000 {
		t.Errorf("%+v", a)
	}
	if a := r.call("GET", "/user/tokens/verify", nil); !a.Success || !strings.Contains(string(a.Result), `"active"`) {
		t.Errorf("%+v", a)
	}
}

func TestZones(t *testing.T) {
	r := newRig(t)
	id := r.zone("Example.com.")
	if a := r.call("POST", "/zones", object{"name": "example.com"}); a.code() != 1061 {
		t.Errorf("the same zone twice: %+v", a)
	}
	if a := r.call("POST", "/zones", object{"name": "localhost"}); a.Success {
		t.Errorf("%+v", a)
	}
	if a := r.call("GET", "/zones?name=example.com", nil); a.Info.TotalCount != 1 {
		t.Errorf("%+v", a.Info)
	}
	if a := r.call("GET", "/zones?name=example.org", nil); a.Info.TotalCount != 0 {
		t.Errorf("%+v", a.Info)
	}
	if a := r.call("GET", "/zones/"+id+"/settings/ssl", nil); a.Status != http.StatusNotFound || a.code() != 7000 || !strings.Contains(a.Errors[0].Message, "/settings/ssl") {
		t.Errorf("an endpoint that is not served: %+v", a)
	}
	if a := r.call("DELETE", "/zones/"+id, nil); !a.Success {
		t.Errorf("%+v", a)
	}
	if a := r.call("GET", "/zones/"+id, nil); a.Status != http.StatusNotFound || a.code() != 7003 {
		t.Errorf("%+v", a)
	}
}

func TestRecordsThatCloudflareRefuses(t *testing.T) {
	r := newRig(t)
	path := "/zones/" + r.zone("example.com") + "/dns_records"
	r.call("POST", path, object{"type": "A", "name": "www", "content": "192.0.2.1"})
	r.call("POST", path, object{"type": "CNAME", "name": "alias", "content": "www.example.com"})
	tests := []struct {
		in   object
		code int
	}{
		{object{"type": "A", "name": "x", "content": "::1"}, 9005},
		{object{"type": "AAAA", "name": "x", "content": "192.0.2.1"}, 9006},
		{object{"type": "A", "name": "x", "content": "192.0.2.1", "ttl": 30}, 9021},
		{object{"type": "A", "name": "www", "content": "192.0.2.1"}, 81058},
		{object{"type": "CNAME", "name": "www", "content": "example.org"}, 81053},
		{object{"type": "A", "name": "alias", "content": "192.0.2.1"}, 81053},
		{object{"type": "CNAME", "name": "self", "content": "self.example.com"}, 9015},
		{object{"type": "TXT", "name": "x", "content": "a", "proxied": true}, 9041},
		{object{"type": "MX", "name": "x", "content": "mail.example.com"}, 9100},
		{object{"type": "WKS", "name": "x", "content": "a"}, 9004},
		{object{"type": "A", "name": "x", "content": "192.0.2.1", "comment": strings.Repeat("c", 101)}, 9301},
	}
	for _, tt := range tests {
		if a := r.call("POST", path, tt.in); a.code() != tt.code || a.Status != 400 {
			t.Errorf("%v: %+v, want %d", tt.in, a, tt.code)
		}
	}
}

func TestARecordIsChangedAndFound(t *testing.T) {
	r := newRig(t)
	zone := r.zone("example.com")
	path := "/zones/" + zone + "/dns_records"
	var made struct{ ID, Name string }
	json.Unmarshal(r.call("POST", path, object{"type": "A", "name": "www", "content": "192.0.2.1", "comment": "by hand"}).Result, &made)
	if made.Name != "www.example.com" {
		t.Fatalf("the name was not completed: %+v", made)
	}
	r.call("PATCH", path+"/"+made.ID, object{"content": "192.0.2.2"})
	var got struct{ Content, Comment string }
	json.Unmarshal(r.call("GET", path+"/"+made.ID, nil).Result, &got)
	if got.Content != "192.0.2.2" || got.Comment != "by hand" {
		t.Errorf("after PATCH: %+v", got)
	}
	r.call("PUT", path+"/"+made.ID, object{"type": "A", "name": "www", "content": "192.0.2.3"})
	got.Comment = "" // null leaves what is there
	json.Unmarshal(r.call("GET", path+"/"+made.ID, nil).Result, &got)
	if got.Content != "192.0.2.3" || got.Comment != "" {
		t.Errorf("PUT replaces all: %+v", got)
	}
	for query, want := range map[string]int{"?name=www.example.com": 1, "?type=CNAME": 0, "?content.startswith=192.0": 1, "?name=x&type=A&match=any": 1, "?name=x&type=A": 0, "?search=www": 1} {
		if a := r.call("GET", path+query, nil); a.Info.TotalCount != want {
			t.Errorf("%s: %d records, want %d", query, a.Info.TotalCount, want)
		}
	}
	if a := r.call("DELETE", path+"/"+made.ID, nil); !a.Success {
		t.Errorf("%+v", a)
	}
	if a := r.call("DELETE", path+"/"+made.ID, nil); a.code() != 81044 {
		t.Errorf("%+v", a)
	}
}

func TestABatchIsAllOrNothing(t *testing.T) {
	r := newRig(t)
	path := "/zones/" + r.zone("example.com") + "/dns_records"
	a := r.call("POST", path+"/batch", object{"posts": []object{{"type": "A", "name": "a", "content": "192.0.2.1"}, {"type": "A", "name": "b", "content": "no address"}}})
	if a.Success || a.code() != 9005 {
		t.Errorf("%+v", a)
	}
	if a := r.call("GET", path, nil); a.Info.TotalCount != 0 {
		t.Errorf("%d records of a batch that failed", a.Info.TotalCount)
	}
	if a := r.call("POST", path+"/batch", object{"posts": []object{{"type": "A", "name": "a", "content": "192.0.2.1"}}}); !a.Success {
		t.Errorf("%+v", a)
	}
}

func TestPages(t *testing.T) {
	r := newRig(t)
	path := "/zones/" + r.zone("example.com") + "/dns_records"
	for i := range 5 {
		r.call("POST", path, object{"type": "A", "name": fmt.Sprint("h", i), "content": "192.0.2.1"})
	}
	a := r.call("GET", path+"?per_page=2&page=3", nil)
	if diff := cmp.Diff(&pageInfo{Page: 3, PerPage: 2, Count: 1, TotalCount: 5, TotalPages: 3}, a.Info); diff != "" {
		t.Error(diff)
	}
}

func TestDNSHasWhatTheAPIHas(t *testing.T) {
	r := newRig(t)
	zone := r.zone("example.com")
	r.call("POST", "/zones/"+zone+"/dns_records", object{"type": "CNAME", "name": "www", "content": "lb.example.org", "proxied": true})
	zones := DNS(r.env.Store.View(), "000000000000")
	if len(zones) != 1 || len(zones[0].Records) != 1 {
		t.Fatalf("%+v", zones)
	}
	if rec := zones[0].Records[0]; rec.Name != "www.example.com" || rec.Data != "lb.example.org" || !rec.Flatten || rec.TTL != 300 {
		t.Errorf("%+v", rec)
	}
}

func TestPurge(t *testing.T) {
	r := newRig(t)
	path := "/zones/" + r.zone("example.com") + "/purge_cache"
	if a := r.call("POST", path, object{"files": []string{"https://example.com/"}}); !a.Success {
		t.Errorf("%+v", a)
	}
	if a := r.call("POST", path, object{}); a.code() != 1012 {
		t.Errorf("%+v", a)
	}
}
