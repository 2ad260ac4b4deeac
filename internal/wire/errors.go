package wire

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// EncodeError writes an error in the service's protocol; svc is nil when the
// request did not even show which service it is for.
func EncodeError(svc *awsapi.Service, e *awsapi.Error, requestID string) Answer {
	a := Answer{Status: e.Status, Header: headers(svc, requestID)}
	if a.Status == 0 {
		a.Status = http.StatusBadRequest
	}
	switch {
	case svc == nil || svc.Protocol == "json":
		a.Body = jsonError(svc, e)
	case svc.Protocol == "ec2":
		a.Body = xmlError(xmlHead+"<Response><Errors><Error>", e, "</Error></Errors><RequestID>"+requestID+"</RequestID></Response>\n")
	default:
		who := "<Type>Sender</Type>"
		if a.Status >= 500 {
			who = "<Type>Receiver</Type>"
		}
		a.Body = xmlError(`<ErrorResponse xmlns="`+svc.XMLNamespace+`"><Error>`+who, e, "</Error><RequestId>"+requestID+"</RequestId></ErrorResponse>\n")
	}
	return a
}

// jsonError writes an error of the JSON protocol: the short name of its shape
// and the members of the model. What no model names (SerializationException,
// AccessDeniedException) has its message in "message"; SDKs read both cases.
func jsonError(svc *awsapi.Service, e *awsapi.Error) []byte {
	message := "message"
	if svc != nil {
		if x, ok := svc.Exception(e.Code); ok {
			message = x.Message
		}
	}
	b := appendString([]byte(`{"__type":`), e.Code)
	b = append(appendString(append(b, ','), message), ':')
	b = appendString(b, e.Message)
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		text, err := json.Marshal(e.Fields[name])
		if err != nil {
			continue // a field of an unencodable type must not hide the error
		}
		b = append(appendString(append(b, ','), name), ':')
		b = append(b, text...)
	}
	return append(b, '}')
}

func xmlError(head string, e *awsapi.Error, tail string) []byte {
	b := append([]byte(head), "<Code>"...)
	b = appendText(b, e.Code)
	b = append(b, "</Code><Message>"...)
	b = appendText(b, e.Message)
	b = append(b, "</Message>"...)
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		if text, ok := e.Fields[name].(string); ok {
			b = appendTag(b, name)
			b = appendText(b, text)
			b = appendEnd(b, name)
		}
	}
	return append(b, tail...)
}

// NotServed is the error for an operation without an implementation here: it
// tells one that AWS has from one that nobody has. No SDK retries it.
func NotServed(svc *awsapi.Service, name string) *awsapi.Error {
	switch {
	case svc.Known(name):
		return awsapi.Errorf("NotImplemented", http.StatusNotImplemented, "%s of %s is not served by the slipway engine; docs/coverage.md lists what is", name, svc.Name)
	case svc.Protocol == "json":
		return unknownOperation(svc.Name + " has no operation " + shorten(name, 80))
	case svc.Protocol == "ec2":
		return awsapi.Errorf("InvalidAction", 400, "The action %s is not valid for this web service.", shorten(name, 80))
	}
	return awsapi.Errorf("InvalidAction", 400, "Could not find operation %s for version %s", shorten(name, 80), svc.APIVersion)
}

func unknownOperation(message string) *awsapi.Error {
	return awsapi.Errorf("UnknownOperationException", 400, "%s", message)
}
