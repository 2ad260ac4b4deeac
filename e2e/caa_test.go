package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
)

// zone makes a zone and a record by Cloudflare's API.
func (e *engine) zone(name string, record map[string]any) {
	e.t.Helper()
	call := func(path string, body any) string {
		text, err := json.Marshal(body)
		if err != nil {
			e.t.Fatal(err)
		}
		req, err := http.NewRequest("POST", e.lookup("CLOUDFLARE_BASE_URL")+path, bytes.NewReader(text))
		if err != nil {
			e.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+e.lookup("CLOUDFLARE_API_TOKEN"))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			e.t.Fatal(err)
		}
		defer res.Body.Close()
		var answer struct {
			Success bool
			Errors  []struct{ Message string }
			Result  struct{ ID string }
		}
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || !answer.Success {
			e.t.Fatalf("%s: %v %+v", path, err, answer)
		}
		return answer.Result.ID
	}
	call("/zones/"+call("/zones", map[string]any{"name": name, "type": "full"})+"/dns_records", record)
}

// A certificate that nobody will issue is told before anything is changed.
func TestACertificateThatCAAForbidsIsRefused(t *testing.T) {
	t.Parallel()
	needs(t, "git")
	a := &application{engine: start(t, "--simulate"), dir: t.TempDir()}
	a.zone("slipway.test", map[string]any{"type": "CAA", "name": "slipway.test", "data": map[string]any{"flags": 0, "tag": "issue", "value": "letsencrypt.org"}})
	a.write("slipway.yaml", shipFile)
	a.write("Dockerfile", "FROM scratch\nCOPY ship /ship\n")
	a.git("init", "-q", "-b", "release/playground")
	a.tag("v1.0.0", "serve")
	a.runs(1, []string{"up"}, `^error: slipway\.yaml:\d+:\d+: the certificate for ship\.slipway\.test cannot be issued: the CAA record of slipway\.test allows letsencrypt\.org only; add 0 issue "amazon\.com"; nothing was changed`)
	if got := a.aws("ecs", "list-clusters", "--query", "length(clusterArns)"); got != "0" {
		t.Errorf("%s clusters were made", got)
	}
}
