package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// exception is an error of the model: the code and status that AWS answers and
// the name of the member with the message.
type exception struct {
	name, code, message string
	status              int
}

func (w *writer) exceptions() []exception {
	var all []exception
	for _, name := range w.m.exceptions() {
		s := w.m.Shapes[name]
		e := exception{name: exported(name), code: cmp.Or(s.Error.Code, name), status: s.Error.HTTPStatusCode, message: "message"}
		if _, capital := s.Members["Message"]; capital {
			e.message = "Message"
		}
		if e.status == 0 {
			e.status = 400
			if s.Fault {
				e.status = 500
			}
		}
		all = append(all, e)
	}
	return all
}

func (w *writer) errors(b *bytes.Buffer) {
	all := w.exceptions()
	if len(all) > 0 {
		b.WriteString("import \"github.com/slipway-dev/slipway/internal/awsapi\"\n\n")
	}
	for _, e := range all {
		fmt.Fprintf(b, "// %s is the error %s, status %d.\nfunc %s(format string, args ...any) *awsapi.Error {\nreturn awsapi.Errorf(%q, %d, format, args...)\n}\n\n",
			e.name, e.code, e.status, e.name, e.code, e.status)
	}
}

func (w *writer) exceptionTable(b *bytes.Buffer) {
	all := w.exceptions()
	slices.SortFunc(all, func(a, b exception) int { return cmp.Compare(a.code, b.code) })
	b.WriteString("\nvar exceptions = []awsapi.Exception{\n")
	for _, e := range all {
		fmt.Fprintf(b, "{Code: %q, Message: %q},\n", e.code, e.message)
	}
	b.WriteString("}\n")
}
