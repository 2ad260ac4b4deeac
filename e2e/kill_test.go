package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/enginetest"
)

// killing is an engine that is killed and started again on one folder while
// writers write.
type killing struct {
	binary, data string
	random       *rand.Rand
	writers      []*writer
}

func newKilling(t *testing.T, seed uint64, buildFlags ...string) *killing {
	t.Helper()
	binary, err := enginetest.Build(t.TempDir(), buildFlags...)
	if err != nil {
		t.Fatal(err)
	}
	k := &killing{binary: binary, data: t.TempDir(), random: rand.New(rand.NewPCG(seed, 0))}
	for _, make := range writerKinds {
		k.writers = append(k.writers, newWriter(make()))
	}
	return k
}

// TestNothingAcknowledgedIsLostToKills is the promise of package state, through
// the whole engine: SIGKILL at a random instant, while it starts or while writers
// of every kind write, and all that was acknowledged is there after the restart,
// nothing is there by half, and no id comes twice.
func TestNothingAcknowledgedIsLostToKills(t *testing.T) {
	t.Parallel()
	const rounds = 200
	seed := rand.Uint64()
	k := newKilling(t, seed)
	for round := range rounds {
		if err := k.round(t.Context()); err != nil {
			t.Fatalf("round %d of seed %d: %v", round, seed, err)
		}
	}
	if err := k.last(t.Context()); err != nil {
		t.Fatalf("after the last round of seed %d: %v", seed, err)
	}
	for _, w := range k.writers {
		t.Logf("%-16s %6d acknowledged writes, %4d with an open end", w.kind.name(), w.ledger.acknowledged, w.ledger.open)
		if w.ledger.acknowledged == 0 {
			t.Errorf("%s never wrote", w.kind.name())
		}
	}
}

// TestTheKillsFindWhatIsWrong holds the test above to account: of an engine that
// answers before its writes are durable, and of one that cuts an update in two,
// it must say so.
func TestTheKillsFindWhatIsWrong(t *testing.T) {
	t.Parallel()
	for flaw, finding := range map[string]string{"early": "acknowledged:|to become", "halves": "half-written|never asked for|acknowledged:"} {
		t.Run(flaw, func(t *testing.T) {
			k := newKilling(t, 1, "-ldflags=-X github.com/slipway-dev/slipway/internal/engine/state.flaw="+flaw)
			for round := range 200 {
				err := k.round(t.Context())
				if err == nil {
					continue
				}
				if !regexp.MustCompile(finding).MatchString(err.Error()) {
					t.Fatalf("round %d found something else: %v", round, err)
				}
				t.Logf("round %d: %v", round, err)
				return
			}
			t.Error("200 rounds found nothing")
		})
	}
}

// round starts the engine, compares what is there with what was acknowledged
// before, lets the writers write and kills it.
func (k *killing) round(ctx context.Context) error {
	if k.random.IntN(4) == 0 {
		if err := k.killWhileItStarts(); err != nil {
			return err
		}
	}
	p, err := k.verified(ctx)
	if err != nil {
		return err
	}
	instant := time.NewTimer(time.Duration(k.random.Int64N(int64(80 * time.Millisecond))))
	defer instant.Stop()
	group, writing := errgroup.WithContext(ctx)
	for _, w := range k.writers {
		group.Go(func() error { return w.writeUntilKilled(writing, p.Client()) })
	}
	select {
	case <-instant.C:
	case <-writing.Done(): // a writer was refused: its error tells
	}
	return errors.Join(p.Kill(), group.Wait())
}

// last is a start after which nothing is killed.
func (k *killing) last(ctx context.Context) error {
	p, err := k.verified(ctx)
	if err != nil {
		return err
	}
	return p.Kill()
}

func (k *killing) killWhileItStarts() error {
	p, err := enginetest.Launch(k.binary, k.data, "--simulate")
	if err != nil {
		return err
	}
	instant := time.NewTimer(time.Duration(k.random.Int64N(int64(40 * time.Millisecond))))
	<-instant.C
	return p.Kill()
}

func (k *killing) verified(ctx context.Context) (*enginetest.Process, error) {
	p, err := enginetest.Start(k.binary, k.data, "--simulate")
	if err != nil {
		return nil, err
	}
	if err := k.verify(ctx, p); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return p, nil
}

func (k *killing) verify(ctx context.Context, p *enginetest.Process) error {
	if err := noHalves(k.data); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, w := range k.writers {
		group.Go(func() error {
			if err := w.verify(ctx, p.Client()); err != nil {
				return fmt.Errorf("%s: %w", w.kind.name(), err)
			}
			return nil
		})
	}
	return group.Wait()
}
