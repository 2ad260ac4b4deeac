package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// application is a repository with a slipway.yaml and a program that behaves as
// its environment tells it.
type application struct {
	*engine
	dir string
}

const shipped = `package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) > 1 { // a task that runs once
		fmt.Println(os.Args[1], os.Getenv("RELEASE"), os.Getenv("MORE"))
		if os.Args[1] == "fail" {
			os.Exit(42)
		}
		if os.Args[1] == "stay" {
			time.Sleep(time.Hour)
		}
		return
	}
	switch mode {
	case "crash":
		fmt.Println("Error: Cannot find module '/usr/src/app/src/index.js'")
		time.Sleep(50 * time.Millisecond)
		os.Exit(1)
	case "talk":
		go func() {
			for i := range 10000 {
				fmt.Printf("line %d\n", i)
				if i%100 == 99 {
					time.Sleep(40 * time.Millisecond)
				}
			}
			fmt.Println("the end")
		}()
	case "lost":
		http.ListenAndServe(":8000", http.NotFoundHandler())
	}
	fmt.Println("listening")
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, os.Getenv("RELEASE")) })
	http.ListenAndServe(":8000", nil)
}
`

const shipFile = `app: ship
jobs:
  greet: { command: [/ship, hello] }
service:
  port: 8000
  memory: 64
  stop: 1s
  drain: 1s
  variables: { RELEASE: "{tag}" }
environments:
  playground:
    on: engine
    host: ship.slipway.test
    branch: release/playground
    cluster: yard
cluster:
  name: yard
  size: { min: 1, max: 1 }
`

func newApplication(t *testing.T) *application {
	needs(t, "git", "docker")
	a := &application{engine: start(t), dir: t.TempDir()}
	t.Cleanup(func() { a.slipway(a.dir, nil, "env", "destroy", "playground", "--yes") }) // containers outlive the engine
	a.write("slipway.yaml", shipFile)
	a.write("Dockerfile", "FROM scratch\nCOPY ship /ship\nCMD [\"/ship\"]\n")
	a.write(".gitignore", "*.go\n")
	a.git("init", "-q", "-b", "release/playground")
	return a
}

func (a *application) write(name, text string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o644); err != nil {
		a.t.Fatal(err)
	}
}

func (a *application) git(args ...string) {
	a.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=ship", "-c", "user.email=ship@example.test"}, args...)...)
	cmd.Dir = a.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		a.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// tag commits the program in a mode and tags it.
func (a *application) tag(tag, mode string) {
	a.t.Helper()
	a.write("main.go", shipped+fmt.Sprintf("\nconst mode = %q\n", mode))
	build := exec.Command("go", "build", "-o", filepath.Join(a.dir, "ship"), filepath.Join(a.dir, "main.go"))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		a.t.Fatalf("building: %v\n%s", err, out)
	}
	a.git("add", "-A")
	a.git("commit", "-q", "--allow-empty", "-m", tag)
	a.git("tag", tag)
}

// begin starts slipway and gives its lines as they come, and what it says on
// standard error; the command is waited for by who began it.
func (a *application) begin(ctx context.Context, args ...string) (cmd *exec.Cmd, lines *bufio.Scanner, said *bytes.Buffer) {
	a.t.Helper()
	cmd, said = exec.CommandContext(ctx, a.binary, args...), new(bytes.Buffer)
	cmd.Dir, cmd.Env, cmd.Stderr = a.dir, append(os.Environ(), "SLIPWAY_DATA="+a.data), said
	out, err := cmd.StdoutPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out), said
}

// runs runs slipway and checks its exit code and that it says all of the lines,
// which are regular expressions.
func (a *application) runs(code int, args []string, lines ...string) string {
	a.t.Helper()
	out, got := a.slipway(a.dir, nil, args...)
	if got != code {
		a.t.Fatalf("slipway %s: exit %d, not %d\n%s", strings.Join(args, " "), got, code, out)
	}
	for _, l := range lines {
		if !regexp.MustCompile(`(?m)` + l).MatchString(out) {
			a.t.Errorf("slipway %s does not say %q:\n%s", strings.Join(args, " "), l, out)
		}
	}
	return out
}

