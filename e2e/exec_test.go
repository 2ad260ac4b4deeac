package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sessionPlugin builds the stock session manager plugin of the aws CLI and gives
// the folder that it is in.
func sessionPlugin(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-C", "sessionplugin", "-o", filepath.Join(dir, "session-manager-plugin"), "github.com/aws/session-manager-plugin/src/sessionmanagerplugin-main")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("SKIP: the session manager plugin cannot be built (its module must be in the module cache, or a proxy be reachable): %v\n%s", err, out)
	}
	return dir
}

// Who may enter a container enters it: by slipway exec, and by the aws CLI with its
// stock plugin.
func TestContainersAreEntered(t *testing.T) {
	t.Parallel()
	needs(t, "git", "docker", "script")
	plugin := sessionPlugin(t)
	a := newApplication(t)
	a.tag("v1.0.0", "serve")
	a.runs(0, []string{"up"}, `^done +v1\.0\.0 serves`)
	a.runs(125, []string{"exec", "playground", "--", "/ship", "say"}, `ECS Exec was off when the tasks of playground-ship started; write exec: true`)
	a.write("slipway.yaml", strings.Replace(shipFile, "  port: 8000\n", "  port: 8000\n  exec: true\n", 1))
	a.tag("v1.1.0", "crash") // ECS refuses to go back from a service with exec to a revision without a task role
	a.runs(3, []string{"up"}, `exec off → on`, `rolling back to playground-ship:1`, `^error: v1\.1\.0 of playground-ship does not come up: essential container ship exited with 1\. v1\.0\.0 is serving`)
	a.answers("v1.0.0")
	a.tag("v1.2.0", "serve")
	a.runs(0, []string{"up"}, `exec off → on`)
	a.runs(0, []string{"rollback", "playground"}, `^done +v1\.0\.0 serves`)
	if out := a.runs(2, []string{"plan"}, `exec off → on`, `^1 to change, 0 to add, 0 to destroy\. Time budget 17s, no interruption\.`); strings.Contains(out, "by hand") {
		t.Errorf("a rollback is taken for somebody's work by hand:\n%s", out)
	}
	a.answers("v1.0.0")
	a.runs(0, []string{"rollback", "playground", "--to", "v1.2.0"}, `^done +v1\.2\.0 serves`)
	a.runs(0, []string{"up"}, `nothing was changed`)

	a.runs(0, []string{"exec", "playground", "--", "/ship", "say"}, `^say v1\.2\.0`)
	a.runs(42, []string{"exec", "playground", "--", "/ship", "fail"}, `^fail v1\.2\.0`)
	a.runs(0, []string{"exec", "playground", "--", "/ship", "two words"}, `^two words v1\.2\.0`)
	a.runs(125, []string{"exec", "playground", "--task", "ffff", "--", "/ship"}, `runs no task whose id begins with "ffff"`)
	a.runs(125, []string{"exec", "playground", "--container", "none", "--", "/ship"}, `The container none does not exist in the task`)

	task := a.aws("ecs", "list-tasks", "--cluster", "yard", "--query", "taskArns[0]")
	if got := a.aws("ecs", "describe-tasks", "--cluster", "yard", "--tasks", task, "--query", "tasks[0].[enableExecuteCommand,containers[0].managedAgents[0].lastStatus]"); got != "True\tRUNNING" {
		t.Errorf("the task shows %q", got)
	}
	// The plugin wants a terminal.
	stock := exec.Command("script", "-q", "-e", "-c", "aws ecs execute-command --cluster yard --interactive --command '/ship hello' --task "+task, "/dev/null")
	stock.Env = append(a.env, "PATH="+plugin+":"+os.Getenv("PATH"))
	out, err := stock.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Starting session with SessionId: ecs-execute-command-") || !strings.Contains(string(out), "hello v1.2.0") {
		t.Errorf("the stock plugin: %v\n%s", err, out)
	}
}
