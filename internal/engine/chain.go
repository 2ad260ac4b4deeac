package engine

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	"github.com/slipway-dev/slipway/internal/engine/faults"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/signature"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/wire"
)

// maxBody bounds a request. The largest that AWS's own take is an ECR layer
// part: 20 MiB in base64, and its frame.
const maxBody = 32 << 20

// chain is the way of an AWS request: route, signature, wire, policy, service,
// and back. What a request may be refused for stands here in this order.
type chain struct {
	e        *Engine
	wire     *wire.Services
	verifier *signature.Verifier
	table    map[*awsapi.Operation]*operation.Operation
}

// call is one request on its way.
type call struct {
	id      string
	r       *http.Request
	body    []byte
	service *awsapi.Service
	name    string
	caller  *operation.Caller
}

func newChain(e *Engine) (*chain, error) {
	c := &chain{e: e, table: map[*awsapi.Operation]*operation.Operation{}}
	var all []*awsapi.Service
	for _, s := range e.services.aws {
		all = append(all, s.api)
		for i := range s.operations {
			op, ok := s.api.Operation(s.operations[i].Name)
			if !ok || op.In != s.operations[i].In || op.Out != s.operations[i].Out {
				return nil, errors.New("engine: " + s.api.Name + " binds " + s.operations[i].Name + " to types that are not the model's")
			}
			c.table[op] = &s.operations[i]
		}
	}
	c.wire = wire.NewServices(all...)
	c.verifier = &signature.Verifier{Keys: e.services.iam, Now: e.cfg.Now}
	return c, nil
}

func (c *chain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	q := &call{id: ids.UUID(), r: r}
	answer, err := c.serve(w, q)
	outcome := "OK"
	if errors.Is(err, errLost) {
		c.log(q, "ConnectionLost", 0, time.Since(start))
		panic(http.ErrAbortHandler) // cuts the connection
	}
	if err != nil {
		e := c.awsError(q, err)
		outcome = e.Code
		answer = wire.EncodeError(q.service, e, q.id)
	}
	for k, v := range answer.Header {
		w.Header()[k] = []string{v}
	}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(answer.Body))}
	w.WriteHeader(answer.Status)
	w.Write(answer.Body)
	answer.Release()
	c.log(q, outcome, answer.Status, time.Since(start))
}

func (c *chain) serve(w http.ResponseWriter, q *call) (wire.Answer, error) {
	if err := q.read(w); err != nil {
		return wire.Answer{}, err
	}
	_, _, _, signing, signed := signature.Scope(q.r)
	req, err := c.wire.Route(q.r, q.body, signing)
	if req != nil {
		q.service, q.name = req.Service, req.Name
	}
	if err != nil {
		return wire.Answer{}, err
	}
	op := c.table[req.Operation]
	if signed || op == nil || !op.Unsigned {
		if q.caller, err = c.identify(q); err != nil {
			return wire.Answer{}, err
		}
	} else {
		q.caller = c.anonymous(q)
	}
	if op == nil {
		return wire.Answer{}, wire.NotServed(req.Service, req.Name)
	}
	in, err := req.Decode()
	if err != nil {
		return wire.Answer{}, err
	}
	if err := c.authorize(q, op, in); err != nil {
		return wire.Answer{}, err
	}
	fate, err := c.fate(q)
	if err != nil {
		return wire.Answer{}, err
	}
	out, err := op.Do(q.r.Context(), q.caller, in)
	if fate.Kind == faults.LostAfter {
		return wire.Answer{}, errLost
	}
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.Encode(req.Service, req.Operation, out, q.id), nil
}

func (q *call) read(w http.ResponseWriter) (err error) {
	if q.r.ContentLength == 0 {
		return nil
	}
	body := http.MaxBytesReader(w, q.r.Body, maxBody)
	if n := q.r.ContentLength; n > 0 && n <= maxBody {
		q.body = make([]byte, n)
		_, err = io.ReadFull(body, q.body)
	} else {
		q.body, err = io.ReadAll(body)
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return awsapi.Errorf("RequestEntityTooLargeException", 413, "the request is larger than %d bytes", maxBody)
	}
	if err != nil {
		return awsapi.Errorf("IncompleteBody", 400, "the request's body ended early")
	}
	return nil
}

// identify verifies the signature and tells whose it is.
func (c *chain) identify(q *call) (*operation.Caller, error) {
	signed, failure := c.verifier.Verify(q.r, q.body)
	if failure != nil {
		code, status := failure.Code(q.service.Protocol, q.service.Name)
		return nil, awsapi.Errorf(code, status, "%s", failure.Text(q.service.Protocol, q.service.Name))
	}
	if signed.Service != q.service.SigningName {
		failure := signature.Misdirected(q.service.SigningName)
		code, status := failure.Code(q.service.Protocol, q.service.Name)
		return nil, awsapi.Errorf(code, status, "%s", failure.Text(q.service.Protocol, q.service.Name))
	}
	caller := *signed.Key.Caller.(*operation.Caller)
	caller.AccessKey, caller.Region = signed.Key.ID, signed.Region
	q.circumstances(&caller)
	c.e.services.iam.Used(signed.Key.ID, signed.Service, signed.Region)
	return &caller, nil
}

