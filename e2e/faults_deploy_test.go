package e2e

import (
	"context"
	"encoding/pem"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/config"
	"github.com/slipway-dev/slipway/internal/dns"
	"github.com/slipway-dev/slipway/internal/enginetest"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const faultyFile = `app: ship
image: docker.io/library/ship:1
service:
  port: 8000
  memory: 64
  stop: 1s
  drain: 1s
  secrets: { KEY: "ssm:/{env}/key" }
environments:
  playground:
    on: engine
    host: example.com
    branch: main
    cluster: yard
cluster:
  name: yard
  size: { min: 1, max: 2 }
`

// faulty is an application on a simulated engine that injects faults.
type faulty struct {
	t      *testing.T
	p      *enginetest.Process
	stack  *slipway.Stack
	env    slipway.Environment
	door   release.Door
	mu     sync.Mutex
	events []string
	// empty is what the account had before anything was deployed.
	empty []string
}

func newFaulty(t *testing.T, spec string) *faulty {
	f := &faulty{t: t}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "slipway.yaml"), []byte(faultyFile), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if f.p, err = enginetest.Start(binary(t), filepath.Join(dir, "data"), "--simulate"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.p.Kill() })
	f.empty = everything(t, f.p.Client())
	inject(t, f.p.API, spec)
	if f.stack, err = config.Load(filepath.Join(dir, "slipway.yaml")); err != nil {
		t.Fatal(err)
	}
	f.env, _ = f.stack.Environment("playground")
	// Simulated tasks answer nothing; somebody else does, in their place.
	answers := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(answers.Close)
	f.door = release.Door{Address: answers.Listener.Addr().String(), CA: filepath.Join(dir, "ca.pem")}
	if err := os.WriteFile(f.door.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: answers.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *faulty) sink(e slipway.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, fmt.Sprintf("%6.2f %s %s %s %s", e.Elapsed.Seconds(), e.Phase, e.Step, e.State, e.Text))
}

// open is the account as a new run sees it.
func (f *faulty) open(ctx context.Context) (*cloud.Account, error) {
	c := f.p.Client()
	a, err := cloud.Open(ctx, &f.env, cloud.Target{Endpoint: c.Endpoint, AccessKeyID: c.KeyID, SecretKey: c.Secret, Region: c.Region, Patience: 30 * time.Millisecond},
		dns.NewCloudflare(c.Endpoint+"/client/v4", c.CloudflareToken, true))
	if err == nil {
		f.env.Cluster.Nth, err = a.Spread(ctx, &f.env)
	}
	return a, err
}

func (f *faulty) up(ctx context.Context, tag string) (*release.Outcome, error) {
	a, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	return release.Run(ctx, a, f.stack, f.env, release.Options{Tag: tag, Environment: true, Wait: true, Door: f.door, Sink: f.sink})
}

func (f *faulty) plan(ctx context.Context) (*slipway.Plan, error) {
	a, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	p, _, err := release.Look(ctx, a, f.env, "")
	return p, err
}

func (f *faulty) destroy(ctx context.Context) error {
	a, err := f.open(ctx)
	if err != nil {
		return err
	}
	return release.Destroy(ctx, a, f.env, true, release.Options{Sink: f.sink})
}

// same waits until the plan says that nothing differs from the file: what it reads
// may lag.
func (f *faulty) same(ctx context.Context) {
	f.t.Helper()
	var differ []string
	until(f.t, "a plan with nothing to do", func() bool {
		p, err := f.plan(ctx)
		if err != nil {
			f.t.Fatal(err)
		}
		differ = nil
		for _, s := range p.Steps {
			if s.Action != slipway.Keep {
				differ = append(differ, fmt.Sprint(s.Action, s.ID, s.Differences))
			}
		}
		return len(differ) == 0
	}, func() string { return strings.Join(differ, "\n") })
}

// left are the resources that nobody took away, but for those that are kept on
// purpose. No fault may be injected any more.
func (f *faulty) left() []string {
	f.t.Helper()
	return slices.DeleteFunc(since(f.empty, everything(f.t, f.p.Client())), kept)
}

// seeds is how many the property is tried with: a few each time, others every
// time; twenty and more by hand.
var seeds = flag.Uint64("faults-seeds", 4, "how many seeds of injected faults to try")

// Whatever AWS does to the calls of a run, it ends as the file says, and what was
// made can be taken away to the last thing.
func TestDeploysLiveThroughFaults(t *testing.T) {
	const rate = "throttle=8%,error=5%,lost=6%,stale=400ms,validation=100ms"
	begin := *seed
	if begin == 0 {
		begin = uint64(rand.Uint32N(1 << 20))
	}
	slots := make(chan struct{}, 6) // they wait most of the time
	for i := range *seeds {
		t.Run(fmt.Sprintf("seed %d", begin+i), func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			f := newFaulty(t, fmt.Sprintf("%s,seed=%d", rate, begin+i))
			t.Cleanup(func() {
				if t.Failed() {
					t.Log(strings.Join(f.events, "\n"))
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			if a, err := f.open(ctx); err != nil {
				t.Fatal(err)
			} else if _, err := a.PutSecret(ctx, "/playground/key", "secret"); err != nil {
				t.Fatal(err)
			}
			for _, tag := range []string{"v1", "v2"} {
				out, err := f.up(ctx, tag)
				if err != nil {
					t.Fatalf("up %s: %v", tag, err)
				}
				if out.Tag != tag {
					t.Errorf("up %s ends with %s", tag, out.Tag)
				}
			}
			f.same(ctx)
			if err := f.destroy(ctx); err != nil {
				t.Fatalf("destroy: %v", err)
			}
			inject(t, f.p.API, "off")
			if left := f.left(); len(left) > 0 {
				t.Errorf("left: %s", strings.Join(left, ", "))
			}
		})
	}
}
