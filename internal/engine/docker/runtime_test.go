package docker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBridgeTaskRunsAndStops(t *testing.T) {
	r := open(t)
	web := run("web", "listen=:8080", "term=7", "wait")
	web.Ports = []Port{{Container: 8080}}
	job := task(web)
	start(t, r, job)
	c := until(t, r, job, "web", func(c *ContainerStatus) bool { return c.Phase == Running })
	if len(c.Bindings) != 1 || c.Bindings[0].ContainerPort != 8080 || c.Bindings[0].HostPort == 0 || c.Bindings[0].Host.String() != "127.0.0.1" {
		t.Fatalf("bindings are %+v", c.Bindings)
	}
	if !strings.HasPrefix(c.DockerName, "ecs-web-3-web-") {
		t.Errorf("the daemon's name is %q", c.DockerName)
	}
	fetch(t, fmt.Sprintf("http://127.0.0.1:%d/", c.Bindings[0].HostPort))
	fetch(t, fmt.Sprintf("http://%s:8080/", c.Address))
	if err := r.Stop(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	c, ok := r.hub.container(job.ID, "web")
	if !ok || c.Phase != Stopped || c.ExitCode == nil || *c.ExitCode != 7 || c.StoppedAt.IsZero() {
		t.Fatalf("after the stop it is %+v", c)
	}
	if err := r.Remove(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	if tasks, err := r.List(t.Context()); err != nil || len(tasks) != 0 {
		t.Fatalf("left: %v %v", tasks, err)
	}
}

func TestLogsInOrder(t *testing.T) {
	r := open(t)
	job := task(run("web", "lines=3", "sleep=20ms", "errs=2", "sleep=20ms", "long=300000", "partial=end"))
	start(t, r, job)
	c := until(t, r, job, "web", over)
	var got []string
	err := r.Logs(t.Context(), c.ID, Cursor{}, true, func(l Line) error {
		text := string(l.Text)
		if len(text) > 100 {
			text = fmt.Sprintf("%d bytes", len(text))
		}
		got = append(got, fmt.Sprint(l.Stderr, l.More, " ", text))
		if l.Time.IsZero() {
			t.Errorf("line %q has no time", text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"false false out 0", "false false out 1", "false false out 2", "true false err 0", "true false err 1",
		"false true 262118 bytes", "false false 37882 bytes", "false false end",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
