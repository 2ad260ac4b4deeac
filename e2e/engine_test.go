// Package e2e drives the real binary with stock clients.
package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway/internal/engine/runfile"
)

// engine is a running `slipway engine`, and the environment that leads clients
// to it.
type engine struct {
	t      *testing.T
	binary string
	data   string
	env    []string
	cli    *resident
}

// built is the command, built once for all tests.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "slipway-e2e-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "slipway")
	if out, err := exec.Command("go", "build", "-o", file, "../cmd/slipway").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	// Wherever the tests run, slipway is asked from a terminal's place: what CI
	// changes is asked for by the tests of it.
	os.Unsetenv("CI")
	code := m.Run()
	if file, err := built(); err == nil {
		os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

func binary(t *testing.T) string {
	t.Helper()
	file, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func start(t *testing.T, options ...string) *engine {
	t.Helper()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("SKIP: the aws CLI is not installed")
	}
	e := &engine{t: t, binary: binary(t), data: t.TempDir()}
	e.begin(options...)
	return e
}

// begin starts an engine on its data folder, until the test ends. What slipway
// asks of it goes wrong as by default, unless the options say otherwise.
func (e *engine) begin(options ...string) {
	t := e.t
	t.Helper()
	args := []string{"engine", "start", "--data", e.data, "--port", "0", "--http", "0", "--https", "0", "--dns", "0", "--registry", "0"}
	if !slices.Contains(options, "--faults") {
		args = append(args, faultsByDefault(t)...)
	}
	args = append(args, options...)
	if out, err := exec.Command(e.binary, args...).CombinedOutput(); err != nil {
		t.Fatalf("starting: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		e.cli.close()
		exec.Command(e.binary, "engine", "stop", "--data", e.data).Run()
	})
	e.read()
}

// read takes the environment that `slipway engine env` prints.
func (e *engine) read() {
	e.t.Helper()
	out, err := exec.Command(e.binary, "engine", "env", "--data", e.data).Output()
	if err != nil {
		e.t.Fatal(err)
	}
	e.env = append(os.Environ(), "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1")
	for line := range strings.Lines(string(out)) {
		e.env = append(e.env, strings.Trim(strings.TrimPrefix(strings.TrimSpace(line), "export "), "'"))
	}
	e.cli.close()
	e.cli = startResident(e.env)
}

// aws runs the stock CLI and gives its output, or what it said of the error. An
// answer that breaks its model fails the test.
func (e *engine) aws(args ...string) string {
	e.t.Helper()
	args = append(args, "--output", "text")
	if e.cli != nil {
		said := e.cli.call(args)
		for _, broken := range said.Broken {
			e.t.Errorf("aws %s: %s", strings.Join(args[:min(2, len(args))], " "), broken)
		}
		if said.Code != 0 {
			return "error: " + said.Err
		}
		return strings.TrimSpace(said.Out)
	}
	cmd := exec.Command("aws", args...)
	cmd.Env = e.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "error: " + errs.String()
	}
	return strings.TrimSpace(out.String())
}

func TestTheStockCLIIsServedAndRefused(t *testing.T) {
	e := start(t, "--simulate")
	if got := e.aws("sts", "get-caller-identity", "--query", "Arn"); got != "arn:aws:iam::000000000000:root" {
		t.Errorf("who am I: %s", got)
	}
	if got := e.aws("ecs", "create-cluster", "--cluster-name", "web", "--query", "cluster.status"); got != "ACTIVE" {
		t.Errorf("create-cluster: %s", got)
	}
	if got := e.aws("ec2", "describe-vpcs", "--query", "Vpcs[].IsDefault"); got != "True" {
		t.Errorf("default VPC: %s", got)
	}
	if got := e.aws("lambda", "list-functions"); !strings.HasPrefix(got, "error:") {
		t.Errorf("a service that is not served answered: %s", got)
	}
	if got := e.aws("ecs", "create-task-set", "--cluster", "web", "--service", "x", "--task-definition", "y"); !strings.Contains(got, "CreateTaskSet") {
		t.Errorf("an operation that is not served is not named: %s", got)
	}
}

func TestAKilledEngineHasAllThatItAcknowledged(t *testing.T) {
	e := start(t, "--simulate")
	if got := e.aws("iam", "create-user", "--user-name", "travis", "--query", "User.UserName"); got != "travis" {
		t.Fatal(got)
	}
	out, err := exec.Command(e.binary, "engine", "status", "--data", e.data, "--json").Output()
	var running struct{ PID int }
	if err != nil || json.Unmarshal(out, &running) != nil {
		t.Fatalf("status: %v %s", err, out)
	}
	if err := syscall.Kill(running.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := runfile.Wait(e.data); err != nil { // the kernel lets go of the lock
		t.Fatal(err)
	}
	status := exec.Command(e.binary, "engine", "status", "--data", e.data)
	if out, err := status.CombinedOutput(); err == nil || !strings.Contains(string(out), "was killed") {
		t.Errorf("status of a killed engine: %v %s", err, out)
	}
	if out, err := exec.Command(e.binary, "engine", "start", "--data", e.data, "--simulate", "--port", "0", "--http", "0", "--https", "0", "--dns", "0", "--registry", "0").CombinedOutput(); err != nil {
		t.Fatalf("starting again: %v\n%s", err, out)
	}
	e.read()
	if got := e.aws("iam", "get-user", "--user-name", "travis", "--query", "User.UserName"); got != "travis" {
		t.Errorf("after the kill: %s", got)
	}
}

func TestASimulatedServiceBecomesStable(t *testing.T) {
	e := start(t, "--simulate")
	e.aws("ecs", "create-cluster", "--cluster-name", "web")
	subnet := strings.Fields(e.aws("ec2", "describe-subnets", "--query", "Subnets[].SubnetId"))[0]
	got := e.aws("ecs", "register-task-definition", "--family", "web", "--requires-compatibilities", "FARGATE", "--network-mode", "awsvpc", "--cpu", "256", "--memory", "512",
		"--container-definitions", `[{"name":"web","image":"web:1","healthCheck":{"command":["CMD","true"]}}]`, "--query", "taskDefinition.revision")
	if got != "1" {
		t.Fatal(got)
	}
	got = e.aws("ecs", "create-service", "--cluster", "web", "--service-name", "web", "--task-definition", "web", "--desired-count", "2", "--launch-type", "FARGATE",
		"--network-configuration", "awsvpcConfiguration={subnets=["+subnet+"]}", "--query", "service.status")
	if got != "ACTIVE" {
		t.Fatal(got)
	}
	if got := e.aws("ecs", "wait", "services-stable", "--cluster", "web", "--services", "web"); got != "" {
		t.Errorf("waiting: %s", got)
	}
	if got := e.aws("ecs", "describe-services", "--cluster", "web", "--services", "web", "--query", "services[0].[runningCount,deployments[0].rolloutState]"); got != "2\tCOMPLETED" {
		t.Errorf("the service: %s", got)
	}
}

func TestResetWipesASimulatedEngineOnly(t *testing.T) {
	e := start(t, "--simulate")
	e.aws("iam", "create-user", "--user-name", "travis")
	if out, err := exec.Command(e.binary, "engine", "reset", "--data", e.data).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if got := e.aws("iam", "list-users", "--query", "length(Users)"); got != "0" {
		t.Errorf("users after a reset: %s", got)
	}
}
