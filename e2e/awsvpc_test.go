package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Fargate is one word in the file.
func TestAnApplicationIsShippedToFargate(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.write("slipway.yaml", strings.NewReplacer("  memory: 64\n", "  capacity: fargate\n", "  stop: 1s\n", "  stop: 2s\n").Replace(shipFile))
	a.tag("v1.0.0", "serve")
	a.runs(0, []string{"up"}, `^done +v1\.0\.0 serves`)
	a.answers("v1.0.0")
	if got := a.aws("ecs", "describe-services", "--cluster", "yard", "--services", "playground-ship", "--query", "services[0].[launchType,networkConfiguration.awsvpcConfiguration.assignPublicIp]"); got != "FARGATE\tENABLED" {
		t.Errorf("the service runs on %q", got)
	}
	if got := a.aws("ec2", "describe-instances", "--query", "length(Reservations)"); got != "0" {
		t.Errorf("%s instances were started for Fargate", got)
	}
	a.runs(0, []string{"plan"}, `^0 to change, 0 to add, 0 to destroy`)
	a.tag("v1.1.0", "serve")
	a.runs(0, []string{"up"}, `^done +v1\.1\.0 serves`)
	a.answers("v1.1.0")
	a.runs(0, []string{"env", "destroy", "playground", "--yes"}, `^done +nothing is left`)
}

