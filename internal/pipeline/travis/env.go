package travis

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// rootEnv reads the file's env: global variables, and rows of the matrix.
func (b *builder) rootEnv(n *node) {
	if n == nil {
		return
	}
	if n.kind != dict || !(n.has("global") || n.has("jobs") || n.has("matrix")) {
		if n.kind == dict {
			b.rows = append(b.rows, b.row(n))
			return
		}
		for _, item := range n.each() {
			b.addRow(item)
		}
		return
	}
	for _, e := range n.entries {
		switch e.key {
		case "global":
			for _, item := range e.value.each() {
				vars, _ := b.assignments(item)
				b.global = append(b.global, vars...)
			}
		case "jobs", "matrix":
			for _, item := range e.value.each() {
				b.addRow(item)
			}
		default:
			b.add(e.at, "env has global and jobs; %s is neither: variables that all jobs have go below env.global", e.key)
		}
	}
}

// addRow adds a row; an encrypted one leaves none behind.
func (b *builder) addRow(n *node) {
	if r := b.row(n); len(r.vars) > 0 {
		b.rows = append(b.rows, r)
	}
}

func (b *builder) row(n *node) row {
	vars, text := b.assignments(n)
	return row{vars, text, n.at}
}

// jobEnv is a job's own env: all of it is the job's.
func (b *builder) jobEnv(n *node) (vars []Variable, text string) {
	var texts []string
	for _, item := range n.each() {
		if item.kind == dict && item.has("global") {
			b.add(item.at, "env.global stands at the top of the file; a job's env has its own variables")
			continue
		}
		v, t := b.assignments(item)
		vars, texts = append(vars, v...), append(texts, t)
	}
	return vars, strings.Join(texts, " ")
}

// assignments reads A=1 B="2", {A: 1, B: 2} or {secure: …}.
func (b *builder) assignments(n *node) (vars []Variable, text string) {
	switch {
	case n.kind == null:
		return nil, ""
	case n.kind == scalar:
		return b.line(n), n.text
	case n.kind == list:
		b.add(n.at, "a list of variables inside a list is not served: write A=1 B=2 on one line")
		return nil, ""
	}
	var texts []string
	for _, e := range n.entries {
		switch {
		case e.key == "secure":
			b.file.Secure = append(b.file.Secure, Secure{At: e.at})
		case e.value.kind == dict && e.value.has("secure"):
			b.file.Secure = append(b.file.Secure, Secure{At: e.at, Name: e.key})
		case e.value.kind == dict || e.value.kind == list:
			b.add(e.at, "the variable %s has to be text", e.key)
		case !name(e.key):
			b.add(e.at, "%s is no name of a variable", e.key)
		default:
			vars = append(vars, Variable{e.key, word(e.value.text), e.at})
			texts = append(texts, e.key+"="+e.value.text)
		}
	}
	return vars, strings.Join(texts, " ")
}

func name(s string) bool {
	for i, c := range s {
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return s != ""
}

// word is a value as one word of the shell: as it stands where it is one, so that
// $OTHER works as on Travis, in quotes else.
func word(text string) string {
	if vars, ok := shellAssignments("X=" + text); ok && len(vars) == 1 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func (b *builder) line(n *node) []Variable {
	vars, ok := shellAssignments(n.text)
	if !ok {
		b.add(n.at, "variables are written NAME=value NAME2=\"another value\"; this is something else: %s", strings.TrimSpace(n.text))
		return nil
	}
	for i := range vars {
		vars[i].At = n.at
	}
	return vars
}

// shellAssignments reads assignments and nothing else.
func shellAssignments(text string) ([]Variable, bool) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil || len(file.Stmts) != 1 {
		return nil, false
	}
	s := file.Stmts[0]
	call, ok := s.Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) > 0 || len(call.Assigns) == 0 || len(s.Redirs) > 0 || s.Background || s.Negated {
		return nil, false
	}
	var vars []Variable
	for _, a := range call.Assigns {
		if a.Append || a.Naked || a.Index != nil || a.Array != nil {
			return nil, false
		}
		raw := ""
		if a.Value != nil {
			raw = text[a.Value.Pos().Offset():a.Value.End().Offset()]
		}
		vars = append(vars, Variable{Name: a.Name.Value, Raw: raw})
	}
	return vars, true
}

// Plain is the variable's value as conditions see it: quotes off, nothing expanded.
func (v Variable) Plain() string {
	if n := len(v.Raw); n >= 2 && (v.Raw[0] == '"' || v.Raw[0] == '\'') && v.Raw[n-1] == v.Raw[0] {
		return v.Raw[1 : n-1]
	}
	return v.Raw
}
