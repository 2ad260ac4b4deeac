package initial

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// call is a command that a script would have run.
type call struct {
	args []string
	// vars are the variables that the script exported to it.
	vars map[string]string
	file string
	line int
}

// shell follows a script: assignments, conditions, loops and functions are real,
// commands are only written down. Nothing of the machine is run or changed, and
// only files of the repository are read.
type shell struct {
	dir   string
	file  string
	vars  map[string]string
	unset map[string]bool

	mu     sync.Mutex // pipes and jobs run side by side
	calls  []call
	called int
	turns  map[string]int
}

const (
	maxCalls = 5000 // of commands and functions
	maxTurns = 50   // of a loop: a wait loop has nothing to wait for
	maxTime  = time.Second
)

var errEnough = errors.New("followed far enough")

// follow runs a script's text with its parameters and variables; what the script
// finds in no variable is CI's. It tells only of a script that can't be parsed.
func follow(dir, file, source string, params []string, vars map[string]string) ([]call, error) {
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(source), file)
	if err != nil {
		return nil, err
	}
	unmark(parsed)
	bound(parsed)
	s := &shell{turns: map[string]int{}, dir: dir, file: file, vars: vars, unset: withDefault(parsed)}
	runner, err := interp.New(
		interp.Dir(dir), interp.Env(s), interp.StdIO(nil, io.Discard, io.Discard),
		interp.Params(append([]string{"--"}, params...)...),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec }),
		interp.CallHandler(s.call), interp.OpenHandler(s.open), interp.StatHandler(s.stat),
		interp.ReadDirHandler2(func(context.Context, string) ([]fs.DirEntry, error) { return nil, nil }),
	)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), maxTime)
	defer cancel()
	_ = runner.Run(ctx, parsed) // how it ends has no meaning: no command gave its answer
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls), nil
}

// withDefault are the variables that a script has a default for: ${NAME:-value}.
func withDefault(f *syntax.File) map[string]bool {
	names := map[string]bool{}
	syntax.Walk(f, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil && p.Exp != nil && strings.Contains(p.Exp.Op.String(), "-") {
			names[p.Param.Value] = true
		}
		return true
	})
	return names
}

var ciName = lazyregexp.New(`^[A-Z][A-Z0-9_]*$`)

// known are names that belong to the shell, not to CI.
var known = map[string]string{"HOME": "/nowhere", "PATH": "/nowhere", "USER": "ci", "SHELL": "/bin/bash", "TMPDIR": "/nowhere", "CI": "true"}

// Get is a variable of the environment that CI would run the script in.
func (s *shell) Get(name string) expand.Variable {
	name = plain(name)
	value, ok := s.vars[name]
	if !ok {
		value, ok = known[name]
	}
	if !ok && ciName.MatchString(name) && !s.unset[name] && !shellOwn(name) {
		value, ok = markPass(name), true
	}
	return expand.Variable{Set: ok, Exported: ok, Kind: expand.String, Str: value}
}

func shellOwn(name string) bool {
	switch name {
	case "IFS", "PWD", "OLDPWD", "OPTARG", "OPTIND", "UID", "EUID", "GID", "RANDOM", "LINENO", "REPLY", "DIRSTACK", "FUNCNAME":
		return true
	}
	return strings.HasPrefix(name, "BASH") || strings.HasPrefix(name, "PS")
}

// Each lists nothing: what nobody asked for isn't passed on.
func (s *shell) Each(func(string, expand.Variable) bool) {}

// call sees every simple command, builtins too.
func (s *shell) call(_ context.Context, args []string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.called++; s.called > maxCalls {
		return nil, errEnough
	}
	switch args[0] {
	case "[", "test":
		for i, a := range args {
			args[i] = plain(a)
		}
	case "command", "type", "which", "hash", "trap", "wait":
		return []string{"true"}, nil
	}
	return args, nil
}