// answers asks the host with curl, over TLS verified with the engine's root.
func (a *application) answers(want string) {
	a.t.Helper()
	command := strings.Fields(a.runs(0, []string{"url", "--curl"}))
	out, err := exec.Command(command[0], append(command[1:], "-sS")...).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != want {
		a.t.Errorf("%v answers %q (%v), not %q", command, out, err, want)
	}
}

// counted asks the stock client for what the balancer counted.
func (a *application) counted() {
	a.t.Helper()
	end := func(arn, after string) string { return arn[strings.Index(arn, after)+len(after):] }
	dimensions := fmt.Sprintf(`[{"Name":"LoadBalancer","Value":%q},{"Name":"TargetGroup","Value":%q}]`,
		end(a.aws("elbv2", "describe-load-balancers", "--query", "LoadBalancers[0].LoadBalancerArn"), ":loadbalancer/"),
		"targetgroup/"+end(a.aws("elbv2", "describe-target-groups", "--query", "TargetGroups[0].TargetGroupArn"), ":targetgroup/"))
	query := func(id, metric, stat string) string {
		return fmt.Sprintf(`{"Id":%q,"MetricStat":{"Metric":{"Namespace":"AWS/ApplicationELB","MetricName":%q,"Dimensions":%s},"Period":3600,"Stat":%q}}`, id, metric, dimensions, stat)
	}
	now := time.Now()
	got := strings.Fields(a.aws("cloudwatch", "get-metric-data", "--start-time", now.Add(-59*time.Minute).Format(time.RFC3339), "--end-time", now.Add(time.Minute).Format(time.RFC3339),
		"--metric-data-queries", "["+query("r", "RequestCount", "Sum")+","+query("ok", "HTTPCode_Target_2XX_Count", "Sum")+","+query("p", "TargetResponseTime", "p99")+"]",
		"--query", "MetricDataResults[].Values[]"))
	if len(got) != 3 || got[0] != got[1] || got[0] == "0.0" || !strings.HasPrefix(got[2], "0.") {
		a.t.Errorf("get-metric-data: %q requests, answers 2xx, p99", got)
	}
}

