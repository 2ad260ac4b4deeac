package signature

import (
	"net/http"
	"strings"
)

// Kind is why a signature was refused.
type Kind int

// The kinds of failures.
const (
	// MissingToken is a request without any signature.
	MissingToken Kind = iota + 1
	// IncompleteSignature is one whose parts are missing or malformed.
	IncompleteSignature
	// UnknownKey is one by a key that nobody has.
	UnknownKey
	// InactiveKey is one by a key that its owner switched off.
	InactiveKey
	// InvalidToken is one whose session token does not belong to its key.
	InvalidToken
	// ExpiredToken is one by a session that has ended.
	ExpiredToken
	// WrongSignature is one by another secret, or of another request.
	WrongSignature
	// WrongScope is one whose credential scope is not the request's.
	WrongScope
	// ClockSkewEarly and ClockSkewLate are those made too far in the future and
	// too long ago.
	ClockSkewEarly
	ClockSkewLate
	// ExpiredPresign is a presigned URL past its time.
	ExpiredPresign
)

// Failure is why a request was refused.
type Failure struct {
	Kind Kind
	// Message is AWS's sentence; Text says it as a protocol does.
	Message string
	// Detail is the canonical request and the string to sign that the engine
	// computed, where the signature is wrong: for logs. It has no secret in it.
	Detail string
}

// The sentences that several kinds share.
const (
	invalidToken = "The security token included in the request is invalid."
	doesNotMatch = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)

func fail(kind Kind, message string) *Failure { return &Failure{Kind: kind, Message: message} }

// Misdirected is the failure of a request that is signed for another service
// than the one that its operation belongs to.
func Misdirected(service string) *Failure {
	return fail(WrongScope, "Credential should be scoped to correct service: '"+service+"'. ")
}

// InvalidRegion is the failure of a request that is signed for a region that
// does not exist.
func InvalidRegion(region string) *Failure {
	return fail(WrongScope, "Credential should be scoped to a valid region, not '"+region+"'. ")
}

func mismatch(c *claim, request, text []byte) *Failure {
	f := fail(WrongSignature, doesNotMatch)
	f.Detail = "The Canonical String for this request should have been\n'" + string(request) +
		"'\n\nThe String-to-Sign should have been\n'" + string(text) + "'\n"
	if c.token != "" {
		f.Detail = strings.ReplaceAll(f.Detail, c.token, "…")
		f.Detail = strings.ReplaceAll(f.Detail, escape(c.token, false), "…")
	}
	return f
}

// code is a kind's error code in each protocol, and the status in the two that
// are XML; with JSON it is always 400.
type code struct {
	json, query, ec2 string
	queryStatus      int
	ec2Status        int
}

// codes are AWS's. EC2 has its own ("Error codes for the Amazon EC2 API"): it
// tells neither wrong keys from wrong signatures nor late requests from ended
// sessions.
var codes = map[Kind]code{
	MissingToken:        {"MissingAuthenticationTokenException", "MissingAuthenticationToken", "MissingParameter", 403, 400},
	IncompleteSignature: {"IncompleteSignatureException", "IncompleteSignature", "IncompleteSignature", 400, 400},
	UnknownKey:          {"UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", 403, 401},
	InactiveKey:         {"UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", 403, 401},
	InvalidToken:        {"UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", 403, 401},
	ExpiredToken:        {"ExpiredTokenException", "ExpiredToken", "RequestExpired", 403, 400},
	WrongSignature:      {"InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", 403, 401},
	WrongScope:          {"InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", 403, 401},
	ClockSkewEarly:      {"InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", 403, 400},
	ClockSkewLate:       {"InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", 403, 400},
	ExpiredPresign:      {"InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", 403, 400},
}

// Code is the failure's error code and status in a service's protocol: "json",
// "query" or "ec2".
func (f *Failure) Code(protocol, service string) (code string, status int) {
	c := codes[f.Kind]
	switch {
	case protocol == "ec2" || service == "ec2":
		return c.ec2, c.ec2Status
	case strings.HasPrefix(protocol, "json"):
		return c.json, http.StatusBadRequest
	}
	return c.query, c.queryStatus
}

// Text is the failure's message as a protocol says it.
func (f *Failure) Text(protocol, service string) string {
	switch {
	case protocol == "ec2" || service == "ec2":
		switch code, _ := f.Code(protocol, service); code {
		case "AuthFailure":
			return "AWS was not able to validate the provided access credentials"
		case "RequestExpired":
			return "Request has expired."
		case "MissingParameter":
			return "The request must contain the parameter AWSAccessKeyId"
		}
	case strings.HasPrefix(protocol, "json") && f.Kind == MissingToken:
		return "Missing Authentication Token"
	}
	return f.Message
}

// Error is the message, so that a Failure can be logged as an error.
func (f *Failure) Error() string { return f.Message }
