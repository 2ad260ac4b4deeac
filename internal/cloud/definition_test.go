package cloud

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func drawDefinition(t *rapid.T) slipway.Definition {
	d := slipway.Definition{NetworkMode: rapid.SampledFrom([]string{"bridge", "awsvpc"}).Draw(t, "mode"), LogGroup: rapid.SampledFrom([]string{"", "group"}).Draw(t, "log")}
	if d.LogGroup != "" {
		d.LogPrefix, d.LogRegion = "prefix", "eu-west-1"
	}
	if rapid.Bool().Draw(t, "volume") {
		d.Volumes = []slipway.Volume{{Name: "data", HostPath: "/srv"}}
	}
	text := rapid.StringMatching(`[a-zA-Z0-9 "=-]{0,12}`)
	for i := range rapid.IntRange(1, 3).Draw(t, "containers") {
		c := slipway.Container{Name: string(rune('a' + i)), CPU: rapid.IntRange(0, 512).Draw(t, "cpu"), MemorySoft: rapid.IntRange(0, 512).Draw(t, "soft"), MemoryHard: rapid.IntRange(0, 512).Draw(t, "hard"),
			Command: rapid.SliceOfN(text, 0, 3).Draw(t, "command"), Port: rapid.SampledFrom([]int{0, 80, 8000}).Draw(t, "port"), Essential: rapid.Bool().Draw(t, "essential"),
			Stop: time.Duration(rapid.IntRange(0, 120).Draw(t, "stop")) * time.Second, User: rapid.SampledFrom([]string{"", "1000"}).Draw(t, "user"),
			Variables: rapid.MapOfN(rapid.StringMatching(`[A-Z]{1,5}`), text, 0, 4).Draw(t, "variables"), Secrets: map[string]string{"KEY": "/shop/key"}}
		if d.Volumes != nil {
			c.Mounts = []slipway.Mount{{Volume: "data", Path: "/data", ReadOnly: rapid.Bool().Draw(t, "ro")}}
		}
		d.Containers = append(d.Containers, c)
	}
	return d
}

// What the file asks for comes back from a registration the same, so that a plan
// after a deploy is empty.
func TestARegistrationSaysWhatTheFileSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawDefinition(t)
		in := registration(&slipway.Service{Family: "shop"}, want, slipway.Release{Tag: "v1", Images: map[string]string{"": "shop:v1"}}, nil)
		got := definition(&types.TaskDefinition{NetworkMode: in.NetworkMode, Volumes: in.Volumes, ContainerDefinitions: in.ContainerDefinitions, Cpu: in.Cpu, Memory: in.Memory})
		w, g := want.Settings(), got.Settings()
		if want.NetworkMode == "awsvpc" { // the host's port is the container's there
			for _, s := range []slipway.Settings{w, g} {
				for k := range s {
					if k == "host port" || len(k) > 10 && k[2:] == "host port" {
						delete(s, k)
					}
				}
			}
		}
		if diff := cmp.Diff(w, g); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestARegistrationKeepsWhatTheFileHasNoWordFor(t *testing.T) {
	base := &types.TaskDefinition{
		PidMode: types.PidModeHost,
		Volumes: []types.Volume{{Name: aws.String("efs"), EfsVolumeConfiguration: &types.EFSVolumeConfiguration{FileSystemId: aws.String("fs-1")}}},
		ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("web"), Ulimits: []types.Ulimit{{Name: types.UlimitNameNofile, HardLimit: 9, SoftLimit: 9}},
			DockerLabels: map[string]string{"team": "a"}, Environment: []types.KeyValuePair{{Name: aws.String("OLD"), Value: aws.String("1")}}}},
	}
	d := slipway.Definition{Volumes: []slipway.Volume{{Name: "efs"}}, Containers: []slipway.Container{{Name: "web"}}}
	in := registration(&slipway.Service{Family: "shop"}, d, slipway.Release{Tag: "v2", Images: map[string]string{"": "shop:v2"}}, base)
	c := in.ContainerDefinitions[0]
	if in.PidMode != types.PidModeHost || in.Volumes[0].EfsVolumeConfiguration == nil || len(c.Ulimits) != 1 || c.DockerLabels["team"] != "a" {
		t.Errorf("something was lost: %+v", in)
	}
	if len(c.Environment) != 0 || c.DockerLabels[labelTag] != "v2" || *c.Image != "shop:v2" {
		t.Errorf("what the file decides is not as the file has it: %+v", c)
	}
}

func TestSlicesOfARangeAreApart(t *testing.T) {
	a, _ := slice("10.0.0.0/16", 0)
	b, _ := slice("10.0.0.0/16", 1)
	if a != "10.0.0.0/20" || b != "10.0.16.0/20" {
		t.Error(a, b)
	}
	if _, err := slice("10.0.0.0/28", 0); err == nil {
		t.Error("a range too small is cut")
	}
}
