package wire

import (
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

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
		if svc.Protocol == "json" {
			s.byTarget[svc.TargetPrefix] = svc
		} else {
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

// Route finds the service and operation of a request: by its X-Amz-Target
// header, else by its Action and Version and by signing, the service in the
// signature's scope ("" for an unsigned request). With an error the Request may
// still be there, to tell how the error has to be written.
func (s *Services) Route(r *http.Request, body []byte, signing string) (*Request, error) {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return s.target(target, body)
	}
	form, err := formOf(r, body)
	if err != nil {
		return s.misread(signing), err
	}
	action, version := value(form, "Action"), value(form, "Version")
	switch svc := s.pick(signing, version, action); {
	case svc == nil:
		return s.stranger(signing, version, action)
	case svc.Protocol == "json":
		return &Request{Service: svc}, unknownOperation("no X-Amz-Target header names the operation")
	case action == "":
		return &Request{Service: svc}, awsapi.Errorf("MissingAction", 400, "The request is missing an action or a required parameter.")
	default:
		op, _ := svc.Operation(action)
		return &Request{Service: svc, Name: action, Operation: op, form: form}, nil
	}
}

func (s *Services) target(target string, body []byte) (*Request, error) {
	prefix, name, _ := strings.Cut(target, ".")
	svc := s.byTarget[prefix]
	if svc == nil {
		return nil, unknownOperation("the engine serves no API with the target " + shorten(target, 120) + "; docs/coverage.md lists what it serves")
	}
	op, _ := svc.Operation(name)
	return &Request{Service: svc, Name: name, Operation: op, body: body}, nil
}

// pick is the service for a query request, nil if there is none.
func (s *Services) pick(signing, version, action string) *awsapi.Service {
	candidates := s.bySigning[signing]
	if signing == "" {
		candidates = s.byVersion[version]
	}
	for _, svc := range candidates {
		if version == "" || version == svc.APIVersion || svc.Protocol == "json" {
			return svc
		}
	}
	return nil
}

// stranger is the answer to a request for what is not served, spelled so that
// its client can read it.
func (s *Services) stranger(signing, version, action string) (*Request, error) {
	if signing == "" {
		return unread(action != ""), awsapi.Errorf("MissingAuthenticationToken", 403, "Missing Authentication Token")
	}
	known, ok := s.BySigningName(signing)
	if !ok {
		return unread(action != "" || restXML(signing)), awsapi.Errorf("UnknownService", 400, "the engine does not serve %s; docs/coverage.md lists what it serves", shorten(signing, 60))
	}
	if known.Protocol == "ec2" {
		return &Request{Service: known, Name: action}, awsapi.Errorf("NoSuchVersion", 400, "The requested version (%s) of service AmazonEC2 does not exist", shorten(version, 20))
	}
	return &Request{Service: known, Name: action}, awsapi.Errorf("InvalidAction", 400, "Could not find operation %s for version %s", shorten(action, 80), shorten(version, 20))
}

// restXML tells the services whose clients read errors in XML without sending
// an action; they take the query protocol's envelope.
func restXML(signing string) bool {
	return signing == "s3" || signing == "route53" || signing == "cloudfront"
}

// misread is the Request of a form that could not be read.
func (s *Services) misread(signing string) *Request {
	if svc, ok := s.BySigningName(signing); ok {
		return &Request{Service: svc}
	}
	return unread(true)
}

// unread is a Request for no known service, of the query protocol or none.
func unread(query bool) *Request {
	if !query {
		return nil
	}
	return &Request{Service: &awsapi.Service{Protocol: "query"}}
}

func shorten(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
