package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

func (w *writer) operations(b *bytes.Buffer) {
	md := w.m.Metadata
	signing := md.SigningName
	if signing == "" {
		signing = md.EndpointPrefix
	}
	b.WriteString("import (\n\"reflect\"\n\n\"github.com/slipway-dev/slipway/internal/awsapi\"\n)\n\n")
	fmt.Fprintf(b, "// API is the facts of the service.\nvar API = &awsapi.Service{\nName: %q,\nSigningName: %q,\nProtocol: %q,\nTargetPrefix: %q,\nJSONVersion: %q,\nAPIVersion: %q,\nXMLNamespace: %q,\nNames: names,\nOperations: operations,\nShapes: shapes,\nExceptions: exceptions,\n}\n\n",
		w.service, signing, md.Protocol, md.TargetPrefix, md.JSONVersion, md.APIVersion, md.XMLNamespace)
	b.WriteString("var names = []string{\n")
	for _, name := range slices.Sorted(maps.Keys(w.m.Operations)) {
		fmt.Fprintf(b, "%q,\n", name)
	}
	b.WriteString("}\n\nvar operations = []awsapi.Operation{\n")
	for _, name := range w.m.typed {
		op := w.m.Operations[name]
		fmt.Fprintf(b, "{Name: %q, Input: %s, In: %s, Output: %s, Out: %s", name, w.at(op.Input.Shape), reflectType(op.Input.Shape), w.at(op.Output.Shape), reflectType(op.Output.Shape))
		if op.Output.ResultWrapper != "" {
			fmt.Fprintf(b, ", ResultWrapper: %q", op.Output.ResultWrapper)
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n")
	w.exceptionTable(b)
}

func (w *writer) at(shape string) string {
	if shape == "" {
		return "awsapi.None"
	}
	return strconv.Itoa(w.index[shape])
}

func reflectType(shape string) string {
	if shape == "" {
		return "reflect.TypeFor[awsapi.Empty]()"
	}
	return "reflect.TypeFor[" + exported(shape) + "]()"
}

var kinds = map[string]string{
	"structure": "Structure", "list": "List", "map": "Map", "string": "String", "character": "String", "integer": "Integer", "long": "Long",
	"float": "Float", "double": "Float", "boolean": "Boolean", "timestamp": "Timestamp", "blob": "Blob",
}

func (w *writer) shapeTable(b *bytes.Buffer) {
	b.WriteString("import \"github.com/slipway-dev/slipway/internal/awsapi\"\n\nvar shapes = []awsapi.Shape{\n")
	for i, name := range w.shapes {
		fmt.Fprintf(b, "%d: ", i)
		w.shape(b, name)
		b.WriteString(",\n")
	}
	b.WriteString("}\n")
}

func (w *writer) shape(b *bytes.Buffer, name string) {
	s := w.m.Shapes[name]
	kind := kinds[s.Type]
	if s.Document {
		kind = "Document"
	}
	fmt.Fprintf(b, "{Name: %q, Kind: awsapi.%s", name, kind)
	if len(s.Members) > 0 && !s.Document {
		b.WriteString(", Members: []awsapi.Member{\n")
		for _, m := range slices.Sorted(maps.Keys(s.Members)) {
			w.member(b, m, s.Members[m], slices.Contains(s.Required, m))
		}
		b.WriteString("}")
	}
	w.ref(b, "Elem", s.Member)
	text(b, "ElemName", w.m.location(s.Member))
	w.ref(b, "Key", s.Key)
	w.ref(b, "Value", s.Value)
	mark(b, "Sensitive", s.Sensitive)
	mark(b, "EventStream", s.EventStream)
	number(b, "Min", s.Min)
	number(b, "Max", s.Max)
	mark(b, "HasMin", s.Min != nil)
	mark(b, "HasMax", s.Max != nil)
	text(b, "Pattern", s.Pattern)
	if len(s.Enum) > 0 {
		fmt.Fprintf(b, ", Enum: %#v", s.Enum)
	}
	b.WriteString("}")
}

func (w *writer) member(b *bytes.Buffer, name string, r ref, required bool) {
	fmt.Fprintf(b, "{Name: %q, Shape: %d", name, w.index[r.Shape])
	text(b, "Location", w.m.location(r))
	text(b, "Query", r.QueryName)
	mark(b, "Required", required)
	mark(b, "Token", r.IdempotencyToken)
	b.WriteString("},\n")
}

func (w *writer) ref(b *bytes.Buffer, field string, r ref) {
	if r.Shape != "" {
		fmt.Fprintf(b, ", %s: %d", field, w.index[r.Shape])
	}
}

func mark(b *bytes.Buffer, name string, set bool) {
	if set {
		fmt.Fprintf(b, ", %s: true", name)
	}
}

func text(b *bytes.Buffer, name, value string) {
	if value != "" {
		fmt.Fprintf(b, ", %s: %q", name, value)
	}
}

func number(b *bytes.Buffer, name string, value *float64) {
	if value != nil {
		fmt.Fprintf(b, ", %s: %s", name, strconv.FormatFloat(*value, 'f', -1, 64))
	}
}
