package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// exported is a Go name of a member: its own, with a capital first.
func exported(name string) string {
	r := []rune(name)
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}

// goType is the Go type of a shape where it stands in a list or map, and
// whether a member of it is a pointer.
func (w *writer) goType(name string) (typ string, pointer bool) {
	s := w.m.Shapes[name]
	switch s.Type {
	case "structure":
		if s.Document {
			return "any", false
		}
		return exported(name), true
	case "list":
		elem, _ := w.goType(s.Member.Shape)
		return "[]" + elem, false
	case "map":
		elem, _ := w.goType(s.Value.Shape)
		return "map[string]" + elem, false
	case "string", "character":
		if len(s.Enum) > 0 {
			return exported(name), false
		}
		return "string", true
	case "integer", "long":
		return "int", true
	case "float", "double":
		return "float64", true
	case "boolean":
		return "bool", true
	case "timestamp":
		return "time.Time", true
	case "blob":
		return "[]byte", false
	}
	panic("awsgen: shape " + name + " has the unknown type " + s.Type)
}

func (w *writer) types(b *bytes.Buffer) {
	var body bytes.Buffer
	for _, name := range w.shapes {
		s := w.m.Shapes[name]
		if s.Type != "structure" || s.Document {
			continue
		}
		fmt.Fprintf(&body, "// %s is the shape of that name.\ntype %s struct {\n", exported(name), exported(name))
		for _, member := range slices.Sorted(maps.Keys(s.Members)) {
			typ, pointer := w.goType(s.Members[member].Shape)
			if pointer {
				typ = "*" + typ
			}
			fmt.Fprintf(&body, "%s %s `json:\"%s,omitzero\"`\n", exported(member), typ, member)
		}
		body.WriteString("}\n\n")
	}
	if bytes.Contains(body.Bytes(), []byte("time.Time")) {
		b.WriteString("import \"time\"\n\n")
	}
	b.Write(body.Bytes())
}

func (w *writer) enums(b *bytes.Buffer) {
	for _, name := range w.shapes {
		s := w.m.Shapes[name]
		if s.Type != "string" || len(s.Enum) == 0 {
			continue
		}
		typ := exported(name)
		fmt.Fprintf(b, "// %s is one of the values below; \"\" is none.\ntype %s string\n\n// The values of %s.\nconst (\n", typ, typ, typ)
		used := map[string]bool{}
		for _, value := range s.Enum {
			id := typ + camel(value)
			for used[id] {
				id += "_"
			}
			used[id] = true
			fmt.Fprintf(b, "%s %s = %q\n", id, typ, value)
		}
		b.WriteString(")\n\n")
	}
}

// camel makes a part of a Go name from an enum's value: FARGATE_SPOT →
// FargateSpot, t3.small → T3Small.
func camel(value string) string {
	parts := strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	upper := strings.ToUpper(value) == value
	var out strings.Builder
	for _, p := range parts {
		if upper {
			p = strings.ToLower(p)
		}
		out.WriteString(exported(p))
	}
	if out.Len() == 0 {
		return "Empty"
	}
	return out.String()
}
