package cloud

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// errLate is the error of what was made and cannot be seen yet: AWS's reads lag
// behind its writes.
var errLate = errors.New("it cannot be seen yet")

// lag is how long what was made may stay invisible.
func (a *Account) lag() time.Duration { return 30 * a.patience }

// Settled tells whether reads show by now what was done until then.
func (a *Account) Settled(then time.Time) bool { return time.Since(then) > a.lag() }

// touched notes that something may just have been changed.
func (a *Account) touched() { a.changed.Store(new(time.Now())) }

// Settle waits until reads show what the run changed last. A run that ends early
// does so before it gives its locks back: the next one might make again what it
// cannot see. say is told how long that takes, where it takes a while.
func (a *Account) Settle(say func(string)) {
	last := a.changed.Load()
	if last == nil {
		return
	}
	left := a.lag() - time.Since(*last)
	if left > time.Second {
		say(fmt.Sprintf("up to %.0f s more, until the account shows all that was made", left.Seconds()))
	}
	a.pause(context.Background(), left)
}

// transient tells an error that passes by itself: throttling, 5xx, a connection
// that was cut. The SDK has tried several times already.
func transient(err error) bool {
	for _, r := range retry.DefaultRetryables {
		if r.IsErrorRetryable(err) == aws.TrueTernary {
			return true
		}
	}
	for _, r := range retry.DefaultThrottles {
		if r.IsErrorThrottle(err) == aws.TrueTernary {
			return true
		}
	}
	return false
}

// unanswered tells that nobody knows whether a call was carried out: its
// connection was cut, or the service broke in the middle.
func unanswered(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	var send *smithyhttp.RequestSendError
	var network net.Error
	var response *awshttp.ResponseError
	return errors.As(err, &send) || errors.As(err, &network) || errors.As(err, &response) && response.HTTPStatusCode() >= 500
}

// once is a retryer for calls that make another thing each time: it tries again
// only where the call was certainly not carried out.
func (a *Account) once() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.Backoff, o.RateLimiter = attempts, a.backoff(), ratelimit.None
		o.Retryables = []retry.IsErrorRetryable{retry.RetryableErrorCode{Codes: retry.DefaultThrottleErrorCodes}}
	})
}

// attempts is how often a call is tried.
const attempts = 8

// backoff waits ever longer, by chance between nothing and the full time, so that
// many who were throttled together do not come back together ("Exponential
// Backoff And Jitter", AWS Architecture Blog).
func (a *Account) backoff() retry.BackoffDelayer {
	return retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
		most := min(5*a.patience<<min(attempt, 8), 10*time.Second)
		return time.Duration(rand.Int64N(int64(most))), nil
	})
}

// token is what a create carries so that AWS knows it again when it comes twice.
func token() string { return fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()) }

// unknown tells that a thing named by its id is not there, or not yet.
func unknown(err error) bool {
	if errors.Is(err, errLate) {
		return true
	}
	text := says(err)
	code, _, _ := strings.Cut(text, ":")
	return strings.Contains(code, "NotFound") || code == "NoSuchEntity" || strings.Contains(text, "ARN is invalid") || gone(err)
}

// exists tells that a thing with the name is there already: made by others at the
// same time, or by a call of our own whose answer was lost.
func exists(err error) bool {
	text := says(err)
	code, _, _ := strings.Cut(text, ":")
	return strings.Contains(code, "Duplicate") || strings.Contains(code, "AlreadyExists") || code == "InvalidSubnet.Conflict" ||
		strings.Contains(text, "already exists") || strings.Contains(text, "was not idempotent")
}

// persist does one step until it is done or cannot be: what it needs and was made
// a moment ago may not be seen yet, and what it was to make may be there after
// all.
func (a *Account) persist(ctx context.Context, w *Work, s slipway.Step, say func(string)) error {
	return a.insist(ctx, "what was made being seen by others", 2*time.Minute, func(err error) bool {
		return unknown(err) || s.Action == slipway.Create && exists(err)
	}, func(ctx context.Context) error {
		err := a.do(ctx, w, s, say)
		if err == nil || s.Action != slipway.Create || !exists(err) {
			return err
		}
		if seeing := a.see(ctx, w.Env, s); seeing != nil {
			return errors.Join(errLate, seeing)
		}
		if a.Ref(s.ID) == "" {
			return err
		}
		s.Action = slipway.Change // there it is: what it lacks of its settings is set
		return fmt.Errorf("%s: %w", s.ID, errLate)
	})
}

// see looks again for the things of a step's kind.
func (a *Account) see(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	wanted := []slipway.Resource{{ID: s.ID, Settings: s.Settings}}
	switch s.Kind {
	case slipway.KindSubnet:
		return a.observeSubnets(ctx, env)
	case slipway.KindSecurityGroup:
		return a.observeGroups(ctx, env)
	case slipway.KindLoadBalancer, slipway.KindListener:
		return a.observeBalancer(ctx, env, nil)
	case slipway.KindLaunchTemplate, slipway.KindAutoScalingGroup:
		return a.observeCapacity(ctx, env)
	case slipway.KindCapacityProvider:
		return a.observeProvider(ctx, plan.Of(env))
	case slipway.KindRepository:
		return a.observeRepositories(ctx, wanted)
	case slipway.KindTargetGroup:
		return a.observeTargetGroups(ctx, wanted)
	case slipway.KindService:
		return a.observeServices(ctx, env, wanted)
	}
	return nil
}

// single makes a thing of which AWS would make another one for each call: where
// it is unknown whether a call was carried out, it looks for what came of it
// until that would have been seen, and only then calls again.
func (a *Account) single(ctx context.Context, what string, found func(context.Context) (bool, error), call func(context.Context) error) error {
	for range attempts {
		err := call(ctx)
		if !unanswered(err) {
			return err
		}
		there := false
		looked := a.until(ctx, what, a.lag(), func(ctx context.Context) (ok bool, err error) {
			there, err = found(ctx)
			return there, err
		})
		switch {
		case there:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case looked != nil && !errors.Is(looked, errLimit):
			return looked
		}
	}
	return fmt.Errorf("%s: AWS does not answer", what)
}