func (s *shell) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	switch args[0] {
	case plainly:
		return say(hc, plain(strings.Join(args[1:], " ")))
	case turn:
		return s.turn(args[1])
	}
	c := call{args: args, file: s.file, line: int(hc.Pos.Line()), vars: map[string]string{}}
	hc.Env.Each(func(name string, v expand.Variable) bool {
		if v.Exported && v.IsSet() && v.Kind == expand.String && ciName.MatchString(name) && !shellOwn(name) {
			c.vars[name] = v.Str
		}
		return true
	})
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	return s.answer(hc, args)
}

// turn ends a loop that turns too often.
func (s *shell) turn(loop string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turns[loop]++; s.turns[loop] > maxTurns {
		return interp.ExitStatus(1)
	}
	return nil
}

// answer writes what the few commands would whose output scripts build on.
func (s *shell) answer(hc interp.HandlerContext, args []string) error {
	line := strings.Join(args, " ")
	switch {
	case strings.HasPrefix(line, "git describe"):
		return say(hc, tagMark)
	case strings.HasPrefix(line, "git rev-parse") && !strings.Contains(line, "--abbrev-ref"), strings.HasPrefix(line, "git log"):
		return say(hc, commitMark)
	case strings.HasPrefix(line, "aws ecr get-login"):
		return say(hc, "true")
	case args[0] == "tr" && len(args) == 3 && hc.Stdin != nil:
		return s.tr(hc, args)
	case args[0] == "cat" && len(args) == 1 && hc.Stdin != nil:
		_, err := io.Copy(hc.Stdout, hc.Stdin)
		return err
	case args[0] == "cat":
		for _, name := range args[1:] {
			text, _ := s.read(name)
			if _, err := hc.Stdout.Write(text); err != nil {
				return err
			}
		}
	case args[0] == "dirname" && len(args) == 2:
		return say(hc, filepath.Dir(args[1]))
	case args[0] == "basename" && len(args) == 2:
		return say(hc, filepath.Base(args[1]))
	}
	return nil
}

func say(hc interp.HandlerContext, text string) error {
	_, err := io.WriteString(hc.Stdout, text+"\n")
	return err
}

// tr changes the case of letters, which is what deploy scripts use it for.
func (s *shell) tr(hc interp.HandlerContext, args []string) error {
	text, err := io.ReadAll(io.LimitReader(hc.Stdin, 1<<20))
	if err != nil {
		return err
	}
	switch args[2] {
	case "[:upper:]", "A-Z", "[A-Z]":
		text = bytes.ToUpper(text)
	case "[:lower:]", "a-z", "[a-z]":
		text = bytes.ToLower(text)
	}
	_, err = hc.Stdout.Write(text)
	return err
}

// inside is a path of the repository, or an error.
func (s *shell) inside(name string) (string, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.dir, path)
	}
	rel, err := filepath.Rel(s.dir, filepath.Clean(path))
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", fs.ErrNotExist
	}
	return rel, nil
}

// read reads one file of the repository; links don't lead out of it.
func (s *shell) read(name string) ([]byte, error) {
	rel, err := s.inside(plain(name))
	if err != nil {
		return nil, err
	}
	return readIn(s.dir, rel)
}

func readIn(dir, rel string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(rel)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fs.ErrInvalid
	}
	return io.ReadAll(io.LimitReader(f, 1<<20))
}

type buffer struct{ io.Reader }

func (buffer) Write(p []byte) (int, error) { return len(p), nil }
func (buffer) Close() error                { return nil }

func (s *shell) open(_ context.Context, path string, flag int, _ os.FileMode) (io.ReadWriteCloser, error) {
	if flag&(os.O_WRONLY|os.O_RDWR) != 0 || path == "/dev/null" {
		return buffer{strings.NewReader("")}, nil
	}
	text, err := s.read(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return buffer{bytes.NewReader(text)}, nil
}

func (s *shell) stat(_ context.Context, name string, _ bool) (fs.FileInfo, error) {
	rel, err := s.inside(name)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Stat(rel)
}
