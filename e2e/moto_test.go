package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// moto is a second AWS, that others wrote: no error of the engine is mirrored in
// the deploy wing that works on both. It has no containers, so tasks stay at none.
func moto(t *testing.T) []string {
	needs(t, "moto_server")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	cmd := exec.Command("moto_server", "-H", "127.0.0.1", "-p", port)
	cmd.Env = append(os.Environ(), "MOTO_IAM_LOAD_MANAGED_POLICIES=true", "MOTO_ACM_VALIDATION_WAIT=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	endpoint := "http://127.0.0.1:" + port
	for deadline := time.Now().Add(time.Minute); ; {
		if res, err := http.Get(endpoint + "/moto-api/"); err == nil {
			res.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("moto_server does not answer")
		}
	}
	return []string{"AWS_ENDPOINT_URL=" + endpoint, "AWS_ACCESS_KEY_ID=moto", "AWS_SECRET_ACCESS_KEY=moto", "AWS_SESSION_TOKEN=", "SLIPWAY_ACCOUNT="}
}

const motoFile = `app: ship
image: docker.io/library/ship:1
service:
  port: 8000
  memory: 64
  count: 0
  secrets: { KEY: "ssm:/{env}/key" }
environments:
  production:
    on: aws
    account: "123456789012"
    region: eu-west-1
    host: ship.example.com
    branch: main
    cluster: yard
    dns: cloudflare
cluster:
  name: yard
  size: { min: 0, max: 2 }
`

func TestTheSameCommandsWorkOnASecondAWS(t *testing.T) {
	a := &application{engine: start(t, "--simulate"), dir: t.TempDir()} // for Cloudflare's API alone
	a.cloudflare("POST", "/zones", `{"name":"example.com","type":"full"}`)
	variables := append(moto(t), "CLOUDFLARE_BASE_URL="+a.lookup("CLOUDFLARE_BASE_URL"), "CLOUDFLARE_API_TOKEN="+a.lookup("CLOUDFLARE_API_TOKEN"))
	run := func(code int, args []string, says ...string) {
		t.Helper()
		out, got := a.slipway(a.dir, variables, args...)
		if got != code {
			t.Fatalf("slipway %s: exit %d, not %d\n%s", strings.Join(args, " "), got, code, out)
		}
		for _, s := range says {
			if !strings.Contains(out, s) {
				t.Errorf("slipway %s does not say %q:\n%s", strings.Join(args, " "), s, out)
			}
		}
	}
	a.write("slipway.yaml", motoFile)
	run(0, []string{"env", "up", "production"}, "done")
	run(0, []string{"deploy", "production", "--tag", "v1"}, "done         v1 runs")
	// moto_server forgets a new service's deployment configuration: three settings
	// and nothing else.
	run(2, []string{"plan", "production"}, "maximum 200%", "minimum healthy 100%", "roll back off", "1 to change, 0 to add")
	a.write("slipway.yaml", strings.Replace(motoFile, "memory: 64", "memory: 64\n  health: /healthz\n  variables: { LOG: info }", 1))
	run(2, []string{"plan", "production"}, "health path / → /healthz", "variables.LOG info is added", "slipway.yaml:6")
	run(0, []string{"deploy", "production", "--tag", "v2"}, "done         v2 runs")
	run(0, []string{"plan", "production"}, "0 to change, 0 to add")
	run(0, []string{"history", "production"}, "production-ship:2", "v2")
	a.write("slipway.yaml", strings.Replace(motoFile, "123456789012", "111122223333", 1))
	run(7, []string{"plan", "production"}, "credentials belong to account 123456789012, slipway.yaml says 111122223333 for production; nothing was read or changed")
	a.write("slipway.yaml", motoFile)
	run(0, []string{"env", "destroy", "production", "--yes"}, "nothing is left")
}
