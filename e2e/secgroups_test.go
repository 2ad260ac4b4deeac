package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// judgeSecurityGroups closes the ways in front of and behind the load balancer:
// clients hear nothing, requests time out, and the engine's log says why.
func judgeSecurityGroups(t *testing.T, j *judged) {
	get := func(patience time.Duration) (int, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+j.http+"/", nil)
		req.Close = true
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		res.Body.Close()
		return res.StatusCode, nil
	}
	logged := func(text string) bool {
		b, err := os.ReadFile(filepath.Join(j.data, "engine.log"))
		return err == nil && strings.Contains(string(b), text)
	}
	open := []string{"--group-id", j.lbGroup, "--protocol", "tcp", "--port", "80", "--cidr", "0.0.0.0/0"}
	j.must(append([]string{"ec2", "revoke-security-group-ingress"}, open...)...)
	until(t, "a closed listener", func() bool { status, err := get(time.Second); return status == 0 && err != nil })
	if want := j.lbGroup + ": no rule lets it in on TCP port 80"; !logged(want) {
		t.Errorf("the log does not say %q: %s", want, j.log())
	}
	j.must(append([]string{"ec2", "authorize-security-group-ingress"}, open...)...)
	until(t, "an open listener", func() bool { status, _ := get(time.Second); return status == 200 })

	way := []string{"--group-id", j.instanceGroup, "--protocol", "-1", "--source-group", j.lbGroup}
	j.must(append([]string{"ec2", "revoke-security-group-ingress"}, way...)...)
	until(t, "closed instances", func() bool { status, _ := get(30 * time.Second); return status == http.StatusGatewayTimeout })
	if want := "let in nothing from the load balancer's " + j.lbGroup; !logged(want) {
		t.Errorf("the log does not say %q: %s", want, j.log())
	}
	j.must(append([]string{"ec2", "authorize-security-group-ingress"}, way...)...)
	until(t, "open instances", func() bool { status, _ := get(30 * time.Second); return status == 200 })
}
