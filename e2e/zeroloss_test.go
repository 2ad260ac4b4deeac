package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// deploys is how many rolling deploys the zero-loss test makes; SLIPWAY_DEPLOYS
// asks for another number, as `SLIPWAY_DEPLOYS=100 go test -timeout 60m -run
// TestRollingDeploys ./e2e/` does.
func deploys(t *testing.T) int {
	v := os.Getenv("SLIPWAY_DEPLOYS")
	if v == "" {
		return 10
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("SLIPWAY_DEPLOYS: %v", err)
	}
	return n
}

// Not one request is lost in rolling deploys, in scaling out and in, and a WebSocket on a target that
// is deregistered lives until the deregistration delay has passed.
func TestRollingDeploysLoseNoRequest(t *testing.T) {
	const delay = 2 * time.Second
	s := newSite(t)
	s.push()
	group := s.targetGroup("web", delay)
	s.listen(group)
	// Connections to targets that wait for the next request are not left behind.
	s.must("elbv2", "modify-load-balancer-attributes", "--load-balancer-arn", s.loadBalancer, "--attributes", "Key=idle_timeout.timeout_seconds,Value=10")
	s.serve("web", s.definition("0"), 2, group)

	before := s.footprint()
	l := &load{address: s.status().HTTP, host: "web.example.test", workers: 64, rate: 1000, slow: 16, sockets: 8}
	l.begin()
	deregistered := map[string]time.Time{}
	began, n := time.Now(), deploys(t)
	for i := range n {
		old := s.tasks()
		s.deploy("web", s.definition(fmt.Sprint(i+1)))
		s.note(deregistered, old)
	}
	for _, count := range []int{4, 2} {
		old := s.tasks()
		s.scale("web", count)
		s.note(deregistered, old)
	}
	took := time.Since(began)
	l.end()

	s.leavesNothing(before)
	for i, f := range l.failures {
		if i < 20 {
			t.Error(f)
		}
	}
	if len(l.failures) > 0 {
		t.Errorf("%d of %d requests failed in %d deploys\nengine's log:\n%s", len(l.failures), l.requests.Load()+l.streamed.Load(), n, s.log())
	}
	for _, e := range l.endings {
		if at, ok := deregistered[e.instance]; !ok {
			t.Errorf("a WebSocket of instance %s, which was not deregistered, ended: %v", e.instance, e.err)
		} else if e.at.Before(at.Add(delay)) {
			t.Errorf("a WebSocket ended %v after its target began to drain: %v", e.at.Sub(at), e.err)
		}
	}
	if l.requests.Load() == 0 || l.streamed.Load() == 0 || l.echoes.Load() == 0 || len(l.endings) == 0 {
		t.Errorf("no proof: %d requests, %d slow answers, %d echoes, %d WebSockets ended", l.requests.Load(), l.streamed.Load(), l.echoes.Load(), len(l.endings))
	}
	t.Logf("%d deploys in %v: %d requests (%.0f/s; %d more were due), %d slow answers, %d WebSocket echoes, %d WebSockets ended by a drain, %d failures", n, took.Round(time.Second),
		l.requests.Load(), float64(l.requests.Load())/took.Seconds(), l.behind.Load(), l.streamed.Load(), l.echoes.Load(), len(l.endings), len(l.failures))
}

// tasks are the cluster's running tasks.
func (s *site) tasks() []string {
	s.t.Helper()
	list, err := s.ecs.ListTasks(context.Background(), &ecs.ListTasksInput{Cluster: &s.cluster})
	if err != nil {
		s.t.Fatal(err)
	}
	return list.TaskArns
}

// note keeps when stopped tasks were told to stop, by their containers' host
// names: their targets were deregistered after that.
func (s *site) note(deregistered map[string]time.Time, stopped []string) {
	s.t.Helper()
	out, err := s.ecs.DescribeTasks(context.Background(), &ecs.DescribeTasksInput{Cluster: &s.cluster, Tasks: stopped})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, task := range out.Tasks {
		for _, c := range task.Containers {
			if c.RuntimeId != nil && task.StoppingAt != nil {
				deregistered[(*c.RuntimeId)[:12]] = *task.StoppingAt
			}
		}
	}
}

// footprint is what an engine has of this machine.
type footprint struct{ containers, networks, files, goroutines int }

func (s *site) footprint() (f footprint) {
	s.t.Helper()
	lines := func(args ...string) int { return len(strings.Fields(s.runs(exec.Command("docker", args...)))) }
	f.containers = lines("ps", "-aq", "--filter", "label=com.amazonaws.ecs.cluster="+s.cluster)
	engine := s.runs(exec.Command("docker", "inspect", "--format", `{{index .Config.Labels "dev.slipway.engine"}}`, s.containers()[0]))
	f.networks = lines("network", "ls", "-q", "--filter", "label=dev.slipway.engine="+engine)
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.status().PID))
	if err != nil {
		s.t.Fatal(err)
	}
	f.files = len(open)
	res, err := http.Get(s.lookup("AWS_ENDPOINT_URL") + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	_, after, _ := strings.Cut(string(text), "\ngo_goroutines ")
	fmt.Sscan(after, &f.goroutines)
	return f
}

// leavesNothing waits until the deploys have left nothing behind. Connections to
// the API and to the daemon come and go, hence the margin.
func (s *site) leavesNothing(before footprint) {
	s.t.Helper()
	var now footprint
	defer func() { s.t.Logf("before %+v, after %+v", before, now) }()
	until(s.t, "what the deploys have left to go", func() bool {
		now = s.footprint()
		return now.containers == before.containers && now.networks == before.networks && now.files <= before.files+16 && now.goroutines <= before.goroutines+48
	})
}
