package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// runbook is the seed's shared environment with the seed's repository, its CI
// user and that user's two policies.
type runbook struct {
	*site
	label string // of its images
	dir   string
	keys  []string // of travis
}

// The policies of the runbook, as they stand there.
const (
	pushPolicy = `{"Version":"2012-10-17","Statement":[
	{"Sid":"VisualEditor0","Effect":"Allow","Action":["ecr:CompleteLayerUpload","ecr:UploadLayerPart","ecr:InitiateLayerUpload","ecr:BatchCheckLayerAvailability","ecr:PutImage"],"Resource":"%s"},
	{"Sid":"VisualEditor1","Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}]}`
	deployPolicy = `{"Version":"2012-10-17","Statement":[{"Sid":"VisualEditor0","Effect":"Allow","Action":["ecs:UpdateService","ecs:RegisterTaskDefinition"],"Resource":"*"}]}`
)

// theRunbook makes the environment by hand, with the first version in it.
func theRunbook(t *testing.T) *runbook {
	needs(t, "git", "docker", "curl") // npm and pip may be missing: their shims do
	label := fmt.Sprintf("slipway.e2e=runbook-%d", os.Getpid())
	t.Cleanup(func() { // after the site's containers have gone
		out, _ := exec.Command("docker", "images", "-q", "--filter", "label="+label).Output()
		if images := strings.Fields(string(out)); len(images) > 0 {
			exec.Command("docker", append([]string{"rmi", "-f"}, images...)...).Run()
		}
	})
	r := &runbook{site: newSite(t), label: label}
	r.repository()
	r.travis()
	r.tag("v1.0.0", "serve")
	r.pipeline(0, []string{"--tag", "v1.0.0"},
		`^skipped +job Start service from docker with latest merged tag: if: branch = release/playground does not hold \(\.travis\.yml:\d+:5\)`,
		`^job 1\.1 +Build docker image and upload to AWS`,
		`^1\.1 \$ docker build --build-arg WT_CONFIG=playground -t wt-demo-app:\$TRAVIS_BRANCH-playground \.$`,
		`^1\.1 │ slipway: aws-cli/1\..* is here already .*: pip installs nothing`,
		`^1\.1 │ Login Succeeded`,
		`^passed +1 of 1 jobs`)
	r.service()
	return r
}

// repository is the seed's, with the account and the cluster filled in; its
// stages are as the runbook has them.
func (r *runbook) repository() {
	r.t.Helper()
	r.dir = filepath.Join(r.t.TempDir(), "wt-demo-app")
	if err := os.CopyFS(r.dir, os.DirFS("../internal/initial/testdata/seed/repo")); err != nil {
		r.t.Fatal(err)
	}
	registry := "000000000000.dkr.ecr.eu-west-1.amazonaws.com"
	for _, file := range []string{"management/deploy-aws.sh", ".travis.yml"} {
		r.edit(filepath.Join(r.dir, filepath.Dir(file)), "xxxxxx.dkr.ecr.region.amazonaws.com", registry, filepath.Base(file))
	}
	r.edit(r.dir, "--region region)", "--region eu-west-1)", ".travis.yml")
	r.edit(r.dir, "  - stage: Test\n    script: npm test\n", "", ".travis.yml")
	r.edit(filepath.Join(r.dir, "management"), "shared-docker-cluster-t3", r.cluster, "deploy-aws.sh")
	r.write("Dockerfile", "FROM scratch\nARG WT_CONFIG\nENV BUILT_FOR=$WT_CONFIG\nLABEL "+r.label+"\nCOPY app /app\nEXPOSE 8000\nCMD [\"/app\"]\n")
	r.write(".gitignore", "*.go\n")
	if err := os.Chmod(filepath.Join(r.dir, "management/deploy-aws.sh"), 0o755); err != nil {
		r.t.Fatal(err)
	}
	r.git("init", "-q", "-b", "main")
}

func (r *runbook) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r *runbook) git(args ...string) {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.test"}, args...)...)
	cmd.Dir = r.dir
	r.runs(cmd)
}

// travis is the CI user, with the runbook's policies and nothing else.
func (r *runbook) travis() {
	repository := r.must("ecr", "create-repository", "--repository-name", "wt-demo-app", "--query", "repository.repositoryArn")
	r.must("iam", "create-user", "--user-name", "travis")
	for name, document := range map[string]string{"push": fmt.Sprintf(pushPolicy, repository), "deploy": deployPolicy} {
		arn := r.must("iam", "create-policy", "--policy-name", "travis-"+name, "--policy-document", document, "--query", "Policy.Arn")
		r.must("iam", "attach-user-policy", "--user-name", "travis", "--policy-arn", arn)
	}
	key := strings.Fields(r.must("iam", "create-access-key", "--user-name", "travis", "--query", "AccessKey.[AccessKeyId,SecretAccessKey]"))
	r.keys = []string{"AWS_ACCESS_KEY_ID=" + key[0], "AWS_SECRET_ACCESS_KEY=" + key[1], "INFURA_API_KEY=not-a-real-key"}
}

