package e2e

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/engine/faults"
	"github.com/slipway-dev/slipway/internal/enginetest"
)

// seed is of the faults that the deploy wing meets; 0 takes another one for each
// engine.
var seed = flag.Uint64("faults-seed", 0, "seed of the injected faults (0: a new one for each engine)")

// faultsByDefault are the options of an engine that injects the default faults
// into what slipway asks of it. The tests' own clients make each call once and
// count the answers: they are left alone. What follows changes the default. A test
// that fails says with which seed.
func faultsByDefault(t *testing.T, but ...string) []string {
	s := *seed
	if s == 0 {
		s = uint64(rand.Uint32())
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("faults were injected; the same ones again: go test ./e2e -run %s -faults-seed %d", t.Name(), s)
		}
	})
	return []string{"--allow-faults", "--faults", strings.Join(append([]string{faults.Default, fmt.Sprintf("seed=%d,agent=app/slipway", s)}, but...), ",")}
}

// withoutFaults are the options of an engine that injects none.
func withoutFaults(why string) []string { return []string{"--faults", "off"} }

// inject changes what goes wrong in a running engine.
func inject(t *testing.T, api, spec string) {
	t.Helper()
	res, err := http.Post("http://"+api+"/_slipway/faults", "text/plain", strings.NewReader(spec))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if said, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		t.Fatalf("faults %s: %s", spec, said)
	}
}

// What goes wrong is what was asked for, in each service's words; it is counted,
// and it ends when it is told to.
func TestFaultsAreInjectedAsAsked(t *testing.T) {
	binary := binary(t)
	p, err := enginetest.Start(binary, t.TempDir(), "--simulate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	c, ctx := p.Client(), t.Context()
	list := func() error {
		return c.JSON(ctx, "ecs", "AmazonEC2ContainerServiceV20141113.ListClusters", struct{}{}, nil)
	}
	outcomes := func(call func() error) map[string]int {
		got := map[string]int{}
		for range 60 {
			err := call()
			if r, ok := errors.AsType[*enginetest.Refusal](err); ok {
				got[fmt.Sprintf("%s %d", r.Code, r.Status)]++
			} else if err != nil {
				got["lost"]++
			} else {
				got["ok"]++
			}
		}
		return got
	}
	inject(t, p.API, "throttle=30%,error=30%,lost=30%,seed=1")
	got := outcomes(list)
	for _, want := range []string{"ThrottlingException 400", "InternalFailure 500", "ServiceUnavailable 503", "lost", "ok"} {
		if got[want] == 0 {
			t.Errorf("of 60 requests none ends with %q: %v", want, got)
		}
	}
	metrics, err := http.Get("http://" + p.API + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(metrics.Body)
	metrics.Body.Close()
	for _, kind := range []faults.Kind{faults.Throttled, faults.Broken, faults.LostBefore, faults.LostAfter} {
		if !strings.Contains(string(text), fmt.Sprintf(`slipway_injected_faults_total{kind=%q,operation="ListClusters",service="ecs"}`, kind)) {
			t.Errorf("/metrics does not count %q", kind)
		}
	}
	inject(t, p.API, "off")
	if got := outcomes(list); got["ok"] != 60 {
		t.Errorf("with no faults: %v", got)
	}

	// An answer that is lost was an answer: the cluster is there, at most once.
	inject(t, p.API, "lost=90%,seed=2")
	var lost int
	for i := range 20 {
		name := fmt.Sprintf("c%d", i)
		if c.JSON(ctx, "ecs", "AmazonEC2ContainerServiceV20141113.CreateCluster", map[string]string{"clusterName": name}, nil) != nil {
			lost++
		}
	}
	inject(t, p.API, "off")
	var all struct{ ClusterArns []string }
	if err := c.JSON(ctx, "ecs", "AmazonEC2ContainerServiceV20141113.ListClusters", struct{}{}, &all); err != nil {
		t.Fatal(err)
	}
	if n := len(all.ClusterArns); n <= 20-lost || n >= 20 {
		t.Errorf("of 20 clusters whose creation was cut %d times %d are there: some are cut before, some after", lost, n)
	}

	// A reading operation answers from an older picture.
	inject(t, p.API, "stale=1m,seed=3")
	if err := c.JSON(ctx, "ecs", "AmazonEC2ContainerServiceV20141113.CreateCluster", map[string]string{"clusterName": "new"}, nil); err != nil {
		t.Fatal(err)
	}
	var stale struct{ ClusterArns []string }
	if err := c.JSON(ctx, "ecs", "AmazonEC2ContainerServiceV20141113.ListClusters", struct{}{}, &stale); err != nil {
		t.Fatal(err)
	}
	if len(stale.ClusterArns) != len(all.ClusterArns) {
		t.Errorf("%d clusters are listed at once, as if reads did not lag", len(stale.ClusterArns))
	}
}