// A Fargate service of two containers that share localhost answers behind an IP
// target group: its tasks are shown with addresses of their subnets, need no
// instance, and leave no interface behind.
func TestTasksWithAddressesOfTheirOwnAreBalanced(t *testing.T) {
	t.Parallel()
	s := probeSite(t)
	group := s.targetGroup("own", time.Second, "--target-type", "ip")
	s.listen(group)
	web, side := s.probe("serve", ":8000", "front"), s.probe("serve", "127.0.0.1:9000", "side")
	web.Name, side.Name = aws.String("web"), aws.String("side")
	web.Memory, side.Memory = nil, nil
	web.PortMappings = []types.PortMapping{{ContainerPort: aws.Int32(8000)}}
	for _, launch := range []types.LaunchType{types.LaunchTypeFargate, types.LaunchTypeEc2} {
		t.Run(string(launch), func(t *testing.T) {
			in := &ecs.RegisterTaskDefinitionInput{Family: aws.String("own"), NetworkMode: types.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"), ContainerDefinitions: []types.ContainerDefinition{web, side}}
			if launch == types.LaunchTypeFargate {
				in.RequiresCompatibilities, in.ExecutionRoleArn = []types.Compatibility{types.CompatibilityFargate}, s.execution(t)
			}
			def, err := s.ecs.RegisterTaskDefinition(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.ToLower(string(launch))
			_, err = s.ecs.CreateService(context.Background(), &ecs.CreateServiceInput{
				Cluster: &s.cluster, ServiceName: &name, TaskDefinition: def.TaskDefinition.TaskDefinitionArn, DesiredCount: aws.Int32(1), LaunchType: launch, NetworkConfiguration: s.vpcConfiguration(),
				LoadBalancers: []types.LoadBalancer{{TargetGroupArn: &group, ContainerName: aws.String("web"), ContainerPort: aws.Int32(8000)}},
			})
			if err != nil {
				t.Fatal(err)
			}
			s.stable(name)
			s.must("elbv2", "wait", "target-in-service", "--target-group-arn", group)
			task := s.task(t, s.must("ecs", "list-tasks", "--cluster", s.cluster, "--service-name", name, "--query", "taskArns[0]"))
			details := map[string]string{}
			for _, d := range task.Attachments[0].Details {
				details[*d.Name] = *d.Value
			}
			shown := details["privateIPv4Address"]
			if aws.ToString(task.Attachments[0].Status) != "ATTACHED" || !strings.HasPrefix(shown, "172.31.") || (launch == types.LaunchTypeFargate) != (task.ContainerInstanceArn == nil) {
				t.Errorf("the task: %v on %v", details, aws.ToString(task.ContainerInstanceArn))
			}
			for _, c := range task.Containers {
				if len(c.NetworkInterfaces) != 1 || *c.NetworkInterfaces[0].PrivateIpv4Address != shown {
					t.Errorf("container %s: %v", *c.Name, c.NetworkInterfaces)
				}
			}
			if got := s.must("elbv2", "describe-target-health", "--target-group-arn", group, "--query", "TargetHealthDescriptions[?TargetHealth.State=='healthy'].Target.[Id,Port]"); got != shown+"\t8000" {
				t.Errorf("the targets: %q", got)
			}
			if got := s.must("ec2", "describe-network-interfaces", "--network-interface-ids", details["networkInterfaceId"], "--query", "NetworkInterfaces[0].[PrivateIpAddress,Status]"); got != shown+"\tin-use" {
				t.Errorf("the interface: %q", got)
			}
			if got := s.ask(t, "/?from=http://localhost:9000/"); !strings.Contains(got, `"side"`) {
				t.Errorf("the other container at localhost: %s", got)
			}
			s.must("ecs", "delete-service", "--cluster", s.cluster, "--service", name, "--force")
			s.stopped(t, *task.TaskArn)
			if got := s.must("ec2", "describe-network-interfaces", "--filters", "Name=requester-id,Values=amazon-ecs", "--query", "length(NetworkInterfaces)"); got != "0" {
				t.Errorf("%s interfaces are left", got)
			}
		})
	}
}

// ask asks through the load balancer.
func (s *site) ask(t *testing.T, path string) string {
	t.Helper()
	resp, err := http.Get("http://" + s.status().HTTP + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return string(body)
}

// What a task definition says, docker inspect shows.
func TestWhatADefinitionSaysDockerHas(t *testing.T) {
	t.Parallel()
	s := probeSite(t)
	other := s.probe("wait")
	other.Name = aws.String("other")
	c := types.ContainerDefinition{
		Name: aws.String("app"), Image: &s.image, Command: []string{"wait"}, EntryPoint: []string{"/probe"}, Cpu: 77, Memory: aws.Int32(96), MemoryReservation: aws.Int32(48),
		Links: []string{"other:o"}, Environment: []types.KeyValuePair{{Name: aws.String("A"), Value: aws.String("two words")}},
		PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(80)}, {ContainerPortRange: aws.String("90-92")}},
		MountPoints: []types.MountPoint{
			{SourceVolume: aws.String("host"), ContainerPath: aws.String("/host"), ReadOnly: aws.Bool(true)}, {SourceVolume: aws.String("own"), ContainerPath: aws.String("/own")},
			{SourceVolume: aws.String("docker"), ContainerPath: aws.String("/docker")},
		},
		VolumesFrom: []types.VolumeFrom{{SourceContainer: aws.String("other"), ReadOnly: aws.Bool(true)}},
		LinuxParameters: &types.LinuxParameters{
			Capabilities: &types.KernelCapabilities{Add: []string{"SYS_PTRACE"}, Drop: []string{"CHOWN"}}, InitProcessEnabled: aws.Bool(true), SharedMemorySize: aws.Int32(7),
			Devices: []types.Device{{HostPath: aws.String("/dev/null"), ContainerPath: aws.String("/dev/mine"), Permissions: []types.DeviceCgroupPermission{"read"}}},
			Tmpfs:   []types.Tmpfs{{ContainerPath: aws.String("/t"), Size: 1, MountOptions: []string{"noexec"}}},
		},
		Hostname: aws.String("h1"), User: aws.String("1:2"), WorkingDirectory: aws.String("/w"), ReadonlyRootFilesystem: aws.Bool(true), StopTimeout: aws.Int32(6),
		DnsServers: []string{"10.0.0.2"}, DnsSearchDomains: []string{"x.test"}, ExtraHosts: []types.HostEntry{{Hostname: aws.String("a"), IpAddress: aws.String("10.0.0.3")}},
		DockerSecurityOptions: []string{"no-new-privileges"}, Interactive: aws.Bool(true), PseudoTerminal: aws.Bool(true), DockerLabels: map[string]string{"team": "blue"},
		Ulimits:        []types.Ulimit{{Name: types.UlimitNameNofile, SoftLimit: 100, HardLimit: 200}},
		SystemControls: []types.SystemControl{{Namespace: aws.String("net.core.somaxconn"), Value: aws.String("99")}},
		HealthCheck:    &types.HealthCheck{Command: []string{"CMD", "/probe", "exit", "0"}, Interval: aws.Int32(5), Timeout: aws.Int32(4), Retries: aws.Int32(2), StartPeriod: aws.Int32(1)},
		DependsOn:      []types.ContainerDependency{{ContainerName: aws.String("other"), Condition: types.ContainerConditionStart}},
	}
	task := s.running(t, s.run(t, &ecs.RegisterTaskDefinitionInput{
		PidMode: types.PidModeTask, IpcMode: types.IpcModeTask, ContainerDefinitions: []types.ContainerDefinition{c, other},
		Volumes: []types.Volume{
			{Name: aws.String("host"), Host: &types.HostVolumeProperties{SourcePath: aws.String("/tmp")}}, {Name: aws.String("own")},
			{Name: aws.String("docker"), DockerVolumeConfiguration: &types.DockerVolumeConfiguration{Scope: types.ScopeTask, Driver: aws.String("local")}},
		},
	}, ecs.RunTaskInput{}))
	ids := map[string]string{}
	for _, c := range task.Containers {
		ids[*c.Name] = *c.RuntimeId
	}
	for name, want := range map[string]string{
		"{{json .Config.Cmd}}": `["wait"]`, "{{json .Config.Entrypoint}}": `["/probe"]`, "{{.HostConfig.CpuShares}}": "77", "{{.HostConfig.Memory}}": "100663296",
		"{{.HostConfig.MemoryReservation}}": "50331648", "{{len .HostConfig.Links}}": "1", "{{.Config.Hostname}}": "h1", "{{.Config.User}}": "1:2", "{{.Config.WorkingDir}}": "/w",
		"{{.HostConfig.ReadonlyRootfs}}": "true", "{{.Config.StopTimeout}}": "6", "{{json .HostConfig.Dns}}": `["10.0.0.2"]`, "{{json .HostConfig.DnsSearch}}": `["x.test"]`,
		"{{json .HostConfig.ExtraHosts}}": `["a:10.0.0.3"]`, "{{json .HostConfig.SecurityOpt}}": `["no-new-privileges"]`, "{{.Config.OpenStdin}}": "true", "{{.Config.Tty}}": "true",
		`{{index .Config.Labels "team"}}`: "blue", "{{json .HostConfig.Ulimits}}": `[{"Name":"nofile","Hard":200,"Soft":100}]`, "{{json .HostConfig.Sysctls}}": `{"net.core.somaxconn":"99"}`,
		"{{json .HostConfig.CapAdd}}": `["CAP_SYS_PTRACE"]`, "{{json .HostConfig.CapDrop}}": `["CAP_CHOWN"]`, "{{.HostConfig.Init}}": "true", "{{.HostConfig.ShmSize}}": "7340032",
		"{{json .HostConfig.Devices}}": `[{"PathOnHost":"/dev/null","PathInContainer":"/dev/mine","CgroupPermissions":"r"}]`, "{{json .HostConfig.Tmpfs}}": `{"/t":"noexec,size=1m"}`,
		"{{json .Config.Healthcheck}}":    `{"Test":["CMD","/probe","exit","0"],"Interval":5000000000,"Timeout":4000000000,"StartPeriod":1000000000,"Retries":2}`,
		"{{len .HostConfig.VolumesFrom}}": "1", "{{len .Mounts}}": "3", "{{len .NetworkSettings.Ports}}": "4",
	} {
		if got := s.runs(exec.Command("docker", "inspect", "--format", name, ids["app"])); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
	if got := s.must("ecs", "describe-tasks", "--cluster", s.cluster, "--tasks", *task.TaskArn, "--query", "tasks[0].containers[?name=='app'].networkBindings[].containerPortRange"); got != "90-92" {
		t.Errorf("the binding of the range: %q", got)
	}
	for _, shared := range []string{".HostConfig.PidMode", ".HostConfig.IpcMode"} {
		both := s.runs(exec.Command("docker", "inspect", "--format", "{{"+shared+"}}", ids["app"], ids["other"]))
		if lines := strings.Fields(both); len(lines) != 2 || lines[0] != lines[1] || !strings.HasPrefix(lines[0], "container:") {
			t.Errorf("%s: %q", shared, both)
		}
	}
	var env []string
	if err := json.Unmarshal([]byte(s.runs(exec.Command("docker", "inspect", "--format", "{{json .Config.Env}}", ids["app"]))), &env); err != nil || !reflect.DeepEqual(env[len(env)-1:], []string{"A=two words"}) && !strings.Contains(strings.Join(env, "\n"), "A=two words") {
		t.Errorf("the environment: %v %q", err, env)
	}
	s.stop(t, *task.TaskArn)
}
