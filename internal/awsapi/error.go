package awsapi

import "fmt"

// Error is an error as an AWS API answers it. wire renders it for the
// service's protocol.
type Error struct {
	// Code is the error's name on the wire: "ClusterNotFoundException".
	Code    string
	Message string
	// Status is the HTTP status; 0 means 400.
	Status int
	// Fields are further members of the error's shape.
	Fields map[string]any
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// With adds a member to the error.
func (e *Error) With(name string, value any) *Error {
	if e.Fields == nil {
		e.Fields = map[string]any{}
	}
	e.Fields[name] = value
	return e
}

// Errorf is an error that the model does not name.
func Errorf(code string, status int, format string, args ...any) *Error {
	return &Error{Code: code, Status: status, Message: sprintf(format, args)}
}

func sprintf(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}
