package config

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// invalid is what a small validator of our subset finds wrong, or "". It refuses
// a keyword that it does not know, so that it can't let one pass unseen.
func invalid(s, root map[string]any, v any) string {
	for keyword := range s {
		if !slices.Contains(strings.Fields("$schema title description $ref allOf anyOf type enum pattern minimum maximum items minItems properties required propertyNames additionalProperties examples definitions"), keyword) {
			return "unknown keyword " + keyword
		}
	}
	if ref, ok := s["$ref"].(string); ok {
		definition, ok := root["definitions"].(map[string]any)[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
		if !ok {
			return "dangling " + ref
		}
		return invalid(definition, root, v)
	}
	for _, part := range all(s["allOf"]) {
		if wrong := invalid(part.(map[string]any), root, v); wrong != "" {
			return wrong
		}
	}
	if some := all(s["anyOf"]); some != nil && !slices.ContainsFunc(some, func(part any) bool { return invalid(part.(map[string]any), root, v) == "" }) {
		return fmt.Sprintf("%v is none of anyOf", v)
	}
	if t, ok := s["type"]; ok && !typed(t, v) {
		return fmt.Sprintf("%v is not %v", v, t)
	}
	if e := all(s["enum"]); e != nil && !slices.ContainsFunc(e, func(x any) bool { return reflect.DeepEqual(x, v) }) {
		return fmt.Sprintf("%v is not in %v", v, e)
	}
	switch v := v.(type) {
	case string:
		if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
			return v + " is not " + p
		}
	case float64:
		if m, ok := s["minimum"].(float64); ok && v < m {
			return "too small"
		}
		if m, ok := s["maximum"].(float64); ok && v > m {
			return "too large"
		}
	case []any:
		if m, ok := s["minItems"].(float64); ok && len(v) < int(m) {
			return "too few"
		}
		for _, item := range v {
			if items, ok := s["items"].(map[string]any); ok {
				if wrong := invalid(items, root, item); wrong != "" {
					return wrong
				}
			}
		}
	case map[string]any:
		return invalidObject(s, root, v)
	}
	return ""
}

func invalidObject(s, root map[string]any, v map[string]any) string {
	for _, r := range all(s["required"]) {
		if _, ok := v[r.(string)]; !ok {
			return r.(string) + " is missing"
		}
	}
	properties, _ := s["properties"].(map[string]any)
	for key, value := range v {
		if p, ok := properties[key].(map[string]any); ok {
			if wrong := invalid(p, root, value); wrong != "" {
				return key + ": " + wrong
			}
			continue
		}
		if names, ok := s["propertyNames"].(map[string]any); ok {
			if wrong := invalid(names, root, key); wrong != "" {
				return wrong
			}
		}
		switch more := s["additionalProperties"].(type) {
		case bool:
			if !more {
				return "unknown " + key
			}
		case map[string]any:
			if wrong := invalid(more, root, value); wrong != "" {
				return key + ": " + wrong
			}
		}
	}
	return ""
}

func all(v any) []any {
	a, _ := v.([]any)
	return a
}

func typed(t, v any) bool {
	if several, ok := t.([]any); ok {
		return slices.ContainsFunc(several, func(t any) bool { return typed(t, v) })
	}
	switch v := v.(type) {
	case nil:
		return t == "null"
	case bool:
		return t == "boolean"
	case string:
		return t == "string"
	case float64:
		return t == "number" || t == "integer" && v == float64(int64(v))
	case []any:
		return t == "array"
	}
	return t == "object"
}

func schemaOf(t *testing.T) map[string]any {
	t.Helper()
	var s map[string]any
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON is the file's data as a schema's validator gets it; nil when there is none.
func asJSON(t *testing.T, source string) any {
	t.Helper()
	found := &problems{file: "slipway.yaml", source: []byte(source)}
	n := parse(found, []byte(source))
	if n == nil {
		return nil
	}
	text, err := json.Marshal(n.data())
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSchemaTakesWhatLoadTakes(t *testing.T) {
	s := schemaOf(t)
	for _, file := range fixtures(t, "good") {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if wrong := invalid(s, s, asJSON(t, string(source))); wrong != "" {
			t.Errorf("%s: %s", file, wrong)
		}
	}
}

func TestSchemaRefusesWhatTheTableRefuses(t *testing.T) {
	s := schemaOf(t)
	for _, c := range refused {
		v := asJSON(t, c.source())
		if v == nil {
			continue // a validator gets to see no data
		}
		wrong := invalid(s, s, v)
		if c.both && wrong == "" {
			t.Errorf("%s: the schema takes it", c.name)
		}
		if !c.both && wrong != "" {
			t.Errorf("%s: the schema refuses it, too: %s", c.name, wrong)
		}
	}
}

// The examples of every key have to be right where the key stands.
func TestExamplesOfTheTableAreRight(t *testing.T) {
	for _, s := range shapes() {
		for _, k := range s.keys {
			if k.example == "" || k.what == "" {
				t.Errorf("%s.%s has no example or no description", s.name, k.name)
				continue
			}
			found := &problems{file: "example", source: []byte(k.example)}
			n := parse(found, []byte(k.example))
			if n != nil {
				check(found, n, k.shape, k.name)
			}
			if err := found.err(); err != nil {
				t.Errorf("%s.%s: %v", s.name, k.name, err)
			}
			if _, ok := data(k.example); !ok {
				t.Errorf("%s.%s: its example is no data", s.name, k.name)
			}
		}
	}
}

// Python's validator is another reading of the same standard.
func TestSchemaByAnotherValidator(t *testing.T) {
	if err := exec.Command("python3", "-c", "import jsonschema").Run(); err != nil {
		t.Skip("SKIP: python3 with jsonschema is not installed")
	}
	type document struct {
		Name string
		Data any
		Good bool
	}
	var documents []document
	for _, file := range fixtures(t, "good") {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, document{filepath.Base(file), asJSON(t, string(source)), true})
	}
	for _, c := range refused {
		if v := asJSON(t, c.source()); v != nil {
			documents = append(documents, document{c.name, v, !c.both})
		}
	}
	in, err := json.Marshal(map[string]any{"schema": schemaOf(t), "documents": documents})
	if err != nil {
		t.Fatal(err)
	}
	python := exec.Command("python3", "-c", `
import json, sys, jsonschema
given = json.load(sys.stdin)
jsonschema.Draft7Validator.check_schema(given["schema"])
v = jsonschema.Draft7Validator(given["schema"])
for d in given["documents"]:
    errors = [e.message for e in v.iter_errors(d["Data"])]
    if bool(errors) == d["Good"]:
        print(d["Name"], errors)
`)
	python.Stdin = strings.NewReader(string(in))
	out, err := python.CombinedOutput()
	if err != nil || len(out) != 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
