package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"

	"github.com/slipway-dev/slipway/internal/dns"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Target is where an environment's APIs are and who calls. The zero value is
// AWS, with what the SDK finds: environment variables, profiles, roles.
type Target struct {
	// Endpoint is the URL of another AWS than AWS's own.
	Endpoint                          string
	AccessKeyID, SecretKey, SessionID string
	Region                            string
	// Patience is how long a poll waits at first; it grows to fifty times that.
	// 0 is 200 ms.
	Patience time.Duration
	// Now is the clock that a certificate's end is held against. nil is time.Now.
	Now func() time.Time
}

// Account is one account and region, as one run sees it.
type Account struct {
	ID, Region string
	// Caller is the ARN that the credentials belong to.
	Caller string

	ecs     *ecs.Client
	elb     *elb.Client
	ec2     *ec2.Client
	groups  *autoscaling.Client
	iam     *iam.Client
	acm     *acm.Client
	ecr     *ecr.Client
	ssm     *ssm.Client
	logs    *cloudwatchlogs.Client
	scaling *applicationautoscaling.Client
	events  *eventbridge.Client
	metrics *cloudwatch.Client
	sts     *sts.Client

	dns      dns.Provider
	patience time.Duration
	now      func() time.Time
	calls    atomic.Int64
	at       atomic.Pointer[string] // see Doing
	buried   atomic.Bool            // a killed run's lock was taken over
	changed  atomic.Pointer[time.Time]

	mu   sync.Mutex
	seen *slipway.Observed
	// began is when the rollouts that this run started did.
	began map[string]time.Time
}

// ErrAccount is the error of credentials that are missing, refused or another
// account's. Nothing was read or changed.
var ErrAccount = errors.New("credentials")

// Open connects to the environment's account and makes sure that it is the one
// that the file names, before anything else is asked. Without names the account's
// own Route 53 keeps them.
func Open(ctx context.Context, env *slipway.Environment, t Target, names dns.Provider) (*Account, error) {
	a := &Account{Region: env.Region, dns: names, patience: t.Patience, now: t.Now}
	if a.now == nil {
		a.now = time.Now
	}
	if t.Region != "" {
		a.Region = t.Region
	}
	if a.patience == 0 {
		a.patience = 200 * time.Millisecond
	}
	cfg, err := a.configure(ctx, t)
	if err != nil {
		return nil, err
	}
	a.connect(cfg)
	if a.dns == nil {
		a.dns = dns.NewRoute53(route53.NewFromConfig(cfg), env.DNS.Zone)
	}
	who, err := a.sts.GetCallerIdentity(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %s; nothing was read or changed", ErrAccount, explainCredentials(err))
	}
	a.ID, a.Caller = aws.ToString(who.Account), aws.ToString(who.Arn)
	if env.Account != "" && a.ID != env.Account {
		return nil, fmt.Errorf("%w belong to account %s, slipway.yaml says %s for %s; nothing was read or changed", ErrAccount, a.ID, env.Account, env.Name)
	}
	return a, a.adopt(ctx, env)
}

// Endpoint is a URL of an environment's APIs that tells the time, with or without
// credentials.
func Endpoint(env *slipway.Environment, t Target) string {
	region := cmp.Or(t.Region, env.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), "us-east-1")
	return cmp.Or(t.Endpoint, os.Getenv("AWS_ENDPOINT_URL"), "https://sts."+region+".amazonaws.com")
}

// Names is who keeps the names.
func (a *Account) Names() dns.Provider { return a.dns }

