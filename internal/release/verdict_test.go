package release

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func running(id, target string) slipway.Task {
	return slipway.Task{ID: id, Status: "RUNNING", Desired: "RUNNING", Health: "UNKNOWN", Containers: []slipway.ContainerSeen{{Name: "web", ExitCode: -1, Targets: []string{target}}}}
}

func broken(id string) slipway.Task {
	return slipway.Task{ID: id, Status: "STOPPED", Desired: "STOPPED", StopCode: "EssentialContainerExited", StoppedReason: "Essential container in task exited",
		Containers: []slipway.ContainerSeen{{Name: "web", ExitCode: 1}}}
}

func TestJudge(t *testing.T) {
	primary := slipway.Deployment{ID: "ecs-svc/2", Status: "PRIMARY", RolloutState: "IN_PROGRESS"}
	healthy := []slipway.Target{{ID: "i-1:32768", State: "healthy"}}
	for name, c := range map[string]struct {
		p      slipway.Progress
		routed bool
		check  func(Verdict) bool
	}{
		"a healthy task serves": {slipway.Progress{Deployment: primary, Desired: 1, Tasks: []slipway.Task{running("a", ":32768")}, Targets: healthy}, true,
			func(v Verdict) bool { return v.Serves }},
		"a running task that no target shows does not": {slipway.Progress{Deployment: primary, Desired: 1, Tasks: []slipway.Task{running("a", ":32769")}, Targets: healthy}, true,
			func(v Verdict) bool { return !v.Serves && v.Failed == "" }},
		"a target that only begins does not": {slipway.Progress{Deployment: primary, Desired: 1, Tasks: []slipway.Task{running("a", ":32768")}, Targets: []slipway.Target{{ID: "i-1:32768", State: "initial"}}}, true,
			func(v Verdict) bool { return !v.Serves }},
		"an IP target is told by its address": {slipway.Progress{Deployment: primary, Desired: 1, Tasks: []slipway.Task{running("a", "10.0.0.7")}, Targets: []slipway.Target{{ID: "10.0.0.7:8000", State: "healthy"}}}, true,
			func(v Verdict) bool { return v.Serves }},
		"half of the tasks is not all": {slipway.Progress{Deployment: primary, Desired: 2, Tasks: []slipway.Task{running("a", ":32768")}, Targets: healthy}, true,
			func(v Verdict) bool { return !v.Serves }},
		"old tasks that still take requests": {slipway.Progress{Deployment: primary, Desired: 1, Old: 1, Tasks: []slipway.Task{running("a", ":32768")}, Targets: healthy}, true,
			func(v Verdict) bool { return !v.Serves }},
		"a worker serves when it runs": {slipway.Progress{Deployment: primary, Desired: 1, Tasks: []slipway.Task{running("a", "")}}, false,
			func(v Verdict) bool { return v.Serves }},
		"one crash may be an accident": {slipway.Progress{Deployment: primary, Desired: 1, Tasks: []slipway.Task{broken("a")}}, true,
			func(v Verdict) bool { return v.Failed == "" && len(v.Broken) == 1 }},
		"two of the same are none": {slipway.Progress{Deployment: primary, Desired: 1, Tasks: []slipway.Task{broken("a"), broken("b")}}, true,
			func(v Verdict) bool { return v.Failed == "essential container web exited with 1" }},
		"a rollout that ECS rolls back failed, however stable the service": {slipway.Progress{Gone: true, Desired: 1, Tasks: []slipway.Task{broken("a")},
			Primary: slipway.Deployment{ID: "ecs-svc/3", RolloutState: "COMPLETED", Reason: "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."}}, true,
			func(v Verdict) bool { return v.Failed != "" && v.RolledBack && !v.Serves }},
		"another rollout took over": {slipway.Progress{Gone: true, Desired: 1, Primary: slipway.Deployment{ID: "ecs-svc/3", RolloutState: "IN_PROGRESS"}}, true,
			func(v Verdict) bool { return v.Superseded && v.Failed == "" }},
	} {
		if v := Judge(&c.p, Shape{Routed: c.routed}); !c.check(v) {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestCauseIsTheMostTelling(t *testing.T) {
	for want, task := range map[string]slipway.Task{
		"essential container web exited with 1":                                 broken("a"),
		"container web: OutOfMemoryError: Container killed due to memory usage": {StopCode: "EssentialContainerExited", Containers: []slipway.ContainerSeen{{Name: "web", ExitCode: 137, Reason: "OutOfMemoryError: Container killed due to memory usage"}}},
		"essential container web exited with 0: a service has to keep running":  {StopCode: "EssentialContainerExited", Containers: []slipway.ContainerSeen{{Name: "web"}}},
		"Task failed ELB health checks in (target-group x)":                     {StopCode: "ServiceSchedulerInitiated", StoppedReason: "Task failed ELB health checks in (target-group x)"},
	} {
		if got := Cause(task); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
