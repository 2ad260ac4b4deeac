package awsapi

import (
	"reflect"
	"slices"
	"strings"
)

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
	// Exceptions are the errors of those operations, in the order of their codes.
	Exceptions []Exception
}

// Exception is one error of a service.
type Exception struct {
	Code string
	// Message is the name of the member with the message: "message", "Message".
	Message string
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
	// Elem is a list's element and ElemName its name on the wire where that is
	// not the protocol's; Key and Value are a map's.
	Elem, Key, Value int32
	ElemName         string
	// Sensitive values are not shown in errors.
	Sensitive bool
	// Min and Max bound a length or a number, where there is such a bound.
	Min, Max       float64
	HasMin, HasMax bool
	// Pattern is a regular expression in Java's dialect.
	Pattern string
	Enum    []string
	// EventStream marks the shape of a streamed answer.
	EventStream bool
}

// Member is one member of a structure.
type Member struct {
	Name  string
	Shape int32
	// Location and Query are names on the wire where they differ from Name.
	Location, Query string
	Required        bool
	// Token marks an idempotency token.
	Token bool
}

// Operation finds an operation that has types.
func (s *Service) Operation(name string) (*Operation, bool) {
	i, ok := slices.BinarySearchFunc(s.Operations, name, func(op Operation, name string) int { return strings.Compare(op.Name, name) })
	if !ok {
		return nil, false
	}
	return &s.Operations[i], true
}

// Exception finds an error that the model names.
func (s *Service) Exception(code string) (*Exception, bool) {
	i, ok := slices.BinarySearchFunc(s.Exceptions, code, func(e Exception, code string) int { return strings.Compare(e.Code, code) })
	if !ok {
		return nil, false
	}
	return &s.Exceptions[i], true
}

// Known tells whether the model has the operation, with types or without.
func (s *Service) Known(name string) bool {
	_, ok := slices.BinarySearch(s.Names, name)
	return ok
}