// From nothing to a URL, on to the next version, through versions that do not
// come up, back, and to nothing again.
func TestAnApplicationIsShipped(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.tag("v1.0.0", "serve")
	a.runs(1, []string{"doctor"}, `^ok +release +v1\.0\.0, last tag of release/playground`, `^ok +docker +client`, `^ok +clock`, `^fail +environment +not there yet: vpc yard`, `→ slipway env up playground`)
	a.runs(0, []string{"up"}, `^tag +v1\.0\.0, last tag of release/playground`, `^serving +https://ship\.slipway\.test/ +200`, `^done +v1\.0\.0 (runs|serves) `)
	a.answers("v1.0.0")
	a.runs(0, []string{"up"}, `nothing was changed`)
	a.runs(0, []string{"doctor"}, `^ok +environment +cluster yard`, `^ok +room +playground-ship: 1 more task`, `^ok +certificate +ship\.slipway\.test: 8\d days left`, `^ok +quota +1 of 100 rules`, `^ok +answer +https://ship\.slipway\.test/ 200`)
	a.runs(0, []string{"plan"}, `^0 to change, 0 to add, 0 to destroy`)
	a.runs(0, []string{"status"}, `playground +https://ship\.slipway\.test +v1\.0\.0 +1/1 healthy`, `^ +[▁-█]{8} \d+(\.\d+)? req/s · p99 \d+(\.\d+)? m?s · 0 errors$`)
	a.counted()
	a.runs(0, []string{"logs", "playground"}, ` listening$`)

	a.tag("v1.1.0", "serve")
	a.runs(1, []string{"deploy", "playground"}, `image ship:v1\.1\.0-playground does not exist in .* \(newest: v1\.0\.0-playground\)\. Build it: slipway build --tag v1\.1\.0 --env playground; nothing was changed`)
	a.runs(0, []string{"build", "--env", "playground"}, `ship:v1\.1\.0-playground@sha256:`)
	end := a.steadily("ship.slipway.test")
	a.runs(0, []string{"deploy", "playground"}, `^done +v1\.1\.0 (runs|serves)`)
	end()
	a.answers("v1.1.0")
	a.git("commit", "-q", "--allow-empty", "-m", "moved")
	a.git("tag", "-f", "v1.1.0")
	a.runs(1, []string{"build", "--env", "playground", "--tag", "v1.1.0"}, `image ship:v1\.1\.0-playground exists and was built from commit [0-9a-f]{7}; the tag v1\.1\.0 is at [0-9a-f]{7} now\. An image is never overwritten: tag anew`)
	a.git("tag", "-f", "v1.1.0", "HEAD^")

	a.tag("v1.2.0", "crash")
	crash := a.runs(3, []string{"deploy", "playground", "--build"}, `stopped: essential container ship exited with 1`, `│ Error: Cannot find module`, `rolling back to playground-ship:2`, `^error: v1\.2\.0 of playground-ship does not come up: essential container ship exited with 1\. v1\.1\.0 is serving`, `^next: slipway logs playground --task [0-9a-f]{8}`)
	a.golden("crash-at-start", crash)
	a.answers("v1.1.0")

	a.tag("v1.3.0", "lost")
	lost := a.runs(3, []string{"deploy", "playground", "--build"}, `target .*is unhealthy: Health checks failed with these codes: \[404\] \(GET /\)`, `│ it answers 404 Not Found`, `│ 404 page not found`, `^error: v1\.3\.0 of playground-ship does not come up: the health check fails: .*\[404\]\. v1\.1\.0 is serving`)
	_, after, _ := strings.Cut(lost, "rolling back") // which of its causes was seen first is chance
	a.golden("failing-health-check", after)
	a.answers("v1.1.0")

	a.onceInATask()

	a.runs(0, []string{"history", "playground"}, `playground-ship:2 +v1\.1\.0 .* running`, `playground-ship:3 +v1\.2\.0 .* did not come up`)
	a.runs(0, []string{"rollback", "playground", "--to", "v1.0.0"}, `^done +v1\.0\.0 (runs|serves)`)
	a.answers("v1.0.0")

	a.write("slipway.yaml", strings.Replace(shipFile, "memory: 64", "memory: 1900", 1))
	full := a.runs(1, []string{"deploy", "playground", "--tag", "v1.0.0"}, `no room for 1 more task of 1900 MiB`, `\(t3\.small\) has \d+ of 1944 MiB`, `--allow-gap`, `nothing was changed`)
	a.golden("no-room", full)
	a.runs(0, []string{"deploy", "playground", "--tag", "v1.0.0", "--allow-gap"}, `stops first`, `^done +v1\.0\.0 (runs|serves)`)
	a.answers("v1.0.0")

	a.write("slipway.yaml", shipFile)
	a.runs(1, []string{"env", "destroy", "playground"}, `say --yes`)
	a.runs(0, []string{"env", "destroy", "playground", "--yes"}, `^done +nothing is left`)
	if got := a.aws("ec2", "describe-vpcs", "--query", "length(Vpcs)"); got != "1" {
		t.Errorf("%s VPCs are left beside the default one", got)
	}
	if got := a.aws("ecs", "list-clusters", "--query", "length(clusterArns)"); got != "0" {
		t.Errorf("%s clusters are left", got)
	}
	for code, args := range map[int][]string{1: {"scale", "playground", "2"}, 125: {"run", "playground", "--", "/ship"}} {
		a.runs(code, args, `^error: service playground-ship is not deployed in playground: slipway up playground`)
	}
	a.runs(1, []string{"rollback", "playground"}, `service playground-ship is not deployed in playground: slipway up playground; nothing was changed`)
	a.runs(0, []string{"history", "playground"}, `^playground-ship:2 +v1\.1\.0 .*root *$`)
	a.runs(0, []string{"status"}, `^playground +https://ship\.slipway\.test +- +not deployed +engine`)
}

