package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// moto is a second AWS, that others wrote: no error of the engine is mirrored in
// the deploy wing that works on both. It has no containers, so tasks stay at none.
func moto(t *testing.T) []string {
	needs(t, "moto_server")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	cmd := exec.Command("moto_server", "-H", "127.0.0.1", "-p", port)
	cmd.Env = append(os.Environ(), "MOTO_IAM_LOAD_MANAGED_POLICIES=true", "MOTO_ACM_VALIDATION_WAIT=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	endpoint := "http://127.0.0.1:" + port
	for deadline := time.Now().Add(time.Minute); ; {
		if res, err := http.Get(endpoint + "/moto-api/"); err == nil {
			res.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("moto_server does not answer")
		}
	}
	return []string{"AWS_ENDPOINT_URL=" + endpoint, "AWS_ACCESS_KEY_ID=moto", "AWS_SECRET_ACCESS_KEY=moto", "AWS_SESSION_TOKEN=", "SLIPWAY_ACCOUNT="}
}

const motoFile = `app: ship
image: docker.io/library/ship:1
service:
  port: 8000
  memory: 64
  count: 0
  secrets: { KEY: "ssm:/{env}/key" }
environments:
  production:
    on: aws
    account: "123456789012"
    region: eu-west-1
    host: ship.example.com
    branch: main
    cluster: yard
    dns: cloudflare
cluster:
  name: yard
  size: { min: 0, max: 2 }
`

func TestTheSameCommandsWorkOnASecondAWS(t *testing.T) {
	t.Parallel()
	a := &application{engine: start(t, "--simulate"), dir: t.TempDir()} // for Cloudflare's API alone
	a.cloudflare("POST", "/zones", `{"name":"example.com","type":"full"}`)
	variables := append(moto(t), "CLOUDFLARE_BASE_URL="+a.lookup("CLOUDFLARE_BASE_URL"), "CLOUDFLARE_API_TOKEN="+a.lookup("CLOUDFLARE_API_TOKEN"))
	run := func(code int, args []string, says ...string) {
		t.Helper()
		out, got := a.slipway(a.dir, variables, args...)
		if got != code {
			t.Fatalf("slipway %s: exit %d, not %d\n%s", strings.Join(args, " "), got, code, out)
		}
		for _, s := range says {
			if !strings.Contains(out, s) {
				t.Errorf("slipway %s does not say %q:\n%s", strings.Join(args, " "), s, out)
			}
		}
	}
	a.write("slipway.yaml", motoFile)
	byHand := func(program string) {
		t.Helper()
		cmd := exec.Command("python3", "-c", "import boto3\necs, elb = boto3.client('ecs', 'eu-west-1'), boto3.client('elbv2', 'eu-west-1')\n"+program)
		cmd.Env = append(os.Environ(), variables...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	byHand("boto3.client('ssm', 'eu-west-1').put_parameter(Name='/production/key', Value='x', Type='SecureString')")
	run(0, []string{"env", "up", "production"}, "done")
	run(0, []string{"deploy", "production", "--tag", "v1"}, "done         v1 runs")
	// moto_server forgets a new service's deployment configuration: three settings
	// and nothing else.
	run(2, []string{"plan", "production"}, "someone removed maximum 200% by hand", "keep with service.deploy.max, or let it be put back", "removed minimum healthy 100%", "roll back by hand: off", "1 to change, 0 to add")
	a.write("slipway.yaml", strings.Replace(motoFile, "memory: 64", "memory: 64\n  health: /healthz\n  variables: { LOG: info }", 1))
	run(2, []string{"plan", "production"}, "health path / → /healthz", "variables.LOG info is added", "slipway.yaml:6")
	run(0, []string{"deploy", "production", "--tag", "v2"}, "done         v2 runs")
	run(0, []string{"plan", "production"}, "0 to change, 0 to add")
	run(0, []string{"history", "production"}, "production-ship:2", "v2")
	// What somebody did by hand is told from what the file says now; an image that
	// another tool started is its own business.
	const register = `
d = ecs.describe_task_definition(taskDefinition='production-ship')['taskDefinition']
c = d['containerDefinitions'][0]
%s
r = ecs.register_task_definition(**{k: d[k] for k in ('family', 'containerDefinitions', 'networkMode', 'executionRoleArn', 'volumes') if d.get(k)})
ecs.update_service(cluster='yard', service='production-ship', taskDefinition=r['taskDefinition']['taskDefinitionArn'])
`
	byHand(fmt.Sprintf(register, "c['image'] = 'docker.io/library/ship:other'"))
	run(0, []string{"plan", "production"}, "0 to change, 0 to add", "image v2 is the pipeline's and not compared")
	byHand(fmt.Sprintf(register, "c['environment'].append({'name': 'EXTRA', 'value': '1'})"))
	byHand(`
lb = elb.describe_load_balancers()['LoadBalancers'][0]['LoadBalancerArn']
https = [l for l in elb.describe_listeners(LoadBalancerArn=lb)['Listeners'] if l['Port'] == 443][0]['ListenerArn']
rule = [r for r in elb.describe_rules(ListenerArn=https)['Rules'] if not r['IsDefault']][0]['RuleArn']
elb.modify_rule(RuleArn=rule, Conditions=[{'Field': 'host-header', 'Values': ['ship.example.com']}, {'Field': 'path-pattern', 'Values': ['/old/*']}])
`)
	run(2, []string{"plan", "production"}, "drift: someone added path /old/* by hand", "keep with service.paths, or let it be removed (slipway.yaml:",
		"drift: someone added variables.EXTRA 1 by hand", "keep with service.variables.EXTRA, or let it be removed")
	run(0, []string{"deploy", "production", "--tag", "v2"}, "done")
	run(0, []string{"plan", "production"}, "0 to change, 0 to add")
	a.write("slipway.yaml", strings.Replace(motoFile, "123456789012", "111122223333", 1))
	run(7, []string{"plan", "production"}, "credentials belong to account 123456789012, slipway.yaml says 111122223333 for production; nothing was read or changed")
	a.write("slipway.yaml", motoFile)
	run(0, []string{"env", "destroy", "production", "--yes"}, "nothing is left")
}

// Names in Route 53: the host is an alias of the load balancer, also at a zone's
// apex, in the place of what stood there; private zones are nobody's.
func TestNamesInRoute53(t *testing.T) {
	t.Parallel()
	a := &application{engine: start(t, "--simulate"), dir: t.TempDir()} // the second AWS alone is used
	variables := append(moto(t), "AWS_DEFAULT_REGION=eu-west-1")
	run := func(code int, args []string, says ...string) string {
		t.Helper()
		out, got := a.slipway(a.dir, variables, args...)
		if got != code {
			t.Fatalf("slipway %s: exit %d, not %d\n%s", strings.Join(args, " "), got, code, out)
		}
		for _, s := range says {
			if !strings.Contains(out, s) {
				t.Errorf("slipway %s does not say %q:\n%s", strings.Join(args, " "), s, out)
			}
		}
		return out
	}
	route53 := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("aws", append([]string{"route53", "--output", "text"}, args...)...)
		cmd.Env = append(os.Environ(), variables...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("aws route53 %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	needs(t, "aws")
	records := func(zone, name string) string {
		return route53("list-resource-record-sets", "--hosted-zone-id", zone, "--query", "ResourceRecordSets[?Name=='"+name+".'].[Type, AliasTarget.DNSName]")
	}
	file := strings.NewReplacer("dns: cloudflare", "dns: route53", "host: ship.example.com", "host: [example.com, a.ship.example.com]").Replace(motoFile)
	a.write("slipway.yaml", file)
	run(1, []string{"env", "up", "production"}, "no zone in Route 53 holds example.com", "make a public hosted zone")
	apex := route53("create-hosted-zone", "--name", "example.com", "--caller-reference", "1", "--query", "HostedZone.Id")
	inner := route53("create-hosted-zone", "--name", "ship.example.com", "--caller-reference", "2", "--query", "HostedZone.Id")
	hidden := route53("create-hosted-zone", "--name", "a.ship.example.com", "--caller-reference", "3", "--vpc", "VPCRegion=eu-west-1,VPCId=vpc-12345678", "--hosted-zone-config", "PrivateZone=true", "--query", "HostedZone.Id")
	route53("change-resource-record-sets", "--hosted-zone-id", inner, "--change-batch",
		`{"Changes":[{"Action":"CREATE","ResourceRecordSet":{"Name":"a.ship.example.com","Type":"CNAME","TTL":60,"ResourceRecords":[{"Value":"old.example.net"}]}}]}`)
	run(2, []string{"plan", "production"}, "leads to CNAME old.example.net → the load balancer")
	run(0, []string{"env", "up", "production"}, "done")
	for zone, name := range map[string]string{apex: "example.com", inner: "a.ship.example.com"} {
		if got := records(zone, name); !strings.Contains(got, "A\t") || !strings.Contains(got, "elb.amazonaws.com") || strings.Contains(got, "CNAME") {
			t.Errorf("%s is %q, not an alias of the load balancer", name, got)
		}
	}
	if got := records(hidden, "a.ship.example.com"); strings.Contains(got, "elb") {
		t.Errorf("the private zone got %q", got)
	}
	if out := run(2, []string{"plan", "production"}); strings.Contains(out, "record ") {
		t.Errorf("the names still differ:\n%s", out)
	}
	run(0, []string{"env", "destroy", "production", "--yes"}, "nothing is left")
	for zone, name := range map[string]string{apex: "example.com", inner: "a.ship.example.com"} {
		if got := records(zone, name); strings.Contains(got, "elb") {
			t.Errorf("%s is left: %q", name, got)
		}
	}
}
