package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// model is an API model as botocore has it, and which of its operations get types.
type model struct {
	Metadata struct {
		APIVersion, EndpointPrefix, JSONVersion, Protocol, SigningName, TargetPrefix, XMLNamespace string
	}
	Operations map[string]operation
	Shapes     map[string]shape
	typed      []string // sorted
}

type operation struct {
	Input  ref
	Output struct {
		Shape         string
		ResultWrapper string
	}
	Errors []ref
}

type ref struct {
	Shape, LocationName, QueryName, TimestampFormat string
	IdempotencyToken, Flattened                     bool
}

type shape struct {
	Type                 string
	Members              map[string]ref
	Required             []string
	Member, Key, Value   ref
	Min, Max             *float64
	Pattern              string
	Enum                 []string
	Flattened, Sensitive bool
	Exception, Document  bool
	EventStream          bool
	TimestampFormat      string
	Error                struct {
		Code           string
		HTTPStatusCode int
	}
	Fault bool
}

func readModel(file, list string) (*model, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	m := new(model)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
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
	return m, nil
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
