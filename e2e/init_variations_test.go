package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// byHandOne is a service that a person made before its script was written.
type byHandOne struct {
	name, container string
	port            int
	host            string
}

// What real repositories' scripts made, each in its own way, is what the file of
// slipway init wants.
func TestInitOnWhatRealScriptsMadeChangesNothing(t *testing.T) {
	t.Parallel()
	needs(t, "git", "docker")
	e := start(t, "--simulate", "--account", "029479441096")
	instance := &site{engine: e, cluster: seedCluster}
	instance.network()
	instance.capacity() // the scripts wait for their service
	hands := e.byHand()
	e.must("iam", "create-role", "--role-name", "wt-read-api", "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	e.must("logs", "create-log-group", "--log-group-name", seedCluster)
	bin := t.TempDir() // Cloudflare's own address is out of reach: the purge is taken for done
	if err := os.WriteFile(filepath.Join(bin, "curl"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		repository, environment string
		made                    []byHandOne
		script                  []string // the command of CI, variables first
		repositories            []string // of images, in ECR
		left                    []string // what slipway.yaml has no place for, not in this script
		edits                   []string // what init asks a person for: before, after
	}{
		{
			// An image on Docker Hub, another size for each environment, a wait loop, a purge.
			repository: "hotel-explorer", environment: "demo",
			made:   []byHandOne{{"demo-wt-hotel-explorer", "wt-hotel-explorer", 8080, "demo-explorer.windingtree.com"}},
			script: []string{"./management/deploy-aws.sh", "demo"},
		},
		{
			// No suffix on the image, ${ENV^^}_NAME, release/production for prod, a
			// service with another application's name at prod-api.….
			repository: "notification-api", environment: "prod",
			made:         []byHandOne{{"prod-update-api", "update-api", 8008, "prod-api.windingtree.com"}},
			repositories: []string{"wt-notification-api"},
			script:       []string{"PROD_DB_URL=postgres://db", "DB_PASS=pw", "bash", "management/deploy-aws.sh", "prod"},
			edits:        []string{"    # host: demo.example.com\n", "    host: \"{env}-api.windingtree.com\"\n", "    LOG_LEVEL: info\n", "    LOG_LEVEL: info\n    DSN: postgres://app:pw@db/x\n"},
		},
		{
			// Logs in a group that is the cluster's, a role, a command, a hard limit, two tasks.
			repository: "read-api", environment: "lisbon",
			made:         []byHandOne{{"lisbon-wt-read-api", "wt-read-api", 3000, "lisbon-read.windingtree.com"}},
			repositories: []string{"wt-read-api"},
			script:       []string{"bash", "management/deploy-aws.sh", "lisbon"},
			left:         []string{`, {\"hostPort\": 0, \"containerPort\": 9229}`, `  \"ulimits\": [{\"name\": \"nofile\", \"softLimit\": 1024, \"hardLimit\": 4096}],` + "\n"},
			edits:        []string{"    # host: demo.example.com\n", "    host: lisbon-read.windingtree.com\n"},
		},
		{
			// Two images and two services of one repository.
			repository: "orgid", environment: "production",
			made:         []byHandOne{{"production-orgid-cache", "orgid-cache", 1918, "orgid.windingtree.com"}, {name: "production-orgid-cache-scraper", container: "scraper"}},
			repositories: []string{"orgid-cache", "orgid-cache-scraper"},
			script:       []string{"ENVIRONMENT=production", "bash", "management/deploy-aws.sh"},
			edits:        []string{"    # host: demo.example.com\n", "    host: orgid.windingtree.com\n"},
		},
	} {
		t.Run(c.repository, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), c.repository)
			if err := os.CopyFS(dir, os.DirFS(filepath.Join("../internal/initial/testdata", c.repository, "repo"))); err != nil {
				t.Fatal(err)
			}
			for _, text := range c.left {
				e.edit(filepath.Join(dir, "management"), text, "", "deploy-aws.sh")
			}
			if err := os.Chmod(filepath.Join(dir, "management/deploy-aws.sh"), 0o755); err != nil {
				t.Fatal(err)
			}
			e.committed(dir, "v1.0.0")
			for _, r := range c.repositories {
				e.must("ecr", "create-repository", "--repository-name", r)
			}
			for _, s := range c.made {
				hands.service(s.name, s.container, s.port, s.host)
				e.eventually("1", "ecs", "describe-services", "--cluster", seedCluster, "--services", s.name, "--query", "services[0].runningCount")
			}
			words := slices.IndexFunc(c.script, func(w string) bool { return !strings.Contains(w, "=") })
			script := exec.Command(c.script[words], c.script[words+1:]...)
			script.Dir, script.Env = dir, slices.Concat(e.env, c.script[:words], []string{"PATH=" + bin + ":" + os.Getenv("PATH")})
			if out, err := script.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if out, code := e.slipway(dir, nil, "init"); code != 0 {
				t.Fatalf("init: exit %d\n%s", code, out)
			}
			for i := 0; i < len(c.edits); i += 2 {
				e.edit(dir, c.edits[i], c.edits[i+1])
			}
			if out, code := e.slipway(dir, c.script[:words], "plan", c.environment); code != 0 || !strings.Contains(out, "0 to change, 0 to add, 0 to destroy") {
				text, _ := os.ReadFile(filepath.Join(dir, "slipway.yaml"))
				t.Errorf("plan: exit %d\n%s\n%s", code, out, text)
			}
			if c.repository == "notification-api" {
				e.toSSM(t, dir, c.script[:words], c.edits)
			}
		})
	}
}

