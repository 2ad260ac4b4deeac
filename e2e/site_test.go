package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// site is a shared environment on a real engine, as the runbook makes it: a
// cluster on an instance, a load balancer in front, the application's image in
// the registry. Everything is made by the stock aws CLI; deploys go through the
// SDK, whose waiter may look more often than every 15 seconds.
type site struct {
	*engine
	cluster, image          string
	vpc, subnets            string
	lbGroup, instanceGroup  string
	loadBalancer, name, dns string
	ecs                     *ecs.Client
}

var sites atomic.Int64

// siteName is a cluster's that no other test has: what is left is found by it.
func siteName() string { return fmt.Sprintf("e2e-%d-%d", os.Getpid(), sites.Add(1)) }

// must is an aws call that works.
func (e *engine) must(args ...string) string {
	e.t.Helper()
	out := e.aws(args...)
	if strings.HasPrefix(out, "error:") {
		e.t.Fatalf("aws %s: %s", strings.Join(args, " "), out)
	}
	return out
}

// lookup is a variable of the engine's environment.
func (e *engine) lookup(name string) string {
	value := ""
	for _, v := range e.env {
		if rest, ok := strings.CutPrefix(v, name+"="); ok {
			value = rest
		}
	}
	return value
}

// newSite makes the environment. Clients may come from anywhere; the instances
// admit the load balancer and nobody else.
func newSite(t *testing.T) *site {
	t.Helper()
	if out, err := exec.Command("docker", "version").CombinedOutput(); err != nil {
		t.Skipf("SKIP: no Docker daemon answers: %s", out)
	}
	s := &site{engine: start(t), name: siteName()}
	s.cluster = s.name
	t.Cleanup(s.leaveNothing)
	s.client()
	s.network()
	s.capacity()
	s.loadBalancer = s.must("elbv2", "create-load-balancer", "--name", s.name, "--subnets", strings.Fields(s.subnets)[0], strings.Fields(s.subnets)[1],
		"--security-groups", s.lbGroup, "--query", "LoadBalancers[0].LoadBalancerArn")
	s.dns = s.must("elbv2", "describe-load-balancers", "--load-balancer-arns", s.loadBalancer, "--query", "LoadBalancers[0].DNSName")
	return s
}

func (s *site) client() {
	s.ecs = ecs.New(ecs.Options{
		Region: s.lookup("AWS_DEFAULT_REGION"), BaseEndpoint: aws.String(s.lookup("AWS_ENDPOINT_URL")),
		Credentials: credentials.NewStaticCredentialsProvider(s.lookup("AWS_ACCESS_KEY_ID"), s.lookup("AWS_SECRET_ACCESS_KEY"), s.lookup("AWS_SESSION_TOKEN")),
	})
}

func (s *site) network() {
	s.vpc = s.must("ec2", "describe-vpcs", "--filters", "Name=is-default,Values=true", "--query", "Vpcs[0].VpcId")
	s.subnets = s.must("ec2", "describe-subnets", "--query", "Subnets[].SubnetId")
	s.lbGroup = s.must("ec2", "create-security-group", "--group-name", "lb", "--description", "clients", "--vpc-id", s.vpc, "--query", "GroupId")
	s.must("ec2", "authorize-security-group-ingress", "--group-id", s.lbGroup, "--protocol", "tcp", "--port", "80", "--cidr", "0.0.0.0/0")
	s.must("ec2", "authorize-security-group-ingress", "--group-id", s.lbGroup, "--protocol", "tcp", "--port", "443", "--cidr", "0.0.0.0/0")
	s.instanceGroup = s.must("ec2", "create-security-group", "--group-name", "instances", "--description", "the load balancer", "--vpc-id", s.vpc, "--query", "GroupId")
	s.must("ec2", "authorize-security-group-ingress", "--group-id", s.instanceGroup, "--protocol", "-1", "--source-group", s.lbGroup)
}

