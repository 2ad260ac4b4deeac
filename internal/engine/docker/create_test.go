package docker

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
)

var update = flag.Bool("update", false, "write the golden files anew")

func here() *surroundings {
	return &surroundings{
		host: Host{OS: "linux", Architecture: "amd64", SwapLimit: true}, bind: netip.MustParseAddr("127.0.0.1"),
		image: "127.0.0.1:5000/web:1", pause: "the-pause",
		name:   func(n string) string { return "ecs-web-3-" + n },
		volume: func(n string) string { return "ecs-web-3-volume-" + n },
		labels: map[string]string{"a": "b"},
	}
}

// everything is a container that asks for all that can be had in bridge mode.
func everything() Container {
	return Container{
		Name: "web", Image: "web:1", Command: []string{"serve"}, EntryPoint: []string{"/bin/web", "-v"},
		Env: []string{"A=1", "B=two words"}, User: "1000:1000", WorkingDir: "/srv", Hostname: "web-1", Domain: "example.test",
		CPU: 256, MemoryHard: 512, MemorySoft: 128,
		Ports:       []Port{{Container: 80}, {Container: 53, Host: 5353, Proto: "udp"}, {Container: 7000, Last: 7002}},
		Mounts:      []Mount{{"data", "/data", false}, {"etc", "/etc/web", true}, {"shared", "/shared", false}},
		VolumesFrom: []VolumesFrom{{"base", true}},
		Links:       []string{"db:database", "cache"},
		ExtraHosts:  []string{"api.test:10.0.0.1"},
		DNSServers:  []string{"10.0.0.2"}, DNSSearch: []string{"svc.test"},
		Ulimits:         []Ulimit{{"nofile", 1024, 4096}},
		Sysctls:         map[string]string{"net.core.somaxconn": "1024"},
		SecurityOptions: []string{"no-new-privileges"},
		Linux: Linux{
			CapAdd: []string{"SYS_PTRACE"}, CapDrop: []string{"MKNOD"},
			Devices: []Device{{Host: "/dev/null", Container: "/dev/zip", Permissions: []string{"read", "write"}}, {Host: "/dev/zero"}},
			Init:    true, SharedMemory: 32, Tmpfs: []Tmpfs{{"/run", 16, []string{"noexec"}}}, MaxSwap: new(int64(64)), Swappiness: new(int64(10)),
		},
		Privileged: true, ReadonlyRoot: true, Interactive: true, Terminal: true, Essential: true,
		HealthCheck: &HealthCheck{Command: []string{"CMD", "/bin/web", "check"}, Interval: 30 * time.Second, Timeout: 5 * time.Second, Retries: 3},
		StopTimeout: 10 * time.Second,
		Log:         LogDriver{Name: "syslog", Options: map[string]string{"tag": "web"}},
	}
}

func volumes() []Volume {
	return []Volume{{Name: "data"}, {Name: "etc", HostPath: "/opt/web"}, {Name: "shared", Docker: &DockerVolume{Shared: true}}}
}

func TestCreation(t *testing.T) {
	plain := Container{Name: "web", Command: []string{"serve"}}
	ported := Container{Name: "web", Ports: []Port{{Container: 80}}, Sysctls: map[string]string{"net.core.somaxconn": "1", "kernel.msgmax": "2"}}
	tests := map[string]struct {
		task Task
		c    Container
	}{
		"plain":     {Task{}, plain},
		"bridge":    {Task{NetworkMode: Bridge, Volumes: volumes()}, everything()},
		"host":      {Task{NetworkMode: HostNS, PIDMode: "host", IPCMode: "host"}, ported},
		"none":      {Task{NetworkMode: None, IPCMode: "none"}, plain},
		"awsvpc":    {Task{NetworkMode: AWSVPC, PIDMode: "task", IPCMode: "task"}, ported},
		"tasklimit": {Task{CPU: 512, Memory: 256}, plain},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := here()
			s.ranges = map[int]uint16{2: 40000}
			got, err := creation(&tt.task, &tt.c, s)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, got)
		})
	}
}

func golden(t *testing.T, name string, got any) {
	t.Helper()
	data, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, '\n')
	path := filepath.Join("testdata", "creation", name+".json")
	if *update {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(data)); diff != "" {
		t.Error(diff)
	}
}