func (c *chain) anonymous(q *call) *operation.Caller {
	caller := &operation.Caller{Account: c.e.cfg.Account, Region: c.e.cfg.Region, Kind: operation.Anonymous}
	q.circumstances(caller)
	return caller
}

func (q *call) circumstances(caller *operation.Caller) {
	caller.RequestID, caller.UserAgent, caller.Secure = q.id, q.r.UserAgent(), q.r.TLS != nil
	if at, err := netip.ParseAddrPort(q.r.RemoteAddr); err == nil {
		caller.Source = at.Addr().Unmap()
	}
}

// authorize asks the caller's policies for everything that the operation needs.
func (c *chain) authorize(q *call, op *operation.Operation, in any) error {
	if q.caller.Kind == operation.Anonymous {
		return nil
	}
	tx := c.e.store.View()
	needs := op.Needs(tx, q.caller, in)
	if len(needs) == 0 {
		return nil
	}
	request := policy.Request{Principal: iam.Principal(q.caller), Context: c.context(q), Now: c.e.cfg.Now(), SourceIP: q.caller.Source}
	if refusal := c.e.permitted(tx, q.caller, &request, needs); refusal != "" {
		return denied(q.service, refusal)
	}
	return nil
}

// permitted is "" for a caller who may do all that is needed, and otherwise IAM's
// message about the first thing that he may not.
func (e *Engine) permitted(tx *state.Tx, c *operation.Caller, request *policy.Request, needs []operation.Need) string {
	policies := e.services.iam.Policies(tx, c)
	for _, need := range needs {
		request.Need = policy.Need{Action: need.Action, Resource: need.Resource, Keys: need.Keys}
		effective := policies
		if need.Policy != "" {
			effective = e.withResource(policies, need.Policy)
		}
		d := policy.Evaluate(effective, request)
		e.audit(c, need, d.Allowed)
		if !d.Allowed {
			return d.Message(request)
		}
	}
	return ""
}

// withResource adds a resource's own policy. A stored policy was parsed when it
// was put, so an error here cannot be; it would only take the policy's allowance away.
func (e *Engine) withResource(p *policy.Policies, text string) *policy.Policies {
	doc, err := e.documents.Parse(text)
	if err != nil {
		return p
	}
	with := *p
	with.Resource = append([]policy.Source{{Kind: policy.Resource, Document: doc}}, p.Resource...)
	return &with
}

func (c *chain) context(q *call) map[string][]string {
	return map[string][]string{
		"aws:SecureTransport": {strconv.FormatBool(q.caller.Secure)},
		"aws:RequestedRegion": {q.caller.Region},
		"aws:UserAgent":       {q.caller.UserAgent},
	}
}

// denied is a service's own code for what IAM does not allow.
func denied(svc *awsapi.Service, message string) *awsapi.Error {
	switch svc.Protocol {
	case "ec2":
		return awsapi.Errorf("UnauthorizedOperation", 403, "You are not authorized to perform this operation. %s", message)
	case "query":
		return awsapi.Errorf("AccessDenied", 403, "%s", message)
	}
	return awsapi.Errorf("AccessDeniedException", 400, "%s", message)
}

// awsError is the error as AWS would answer it. One that is not AWS's is ours:
// the client learns the request's id, the log the rest.
func (c *chain) awsError(q *call, err error) *awsapi.Error {
	if e, ok := errors.AsType[*awsapi.Error](err); ok {
		return e
	}
	if errors.Is(err, state.ErrNotDurable) {
		c.e.cfg.Log.Error("write refused", "request", q.id, "operation", q.name, "error", err)
		return awsapi.Errorf("ServiceUnavailable", 503, "Nothing was changed: %s. Look at the disk of the engine's data folder.", err)
	}
	c.e.cfg.Log.Error("request broke", "request", q.id, "operation", q.name, "error", err)
	return awsapi.Errorf("InternalFailure", 500, "The request processing has failed because of an unknown error; the engine's log has it under request %s.", q.id)
}

func (c *chain) log(q *call, outcome string, status int, took time.Duration) {
	service, who := "", ""
	if q.service != nil {
		service = q.service.Name
	}
	if q.caller != nil {
		who = q.caller.ARN
	}
	known := q.name
	if outcome == "InvalidAction" || outcome == "UnknownOperationException" {
		known = "unknown" // a metric's label must not be the client's choice
	}
	c.e.metrics.observe(service, known, outcome, took)
	c.e.cfg.Log.LogAttrs(q.r.Context(), slog.LevelInfo, "request", slog.String("request", q.id), slog.String("service", service), slog.String("operation", q.name),
		slog.String("caller", who), slog.String("outcome", outcome), slog.Int("status", status), slog.Duration("took", took))
}