// toSSM moves the password in the script of the update API, which runs with it in
// plain text, to SSM: nobody sees it on the way, and it is in no file.
func (e *engine) toSSM(t *testing.T, dir string, variables, edits []string) {
	t.Helper()
	door := slices.Concat(e.env, answering(t, "*.windingtree.com")) // there are no containers to answer
	runs := func(want string, args ...string) {
		t.Helper()
		out, code := e.slipway(dir, slices.Concat(door, variables), args...)
		if code != 0 || !strings.Contains(out, want) || strings.Contains(out, "hunter2") {
			t.Fatalf("slipway %s: exit %d, and it does not say %q, or the password:\n%s", strings.Join(args, " "), code, want, out)
		}
	}
	runs("next  slipway secret set prod DB_PASSWORD --running", "init", "--ssm", "--force")
	for i := 0; i < len(edits); i += 2 {
		e.edit(dir, edits[i], edits[i+1])
	}
	if text, err := os.ReadFile(filepath.Join(dir, "slipway.yaml")); err != nil || strings.Contains(string(text), "hunter2") {
		t.Errorf("slipway.yaml has it (%v):\n%s", err, text)
	}
	runs("written      /prod/db-password, version 1", "secret", "set", "prod", "DB_PASSWORD", "--running")
	if got := e.must("ssm", "get-parameter", "--name", "/prod/db-password", "--with-decryption", "--query", "Parameter.[Type,Value]"); got != "SecureString\thunter2" {
		t.Errorf("the parameter is %q", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY package.json /\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	e.committed(dir, "v1.0.1")
	runs("done         v1.0.1 serves https://prod-api.windingtree.com", "deploy", "prod", "--tag", "v1.0.1", "--build")
	t.Cleanup(func() {
		exec.Command("docker", "rmi", e.must("ecr", "describe-repositories", "--repository-names", "wt-notification-api", "--query", "repositories[0].repositoryUri")+":v1.0.1").Run()
	})
	runs("0 to change, 0 to add, 0 to destroy", "plan", "prod")
	if got := e.must("ecs", "describe-task-definition", "--task-definition", "prod-update-api", "--query", "taskDefinition.containerDefinitions[0].[environment[?name=='DB_PASSWORD'],secrets[].name]"); got != "DB_PASSWORD" {
		t.Errorf("plain, and secrets: %q", got)
	}
	runs("removed", "secret", "rm", "prod", "DB_PASSWORD")
}
