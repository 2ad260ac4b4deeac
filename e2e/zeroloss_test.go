package e2e

import (
	"context"
	"fmt"
	"os"
	"strconv"
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
		return 5
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("SLIPWAY_DEPLOYS: %v", err)
	}
	return n
}

// Not one request is lost in rolling deploys, and a WebSocket on a target that
// is deregistered lives until the deregistration delay has passed.
func TestRollingDeploysLoseNoRequest(t *testing.T) {
	const delay = 2 * time.Second
	s := newSite(t)
	s.push()
	group := s.targetGroup("web", delay)
	s.listen(group)
	s.serve("web", s.definition("0"), 2, group)

	l := &load{address: s.status().HTTP, host: "web.example.test", workers: 64, rate: 1000, slow: 16, sockets: 8}
	l.begin()
	deregistered := map[string]time.Time{}
	began, n := time.Now(), deploys(t)
	for i := range n {
		before := s.tasks()
		s.deploy("web", s.definition(fmt.Sprint(i+1)))
		s.note(deregistered, before)
	}
	took := time.Since(began)
	l.end()

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
