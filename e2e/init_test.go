package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	seedCluster = "shared-docker-cluster-t3"
	seedService = "playground-wt-demo-app"
	seedHost    = "demo.windingtree.com"
)

// console is what a person has made in the console for all applications: cluster,
// balancer and zone, all with AWS's defaults.
type console struct {
	*engine
	vpc, balancer, name, zone string
	listener                  string // of HTTPS, made with the first certificate
	rules                     int
}

func (e *engine) byHand() *console {
	e.t.Helper()
	c := &console{engine: e, vpc: e.must("ec2", "describe-vpcs", "--query", "Vpcs[0].VpcId")}
	subnets := strings.Fields(e.must("ec2", "describe-subnets", "--query", "Subnets[].SubnetId"))
	e.must("ecs", "create-cluster", "--cluster-name", seedCluster)
	c.balancer = e.must("elbv2", "create-load-balancer", "--name", "shared", "--subnets", subnets[0], subnets[1], "--query", "LoadBalancers[0].LoadBalancerArn")
	c.name = e.must("elbv2", "describe-load-balancers", "--names", "shared", "--query", "LoadBalancers[0].DNSName")
	c.zone = e.cloudflare("POST", "/zones", `{"name":"windingtree.com","type":"full"}`)
	return c
}

// service is what he makes for one: a first revision and its service; for one
// with a host the target group, certificate, rule and record, too.
func (c *console) service(name, container string, port int, host string) {
	c.t.Helper()
	mapped, routed := "", []string(nil)
	if host != "" {
		group := c.must("elbv2", "create-target-group", "--name", name+"-tg", "--protocol", "HTTP", "--port", "80", "--vpc-id", c.vpc, "--query", "TargetGroups[0].TargetGroupArn")
		c.must("elbv2", "modify-target-group-attributes", "--target-group-arn", group, "--attributes", "Key=deregistration_delay.timeout_seconds,Value=1") // not five minutes
		c.route(host, group)
		mapped = fmt.Sprintf(`,"portMappings":[{"hostPort":0,"containerPort":%d}]`, port)
		routed = []string{"--load-balancers", fmt.Sprintf("targetGroupArn=%s,containerName=%s,containerPort=%d", group, container, port)}
	}
	c.must("ecs", "register-task-definition", "--family", name, "--container-definitions",
		fmt.Sprintf(`[{"name":%q,"image":"wt-demo-app:first","memoryReservation":128%s}]`, container, mapped))
	c.must(append([]string{"ecs", "create-service", "--cluster", seedCluster, "--service-name", name, "--task-definition", name, "--desired-count", "1"}, routed...)...)
}

// route leads a host to a target group.
func (c *console) route(host, group string) {
	c.t.Helper()
	certificate := "CertificateArn=" + c.certificate(c.zone, host)
	c.cloudflare("POST", "/zones/"+c.zone+"/dns_records", fmt.Sprintf(`{"type":"CNAME","name":%q,"content":%q,"ttl":60}`, host, c.name))
	if c.listener == "" {
		c.listener = c.must("elbv2", "create-listener", "--load-balancer-arn", c.balancer, "--protocol", "HTTPS", "--port", "443", "--certificates", certificate,
			"--default-actions", "Type=fixed-response,FixedResponseConfig={StatusCode=404}", "--query", "Listeners[0].ListenerArn")
	} else {
		c.must("elbv2", "add-listener-certificates", "--listener-arn", c.listener, "--certificates", certificate)
	}
	c.rules++
	c.must("elbv2", "create-rule", "--listener-arn", c.listener, "--priority", fmt.Sprint(10*c.rules), "--conditions", "Field=host-header,Values="+host, "--actions", "Type=forward,TargetGroupArn="+group)
}

