package e2e

import (
	"os/exec"
	"strings"
	"testing"
)

// Several things are broken at once, and each is named with its cause and what to
// do; the others are looked at all the same.
func TestTheDoctorNamesAllThatIsBroken(t *testing.T) {
	needs(t, "git")
	t.Parallel()
	a := &application{engine: start(t, "--simulate"), dir: t.TempDir()}
	a.zone("slipway.test", map[string]any{"type": "CAA", "name": "slipway.test", "data": map[string]any{"flags": 0, "tag": "issue", "value": "letsencrypt.org"}})
	a.write("slipway.yaml", shipFile)
	a.write("Dockerfile", "FROM scratch\nCOPY ship /ship\n")
	a.git("init", "-q", "-b", "release/playground")
	a.tag("v1.0.0", "serve")
	a.git("commit", "-q", "--allow-empty", "-m", "two")
	clone := t.TempDir()
	if out, err := exec.Command("git", "clone", "-q", "--depth", "1", "file://"+a.dir, clone).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	a.dir = clone
	examine := func(with []string, lines ...string) {
		t.Helper()
		out, code := a.slipway(a.dir, append(a.env, with...), "doctor", "playground", "--json")
		if code != 1 {
			t.Errorf("exit %d\n%s", code, out)
		}
		for _, l := range lines {
			if !strings.Contains(out, l) {
				t.Errorf("%q is not said:\n%s", l, out)
			}
		}
	}
	examine([]string{"DOCKER_HOST=unix:///nowhere/docker.sock", "SLIPWAY_HTTP=127.0.0.1:1"},
		`"verdict":"warn","what":"release","text":"no tag in release/playground is reachable: this is a shallow clone (depth 1). `, `"next":"git fetch --tags --unshallow, or name one`,
		`"verdict":"fail","what":"docker","text":"no daemon answers: Cannot connect to the Docker daemon at unix:///nowhere/docker.sock`, `"next":"start the daemon (systemctl start docker)`,
		`"verdict":"fail","what":"engine","text":"does not answer at http 127.0.0.1:1 (connection refused)"`,
		`"verdict":"fail","what":"caa","text":"the certificate for ship.slipway.test cannot be issued: the CAA record of slipway.test allows letsencrypt.org only`, `"next":"add the record slipway.test CAA 0 issue \"amazon.com\""`,
		`"verdict":"fail","what":"environment","text":"not there yet: vpc yard`, `"next":"slipway env up playground"`,
		`"verdict":"ok","what":"registry"`, `"verdict":"ok","what":"dns","text":"cloudflare: names can be written in zone slipway.test"`, `"verdict":"ok","what":"clock"`, `"verdict":"ok","what":"disk","text":"the engine's data: `)
	examine([]string{"CLOUDFLARE_API_TOKEN=another"}, `"verdict":"fail","what":"dns","text":"cloudflare: reading zones: `, `"next":"is CLOUDFLARE_API_TOKEN right?`, `"verdict":"ok","what":"registry"`, `"what":"caa"`)
	examine([]string{"AWS_SECRET_ACCESS_KEY=another"}, `"verdict":"fail","what":"account","text":"credentials: SignatureDoesNotMatch`, `"what":"clock"`)
	examine([]string{"AWS_ENDPOINT_URL=http://127.0.0.1:1"}, `"verdict":"fail","what":"account"`, `"what":"engine","text":"does not answer at api 127.0.0.1:1 (connection refused)"`)
}
