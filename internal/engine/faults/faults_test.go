package faults

import (
	"math"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

func TestASpecIsReadAsItIsWritten(t *testing.T) {
	for _, text := range []string{"off", Default, "throttle=5%,error=2.5%,lost=1%,stale=300ms,validation=2s,seed=7", "stale=1s", "lost=1%,seed=1,agent=app/slipway"} {
		s, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(s.String())
		if err != nil || again != s {
			t.Errorf("%q: %v becomes %v (%v)", text, s, again, err)
		}
	}
	for _, text := range []string{"throttle=5", "throttle=101%", "lost=-1%", "error=NaN%", "stale=2h", "slow=1s", "seed=x", "agent=", "throttle=50%,error=50%", ",", "throttle"} {
		if s, err := Parse(text); err == nil {
			t.Errorf("%q is read as %v", text, s)
		}
	}
}

func TestTheSameSeedIsTheSameFate(t *testing.T) {
	draw := func(seed uint64, noise bool) (all []Fate) {
		var s Source
		s.Set(Spec{Throttle: .1, Error: .1, Lost: .1, Stale: time.Second, Seed: seed})
		for range 200 {
			if noise {
				s.Draw("ec2", "DescribeVpcs", "")
			}
			all = append(all, s.Draw("ecs", "DescribeServices", ""))
		}
		return all
	}
	one, two, other := draw(1, false), draw(1, true), draw(2, false)
	same := true
	for i := range one {
		if one[i] != two[i] {
			t.Fatalf("request %d: %v, and with others between them %v", i, one[i], two[i])
		}
		same = same && one[i] == other[i]
	}
	if same {
		t.Error("another seed is the same fate")
	}
}

func TestWhoIsNotMeantIsLeftAlone(t *testing.T) {
	var s Source
	s.Set(Spec{Error: .9, Stale: time.Second, Agent: "app/slipway"})
	hit := 0
	for range 100 {
		if f := s.Draw("ecs", "DescribeServices", "aws-cli/2"); f != (Fate{}) {
			t.Fatalf("another client has %v", f)
		}
		if s.Draw("ecs", "DescribeServices", "aws-sdk-go-v2/1 app/slipway").Kind != None {
			hit++
		}
	}
	if hit < 70 {
		t.Errorf("of 100 requests %d are hit", hit)
	}
}

func TestSharesAreAsTheSpecSays(t *testing.T) {
	var s Source
	spec := Spec{Throttle: .05, Error: .03, Lost: .04, Seed: 3}
	s.Set(spec)
	const n = 50_000
	got := map[Kind]float64{}
	for range n {
		got[s.Draw("ecs", "DescribeTasks", "").Kind] += 1. / n
	}
	for kind, want := range map[Kind]float64{Throttled: .05, Broken: .03, LostBefore: .02, LostAfter: .02} {
		if math.Abs(got[kind]-want) > .005 {
			t.Errorf("%s: %.3f of the requests, not %.3f", kind, got[kind], want)
		}
	}
}

func TestServicesRefuseInTheirOwnWords(t *testing.T) {
	for protocol, want := range map[string][2]string{"ec2": {"RequestLimitExceeded", "InternalError"}, "query": {"Throttling", "InternalFailure"}, "json": {"ThrottlingException", "InternalFailure"}} {
		svc := &awsapi.Service{Protocol: protocol}
		throttled, broken := Fate{Kind: Throttled}.Refusal(svc), Fate{Kind: Broken}.Refusal(svc)
		if throttled.Code != want[0] || broken.Code != want[1] || broken.Status != 500 {
			t.Errorf("%s: %v, %v", protocol, throttled, broken)
		}
	}
	if e := (Fate{Kind: LostAfter}).Refusal(&awsapi.Service{}); e != nil {
		t.Errorf("a lost connection answers %v", e)
	}
}

func BenchmarkOff(b *testing.B) {
	var s Source
	for b.Loop() {
		if s.Draw("ecs", "DescribeServices", "").Kind != None {
			b.Fatal("a fault")
		}
	}
}
