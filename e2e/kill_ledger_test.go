package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/internal/enginetest"
)

// resources is one kind of resource that a writer writes.
type resources interface {
	name() string
	// prepare makes what the kind stands on; it is called until it succeeds.
	prepare(ctx context.Context, c *enginetest.Client) error
	// step makes the nth resource, and changes it or an older one.
	step(ctx context.Context, c *enginetest.Client, l *ledger, n int) error
	// remove deletes one. The writer calls it when there are more than keep, so
	// that all of them can be read after every kill.
	remove(ctx context.Context, c *enginetest.Client, l *ledger, key string) error
	keep() int
	// read is everything of the kind that is there: a word for each under its key.
	read(ctx context.Context, c *enginetest.Client) (map[string]string, error)
}

// writer writes one kind, one request after the other.
type writer struct {
	kind     resources
	ledger   *ledger
	prepared bool
	next     int
}

func newWriter(kind resources) *writer {
	return &writer{kind: kind, ledger: &ledger{may: map[string][]string{}, born: map[string]int{}, ids: map[string]bool{}}}
}

// errKilled is a request to which no answer came: it took effect or it did not.
var errKilled = errors.New("no answer")

func (w *writer) writeUntilKilled(ctx context.Context, c *enginetest.Client) error {
	for {
		err := w.write(ctx, c)
		if errors.Is(err, errKilled) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", w.kind.name(), err)
		}
	}
}

func (w *writer) write(ctx context.Context, c *enginetest.Client) error {
	if !w.prepared {
		if err := unanswered(w.kind.prepare(ctx, c)); err != nil {
			return err
		}
		w.prepared = true
	}
	for old := w.ledger.surplus(w.kind.keep()); old != ""; old = w.ledger.surplus(w.kind.keep()) {
		if err := w.kind.remove(ctx, c, w.ledger, old); err != nil {
			return err
		}
	}
	w.next++
	return w.kind.step(ctx, c, w.ledger, w.next)
}

func (w *writer) verify(ctx context.Context, c *enginetest.Client) error {
	there, err := w.kind.read(ctx, c)
	if err != nil {
		return err
	}
	return w.ledger.settle(there)
}

// unanswered is errKilled for an error that is not the service's answer.
func unanswered(err error) error {
	if _, refused := errors.AsType[*enginetest.Refusal](err); err == nil || refused {
		return err
	}
	return errKilled
}

// ledger is what a writer knows of its resources.
type ledger struct {
	// may is what a resource can be found as, "" for not at all: one word when the
	// last write was acknowledged, two when its answer did not come.
	may map[string][]string
	// born is when a resource was first written, in the ledger's own count.
	born map[string]int
	// ids are all that were ever given out.
	ids                map[string]bool
	acknowledged, open int
}

// write makes one request by which the resource becomes the word.
func (l *ledger) write(key, word string, request func() error) error {
	before := l.at(key)
	if l.may[key] == nil {
		l.born[key] = len(l.born)
	}
	err := unanswered(request())
	switch {
	case err == nil:
		l.may[key] = []string{word}
		l.acknowledged++
	case errors.Is(err, errKilled):
		l.may[key] = []string{before, word}
		l.open++
	default:
		return fmt.Errorf("%s, to become %q: %w", key, word, err)
	}
	return err
}

// at is what the resource is, "" for nothing. Writers run only when all is known.
func (l *ledger) at(key string) string {
	if may := l.may[key]; len(may) > 0 {
		return may[0]
	}
	return ""
}

// surplus is the oldest resource when there are more than so many, "" otherwise.
func (l *ledger) surplus(keep int) string {
	oldest, there := "", 0
	for key, may := range l.may {
		if may[0] == "" {
			continue
		}
		there++
		if oldest == "" || l.born[key] < l.born[oldest] {
			oldest = key
		}
	}
	if there <= keep {
		return ""
	}
	return oldest
}

// fresh notes an id that was given out.
func (l *ledger) fresh(id string) error {
	if id == "" || l.ids[id] {
		return fmt.Errorf("the id %q was given out before", id)
	}
	l.ids[id] = true
	return nil
}

// settle compares what is there with what may be, and goes on from there.
func (l *ledger) settle(there map[string]string) error {
	for key, may := range l.may {
		if !slices.Contains(may, there[key]) {
			return fmt.Errorf("acknowledged: %s is %q, found: %q", key, may, there[key])
		}
	}
	for key, word := range there {
		if l.may[key] == nil {
			return fmt.Errorf("%s is there as %q and was never asked for, or was deleted and acknowledged", key, word)
		}
	}
	clear(l.may)
	for key, word := range maps.All(there) {
		l.may[key] = []string{word}
	}
	return nil
}