// An application whose first version crashes serves nothing, keeps its log and
// does not go on crashing. Before, one that cannot be built serves nothing either,
// and why a file of the folder is missing in it is told.
func TestAFirstVersionThatCrashesIsHalted(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	const whole = "FROM scratch\nCOPY ship /ship\nCMD [\"/ship\"]\n"
	a.write(".gitignore", "*.go\nmade\n")
	a.write("made", "by a build before")
	a.write("Dockerfile", whole+"COPY made /made\n")
	a.tag("v0.9.0", "serve")
	a.write("notes", "")
	a.runs(4, []string{"up"}, `^error: docker build of ship:v0\.9\.0-playground`, `^next: v0\.9\.0 was built from what is committed, without files that git ignores, because the folder has changes: notes\.`)
	a.write("Dockerfile", whole)
	a.tag("v1.0.0", "crash")
	a.runs(4, []string{"up"}, `essential container ship exited with 1\. Nothing is serving`)
	if got := a.aws("ecs", "describe-services", "--cluster", "yard", "--services", "playground-ship", "--query", "services[0].desiredCount"); got != "0" {
		t.Errorf("the service still wants %s tasks", got)
	}
	a.runs(0, []string{"logs", "playground"}, `Cannot find module`)
	a.tag("v1.0.1", "serve")
	a.runs(0, []string{"up"}, `^done +v1\.0\.1 (runs|serves)`)
	a.answers("v1.0.1")
}

func TestAShallowCloneIsNamed(t *testing.T) {
	a := newApplication(t)
	a.tag("v1.0.0", "serve")
	a.git("commit", "-q", "--allow-empty", "-m", "two")
	clone := t.TempDir()
	if out, err := exec.Command("git", "clone", "-q", "--depth", "1", "file://"+a.dir, clone).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	a.dir = clone
	a.runs(1, []string{"deploy", "playground"}, `no tag in release/playground is reachable: this is a shallow clone \(depth 1\)\. Fetch tags first: git fetch --tags --unshallow`)
}

// onceInATask runs commands beside the service, and hands their exit codes on.
func (a *application) onceInATask() {
	a.t.Helper()
	a.runs(0, []string{"run", "playground", "--env", "MORE=more", "--", "/ship", "say"}, `^say v1\.1\.0 more$`)
	a.runs(42, []string{"run", "playground", "--", "/ship", "fail"}, `^fail v1\.1\.0 $`)
	a.runs(0, []string{"run", "playground", "--job", "greet"}, `^hello v1\.1\.0 $`)
	a.runs(0, []string{"run", "playground", "--tag", "v1.0.0", "--", "/ship", "older"}, `^older v1\.0\.0 $`)
	a.runs(125, []string{"run", "playground", "--tag", "v9", "--", "/ship"}, `image ship:v9-playground does not exist`)
	a.runs(125, []string{"run", "playground", "--", "/no-such-program"}, `the task did not run: container ship: CannotStartContainerError`)
	a.runs(125, []string{"run", "playground", "--job", "none"}, `has no job "none"; it has greet`)
	a.runs(1, []string{"run", "playground", "x"}, `^error: the command stands behind --`, `^next: slipway run ENV \[--job NAME\] \[-- COMMAND…\]`)
	cmd, lines, _ := a.begin(a.t.Context(), "run", "playground", "--", "/ship", "stay")
	if lines.Scan(); !strings.HasPrefix(lines.Text(), "stay v1.1.0") {
		a.t.Errorf("it writes %q (%v)", lines.Text(), lines.Err())
	}
	cmd.Process.Signal(os.Interrupt)
	if cmd.Wait(); cmd.ProcessState.ExitCode() != 5 {
		a.t.Errorf("interrupted, it ends with %d", cmd.ProcessState.ExitCode())
	}
	until(a.t, "the end of the task", func() bool {
		return a.aws("ecs", "list-tasks", "--cluster", "yard", "--started-by", "slipway-run", "--query", "length(taskArns)") == "0"
	})
}
