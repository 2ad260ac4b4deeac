package e2e

import (
	"strings"
	"testing"
)

const spareFile = `app: ship
image: docker.io/library/ship:1
service:
  memory: 1900
  health: { command: [CMD, /healthy] } # tasks without a check count 40 s after their start only
  variables: { RELEASE: "{tag}" }
environments:
  playground:
    on: engine
    branch: main
    cluster: yard
cluster:
  name: yard
  size: { min: 1, max: 1 }
`

// Where one instance has no room for both, another one is added for as long as
// the deploy takes; one that a run left behind is removed by the next.
func TestOneMoreInstanceForADeploy(t *testing.T) {
	t.Parallel()
	a := &application{engine: start(t, "--simulate"), dir: t.TempDir()}
	run := func(code int, args []string, says ...string) {
		t.Helper()
		out, got := a.slipway(a.dir, nil, args...)
		if got != code {
			t.Fatalf("slipway %s: exit %d, not %d\n%s", strings.Join(args, " "), got, code, out)
		}
		for _, s := range says {
			if !strings.Contains(out, s) {
				t.Errorf("slipway %s does not say %q:\n%s", strings.Join(args, " "), s, out)
			}
		}
	}
	size := func(want string) {
		t.Helper()
		a.eventually(want, "autoscaling", "describe-auto-scaling-groups", "--query", "AutoScalingGroups[0].[MinSize,MaxSize,DesiredCapacity,length(Instances)]")
	}
	a.write("slipway.yaml", spareFile)
	run(0, []string{"env", "up", "playground"}, "done")
	run(0, []string{"deploy", "playground", "--tag", "v1"}, "done")
	run(1, []string{"deploy", "playground", "--tag", "v2"}, "no room for 1 more task of 1900 MiB", "--add-instance    one more t3.small for the deploy, removed afterwards",
		"--allow-gap       stop the old task first", "cluster.size.max  more than 1", "service.memory    44 MiB would fit", "nothing was changed")
	size("1\t1\t1\t1")
	run(0, []string{"deploy", "playground", "--tag", "v2", "--add-instance"}, "one more t3.small for the deploy", "has no tasks any more and is removed", "done")
	size("1\t1\t1\t1")
	registered := func(want string) {
		t.Helper()
		a.eventually(want, "ecs", "list-container-instances", "--cluster", "yard", "--status", "ACTIVE", "--query", "length(containerInstanceArns)")
	}
	registered("1")
	// As a run leaves it that was interrupted before it came to remove it.
	a.must("autoscaling", "update-auto-scaling-group", "--auto-scaling-group-name", "yard", "--max-size", "2", "--desired-capacity", "2")
	registered("2")
	run(2, []string{"plan", "playground"}, "maximum size 2 → 1")
	run(0, []string{"deploy", "playground", "--tag", "v3"}, "done")
	size("1\t1\t1\t1")
}