func TestCreationRefusesWhatDockerCannotDo(t *testing.T) {
	tests := map[string]struct {
		task Task
		c    Container
		want string
	}{
		"network mode":    {Task{NetworkMode: "nat"}, Container{}, `network mode "nat" is not one of`},
		"ports of none":   {Task{NetworkMode: None}, Container{Ports: []Port{{Container: 80}}}, "port mappings need a network"},
		"links of awsvpc": {Task{NetworkMode: AWSVPC}, Container{Links: []string{"a"}}, "links need network mode bridge, not awsvpc"},
		"links of host":   {Task{NetworkMode: HostNS}, Container{Links: []string{"a"}}, "links need network mode bridge, not host"},
		"name in awsvpc":  {Task{NetworkMode: AWSVPC}, Container{Hostname: "a"}, "a hostname cannot be had in network mode awsvpc"},
		"dns in awsvpc":   {Task{NetworkMode: AWSVPC}, Container{DNSServers: []string{"10.0.0.2"}}, "DNS servers and search domains cannot be had"},
		"dns":             {Task{}, Container{DNSServers: []string{"nowhere"}}, "dnsServers:"},
		"pid mode":        {Task{PIDMode: "x"}, Container{}, `pidMode "x" is not one of`},
		"ipc mode":        {Task{IPCMode: "x"}, Container{}, `ipcMode "x" is not one of`},
		"volume":          {Task{}, Container{Mounts: []Mount{{"v", "/v", false}}}, "mount point /v names volume v, which is not in the task"},
		"swap of nothing": {Task{}, Container{Linux: Linux{MaxSwap: new(int64(1))}}, "maxSwap needs a memory limit"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := creation(&tt.task, &tt.c, here())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	t.Run("swap without the kernel's help", func(t *testing.T) {
		s := here()
		s.host.SwapLimit = false
		_, err := creation(&Task{}, &Container{Linux: Linux{Swappiness: new(int64(1))}}, s)
		if err == nil || !strings.Contains(err.Error(), "swapaccount=1") {
			t.Errorf("got %v", err)
		}
	})
}

func TestStopTimeoutHasBounds(t *testing.T) {
	for give, want := range map[time.Duration]int{0: 30, time.Millisecond: 1, 10 * time.Second: 10, 1500 * time.Millisecond: 2} {
		if got := stopSeconds(give); got != want {
			t.Errorf("stop timeout %s gives %d s, want %d", give, got, want)
		}
	}
}

func TestLabelsTellEverythingAgain(t *testing.T) {
	r := &Runtime{opt: Options{Engine: "e1"}}
	id := Identity{ARN: "arn:t", ID: "t1", Cluster: "c", Family: "web", Revision: "3", Account: "0", Region: "r", Service: "s", Instance: "i"}
	f := facts{
		Image: "web:1", Digest: "sha256:1", PullStartedAt: time.Unix(1, 2).UTC(), PullStoppedAt: time.Unix(3, 4).UTC(),
		NetworkMode: AWSVPC, Essential: true, Checked: true, DependsOn: []Dependency{{"db", OnHealthy}},
		Restart: &Restart{Period: time.Minute, IgnoredCodes: []int{0}}, Ports: []Port{{Container: 80}}, Foreign: "linux/arm64",
		Address: netip.MustParseAddr("10.0.0.9"),
	}
	labels := r.labels(id, "web", f, map[string]string{"mine": "1", labelEngine: "forged"})
	gotID, name, gotFacts := identify(labels)
	if diff := cmp.Diff(id, gotID); diff != "" || name != "web" {
		t.Error(name, diff)
	}
	if diff := cmp.Diff(f, gotFacts, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	for label, want := range map[string]string{
		"mine": "1", labelEngine: "e1", "com.amazonaws.ecs.cluster": "c", "com.amazonaws.ecs.container-name": "web",
		"com.amazonaws.ecs.task-arn": "arn:t", "com.amazonaws.ecs.task-definition-family": "web", "com.amazonaws.ecs.task-definition-version": "3",
	} {
		if labels[label] != want {
			t.Errorf("label %s is %q, want %q", label, labels[label], want)
		}
	}
}

func TestEndReasons(t *testing.T) {
	host := Host{OS: "linux", Architecture: "amd64"}
	tests := map[string]struct {
		state   container.State
		oom     bool
		foreign string
		want    string
	}{
		"exit":        {container.State{Status: "exited", ExitCode: 1}, false, "", ""},
		"memory":      {container.State{Status: "exited", ExitCode: 137}, true, "", "OutOfMemoryError: Container killed due to memory usage"},
		"not started": {container.State{Status: "created", Error: "no such file", ExitCode: 127}, false, "", "CannotStartContainerError: Error response from daemon: no such file"},
		"platform":    {container.State{Status: "exited", ExitCode: 1}, false, "linux/arm64", "exec format error: the image is built for linux/arm64 and this machine is linux/amd64"},
		"emulated":    {container.State{Status: "exited"}, false, "linux/arm64", ""},
	}
	for name, tt := range tests {
		if got := endReason(&tt.state, tt.oom, tt.foreign, host); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
