package initial

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
)

// alias is a script of package.json.
type alias struct {
	text string
	line int
}

// npm reads name and scripts of package.json.
func (r *repository) npm(file *source) {
	var p struct {
		Name    string
		Scripts map[string]string
	}
	if err := json.Unmarshal([]byte(file.text), &p); err != nil {
		r.notes = append(r.notes, note{file.name, 0, "it is not valid JSON and was not read: " + err.Error()})
		return
	}
	r.packageName = p.Name[strings.LastIndexByte(p.Name, '/')+1:]
	for name, text := range p.Scripts {
		r.aliases[name] = alias{text, lineOf(file.text, `"`+name+`"`)}
	}
}

// unusedAliases are started by hand: those of a deploy script that CI does not start.
func (r *repository) unusedAliases(file *source) {
	for _, name := range slices.Sorted(maps.Keys(r.aliases)) {
		if r.used[name] {
			continue
		}
		calls, err := follow(r.dir, file.name, r.aliases[name].text, nil, nil)
		if err != nil {
			continue
		}
		for _, c := range calls {
			script, params := scriptOf(c.args)
			if s := r.source(script); s != nil && deploysToECS(s) {
				r.invocations = append(r.invocations, &invocation{script: script, params: allPlain(params), vars: c.vars, file: file.name, line: r.aliases[name].line})
			}
		}
	}
}

// aliasOf is the script of package.json that a command runs.
func aliasOf(args []string) string {
	switch {
	case len(args) >= 3 && (args[0] == "npm" || args[0] == "yarn" || args[0] == "pnpm") && (args[1] == "run" || args[1] == "run-script"):
		for _, a := range args[2:] {
			if !strings.HasPrefix(a, "-") {
				return a
			}
		}
	case len(args) >= 2 && (args[0] == "yarn" || args[0] == "pnpm"):
		return args[1]
	}
	return ""
}

// scriptOf is the shell script of the repository that a command runs.
func scriptOf(args []string) (script string, params []string) {
	if len(args) > 1 && (args[0] == "bash" || args[0] == "sh") {
		args = args[1:]
		for len(args) > 1 && strings.HasPrefix(args[0], "-") {
			args = args[1:]
		}
	}
	if !strings.Contains(args[0], "/") && !strings.HasSuffix(args[0], ".sh") || strings.HasPrefix(args[0], "/") {
		return "", nil
	}
	return path.Clean(plain(args[0])), args[1:]
}

func deploysToECS(s *source) bool {
	return strings.Contains(s.text, "register-task-definition") || strings.Contains(s.text, "update-service")
}
