package config

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Schema is the JSON Schema of the file, draft-07 as editors read it, made of
// the same table as Load. What it can't say (ranges of durations, names that two
// services share) Load alone refuses.
func Schema() []byte {
	definitions := map[string]*schema{}
	for _, s := range shapes() {
		definitions[s.id()] = object(s)
	}
	top := *definitions[fileShape.id()]
	delete(definitions, fileShape.id())
	top.Schema = "http://json-schema.org/draft-07/schema#"
	top.Title = "slipway.yaml"
	top.Description = "What Slipway deploys: an application, its environments, and where they run."
	top.Definitions = definitions

	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(top); err != nil {
		panic(err) // maps, strings and numbers always encode
	}
	return out.Bytes()
}

// schema is a JSON Schema, as far as the table needs it.
type schema struct {
	Schema      string    `json:"$schema,omitempty"`
	Title       string    `json:"title,omitempty"`
	Description string    `json:"description,omitempty"`
	Ref         string    `json:"$ref,omitempty"`
	AllOf       []*schema `json:"allOf,omitempty"`
	AnyOf       []*schema `json:"anyOf,omitempty"`
	// Type is a name or a list of them.
	Type          any                `json:"type,omitempty"`
	Enum          []any              `json:"enum,omitempty"`
	Pattern       string             `json:"pattern,omitempty"`
	Minimum       *int               `json:"minimum,omitempty"`
	Maximum       *int               `json:"maximum,omitempty"`
	Items         *schema            `json:"items,omitempty"`
	MinItems      int                `json:"minItems,omitempty"`
	Properties    map[string]*schema `json:"properties,omitempty"`
	Required      []string           `json:"required,omitempty"`
	PropertyNames *schema            `json:"propertyNames,omitempty"`
	// AdditionalProperties is false or a schema.
	AdditionalProperties any                `json:"additionalProperties,omitempty"`
	Examples             []any              `json:"examples,omitempty"`
	Definitions          map[string]*schema `json:"definitions,omitempty"`
}

func (s *shape) id() string { return strings.ReplaceAll(s.name, " ", "-") }

// reference is s as it is used, with its short form and its alternatives.
func reference(s *shape) *schema {
	all := []*schema{single(s)}
	if s.short != "" {
		all = append([]*schema{reference(s.key(s.short).shape)}, all...)
	}
	for a := s.or; a != nil; a = a.or {
		all = append(all, single(a))
	}
	if len(all) == 1 {
		return all[0]
	}
	return &schema{AnyOf: all}
}

// single is one shape: by reference where it has a name.
func single(s *shape) *schema {
	if s.name != "" {
		return &schema{Ref: "#/definitions/" + s.id()}
	}
	return bare(s)
}

// bare is a shape without name and alternatives.
func bare(s *shape) *schema {
	switch s.kind {
	case dict:
		return object(s)
	case list:
		return &schema{Type: "array", Items: reference(s.each), MinItems: 1}
	case boolean:
		return &schema{Type: "boolean"}
	case number:
		return integer(s)
	}
	return str(s)
}

func integer(s *shape) *schema {
	i := &schema{Type: "integer"}
	for _, n := range s.numbers {
		i.Enum = append(i.Enum, n)
	}
	if s.max > 0 {
		i.Minimum, i.Maximum = &s.min, &s.max
	}
	return i
}

func str(s *shape) *schema {
	t := &schema{Type: "string"}
	for _, w := range s.words {
		t.Enum = append(t.Enum, w)
	}
	if s.rule != nil {
		t.Pattern = s.rule.pattern.String()
		if !s.plain {
			t.Pattern += `|\{` // the rule holds once placeholders are filled in
		}
	}
	var types []string
	if s.coerce {
		types = append(types, "number", "boolean")
	}
	if s.removes {
		types = append(types, "null")
	}
	if types != nil {
		t.Type = append([]string{"string"}, types...)
	}
	return t
}

func object(s *shape) *schema {
	o := &schema{Type: "object", Description: s.doc}
	if s.empty {
		o.Type = []string{"object", "null"}
	}
	if s.each != nil {
		o.PropertyNames = &schema{Pattern: s.names.pattern.String()}
		o.AdditionalProperties = reference(s.each)
		return o
	}
	o.AdditionalProperties = false
	o.Properties = map[string]*schema{}
	for _, k := range s.keys {
		o.Properties[k.name] = property(k)
		if k.required {
			o.Required = append(o.Required, k.name)
		}
	}
	return o
}

// property is a key: what it may be, and what an editor shows. A reference
// stands in allOf, since draft-07 ignores all that is beside one.
func property(k *key) *schema {
	p := reference(k.shape)
	if p.Ref != "" {
		p = &schema{AllOf: []*schema{p}}
	}
	p.Description = k.what
	if k.fallback != "" {
		p.Description += " Default: " + k.fallback + "."
	}
	if example, ok := data(k.example); ok {
		p.Examples = []any{example}
	}
	return p
}

// data is a YAML text as JSON has it.
func data(source string) (any, bool) {
	if source == "" {
		return nil, false
	}
	found := &problems{file: "example", source: []byte(source)}
	n := parse(found, []byte(source))
	if n == nil || found.err() != nil {
		return nil, false
	}
	return n.data(), true
}

func (n *node) data() any {
	switch n.kind {
	case list:
		all := make([]any, len(n.items))
		for i, v := range n.items {
			all[i] = v.data()
		}
		return all
	case dict:
		all := map[string]any{}
		for _, e := range n.entries {
			all[e.key] = e.value.data()
		}
		return all
	case number:
		return json.Number(n.text)
	case other:
		return 0.5 // how it is written is lost in JSON
	case boolean:
		return n.text == "true"
	case null:
		return nil
	}
	return n.text
}
