package cloudflare

import (
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

// FuzzRecords posts any body as a record and asks any query for the list. Every
// answer is an envelope; a record that was taken is listed, is found under its
// own name and type, and can be served by the DNS server.
func FuzzRecords(f *testing.F) {
	for _, body := range []string{
		`{"type":"A","name":"www","content":"192.0.2.1","ttl":60,"proxied":true}`,
		`{"type":"MX","name":"example.com","content":"mail.example.com","priority":10}`,
		`{"type":"TXT","name":"_x","content":"\"a\" \"b\"","comment":"c","tags":["a:b"]}`,
		`{"type":"CAA","name":"@","data":{"flags":0,"tag":"issue","value":"a.example"}}`,
		`{"type":"SRV","name":"_a._tcp","data":{"priority":1,"weight":2,"port":3,"target":"b"}}`,
		`{"type":"AAAA","name":"*.a","content":"2001:DB8::1","ttl":1e9}`,
	} {
		f.Add(body, "name=www.example.com&type=A&order=name&direction=desc&per_page=5&page=2")
	}
	f.Add(`[]`, "name.contains=w&content.startswith=1&match=any&search=x&tag=a:b&comment.present=")
	f.Fuzz(func(t *testing.T, body, query string) {
		if _, err := url.ParseQuery(query); err != nil || strings.ContainsAny(query, " #\x7f") || strings.ContainsFunc(query, func(r rune) bool { return r < ' ' }) {
			return // net/http refuses it
		}
		store := state.InMemory(Tables...)
		defer store.Close()
		s, err := New(&operation.Env{Store: store, Vault: vault.New([32]byte{1}), Now: time.Now, Log: slog.New(slog.DiscardHandler), Account: "000000000000"})
		if err != nil {
			t.Fatal(err)
		}
		call := func(method, path, body string, result any) bool {
			req := httptest.NewRequest(method, "/client/v4/"+path, strings.NewReader(body))
			req.Header.Set("Authorization", "Bearer "+s.Token())
			w := httptest.NewRecorder()
			s.ServeHTTP(w, req)
			var envelope struct {
				Success bool
				Result  json.RawMessage
				Errors  []message
			}
			if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil {
				t.Fatalf("%s %s %q: no envelope: %s", method, path, body, w.Body)
			}
			if w.Code >= 500 || envelope.Success != (w.Code == 200) || envelope.Success == (len(envelope.Errors) > 0) {
				t.Fatalf("%s %s %q: %d %s", method, path, body, w.Code, w.Body)
			}
			if envelope.Success && json.Unmarshal(envelope.Result, result) != nil {
				t.Fatalf("%s %s %q: another result: %s", method, path, body, w.Body)
			}
			return envelope.Success
		}
		var zone struct{ ID string }
		if !call("POST", "zones", `{"name":"example.com"}`, &zone) {
			t.Fatal("no zone")
		}
		records := "zones/" + zone.ID + "/dns_records"
		var made Record
		taken := call("POST", records, body, &made)
		var listed []Record
		call("GET", records+"?"+query, "", &listed)
		if taken && !call("GET", records+"/"+made.ID, "", &made) {
			t.Fatalf("the record of %q is gone", body)
		}
		if taken && (!call("GET", records+"?"+url.Values{"name": {made.Name}, "type": {made.Type}}.Encode(), "", &listed) || len(listed) != 1) {
			t.Fatalf("the record %+v of %q is not listed by its name", made, body)
		}
		if DNS(store.View(), "000000000000") == nil {
			t.Fatal("the zone is not served")
		}
	})
}
