package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// model is an API model as botocore has it, and which of its operations get
// types. Reading is strict: a fact that is not named here fails the generator,
// so that none is lost in silence. Facts with the type ignored concern clients
// or documentation only.
type model struct {
	Version  ignored
	Metadata struct {
		APIVersion, EndpointPrefix, JSONVersion, Protocol, SigningName, TargetPrefix, XMLNamespace string

		// Protocols are all that the service speaks, where Protocol is one that wire
		// does not: the newest is for clients' speed.
		Protocols []string

		Auth, AwsQueryCompatible, GlobalEndpoint, ServiceAbbreviation, ServiceFullName, ServiceID, SignatureVersion, UID ignored
	}
	Operations map[string]operation
	Shapes     map[string]shape
	typed      []string // sorted
}

type ignored = any

type operation struct {
	Input  ref
	Output struct {
		Shape         string
		ResultWrapper string
	}
	Errors []ref

	Name, HTTP, Idempotent, ReadOnly, RequestCompression, Auth, AuthType, Endpoint, Deprecated, DeprecatedMessage ignored
}

type ref struct {
	Shape, LocationName, QueryName string
	IdempotencyToken               bool

	Box, Deprecated, DeprecatedMessage, DeprecatedSince ignored
}

type shape struct {
	Type               string
	LocationName       string
	Members            map[string]ref
	Required           []string
	Member, Key, Value ref
	Min, Max           *float64
	Pattern            string
	Enum               []string
	Sensitive          bool
	Exception          bool
	Document           bool
	EventStream        bool
	Error              struct {
		Code           string
		HTTPStatusCode int
		SenderFault    ignored
	}
	Fault bool

	Box, Event, Union, Synthetic, XMLOrder, Deprecated, DeprecatedMessage, DeprecatedSince ignored
}

func readModel(file, list string) (*model, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	m := new(model)
	strict := json.NewDecoder(bytes.NewReader(b))
	strict.DisallowUnknownFields()
	if err := strict.Decode(m); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	m.speak()
	text, err := os.ReadFile(list)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(line, "#")
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if name == "*" {
			m.typed = slices.Collect(maps.Keys(m.Operations))
			break
		}
		if _, ok := m.Operations[name]; !ok {
			return nil, fmt.Errorf("%s: the model has no operation %s", list, name)
		}
		m.typed = append(m.typed, name)
	}
	slices.Sort(m.typed)
	return m, m.check()
}

// spoken are wire's protocols, the one that SDKs take before the others first.
var spoken = []string{"json", "query", "ec2"}

// speak settles on a protocol that wire has, for a service that speaks several.
func (m *model) speak() {
	md := &m.Metadata
	for _, p := range spoken {
		if !slices.Contains(spoken, md.Protocol) && slices.Contains(md.Protocols, p) {
			md.Protocol = p
		}
	}
}

// check refuses what the generated tables have no room for.
func (m *model) check() error {
	for _, name := range m.reached() {
		s := m.Shapes[name]
		if kinds[s.Type] == "" {
			return fmt.Errorf("shape %s has the unknown type %q", name, s.Type)
		}
		if m.location(s.Key) != "" || m.location(s.Value) != "" {
			return fmt.Errorf("the map %s names its keys or values", name)
		}
	}
	return nil
}

// location is the name on the wire of what refers to a shape: its own, else the
// shape's.
func (m *model) location(r ref) string {
	return cmp.Or(r.LocationName, m.Shapes[r.Shape].LocationName)
}

// reached is every shape that the typed operations use, sorted.
func (m *model) reached() []string {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if name == "" || seen[name] {
			return
		}
		seen[name] = true
		s := m.Shapes[name]
		for _, r := range s.Members {
			visit(r.Shape)
		}
		visit(s.Member.Shape)
		visit(s.Key.Shape)
		visit(s.Value.Shape)
	}
	for _, name := range m.typed {
		visit(m.Operations[name].Input.Shape)
		visit(m.Operations[name].Output.Shape)
	}
	return slices.Sorted(maps.Keys(seen))
}

// exceptions are the errors of the typed operations, sorted.
func (m *model) exceptions() []string {
	seen := map[string]bool{}
	for _, name := range m.typed {
		for _, e := range m.Operations[name].Errors {
			seen[e.Shape] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
