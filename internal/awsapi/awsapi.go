// Package awsapi holds the facts of the AWS APIs that the engine serves: in its
// subpackages, one for each service, the generated types, operation tables,
// shapes and errors; here, the kinds of facts and the few things that the
// generated code needs. wire turns HTTP into these types and back, the
// services work on them. Nothing here knows of either.
//
// In generated types absent is nil (or "" for an enum), and empty is empty:
// AWS tells the two apart. Integers of all widths are *int, timestamps
// *time.Time, lists slices of values.
package awsapi

import (
	"fmt"
	"reflect"
)

//go:generate go run ../../cmd/awsgen -models ../../models -operations operations -out .

// Service is what the model says of one service.
type Service struct {
	// Name is the package's and the model's: "ecs".
	Name string
	// SigningName stands in a signature's scope: "elasticloadbalancing".
	SigningName string
	// Protocol is "json", "query" or "ec2".
	Protocol string
	// TargetPrefix stands before the operation in X-Amz-Target (json).
	TargetPrefix, JSONVersion string
	// APIVersion is the Version of a query request, XMLNamespace the answer's.
	APIVersion, XMLNamespace string
	// Names are all operations of the model, sorted.
	Names []string
	// Operations are those that have types, in the order of their names.
	Operations []Operation
	Shapes     []Shape
}

// Operation is one operation of a service.
type Operation struct {
	Name string
	// Input and Output are shapes, None where the operation has none; In and
	// Out are their structs, Empty where it has none.
	Input, Output int32
	In, Out       reflect.Type
	// ResultWrapper is the element around a query answer.
	ResultWrapper string
}

// None is the index of no shape.
const None int32 = -1

// Kind is what a shape is.
type Kind uint8

// The kinds of shapes.
const (
	Structure Kind = iota
	List
	Map
	String
	Integer // 32 bits
	Long
	Float
	Boolean
	Timestamp
	Blob
	Document // any JSON value
)

// Shape is the facts of one type of the model.
type Shape struct {
	Name string
	Kind Kind
	// Members are a structure's, in the order of the struct's fields.
	Members []Member
	// Elem is a list's element (Name is unused), Key and Value are a map's.
	Elem, Key, Value *Ref
	Flattened        bool
	Sensitive        bool
	// Min and Max bound a length or a number, where there is such a bound.
	Min, Max       float64
	HasMin, HasMax bool
	// Pattern is a regular expression in Java's dialect.
	Pattern string
	Enum    []string
	// TimestampFormat overrides the protocol's: "iso8601", "unixTimestamp".
	TimestampFormat string
	// EventStream marks the shape of a streamed answer.
	EventStream bool
}

// Ref points from a list or map to another shape.
type Ref struct {
	Shape    int32
	Location string // the element's name where it is not the default
}

// Member is one member of a structure.
type Member struct {
	Name  string
	Shape int32
	// Location and Query are names on the wire where they differ from Name.
	Location, Query string
	Required        bool
	// Token marks an idempotency token.
	Token           bool
	TimestampFormat string
}

// Empty is the input or output of an operation that has none.
type Empty struct{}

// Operation finds an operation that has types.
func (s *Service) Operation(name string) (*Operation, bool) {
	lo, hi := 0, len(s.Operations)
	for lo < hi {
		if mid := (lo + hi) / 2; s.Operations[mid].Name < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(s.Operations) && s.Operations[lo].Name == name {
		return &s.Operations[lo], true
	}
	return nil, false
}

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

// V is the value that p points to, the zero value when p is nil.
func V[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
