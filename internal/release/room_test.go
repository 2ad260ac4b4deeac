package release

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestNoRoomIsArithmeticAndChoices(t *testing.T) {
	env := &slipway.Environment{On: "aws", Cluster: slipway.Cluster{Owned: true, Instance: "t3.small", Max: 1}}
	r := &slipway.Room{Service: "web", Tasks: 1, Memory: 1024, CPU: 256, Instances: []slipway.InstanceRoom{{ID: "i-0ab1", Type: "t3.small", FreeMemory: 696, TotalMemory: 1944, FreeCPU: 2048, TotalCPU: 2048}}}
	want := `web: no room for 1 more task of 1024 MiB and 256 CPU units; the old must stay until the new serves
  i-0ab1 (t3.small) has 696 of 1944 MiB and 2048 of 2048 CPU units free
  choices
    --add-instance    one more t3.small for the deploy (about $0.021 an hour in us-east-1), removed afterwards
    --allow-gap       stop the old task first: a few seconds without service
    cluster.size.max  more than 1: the cluster grows by itself
    service.memory    696 MiB would fit`
	if diff := cmp.Diff(want, noRoom(env, r).Error()); diff != "" {
		t.Error(diff)
	}
}

func TestPrices(t *testing.T) {
	for instance, want := range map[string]string{
		"t3.nano": " (about $0.0052 an hour in us-east-1)", "t4g.medium": " (about $0.034 an hour in us-east-1)", "m5.large": " (about $0.096 an hour in us-east-1)",
		"c6i.2xlarge": " (about $0.34 an hour in us-east-1)", "r5.24xlarge": " (about $6 an hour in us-east-1)", "p5.48xlarge": "", "m5.metal": "", "": "",
	} {
		if got := price(instance); got != want {
			t.Errorf("%s: %q, not %q", instance, got, want)
		}
	}
}