// slipway runs the binary in dir and gives what it says and its exit code.
func (e *engine) slipway(dir string, variables []string, args ...string) (string, int) {
	e.t.Helper()
	cmd := exec.Command(e.binary, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), append(variables, "SLIPWAY_DATA="+e.data)...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		e.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// What a person made by hand and the repository's own script deployed is what
// the file of slipway init wants, to the letter.
func TestInitOnWhatAScriptMadeChangesNothing(t *testing.T) {
	t.Parallel()
	e := start(t, "--simulate")
	e.byHand().service(seedService, "wt-demo-app", 8000, seedHost)
	dir := e.seedRepository()
	script := exec.Command("./management/deploy-aws.sh", "playground")
	script.Dir, script.Env = dir, append(e.env, "INFURA_API_KEY=not-a-real-key")
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, code := e.slipway(dir, nil, "init", "--host", seedHost); code != 0 || !strings.Contains(out, "wrote slipway.yaml: service "+seedService+" on cluster "+seedCluster+", port 8000, 128 MiB, 128 CPU units") {
		t.Fatalf("init: exit %d\n%s", code, out)
	}
	if out, code := e.slipway(dir, nil, "init"); code != 1 || !strings.Contains(out, "--force") {
		t.Errorf("init over a file: exit %d\n%s", code, out)
	}
	key := []string{"INFURA_API_KEY=not-a-real-key"}
	if out, code := e.slipway(dir, key, "plan"); code != 0 || !strings.Contains(out, "0 to change, 0 to add, 0 to destroy") {
		t.Errorf("plan: exit %d\n%s", code, out)
	}
	if out, code := e.slipway(dir, nil, "plan"); code != 1 || !strings.Contains(out, "INFURA_API_KEY, which is not set here") {
		t.Errorf("plan without the variable: exit %d\n%s", code, out)
	}
	e.edit(dir, "  port: 8000\n", "  port: 8000\n  health: /up\n")
	if out, code := e.slipway(dir, key, "plan"); code != 2 || !strings.Contains(out, "health path / → /up") || !strings.Contains(out, "1 to change, 0 to add") {
		t.Errorf("plan of a change: exit %d\n%s", code, out)
	}
}

// seedRepository is the seed's repository with one tag, its registry the engine's.
func (e *engine) seedRepository() string {
	e.t.Helper()
	dir := filepath.Join(e.t.TempDir(), "wt-demo-app")
	if err := os.CopyFS(dir, os.DirFS("../internal/initial/testdata/seed/repo")); err != nil {
		e.t.Fatal(err)
	}
	repository := e.must("ecr", "create-repository", "--repository-name", "wt-demo-app", "--query", "repository.repositoryUri")
	for _, file := range []string{"management/deploy-aws.sh", ".travis.yml"} {
		e.edit(filepath.Join(dir, filepath.Dir(file)), "xxxxxx.dkr.ecr.region.amazonaws.com/wt-demo-app", repository, filepath.Base(file))
	}
	if err := os.Chmod(filepath.Join(dir, "management/deploy-aws.sh"), 0o755); err != nil {
		e.t.Fatal(err)
	}
	e.committed(dir, "v1.0.0")
	return dir
}

// committed commits a folder, the first time as a repository, and tags it.
func (e *engine) committed(dir, tag string) {
	e.t.Helper()
	git := fmt.Sprintf("cd %q && git init -q . && git add -A && git -c user.email=a@example.com -c user.name=a commit -qm %[2]s && git tag %[2]s", dir, tag)
	if out, err := exec.Command("sh", "-c", git).CombinedOutput(); err != nil {
		e.t.Fatalf("%v\n%s", err, out)
	}
}

// edit replaces text in slipway.yaml, or in the file named.
func (e *engine) edit(dir, before, after string, name ...string) {
	e.t.Helper()
	path := filepath.Join(dir, append(name, "slipway.yaml")[0])
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), before) {
		e.t.Fatalf("%s has no %q: %v", path, before, err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), before, after)), 0o644); err != nil {
		e.t.Fatal(err)
	}
}
