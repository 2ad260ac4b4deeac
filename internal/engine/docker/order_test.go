package docker

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLayersFollowDependencies(t *testing.T) {
	got, err := layers([]Container{
		{Name: "app", DependsOn: []Dependency{{"migrate", OnSuccess}, {"proxy", OnHealthy}}},
		{Name: "proxy", Links: []string{"db:database"}},
		{Name: "db"},
		{Name: "migrate", VolumesFrom: []VolumesFrom{{Container: "db"}}},
		{Name: "cron"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"db", "cron"}, {"proxy", "migrate"}, {"app"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDependenciesThatCannotBeMetAreRefused(t *testing.T) {
	tests := map[string]struct {
		containers []Container
		want       string
	}{
		"unknown":   {[]Container{{Name: "a", DependsOn: []Dependency{{"b", OnStart}}}}, "container a depends on b, which is not in the task"},
		"itself":    {[]Container{{Name: "a", DependsOn: []Dependency{{"a", OnStart}}}}, "containers depend on each other in a circle"},
		"circle":    {[]Container{{Name: "a", Links: []string{"b"}}, {Name: "b", DependsOn: []Dependency{{"a", OnStart}}}}, "containers depend on each other in a circle"},
		"no health": {[]Container{{Name: "a", DependsOn: []Dependency{{"b", OnHealthy}}}, {Name: "b"}}, "container a waits for b to be healthy, which has no health check"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := checkOrder(tt.containers); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestMet(t *testing.T) {
	began := time.Unix(1, 0)
	var (
		created   = ContainerStatus{Name: "b", Phase: Created}
		running   = ContainerStatus{Name: "b", Phase: Running, StartedAt: began, Health: Health{Status: HealthUnknown}}
		healthy   = ContainerStatus{Name: "b", Phase: Running, StartedAt: began, Health: Health{Status: Healthy}}
		succeeded = ContainerStatus{Name: "b", Phase: Stopped, StartedAt: began, ExitCode: new(0)}
		failed    = ContainerStatus{Name: "b", Phase: Stopped, StartedAt: began, ExitCode: new(3)}
		unstarted = ContainerStatus{Name: "b", Phase: Stopped, Reason: "CannotPullContainerError: no"}
		removed   = ContainerStatus{Name: "b", Phase: Removed, StartedAt: began, ExitCode: new(0)}
	)
	tests := []struct {
		on   Condition
		dep  ContainerStatus
		want bool
		err  string
	}{
		{OnCreate, ContainerStatus{Phase: Pulled}, false, ""},
		{OnCreate, created, true, ""},
		{OnStart, created, false, ""},
		{OnStart, running, true, ""},
		{OnStart, failed, true, ""},
		{OnStart, unstarted, false, "container b did not start: CannotPullContainerError: no"},
		{OnHealthy, running, false, ""},
		{OnHealthy, healthy, true, ""},
		{OnHealthy, failed, false, "container b stopped before it was healthy: exit code 3"},
		{OnComplete, running, false, ""},
		{OnComplete, failed, true, ""},
		{OnComplete, removed, true, ""},
		{OnComplete, unstarted, false, "container b did not start: CannotPullContainerError: no"},
		{OnSuccess, running, false, ""},
		{OnSuccess, succeeded, true, ""},
		{OnSuccess, failed, false, "container b did not exit successfully: exit code 3"},
	}
	for _, tt := range tests {
		got, err := met(tt.on, &tt.dep)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != tt.want || text != tt.err {
			t.Errorf("%s of %s: got %v %q, want %v %q", tt.on, tt.dep.Phase, got, text, tt.want, tt.err)
		}
	}
}
