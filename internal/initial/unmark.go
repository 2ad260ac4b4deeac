package initial

import (
	"strconv"

	"mvdan.cc/sh/v3/syntax"
)

// plainly is the stub that prints its arguments without marks.
const plainly = "slipway-plain"

// unmark makes a script compare values without their marks: what [[ ]] and case
// look at goes through the stub.
func unmark(f *syntax.File) {
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CaseClause:
			n.Word = unmarked(n.Word)
		case *syntax.TestClause:
			unmarkTest(n.X)
		}
		return true
	})
}

func unmarkTest(x syntax.TestExpr) {
	switch x := x.(type) {
	case *syntax.BinaryTest:
		if w, ok := x.X.(*syntax.Word); ok {
			x.X = unmarked(w)
		} else {
			unmarkTest(x.X)
			unmarkTest(x.Y)
		}
	case *syntax.UnaryTest:
		unmarkTest(x.X)
	case *syntax.ParenTest:
		unmarkTest(x.X)
	}
}

func unmarked(w *syntax.Word) *syntax.Word {
	stub := &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: plainly}}}
	quoted := &syntax.Word{Parts: []syntax.WordPart{&syntax.DblQuoted{Parts: w.Parts}}}
	if len(w.Parts) == 1 {
		if _, ok := w.Parts[0].(*syntax.DblQuoted); ok {
			quoted = w
		}
	}
	call := &syntax.Stmt{Cmd: &syntax.CallExpr{Args: []*syntax.Word{stub, quoted}}}
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.DblQuoted{Parts: []syntax.WordPart{&syntax.CmdSubst{Stmts: []*syntax.Stmt{call}}}}}}
}

// turn is the stub that counts the turns of a loop.
const turn = "slipway-turn"

// bound makes every loop end: its body begins with "slipway-turn N || break".
func bound(f *syntax.File) {
	loops := 0
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.WhileClause:
			loops++
			n.Do = append([]*syntax.Stmt{bounded(loops)}, n.Do...)
		case *syntax.ForClause:
			loops++
			n.Do = append([]*syntax.Stmt{bounded(loops)}, n.Do...)
		}
		return true
	})
}

func bounded(loop int) *syntax.Stmt {
	return &syntax.Stmt{Cmd: &syntax.BinaryCmd{Op: syntax.OrStmt, X: stub(turn, strconv.Itoa(loop)), Y: stub("break")}}
}

func stub(words ...string) *syntax.Stmt {
	c := &syntax.CallExpr{}
	for _, w := range words {
		c.Args = append(c.Args, &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: w}}})
	}
	return &syntax.Stmt{Cmd: c}
}
