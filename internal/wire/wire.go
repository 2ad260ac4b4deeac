package wire

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// Request is a request that Route has understood so far: the service and the
// operation that it is for.
type Request struct {
	Service *awsapi.Service
	// Name is the operation's name; Operation is nil when the model has no such
	// operation or it has no types here.
	Name      string
	Operation *awsapi.Operation
	body      []byte
	form      url.Values
}

// Services finds a service by what a request says of it. It is made once.
type Services struct {
	bySigning map[string][]*awsapi.Service
	byTarget  map[string]*awsapi.Service
	byVersion map[string][]*awsapi.Service
}

// NewServices indexes the services.
func NewServices(all ...*awsapi.Service) *Services {
	s := &Services{map[string][]*awsapi.Service{}, map[string]*awsapi.Service{}, map[string][]*awsapi.Service{}}
	for _, svc := range all {
		s.bySigning[svc.SigningName] = append(s.bySigning[svc.SigningName], svc)
		if svc.TargetPrefix != "" {
			s.byTarget[svc.TargetPrefix] = svc
		}
		if svc.Protocol != "json" {
			s.byVersion[svc.APIVersion] = append(s.byVersion[svc.APIVersion], svc)
		}
	}
	return s
}

// BySigningName is the service of a signature's scope.
func (s *Services) BySigningName(name string) (*awsapi.Service, bool) {
	if all := s.bySigning[name]; len(all) > 0 {
		return all[0], true
	}
	return nil, false
}

// Route finds the service and operation of a request: by its target header, or
// by its Action and Version, and where these leave a choice by signing, the
// service in the signature's scope ("" for an unsigned request).
func (s *Services) Route(r *http.Request, body []byte, signing string) (*Request, error) {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		prefix, name, _ := strings.Cut(target, ".")
		svc := s.byTarget[prefix]
		if svc == nil {
			return nil, unknownOperation(target)
		}
		return request(svc, name, body, nil)
	}
	form, err := formOf(r, body)
	if err != nil {
		return nil, err
	}
	action, version := form.Get("Action"), form.Get("Version")
	svc := s.pick(signing, version, action)
	switch {
	case svc == nil && signing != "":
		return nil, awsapi.Errorf("UnknownService", 400, "the engine does not serve %s (version %q); what it serves is in docs/coverage.md", signing, version)
	case svc == nil:
		return nil, awsapi.Errorf("MissingAuthenticationToken", 403, "Missing Authentication Token")
	case svc.Protocol == "json":
		return request(svc, "", body, nil)
	case action == "":
		return &Request{Service: svc}, awsapi.Errorf("MissingAction", 400, "The request is missing an action or a required parameter.")
	}
	return request(svc, action, body, form)
}

// pick is the service for a query request.
func (s *Services) pick(signing, version, action string) *awsapi.Service {
	candidates := s.bySigning[signing]
	if signing == "" {
		candidates = s.byVersion[version]
	}
	for _, svc := range candidates {
		if svc.Protocol == "json" || version == svc.APIVersion || version == "" {
			return svc
		}
	}
	return nil
}

func request(svc *awsapi.Service, name string, body []byte, form url.Values) (*Request, error) {
	req := &Request{Service: svc, Name: name, body: body, form: form}
	op, ok := svc.Operation(name)
	if ok {
		req.Operation = op
		return req, nil
	}
	return req, nil
}

func formOf(r *http.Request, body []byte) (url.Values, error) {
	form := r.URL.Query()
	kind := r.Header.Get("Content-Type")
	if r.Method == http.MethodPost && (kind == "" || strings.HasPrefix(kind, "application/x-www-form-urlencoded")) {
		posted, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, malformedQuery("The query string contains a syntax error")
		}
		for k, v := range posted {
			form[k] = v
		}
	}
	return form, nil
}

func unknownOperation(target string) *awsapi.Error {
	return awsapi.Errorf("UnknownOperationException", 400, "no operation %.120q is known here", target)
}

// NotServed is the error for an operation without an implementation: it says
// whether AWS has it.
func NotServed(svc *awsapi.Service, name string) *awsapi.Error {
	for _, known := range svc.Names {
		if known == name {
			return awsapi.Errorf("NotImplemented", 501, "%s of %s is not served by the slipway engine; docs/coverage.md lists what is", name, svc.Name)
		}
	}
	if svc.Protocol == "json" {
		return unknownOperation(name)
	}
	return awsapi.Errorf("InvalidAction", 400, "The action %.80s is not valid for this web service.", name)
}

// Decode reads and validates the operation's input: a pointer to its In struct.
func (r *Request) Decode() (any, error) {
	op := r.Operation
	in := reflect.New(op.In)
	p := planOf(r.Service, op).in
	var err error
	if r.Service.Protocol == "json" {
		err = decodeJSON(r.body, in.Elem(), p)
	} else {
		err = decodeQuery(r.form, r.Service.Protocol == "ec2", in.Elem(), p)
	}
	if err != nil {
		return nil, err
	}
	if p != nil {
		if err := validate(r.Service, in.Elem(), p); err != nil {
			return nil, err
		}
	}
	return in.Interface(), nil
}

// Answer is what goes out.
type Answer struct {
	Status int
	Header map[string]string
	Body   []byte
}

// Encode writes the operation's output, a pointer to its Out struct.
func Encode(svc *awsapi.Service, op *awsapi.Operation, out any, requestID string) Answer {
	v, p := reflect.ValueOf(out).Elem(), planOf(svc, op).out
	a := Answer{Status: http.StatusOK, Header: headers(svc, requestID), Body: make([]byte, 0, 1024)}
	switch {
	case svc.Protocol == "query":
		a.Body = appendQueryAnswer(a.Body, svc, op, v, p, requestID)
	case svc.Protocol == "ec2":
		a.Body = appendEC2Answer(a.Body, svc, op, v, p, requestID)
	case p != nil:
		a.Body = appendJSON(a.Body, v, p)
	}
	return a
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

// EncodeError writes an error in the service's protocol; svc is nil when the
// request did not even show which service it is for.
func EncodeError(svc *awsapi.Service, e *awsapi.Error, requestID string) Answer {
	a := Answer{Status: e.Status, Header: headers(svc, requestID)}
	if a.Status == 0 {
		a.Status = http.StatusBadRequest
	}
	switch {
	case svc == nil || svc.Protocol == "json":
		a.Body = jsonError(e)
	case svc.Protocol == "ec2":
		a.Body = xmlError(xmlHead+"<Response><Errors><Error>", e, "", "</Error></Errors><RequestID>"+requestID+"</RequestID></Response>\n")
	default:
		who := "<Type>Sender</Type>"
		if a.Status >= 500 {
			who = "<Type>Receiver</Type>"
		}
		a.Body = xmlError(`<ErrorResponse xmlns="`+svc.XMLNamespace+`"><Error>`+who, e, "", "</Error><RequestId>"+requestID+"</RequestId></ErrorResponse>\n")
	}
	return a
}

func xmlError(head string, e *awsapi.Error, fields, tail string) []byte {
	b := append([]byte(head), "<Code>"...)
	b = appendText(b, e.Code)
	b = append(b, "</Code><Message>"...)
	b = appendText(b, e.Message)
	b = append(b, "</Message>"...)
	return append(append(b, fields...), tail...)
}