// tag commits the program in a mode, tags it and moves the release branch to it.
func (r *runbook) tag(tag, mode string) {
	r.t.Helper()
	r.write("main.go", fmt.Sprintf(`package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	if %q == "crash" {
		fmt.Println("Error: Cannot find module '/usr/src/app/src/index.js'")
		os.Exit(1)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, %q, os.Getenv("WT_CONFIG"), os.Getenv("BUILT_FOR"), os.Getenv("INFURA_API_KEY"), r.Header.Get("X-Forwarded-Proto"))
	})
	http.ListenAndServe(":8000", nil)
}
`, mode, tag))
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", filepath.Join(r.dir, "app"), filepath.Join(r.dir, "main.go"))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	r.runs(build)
	r.git("add", "-A")
	r.git("commit", "-q", "-m", tag)
	r.git("tag", tag)
	r.git("branch", "-f", "release/playground")
}

// service is what the runbook clicks together for the application.
func (r *runbook) service() {
	group := r.targetGroup(seedService+"-tg", time.Second)
	zone := r.cloudflare("POST", "/zones", `{"name":"windingtree.com","type":"full"}`)
	certificate := r.certificate(zone, seedHost)
	r.cloudflare("POST", "/zones/"+zone+"/dns_records", fmt.Sprintf(`{"type":"CNAME","name":%q,"content":%q,"ttl":60}`, seedHost, r.dns))
	listener := r.must("elbv2", "create-listener", "--load-balancer-arn", r.loadBalancer, "--protocol", "HTTPS", "--port", "443", "--certificates", "CertificateArn="+certificate,
		"--default-actions", "Type=fixed-response,FixedResponseConfig={StatusCode=404}", "--query", "Listeners[0].ListenerArn")
	r.must("elbv2", "create-rule", "--listener-arn", listener, "--priority", "10", "--conditions", "Field=host-header,Values="+seedHost, "--actions", "Type=forward,TargetGroupArn="+group)
	r.must("ecs", "register-task-definition", "--family", seedService, "--container-definitions",
		`[{"name":"wt-demo-app","image":"000000000000.dkr.ecr.eu-west-1.amazonaws.com/wt-demo-app:v1.0.0-playground","memoryReservation":128,"cpu":128,"portMappings":[{"hostPort":0,"containerPort":8000}],
		"environment":[{"name":"WT_CONFIG","value":"playground"},{"name":"INFURA_API_KEY","value":"by-hand"}]}]`)
	r.must("ecs", "create-service", "--cluster", r.cluster, "--service-name", seedService, "--task-definition", seedService, "--desired-count", "1",
		"--load-balancers", "targetGroupArn="+group+",containerName=wt-demo-app,containerPort=8000")
	r.stable(seedService)
}

// pipeline runs ci run as travis and checks its exit code and that it says all of
// the lines.
func (r *runbook) pipeline(code int, args []string, lines ...string) string {
	r.t.Helper()
	args = append([]string{"ci", "run", "--env", "AWS_ACCESS_KEY_ID", "--env", "AWS_SECRET_ACCESS_KEY", "--env", "INFURA_API_KEY"}, args...)
	out, got := r.slipway(r.dir, r.keys, args...)
	if got != code {
		r.t.Fatalf("%v: exit %d, not %d\n%s\n%s", args, got, code, out, r.log())
	}
	for _, l := range lines {
		if !regexp.MustCompile(`(?m)` + l).MatchString(out) {
			r.t.Errorf("%v does not say %q:\n%s", args, l, out)
		}
	}
	for _, kv := range r.keys {
		if _, secret, _ := strings.Cut(kv, "="); strings.Contains(out, secret) {
			r.t.Errorf("%v shows a secret:\n%s", args, out)
		}
	}
	return out
}

// answers asks the host over TLS verified with the engine's root.
func (r *runbook) answers(want string) {
	r.t.Helper()
	_, port, _ := net.SplitHostPort(r.lookup("SLIPWAY_HTTPS"))
	out, err := exec.Command("curl", "-sS", "--cacert", r.lookup("SLIPWAY_CA"), "--connect-to", seedHost+":443:127.0.0.1:"+port, "https://"+seedHost+"/").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != want {
		r.t.Errorf("https://%s answers %q (%v), not %q", seedHost, out, err, want)
	}
}