func (a *Account) configure(ctx context.Context, t Target) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		config.WithRetryer(func() aws.Retryer {
			// Not the adaptive mode: it measures a client's rate, and one that makes
			// few calls is held to one in two seconds after a single throttling.
			return retry.NewStandard(func(s *retry.StandardOptions) {
				s.MaxAttempts, s.Backoff, s.RateLimiter = attempts, a.backoff(), ratelimit.None
			})
		}),
		config.WithAppID("slipway"),      // in CloudTrail's userAgent
		config.WithLogger(logging.Nop{}), // what goes wrong is in the errors
		config.WithAPIOptions([]func(*middleware.Stack) error{a.count, a.deny}),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) { tr.MaxIdleConnsPerHost = 16 })),
	}
	if a.Region != "" {
		options = append(options, config.WithRegion(a.Region))
	}
	if t.AccessKeyID != "" {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(t.AccessKeyID, t.SecretKey, t.SessionID)))
	}
	if t.Endpoint != "" { // the SDK takes its endpoint for the call that makes credentials of a token too late
		options = append(options, config.WithBaseEndpoint(t.Endpoint), config.WithWebIdentityRoleCredentialOptions(func(o *stscreds.WebIdentityRoleOptions) {
			o.Client = sts.New(sts.Options{Region: cmp.Or(a.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")), BaseEndpoint: &t.Endpoint})
		}))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, fmt.Errorf("%w: %w", ErrAccount, err)
	}
	if cfg.Region == "" {
		return cfg, fmt.Errorf("%w: no region; write region: into the environment, or set AWS_REGION", ErrAccount)
	}
	a.Region = cfg.Region
	return cfg, nil
}

func (a *Account) connect(cfg aws.Config) {
	a.ecs = ecs.NewFromConfig(cfg)
	a.elb = elb.NewFromConfig(cfg)
	a.ec2 = ec2.NewFromConfig(cfg)
	a.groups = autoscaling.NewFromConfig(cfg)
	a.iam = iam.NewFromConfig(cfg)
	a.acm = acm.NewFromConfig(cfg)
	a.ecr = ecr.NewFromConfig(cfg)
	a.ssm = ssm.NewFromConfig(cfg)
	a.logs = cloudwatchlogs.NewFromConfig(cfg)
	a.scaling = applicationautoscaling.NewFromConfig(cfg)
	a.events = eventbridge.NewFromConfig(cfg)
	a.metrics = metricsClient(cfg)
	a.sts = sts.NewFromConfig(cfg)
}

// count counts each attempt: what throttling limits and a plan reports.
func (a *Account) count(stack *middleware.Stack) error {
	return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("slipway.count", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		a.calls.Add(1)
		return next.HandleFinalize(ctx, in)
	}), middleware.After)
}

// Calls is how many API calls were made, retries included.
func (a *Account) Calls() int { return int(a.calls.Load()) }

// Ref is the ARN or id of a resource that was observed or made.
func (a *Account) Ref(id slipway.ID) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		return ""
	}
	return a.seen.Resources[id].Ref
}

// found keeps what a step made, for those after it.
func (a *Account) found(id slipway.ID, s slipway.Seen) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		a.seen = &slipway.Observed{}
	}
	if a.seen.Resources == nil {
		a.seen.Resources = map[slipway.ID]slipway.Seen{}
	}
	a.seen.Resources[id] = s
}

func (a *Account) look(id slipway.ID) (slipway.Seen, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		return slipway.Seen{}, false
	}
	s, ok := a.seen.Resources[id]
	return s, ok
}

// is tells whether an error is the API's with one of the codes.
func is(err error, codes ...string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, c := range codes {
		if api.ErrorCode() == c {
			return true
		}
	}
	return false
}

// says is the API's own words of an error, without the SDK's wrapping.
func says(err error) string {
	if d, ok := errors.AsType[*Denied](err); ok {
		return d.Error()
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return err.Error()
}

func explainCredentials(err error) string {
	var api smithy.APIError
	switch {
	case errors.As(err, &api):
		return says(err)
	case errors.Is(err, context.Canceled):
		return err.Error()
	case strings.Contains(err.Error(), "get credentials"):
		return "none found (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or log in)"
	}
	return err.Error() + " (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or log in)"
}

// errLimit is the error of a poll that took too long.
var errLimit = errors.New("not within")

// until polls until the condition holds: quickly at first, then ever slower, so
// that a fast control plane costs no waiting and a slow one few calls.
func (a *Account) until(ctx context.Context, what string, limit time.Duration, condition func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s: %w %v", what, errLimit, limit))
	defer cancel()
	for wait := a.patience; ; wait = min(wait*3/2, 50*a.patience) {
		ok, err := condition(ctx)
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && (transient(err) || errors.Is(err, errLate)) { // a look that failed is no answer
			ok, err = false, nil
		}
		if ok || err != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// insist repeats a call while another part of AWS has not heard of what was just
// made: IAM's roles and service-linked roles take seconds to be known elsewhere.
func (a *Account) insist(ctx context.Context, what string, limit time.Duration, early func(error) bool, call func(context.Context) error) error {
	var last error
	err := a.until(ctx, what, limit, func(ctx context.Context) (bool, error) {
		last = call(ctx)
		if last != nil && early(last) {
			return false, nil
		}
		return last == nil, last
	})
	if err != nil && last != nil && !errors.Is(err, last) {
		return fmt.Errorf("%w: %s", err, says(last))
	}
	return err
}

// Resolve gives the environment with what only the account tells: its region,
// and secrets as ECS names them.
func (a *Account) Resolve(env slipway.Environment) slipway.Environment {
	env.Region = a.Region
	services := make([]slipway.Service, len(env.Services))
	for i, s := range env.Services {
		containers := make([]slipway.Container, len(s.Containers))
		for j, c := range s.Containers {
			secrets := make(map[string]string, len(c.Secrets))
			for k, from := range c.Secrets {
				secrets[k] = secretName(slipway.SecretFrom(from, a.Region, a.ID))
			}
			c.Secrets = secrets
			containers[j] = c
		}
		s.Containers = containers
		services[i] = s
	}
	env.Services = services
	return env
}
