package lazyregexp

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every literal expression of the program compiles: nothing else would
// tell before the expression is asked.
func TestSourcesCompile(t *testing.T) {
	root := os.DirFS("../..")
	seen := 0
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(root, path)
		if err != nil || !strings.Contains(string(text), "lazyregexp") && !strings.Contains(string(text), "newRule(") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, text, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !makes(call.Fun) {
				return true
			}
			literal, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				return true // put together: initial's marks, and newRule's own
			}
			source, err := strconv.Unquote(literal.Value)
			if err == nil {
				_, err = regexp.Compile(source)
			}
			if err != nil {
				t.Errorf("%s: %v", files.Position(call.Pos()), err)
			}
			seen++
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 100 {
		t.Errorf("only %d sources were found", seen)
	}
}

// makes tells whether a function is New, or config's newRule, which gives it on.
func makes(f ast.Expr) bool {
	switch f := f.(type) {
	case *ast.Ident:
		return f.Name == "newRule"
	case *ast.SelectorExpr:
		of, ok := f.X.(*ast.Ident)
		return ok && of.Name == "lazyregexp" && f.Sel.Name == "New"
	}
	return false
}
