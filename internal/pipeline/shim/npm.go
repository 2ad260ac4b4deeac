package shim

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// npm stands in where there is no npm: it runs the scripts of package.json, with
// their pre- and post-scripts, and nothing else.
func npm(args []string, errw io.Writer) error {
	script, rest, ok := scriptOf(args)
	if !ok {
		return fmt.Errorf("npm %w, and slipway only runs package.json's scripts in its place: npm %s needs the real one", ErrMissing, strings.Join(args, " "))
	}
	text, err := os.ReadFile("package.json")
	if err != nil {
		return fmt.Errorf("npm run: %w", err)
	}
	var p struct {
		Name, Version string
		Scripts       map[string]string
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("package.json: %w", err)
	}
	if _, ok := p.Scripts[script]; !ok {
		return fmt.Errorf("package.json has no script %q", script)
	}
	fmt.Fprintf(errw, "slipway: npm is not on this machine: running package.json's script %s\n", script)
	title := cmp.Or(p.Name, "package.json")
	if p.Version != "" {
		title += "@" + p.Version
	}
	here, _ := os.Getwd()
	env := append(os.Environ(), "PATH="+filepath.Join(here, "node_modules/.bin")+":"+os.Getenv("PATH"),
		"npm_package_name="+p.Name, "npm_package_version="+p.Version)
	for _, name := range []string{"pre" + script, script, "post" + script} {
		line := p.Scripts[name]
		if line == "" {
			continue
		}
		if name == script {
			for _, a := range rest {
				line += " " + quote(a)
			}
		}
		fmt.Fprintf(errw, "\n> %s\n> %s\n\n", title+" "+name, line)
		cmd := exec.Command("sh", "-c", line)
		cmd.Env = append(env, "npm_lifecycle_event="+name)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, errw
		if err := cmd.Run(); err != nil {
			return exited(name, err)
		}
	}
	return nil
}

// Exit is the error of a program that ended with a code of its own, which is the
// shim's too.
type Exit struct {
	Code int
	What string
}

func (e *Exit) Error() string { return fmt.Sprintf("%s exited with %d", e.What, e.Code) }

func exited(what string, err error) error {
	if e, ok := errors.AsType[*exec.ExitError](err); ok && e.ExitCode() > 0 {
		return &Exit{e.ExitCode(), what}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// scriptOf is the script that npm's arguments run, and what it gets.
func scriptOf(args []string) (script string, rest []string, ok bool) {
	var words []string
	for i, a := range args {
		if a == "--" {
			rest = args[i+1:]
			break
		}
		if !strings.HasPrefix(a, "-") {
			words = append(words, a)
		}
	}
	switch {
	case len(words) >= 2 && (words[0] == "run" || words[0] == "run-script"):
		return words[1], append(words[2:], rest...), true
	case len(words) >= 1 && (words[0] == "test" || words[0] == "t"):
		return "test", append(words[1:], rest...), true
	case len(words) >= 1 && (words[0] == "start" || words[0] == "stop" || words[0] == "restart"):
		return words[0], append(words[1:], rest...), true
	}
	return "", nil, false
}
