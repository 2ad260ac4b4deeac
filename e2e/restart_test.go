package e2e

import (
	"context"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/slipway-dev/slipway/internal/engine/runfile"
)

// killed ends the engine as a power cut would, and starts it again on the same
// ports.
func (s *site) killed() {
	s.t.Helper()
	args := []string{"engine", "start", "--data", s.data}
	for flag, name := range map[string]string{"http": "SLIPWAY_HTTP", "https": "SLIPWAY_HTTPS", "dns": "SLIPWAY_DNS"} {
		_, port, _ := net.SplitHostPort(s.lookup(name))
		args = append(args, "--"+flag, port)
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.lookup("AWS_ENDPOINT_URL"), "http://"))
	registry, _, _ := strings.Cut(s.image, "/")
	_, registryPort, _ := net.SplitHostPort(registry)
	args = append(args, "--port", port, "--registry", registryPort)
	if err := syscall.Kill(s.status().PID, syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	if err := runfile.Wait(s.data); err != nil {
		s.t.Fatal(err)
	}
	s.runs(exec.Command(s.binary, args...))
	s.read()
	s.client()
}

// An engine that is killed in the middle of a rolling deploy finishes it: the
// new revision serves, the old one is gone, and no container is left over.
func TestAKilledEngineFinishesItsDeploy(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.push()
	group := s.targetGroup("web", time.Second)
	s.listen(group)
	s.serve("web", s.definition("1"), 2, group)
	for _, version := range []string{"2", "3"} {
		name, definition := "web", s.definition(version)
		if _, err := s.ecs.UpdateService(context.Background(), &ecs.UpdateServiceInput{Cluster: &s.cluster, Service: &name, TaskDefinition: &definition}); err != nil {
			t.Fatal(err)
		}
		// Once with new containers on their way, once with the old ones draining.
		enough := 3
		if version == "3" {
			enough = 4
		}
		until(t, "the deploy's new containers", func() bool { return len(s.containers()) >= enough })
		s.killed()
		s.stable("web")
		until(t, "old containers to go", func() bool { return len(s.containers()) == 2 })
		seen := map[string]int{}
		for range 20 {
			res, err := http.Get("http://" + s.lookup("SLIPWAY_HTTP") + "/")
			if err != nil {
				t.Fatal(err)
			}
			body := make([]byte, 9)
			res.Body.Read(body)
			res.Body.Close()
			seen[string(body)]++
		}
		if len(seen) != 1 || seen["version="+version] != 20 {
			t.Errorf("after the deploy of version %s answers came from %v", version, seen)
		}
	}
}
