// Package wire is how AWS's APIs are spelled over HTTP: JSON 1.1, query and
// EC2's query; requests in, answers and errors out. It works from the facts in
// awsapi, so no service knows how it is spelled. It knows no service either,
// but for the words in which each refuses an input (refuse.go).
//
// The engine's chain calls, in this order: Services.Route (which service and
// operation is meant), Request.Decode (the operation's input, validated against
// the model), then Encode or EncodeError.
//
// How a type is read and written is planned once, when an operation is first
// used (plan.go); nothing is done at start-up.
package wire

import (
	"net/http"
	"reflect"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// Request is a request whose service and operation are known.
type Request struct {
	Service *awsapi.Service
	// Name is the operation's as the client wrote it; Operation is nil when the
	// model has none of that name, or one without types (see NotServed).
	Name      string
	Operation *awsapi.Operation

	body []byte
	form []param
}

// Decode reads the operation's input, a pointer to a new Operation.In, and
// validates it against the model. Errors are *awsapi.Error, in the service's
// own words.
func (r *Request) Decode() (any, error) {
	in := reflect.New(r.Operation.In)
	p := planOf(r.Service, r.Operation).in
	var err error
	switch {
	case r.Service.Protocol == "json":
		err = decodeJSON(r.body, in.Elem(), p)
	case p != nil:
		err = decodeForm(r.form, r.Service.Protocol == "ec2", in.Elem(), p)
	}
	if err != nil {
		return nil, err
	}
	if p != nil {
		if found := validate(in.Elem(), p, r.Service.Protocol == "ec2"); len(found) > 0 {
			return nil, refusal(r.Service, r.Operation, found)
		}
	}
	return in.Interface(), nil
}

// Answer is what goes out.
type Answer struct {
	Status int
	Header map[string]string
	Body   []byte

	plans  *operationPlan
	buffer *[]byte
}

// Release gives the body's memory to a later answer of the operation. Nothing
// may look at the body afterwards; an answer that is never released is no harm.
func (a Answer) Release() {
	if a.buffer != nil {
		*a.buffer = a.Body[:0]
		a.plans.spare.Put(a.buffer)
	}
}

// Encode writes the operation's output, a pointer to an Operation.Out, nil for
// one without members. Absent members (nil, an enum's "") are left out, empty
// lists and maps are not.
func Encode(svc *awsapi.Service, op *awsapi.Operation, out any, requestID string) Answer {
	v, plans := reflect.ValueOf(out).Elem(), planOf(svc, op)
	if !v.IsValid() {
		v = reflect.New(op.Out).Elem()
	}
	buffer := plans.buffer()
	b := *buffer
	switch {
	case svc.Protocol != "json":
		b = appendXMLAnswer(b, svc, op, v, plans.out, requestID)
	case plans.out != nil:
		b = appendJSON(b, v, plans.out)
	}
	return Answer{Status: http.StatusOK, Header: headers(svc, requestID), Body: b, plans: plans, buffer: buffer}
}

func headers(svc *awsapi.Service, requestID string) map[string]string {
	kind := "text/xml"
	switch {
	case svc == nil:
		kind = "application/x-amz-json-1.1"
	case svc.Protocol == "json":
		kind = "application/x-amz-json-" + svc.JSONVersion
	case svc.Protocol == "ec2":
		kind = "text/xml;charset=UTF-8"
	}
	return map[string]string{"Content-Type": kind, "X-Amzn-Requestid": requestID}
}
