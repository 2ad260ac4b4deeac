package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// ErrHeld is the error of a lock that another run holds.
var ErrHeld = errors.New("another deploy runs")

// lease is how long a lock lasts without a sign of life: a run that was killed
// holds nobody up for longer, and on its own machine not at all (vital.go).
const lease = 45 * time.Second

// holder is what a lock says about the run that holds it.
type holder struct {
	Who     string    `json:"who"`
	Release string    `json:"release"`
	Step    string    `json:"step,omitempty"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Token   string    `json:"token"`
}

// Lock is the right to deploy a service, kept as an SSM parameter. A parameter is
// made only where there is none, and each write of it gets the next version
// number: of two runs that take over a dead one's lock, one alone gets the
// number that follows the one that both read.
type Lock struct {
	a       *Account
	name    string
	holder  holder
	version int64

	stop context.CancelFunc
	done sync.WaitGroup
	// alive is this machine's sign that the run lives; nil without one.
	alive *os.File
}

// Take takes the lock of a service for a release. The context that it gives is
// canceled should the lock be lost.
func (a *Account) Take(ctx context.Context, cluster, service, release string) (*Lock, context.Context, error) {
	now := time.Now().UTC()
	l := &Lock{a: a, name: "/slipway/locks/" + cluster + "/" + service,
		holder: holder{Who: who(), Release: release, Since: now, Token: fmt.Sprintf("%d-%d", now.UnixNano(), os.Getpid())}}
	l.alive = live(l.holder.Token)
	version, err := l.put(ctx, false)
	if is(err, "ParameterAlreadyExists") {
		version, err = l.takeOver(ctx, service)
	}
	if err != nil {
		l.dies()
		return nil, ctx, err
	}
	l.version = version
	held, lost := context.WithCancelCause(ctx)
	beat, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = func() { stop(); lost(nil) }
	l.done.Go(func() { l.beat(beat, service, lost) })
	return l, held, nil
}

// who names a run: CI by its build, a person by name and machine.
func who() string {
	for _, v := range []string{"TRAVIS_BUILD_WEB_URL", "CI_PIPELINE_URL", "GITHUB_RUN_ID"} {
		if s := os.Getenv(v); s != "" {
			return s
		}
	}
	host, _ := os.Hostname()
	if u, err := user.Current(); err == nil {
		return u.Username + "@" + host
	}
	return host
}

func (l *Lock) put(ctx context.Context, overwrite bool) (int64, error) {
	l.holder.Until = time.Now().UTC().Add(lease)
	if step := l.a.at.Load(); step != nil {
		l.holder.Step = *step
	}
	value, err := json.Marshal(l.holder)
	if err != nil {
		return 0, err
	}
	version := int64(0)
	err = l.a.single(ctx, "writing the lock", func(ctx context.Context) (bool, error) {
		h, v, err := l.read(ctx)
		if err != nil || h.Token != l.holder.Token || !h.Until.Equal(l.holder.Until) {
			return false, none(err, "ParameterNotFound")
		}
		version = v
		return true, nil
	}, func(ctx context.Context) error {
		out, err := l.a.ssm.PutParameter(ctx, &ssm.PutParameterInput{Name: &l.name, Value: aws.String(string(value)), Type: types.ParameterTypeString, Overwrite: &overwrite},
			func(o *ssm.Options) { o.Retryer = l.a.once() })
		if err == nil {
			version = out.Version
		}
		return err
	})
	return version, err
}

// none is the error, but for those that say that nothing is there.
func none(err error, codes ...string) error {
	if is(err, codes...) {
		return nil
	}
	return err
}

func (l *Lock) read(ctx context.Context) (holder, int64, error) {
	var h holder
	out, err := l.a.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: &l.name})
	if err != nil {
		return h, 0, err
	}
	err = json.Unmarshal([]byte(aws.ToString(out.Parameter.Value)), &h)
	return h, out.Parameter.Version, err
}

func (l *Lock) takeOver(ctx context.Context, service string) (int64, error) {
	h, version, err := l.read(ctx)
	if is(err, "ParameterNotFound") { // given back just now
		return l.put(ctx, false)
	}
	if err != nil {
		return 0, fmt.Errorf("reading the lock: %w", plain(err))
	}
	killed := bury(h.Token)
	if time.Now().Before(h.Until) && !killed {
		return 0, held(service, h)
	}
	if killed && !l.a.buried.Swap(true) { // a moment ago, perhaps: what it did last is seen by then
		if err := l.a.pause(ctx, l.a.lag()); err != nil {
			return 0, err
		}
		if h, now, err := l.read(ctx); err == nil && now != version {
			return 0, held(service, h)
		}
	}
	got, err := l.put(ctx, true)
	if err == nil && got != version+1 {
		h, _, _ = l.read(ctx)
		return 0, held(service, h)
	}
	return got, err
}

func held(service string, h holder) error {
	at := ""
	if h.Step != "" {
		at = fmt.Sprintf(", step %q", h.Step)
	}
	return fmt.Errorf("%w: %s has been deploying %s of %s since %s%s. Wait for it: --wait", ErrHeld, h.Who, h.Release, service, h.Since.Local().Format("15:04"), at)
}

// Doing is the step that the run is at: those whom its locks keep out are told,
// from the next sign of life on.
func (a *Account) Doing(step string) { a.at.Store(&step) }

// beat says that the run lives, thrice a lease, until it is told to stop.
func (l *Lock) beat(ctx context.Context, service string, lost context.CancelCauseFunc) {
	ticker := time.NewTicker(lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		h, version, err := l.read(ctx)
		switch {
		case err != nil && !is(err, "ParameterNotFound"):
			continue // the lease outlives a call that failed
		case err != nil || h.Token != l.holder.Token:
			lost(held(service, h))
			return
		}
		if got, err := l.put(ctx, true); err == nil && got == version+1 {
			l.version = got
		}
	}
}

// Give gives the lock back.
func (l *Lock) Give(ctx context.Context) {
	l.stop()
	l.done.Wait()
	defer l.dies()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if h, _, err := l.read(ctx); err == nil && h.Token == l.holder.Token {
		l.a.ssm.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &l.name})
	}
}

// dies takes the sign of life away.
func (l *Lock) dies() {
	if l.alive != nil {
		os.Remove(l.alive.Name())
		l.alive.Close()
	}
}

// Hold takes the locks of several services, in order, so that two runs never
// wait for one another. With wait it waits for those that others hold.
func (a *Account) Hold(ctx context.Context, cluster string, services []string, release string, wait bool, say func(string)) (give func(), held context.Context, err error) {
	var locks []*Lock
	give = func() {
		for _, l := range locks {
			l.Give(ctx)
		}
	}
	held = ctx
	for _, s := range services {
		var l *Lock
		var told bool
		for {
			l, held, err = a.Take(held, cluster, s, release)
			if !wait || !errors.Is(err, ErrHeld) {
				break
			}
			if !told {
				say(strings.TrimSuffix(err.Error(), ". Wait for it: --wait"))
				told = true
			}
			if err = a.pause(ctx, 2*time.Second); err != nil {
				break
			}
		}
		if err != nil {
			give()
			return nil, ctx, err
		}
		locks = append(locks, l)
	}
	return give, held, nil
}

func (a *Account) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
