package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The whole stack: made, found as it was made, changed in place, taken away; with
// containers that run, it answers over TLS in between.
func TestTerraformsWholeStack(t *testing.T) {
	t.Parallel() // it waits most of the time
	for _, kind := range []string{"simulated", "real"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel() // Terraform's provider sleeps most of the time
			options := []string{"--simulate"}
			if kind == "real" {
				needs(t, "docker")
				options = nil
			}
			s := &stack{terraform: start(t, options...).terraform(t, "testdata/stack"), real: kind == "real"}
			s.t = t
			s.prepare()
			t.Cleanup(s.destroy) // containers outlive the engine
			s.apply()
			s.apply("desired=2", "message=two", "host=www.example.test", "maximum=3", "interval=6", "office=198.51.100.0/24", "owner=bob")
			s.destroy()
			s.nothing()
		})
	}
}

type stack struct {
	*terraform
	real, gone bool
	zone       string
	variables  []string
}

// prepare makes what the stack takes for granted: an image and the zone.
func (s *stack) prepare() {
	s.zone = s.cloudflare("POST", "/zones", `{"name":"example.test","type":"full"}`)
	image := "shop:none"
	if s.real {
		image = s.build()
	}
	s.variables = []string{"-var", "image=" + image}
}

// build makes an image in the daemon that answers with its MESSAGE.
func (s *stack) build() string {
	s.t.Helper()
	dir := s.t.TempDir()
	for name, text := range map[string]string{
		"main.go":    "package main\n\nimport (\n\t\"io\"\n\t\"net/http\"\n\t\"os\"\n)\n\nfunc main() {\n\thttp.ListenAndServe(\":8000\", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, os.Getenv(\"MESSAGE\")+\" \"+os.Getenv(\"KEY\")) }))\n}\n",
		"Dockerfile": "FROM scratch\nCOPY shop /shop\nCMD [\"/shop\"]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	registry := s.lookup("SLIPWAY_REGISTRY")
	s.must("ecr", "create-repository", "--repository-name", "made-by-hand")
	reference := registry + "/made-by-hand:v1"
	for _, command := range []string{
		"CGO_ENABLED=0 go build -o shop main.go", "docker build -q -t " + reference + " .",
		"aws ecr get-login-password | docker login --username AWS --password-stdin " + registry, "docker push -q " + reference,
	} {
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir, cmd.Env = dir, append(s.env, "DOCKER_CONFIG="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			s.t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	return reference
}

// inPlace is Terraform's word on changes of which only the task definition, a
// new revision, takes another one's place.
var inPlace = regexp.MustCompile(`1 added, [1-9][0-9]* changed, 1 destroyed`)

// apply applies with some variables changed; a second plan is empty.
func (s *stack) apply(changes ...string) {
	s.t.Helper()
	for _, c := range changes {
		s.variables = append(s.variables, "-var", c)
	}
	if len(changes) == 0 { // the certificate's record comes from elsewhere, between two applies
		s.ok(append([]string{"apply", "-auto-approve", "-input=false", "-target=aws_acm_certificate.shop"}, s.variables...)...)
		s.prove()
	}
	out := s.ok(append([]string{"apply", "-auto-approve", "-input=false"}, s.variables...)...)
	if done := regexp.MustCompile(`Resources: .*`).FindString(out); len(changes) > 0 && !inPlace.MatchString(done) {
		s.t.Errorf("changed otherwise than in place: %s", done)
	}
	if out, code := s.run(append([]string{"plan", "-detailed-exitcode", "-input=false"}, s.variables...)...); code != 0 {
		s.t.Fatalf("the second plan is not empty:\n%s", out)
	}
	if s.real {
		host, message := "shop.example.test", "one"
		if len(changes) > 0 {
			host, message = "www.example.test", "two"
		}
		out, err := exec.Command("curl", "-sS", "--max-time", "10", "--cacert", s.lookup("SLIPWAY_CA"), "--connect-to", host+":443:"+s.lookup("SLIPWAY_HTTPS"), "https://"+host+"/").CombinedOutput()
		if err != nil || string(out) != message+" not a real key" {
			s.t.Errorf("https://%s/ answers %q (%v)", host, out, err)
		}
	}
}

func (s *stack) ok(args ...string) string {
	s.t.Helper()
	out, code := s.run(args...)
	if code != 0 {
		s.t.Fatalf("terraform %s: exit %d\n%s", args[0], code, out)
	}
	return out
}

// prove writes the records that the certificate asks for.
func (s *stack) prove() {
	s.t.Helper()
	var records map[string][]string
	if err := json.Unmarshal([]byte(s.ok("output", "-json", "validation")), &records); err != nil {
		s.t.Fatal(err)
	}
	for name, values := range records {
		s.cloudflare("POST", "/zones/"+s.zone+"/dns_records", `{"type":"CNAME","name":"`+strings.TrimSuffix(name, ".")+`","content":"`+strings.TrimSuffix(values[0], ".")+`","ttl":60}`)
	}
}

func (s *stack) destroy() {
	if s.gone {
		return
	}
	s.gone = true
	s.ok(append([]string{"destroy", "-auto-approve", "-input=false"}, s.variables...)...)
}

// nothing looks for what a destroy should have taken away.
func (s *stack) nothing() {
	s.t.Helper()
	for _, look := range [][]string{
		{"ec2", "describe-vpcs", "--filters", "Name=is-default,Values=false", "--query", "length(Vpcs)"},
		{"ec2", "describe-instances", "--filters", "Name=instance-state-name,Values=pending,running,stopping", "--query", "length(Reservations)"},
		{"ec2", "describe-security-groups", "--filters", "Name=group-name,Values=shop*", "--query", "length(SecurityGroups)"},
		{"ec2", "describe-launch-templates", "--query", "length(LaunchTemplates)"},
		{"ec2", "describe-network-interfaces", "--query", "length(NetworkInterfaces)"},
		{"ec2", "describe-subnets", "--filters", "Name=default-for-az,Values=false", "--query", "length(Subnets)"},
		{"ec2", "describe-route-tables", "--query", "length(RouteTables[?!(Associations[0].Main)])"},
		{"ec2", "describe-internet-gateways", "--query", "length(InternetGateways) == `1` && `0` || `1`"}, // the default VPC's
		{"ec2", "describe-volumes", "--query", "length(Volumes)"},
		{"elbv2", "describe-load-balancers", "--query", "length(LoadBalancers)"},
		{"elbv2", "describe-target-groups", "--query", "length(TargetGroups)"},
		{"acm", "list-certificates", "--query", "length(CertificateSummaryList)"},
		{"ecs", "list-clusters", "--query", "length(clusterArns)"},
		{"ecs", "list-task-definitions", "--query", "length(taskDefinitionArns)"},
		{"ecs", "describe-capacity-providers", "--query", "length(capacityProviders[?name=='shop' && status=='ACTIVE'])"},
		{"ecr", "describe-repositories", "--query", "length(repositories[?repositoryName=='shop'])"},
		{"autoscaling", "describe-auto-scaling-groups", "--query", "length(AutoScalingGroups)"},
		{"iam", "list-roles", "--query", "length(Roles[?starts_with(RoleName, 'shop')])"},
		{"iam", "list-instance-profiles", "--query", "length(InstanceProfiles)"},
		{"logs", "describe-log-groups", "--query", "length(logGroups)"},
		{"ssm", "describe-parameters", "--query", "length(Parameters)"},
	} {
		if got := s.aws(look...); got != "0" {
			s.t.Errorf("%s: %s left", strings.Join(look[:2], " "), got)
		}
	}
}