// capacity is one container instance.
func (s *site) capacity() {
	s.must("ecs", "create-cluster", "--cluster-name", s.cluster)
	s.must("iam", "create-role", "--role-name", "instance", "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	s.must("iam", "attach-role-policy", "--role-name", "instance", "--policy-arn", "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role")
	s.must("iam", "create-instance-profile", "--instance-profile-name", "instance")
	s.must("iam", "add-role-to-instance-profile", "--instance-profile-name", "instance", "--role-name", "instance")
	ami := s.must("ssm", "get-parameter", "--name", "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id", "--query", "Parameter.Value")
	s.must("ec2", "run-instances", "--image-id", ami, "--instance-type", "t3.large", "--subnet-id", strings.Fields(s.subnets)[0], "--security-group-ids", s.instanceGroup,
		"--iam-instance-profile", "Name=instance", "--user-data", "#!/bin/bash\necho ECS_CLUSTER="+s.cluster+" >> /etc/ecs/ecs.config")
}

// push builds the test application and pushes it with docker.
func (s *site) push() { s.image = s.pushed("web", "CMD [\"/web\"]\n") }

// pushed builds the program in testdata and pushes it, in an image with these
// further instructions, and gives the image's name.
func (s *site) pushed(program, instructions string) string {
	s.t.Helper()
	repo := s.must("ecr", "create-repository", "--repository-name", program, "--query", "repository.repositoryUri")
	dir := s.t.TempDir()
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", filepath.Join(dir, program), "./testdata/"+program)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	s.runs(build)
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY "+program+" /"+program+"\n"+instructions), 0o600); err != nil {
		s.t.Fatal(err)
	}
	image := repo + ":v1"
	config := []string{"--config", filepath.Join(dir, "docker")}
	login := exec.Command("docker", append(config, "login", "--username", "AWS", "--password-stdin", strings.Split(repo, "/")[0])...)
	login.Stdin = strings.NewReader(s.must("ecr", "get-login-password"))
	s.runs(login)
	s.t.Cleanup(func() { exec.Command("docker", "rmi", image).Run() })
	s.runs(exec.Command("docker", "build", "-q", "-t", image, dir))
	s.runs(exec.Command("docker", append(config, "push", "-q", image)...))
	return image
}

func (s *site) runs(c *exec.Cmd) string {
	s.t.Helper()
	out, err := c.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", c, err, out)
	}
	return strings.TrimSpace(string(out))
}

// targetGroup is a target group with quick checks and a deregistration delay.
func (s *site) targetGroup(name string, delay time.Duration, options ...string) string {
	s.t.Helper()
	args := append([]string{"elbv2", "create-target-group", "--name", name, "--protocol", "HTTP", "--port", "80", "--vpc-id", s.vpc, "--health-check-interval-seconds", "5",
		"--health-check-timeout-seconds", "2", "--healthy-threshold-count", "2", "--query", "TargetGroups[0].TargetGroupArn"}, options...)
	arn := s.must(args...)
	s.must("elbv2", "modify-target-group-attributes", "--target-group-arn", arn, "--attributes", fmt.Sprintf("Key=deregistration_delay.timeout_seconds,Value=%.0f", delay.Seconds()))
	return arn
}

// listen adds a listener for plain HTTP that forwards to a target group.
func (s *site) listen(group string) string {
	return s.must("elbv2", "create-listener", "--load-balancer-arn", s.loadBalancer, "--protocol", "HTTP", "--port", "80",
		"--default-actions", "Type=forward,TargetGroupArn="+group, "--query", "Listeners[0].ListenerArn")
}

// definition registers a revision of the test application.
func (s *site) definition(version string) string {
	s.t.Helper()
	out, err := s.ecs.RegisterTaskDefinition(context.Background(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"),
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("web"), Image: aws.String(s.image), MemoryReservation: aws.Int32(32), Cpu: 64, StopTimeout: aws.Int32(5),
			PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(8000)}},
			Environment:  []types.KeyValuePair{{Name: aws.String("VERSION"), Value: aws.String(version)}},
		}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return *out.TaskDefinition.TaskDefinitionArn
}