// The seed's repository, by its own .travis.yml and its own script, from a tag to
// the host; then what goes wrong, with its cause and the old version serving. The
// same by hand at the end.
func TestTheSeedsPipelineRuns(t *testing.T) {
	t.Parallel()
	r := theRunbook(t)
	r.answers("v1.0.0 playground playground by-hand https")

	r.tag("v1.1.0", "serve")
	r.pipeline(0, []string{"--tag", "v1.1.0"}, `^passed +1 of 1 jobs`)
	r.pipeline(0, []string{"--branch", "release/playground"},
		`^job 1\.1 +Start service from docker with latest merged tag`,
		`^1\.1 \$ npm run deploy-aws-playground`,
		`^1\.1 │ Updating service`,
		`^service +playground-wt-demo-app  playground-wt-demo-app:2: 000000000000\.dkr\.ecr\.eu-west-1\.amazonaws\.com/wt-demo-app:v1\.1\.0-playground`,
		`^passed +1 of 1 jobs`)
	r.answers("v1.1.0 playground playground not-a-real-key https")

	r.pipeline(1, []string{"--tag", "v9.9.9"}, `^error: there is no tag v9\.9\.9 here \(newest: `)
	r.pipeline(1, []string{"--branch", "main"}, `^error: nothing ran: no job of \.travis\.yml is for branch main`)

	r.tag("v1.2.0", "serve") // and its image is never built
	r.pipeline(3, []string{"--branch", "release/playground"},
		`CannotPullContainerError`,
		`^error: playground-wt-demo-app: .*playground-wt-demo-app:2 is serving`,
		`^next: ECS goes on trying; go back with: aws ecs update-service --cluster \S+ --service playground-wt-demo-app --task-definition playground-wt-demo-app:`)
	r.answers("v1.1.0 playground playground not-a-real-key https")

	r.edit(r.dir, "FROM scratch", "FORM scratch", "Dockerfile")
	r.tag("v1.3.0", "serve")
	r.pipeline(8, []string{"--tag", "v1.3.0"},
		`(?i)unknown instruction: FORM`,
		`^error: job 1\.1 \(Build docker image and upload to AWS\) failed`,
		`^  \.travis\.yml:\d+:7: script: exited with 1: docker build `)
	r.answers("v1.1.0 playground playground not-a-real-key https")

	r.edit(r.dir, "FORM scratch", "FROM scratch", "Dockerfile")
	r.tag("v1.4.0", "crash")
	r.pipeline(0, []string{"--tag", "v1.4.0"})
	r.pipeline(3, []string{"--branch", "release/playground"}, `^error: playground-wt-demo-app: essential container wt-demo-app exited with 1\. `)
	r.answers("v1.1.0 playground playground not-a-real-key https")

	r.byHand()
}

// byHand is the runbook without a CI service: a person's commands as travis, and
// the script. It waits for nothing, so the service's tasks tell what went wrong.
func (r *runbook) byHand() {
	r.t.Helper()
	repository := r.must("ecr", "describe-repositories", "--repository-names", "wt-demo-app", "--query", "repositories[0].repositoryUri")
	config := r.t.TempDir()
	types := func(command string) (string, error) {
		cmd := exec.Command("bash", "-e", "-c", command)
		cmd.Dir, cmd.Env = r.dir, append(append(append([]string{}, r.env...), r.keys...), "REPOSITORY="+repository, "DOCKER_CONFIG="+config)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	done := func(command string) {
		r.t.Helper()
		if out, err := types(command); err != nil {
			r.t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	build := func(tag string) string {
		return "docker build -q --build-arg WT_CONFIG=playground -t $REPOSITORY:" + tag + "-playground . && docker push -q $REPOSITORY:" + tag + "-playground"
	}
	const script = "./management/deploy-aws.sh playground"
	stopped := func(why string) {
		r.t.Helper()
		until(r.t, "a task that stopped with "+why, func() bool {
			tasks := strings.Fields(r.must("ecs", "list-tasks", "--cluster", r.cluster, "--desired-status", "STOPPED", "--query", "taskArns"))
			return len(tasks) > 0 && strings.Contains(r.must(append([]string{"ecs", "describe-tasks", "--cluster", r.cluster, "--query", "tasks[].[taskDefinitionArn,stoppedReason,containers[0].reason]", "--tasks"}, tasks...)...), why)
		})
	}
	const serving = "v1.5.0 playground playground not-a-real-key https"

	done(`eval "$(aws ecr get-login --no-include-email --region eu-west-1)"`)
	r.tag("v1.5.0", "serve")
	done(build("v1.5.0"))
	done(script)
	r.stable(seedService)
	r.answers(serving)

	r.tag("v1.6.0", "serve") // and its image is never built
	done(script)
	stopped("wt-demo-app:v1.6.0-playground")
	r.answers(serving)

	r.edit(r.dir, "FROM scratch", "FORM scratch", "Dockerfile")
	r.tag("v1.7.0", "serve")
	if out, err := types(build("v1.7.0")); err == nil || !strings.Contains(strings.ToLower(out), "unknown instruction: form") {
		r.t.Errorf("a bad Dockerfile: %v\n%s", err, out)
	}
	r.answers(serving)

	r.edit(r.dir, "FORM scratch", "FROM scratch", "Dockerfile")
	r.tag("v1.8.0", "crash")
	done(build("v1.8.0"))
	done(script)
	stopped(r.must("ecs", "describe-services", "--cluster", r.cluster, "--services", seedService, "--query", "services[0].taskDefinition") + "\tEssential container in task exited")
	r.answers(serving)
}
