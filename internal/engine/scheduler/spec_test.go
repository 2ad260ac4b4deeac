package scheduler

import (
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/executionrole"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

var home = state.Scope{Account: "000000000000", Region: "eu-west-1"}

// members are every member of a container definition, each with a value, and
// what the runtime gets for it: want is a part of its JSON. A refused member
// names what the refusal says, one that others see to says who.
var members = map[string]struct {
	value           string
	want            func(c *docker.Container) any
	is              any
	refused, others string
	task            string // what the task definition needs beside it
}{
	"Name":              {value: `"name":"app"`, want: func(c *docker.Container) any { return c.Name }, is: "app"},
	"Image":             {value: `"image":"other:1"`, want: func(c *docker.Container) any { return c.Image }, is: "other:1"},
	"Command":           {value: `"command":["a","b"]`, want: func(c *docker.Container) any { return c.Command }, is: []string{"a", "b"}},
	"EntryPoint":        {value: `"entryPoint":["e"]`, want: func(c *docker.Container) any { return c.EntryPoint }, is: []string{"e"}},
	"Cpu":               {value: `"cpu":77`, want: func(c *docker.Container) any { return c.CPU }, is: int64(77)},
	"Memory":            {value: `"memory":128`, want: func(c *docker.Container) any { return c.MemoryHard }, is: int64(128)},
	"MemoryReservation": {value: `"memoryReservation":32`, want: func(c *docker.Container) any { return c.MemorySoft }, is: int64(32)},
	"Links":             {value: `"links":["other:o"]`, want: func(c *docker.Container) any { return c.Links }, is: []string{"other:o"}},
	"PortMappings": {value: `"portMappings":[{"containerPort":80,"hostPort":8080},{"containerPort":53,"protocol":"udp"},{"containerPortRange":"90-92"}]`,
		want: func(c *docker.Container) any { return c.Ports }, is: []docker.Port{{Container: 80, Host: 8080, Proto: "tcp"}, {Container: 53, Proto: "udp"}, {Container: 90, Last: 92, Proto: "tcp"}}},
	"Essential":   {value: `"essential":false`, want: func(c *docker.Container) any { return c.Essential }, is: false},
	"Environment": {value: `"environment":[{"name":"A","value":"1"}]`, want: func(c *docker.Container) any { return c.Env }, is: []string{"A=1", "AWS_REGION=eu-west-1"}},
	"Secrets": {value: `"secrets":[{"name":"AWS_REGION","valueFrom":"/x"}]`, task: `"executionRoleArn":"r"`, want: func(c *docker.Container) any { return c.Env },
		is: []string{"AWS_REGION=secret of /x"}},
	"MountPoints": {value: `"mountPoints":[{"sourceVolume":"v","containerPath":"/v","readOnly":true}]`, task: `"volumes":[{"name":"v"}]`,
		want: func(c *docker.Container) any { return c.Mounts }, is: []docker.Mount{{Volume: "v", Path: "/v", ReadOnly: true}}},
	"VolumesFrom": {value: `"volumesFrom":[{"sourceContainer":"other","readOnly":true}]`, want: func(c *docker.Container) any { return c.VolumesFrom },
		is: []docker.VolumesFrom{{Container: "other", ReadOnly: true}}},
	"LinuxParameters": {value: `"linuxParameters":{"capabilities":{"add":["SYS_PTRACE"],"drop":["CHOWN"]},"devices":[{"hostPath":"/dev/null","containerPath":"/dev/x","permissions":["read"]}],
		"initProcessEnabled":true,"sharedMemorySize":7,"tmpfs":[{"containerPath":"/t","size":1,"mountOptions":["ro"]}],"maxSwap":5,"swappiness":50}`,
		want: func(c *docker.Container) any { return c.Linux }, is: docker.Linux{
			CapAdd: []string{"SYS_PTRACE"}, CapDrop: []string{"CHOWN"}, Devices: []docker.Device{{Host: "/dev/null", Container: "/dev/x", Permissions: []string{"read"}}},
			Init: true, SharedMemory: 7, Tmpfs: []docker.Tmpfs{{Path: "/t", Size: 1, Options: []string{"ro"}}}, MaxSwap: new(int64(5)), Swappiness: new(int64(50)),
		}},
	"DependsOn": {value: `"dependsOn":[{"containerName":"other","condition":"START"}]`, want: func(c *docker.Container) any { return c.DependsOn },
		is: []docker.Dependency{{Container: "other", Condition: docker.OnStart}}},
	"StartTimeout":           {value: `"startTimeout":5`, want: func(c *docker.Container) any { return c.StartTimeout }, is: 5 * time.Second},
	"StopTimeout":            {value: `"stopTimeout":6`, want: func(c *docker.Container) any { return c.StopTimeout }, is: 6 * time.Second},
	"Hostname":               {value: `"hostname":"h"`, want: func(c *docker.Container) any { return c.Hostname }, is: "h"},
	"User":                   {value: `"user":"1:2"`, want: func(c *docker.Container) any { return c.User }, is: "1:2"},
	"WorkingDirectory":       {value: `"workingDirectory":"/w"`, want: func(c *docker.Container) any { return c.WorkingDir }, is: "/w"},
	"DisableNetworking":      {value: `"disableNetworking":true`, want: func(c *docker.Container) any { return c.DisableNetworking }, is: true},
	"Privileged":             {value: `"privileged":true`, want: func(c *docker.Container) any { return c.Privileged }, is: true},
	"ReadonlyRootFilesystem": {value: `"readonlyRootFilesystem":true`, want: func(c *docker.Container) any { return c.ReadonlyRoot }, is: true},
	"DnsServers":             {value: `"dnsServers":["10.0.0.2"]`, want: func(c *docker.Container) any { return c.DNSServers }, is: []string{"10.0.0.2"}},
	"DnsSearchDomains":       {value: `"dnsSearchDomains":["x.test"]`, want: func(c *docker.Container) any { return c.DNSSearch }, is: []string{"x.test"}},
	"ExtraHosts":             {value: `"extraHosts":[{"hostname":"a","ipAddress":"10.0.0.3"}]`, want: func(c *docker.Container) any { return c.ExtraHosts }, is: []string{"a:10.0.0.3"}},
	"DockerSecurityOptions":  {value: `"dockerSecurityOptions":["no-new-privileges"]`, want: func(c *docker.Container) any { return c.SecurityOptions }, is: []string{"no-new-privileges"}},
	"Interactive":            {value: `"interactive":true`, want: func(c *docker.Container) any { return c.Interactive }, is: true},
	"PseudoTerminal":         {value: `"pseudoTerminal":true`, want: func(c *docker.Container) any { return c.Terminal }, is: true},
	"DockerLabels":           {value: `"dockerLabels":{"a":"b"}`, want: func(c *docker.Container) any { return c.DockerLabels }, is: map[string]string{"a": "b"}},
	"Ulimits":                {value: `"ulimits":[{"name":"nofile","softLimit":10,"hardLimit":20}]`, want: func(c *docker.Container) any { return c.Ulimits }, is: []docker.Ulimit{{Name: "nofile", Soft: 10, Hard: 20}}},
	"LogConfiguration": {value: `"logConfiguration":{"logDriver":"syslog","options":{"tag":"x"}}`, want: func(c *docker.Container) any { return c.Log },
		is: docker.LogDriver{Name: "syslog", Options: map[string]string{"tag": "x"}}},
	"HealthCheck": {value: `"healthCheck":{"command":["CMD","/c"],"interval":9,"timeout":4,"retries":2,"startPeriod":1}`, want: func(c *docker.Container) any { return c.HealthCheck },
		is: &docker.HealthCheck{Command: []string{"CMD", "/c"}, Interval: 9 * time.Second, Timeout: 4 * time.Second, Retries: 2, StartPeriod: time.Second}},
	"SystemControls": {value: `"systemControls":[{"namespace":"net.core.somaxconn","value":"99"}]`, want: func(c *docker.Container) any { return c.Sysctls }, is: map[string]string{"net.core.somaxconn": "99"}},
	"RestartPolicy": {value: `"restartPolicy":{"enabled":true,"ignoredExitCodes":[0]}`, want: func(c *docker.Container) any { return c.Restart },
		is: &docker.Restart{Period: 300 * time.Second, IgnoredCodes: []int{0}}},
	"RepositoryCredentials": {value: `"repositoryCredentials":{"credentialsParameter":"p"}`, task: `"executionRoleArn":"r"`,
		want: func(c *docker.Container) any { return c.Username + " " + c.Password }, is: "login of p"},
	"ResourceRequirements": {value: `"resourceRequirements":[{"type":"GPU","value":"1"}]`, others: "placement: no instance of the engine has a GPU"},
	"VersionConsistency":   {value: `"versionConsistency":"disabled"`, others: "the pull: every task resolves its image's tag"},
	"EnvironmentFiles": {value: `"environmentFiles":[{"type":"s3","value":"arn:aws:s3:::bucket/f.env"},{"type":"s3","value":"arn:aws:s3:::bucket/g.env"}],"environment":[{"name":"A","value":"own"}]`,
		task: `"executionRoleArn":"r"`, want: func(c *docker.Container) any { return c.Env }, is: []string{"A=own", "OF=arn:aws:s3:::bucket/f.env", "AWS_REGION=the file's"}},
	"FirelensConfiguration": {value: `"firelensConfiguration":{"type":"fluentbit"}`, refused: "FireLens"},
	"CredentialSpecs":       {value: `"credentialSpecs":["credentialspec:x"]`, refused: "credentialSpecs"},
}

// opened are secrets as they are named.
type opened struct{}

func (opened) Secret(_ context.Context, _ *state.Tx, _ executionrole.Task, from string) (string, error) {
	return "secret of " + from, nil
}

func (opened) EnvironmentFile(_ context.Context, _ *state.Tx, _ executionrole.Task, object string) ([]string, error) {
	return []string{"A=file", "OF=" + object, "AWS_REGION=the file's"}, nil
}

func (opened) Registry(_ context.Context, _ *state.Tx, _ executionrole.Task, p string) (string, string, error) {
	return "login", "of " + p, nil
}

func (opened) Login(context.Context, *state.Tx, executionrole.Task, string) (string, string, error) {
	return "", "", nil
}

// A member of a container definition reaches the runtime, or is refused by name.
// One that the API model has and this table hasn't fails.
func TestNoMemberOfAContainerDefinitionIsDropped(t *testing.T) {
	for f := range reflect.TypeFor[api.ContainerDefinition]().Fields() {
		if f.IsExported() && f.Name != "_" && members[f.Name].value == "" {
			t.Errorf("%s: nobody says what becomes of it", f.Name)
		}
	}
	for name, m := range members {
		t.Run(name, func(t *testing.T) {
			c, err := specOf(t, m.value, m.task)
			switch {
			case m.refused != "":
				if err == nil || !strings.Contains(err.Error(), m.refused) {
					t.Errorf("it is not refused by name: %v", err)
				}
			case err != nil:
				t.Error(err)
			case m.others == "":
				if diff := cmp.Diff(m.is, m.want(c), cmpopts.EquateComparable()); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// specOf is a container as the runtime gets it, of a definition with the member.
func specOf(t *testing.T, member, more string) (*docker.Container, error) {
	t.Helper()
	def := map[string]any{"name": "app", "image": "app:1", "memory": 64}
	var with, task map[string]any
	for text, into := range map[string]*map[string]any{"{" + member + "}": &with, "{" + more + "}": &task} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range with {
		def[k] = v
	}
	in := map[string]any{"family": "app", "containerDefinitions": []any{def, map[string]any{"name": "other", "image": "o:1", "memory": 64}}}
	for k, v := range task {
		in[k] = v
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var request api.RegisterTaskDefinitionRequest
	if err := json.Unmarshal(text, &request); err != nil {
		t.Fatal(err)
	}
	store := state.InMemory(slices.Concat(ecs.Tables, iam.Tables)...)
	t.Cleanup(func() { store.Close() })
	env := &operation.Env{Store: store, Vault: vault.New([32]byte{1}), Now: time.Now, Log: slog.New(slog.DiscardHandler), Account: home.Account, Region: home.Region}
	out, err := ecs.New(env, ecs.Neighbours{}).RegisterTaskDefinition(t.Context(), &operation.Caller{Account: home.Account, Region: home.Region}, &request)
	if err != nil {
		return nil, err
	}
	specs := Specs{Secrets: opened{}, Env: func(context.Context, *state.Tx, state.Scope, *ecs.Task, string) ([]string, error) {
		return []string{"AWS_REGION=eu-west-1"}, nil
	}}
	made, err := specs.Of(t.Context(), store.View(), home, &ecs.Task{ID: "1", Cluster: "c", Definition: *out.TaskDefinition.TaskDefinitionArn})
	if err != nil {
		return nil, err
	}
	return &made.Containers[0], nil
}