// serve creates a service of the test application behind target groups.
func (s *site) serve(name, definition string, count int, groups ...string) {
	s.t.Helper()
	in := &ecs.CreateServiceInput{Cluster: &s.cluster, ServiceName: &name, TaskDefinition: &definition, DesiredCount: aws.Int32(int32(count))}
	for _, g := range groups {
		in.LoadBalancers = append(in.LoadBalancers, types.LoadBalancer{TargetGroupArn: aws.String(g), ContainerName: aws.String("web"), ContainerPort: aws.Int32(8000)})
	}
	if _, err := s.ecs.CreateService(context.Background(), in); err != nil {
		s.t.Fatal(err)
	}
	s.stable(name)
}

// deploy moves a service on to another revision and waits until only that runs.
func (s *site) deploy(name, definition string) {
	s.t.Helper()
	_, err := s.ecs.UpdateService(context.Background(), &ecs.UpdateServiceInput{Cluster: &s.cluster, Service: &name, TaskDefinition: &definition})
	if err != nil {
		s.t.Fatal(err)
	}
	s.stable(name)
}

// scale sets a service's desired count and waits until so many tasks run.
func (s *site) scale(name string, count int) {
	s.t.Helper()
	_, err := s.ecs.UpdateService(context.Background(), &ecs.UpdateServiceInput{Cluster: &s.cluster, Service: &name, DesiredCount: aws.Int32(int32(count))})
	if err != nil {
		s.t.Fatal(err)
	}
	s.stable(name)
}

// stable waits as every SDK does, but looks more often.
func (s *site) stable(name string) {
	s.t.Helper()
	w := ecs.NewServicesStableWaiter(s.ecs, func(o *ecs.ServicesStableWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, 200*time.Millisecond
	})
	if err := w.Wait(context.Background(), &ecs.DescribeServicesInput{Cluster: &s.cluster, Services: []string{name}}, 2*time.Minute); err != nil {
		s.t.Fatalf("%s does not become stable: %v\n%s\nengine's log:\n%s", name, err,
			s.aws("ecs", "describe-services", "--cluster", s.cluster, "--services", name, "--query", "services[0].events[:10].message"), s.log())
	}
}

// log is the end of what the engine has logged.
func (s *site) log() string {
	b, _ := os.ReadFile(filepath.Join(s.data, "engine.log"))
	return string(b[max(0, len(b)-4000):])
}

// containers are the site's running containers.
func (s *site) containers() []string {
	return strings.Fields(s.runs(exec.Command("docker", "ps", "-q", "--filter", "label=com.amazonaws.ecs.cluster="+s.cluster)))
}

// leaveNothing stops the engine and takes its containers and networks away: an
// engine that stops leaves them running.
func (s *site) leaveNothing() {
	exec.Command(s.binary, "engine", "stop", "--data", s.data).Run()
	out, _ := exec.Command("docker", "ps", "-aq", "--filter", "label=com.amazonaws.ecs.cluster="+s.cluster).Output()
	ids := strings.Fields(string(out))
	if len(ids) == 0 {
		return
	}
	networks, _ := exec.Command("docker", append([]string{"inspect", "--format", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}"}, ids...)...).Output()
	exec.Command("docker", append([]string{"rm", "-f"}, ids...)...).Run()
	for _, name := range strings.Fields(string(networks)) {
		if strings.HasPrefix(name, "slipway-") && name != "slipway-credentials" {
			exec.Command("docker", "network", "rm", name).Run()
		}
	}
}

// status is what `slipway engine status --json` tells.
func (e *engine) status() (s struct {
	PID         int
	HTTP, HTTPS string
}) {
	e.t.Helper()
	out, err := exec.Command(e.binary, "engine", "status", "--data", e.data, "--json").Output()
	if err != nil {
		e.t.Fatalf("status: %v %s", err, out)
	}
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&s); err != nil {
		e.t.Fatal(err)
	}
	return s
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
