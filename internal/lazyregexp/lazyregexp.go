// Package lazyregexp has regular expressions that are compiled when they are first
// asked. The program has a hundred of them, a command asks a few, and some compile
// to a hundred KiB: at start they would be a third of what `slipway version` takes.
package lazyregexp

import (
	"regexp"
	"sync"
)

// Regexp is a regular expression with the methods of [regexp.Regexp] that the
// program uses. It is safe for concurrent use.
type Regexp struct {
	source string
	get    func() *regexp.Regexp
}

// New is a package's expression. A source that does not compile panics at the
// first use; TestSourcesCompile reads all of the program's.
func New(source string) *Regexp {
	return &Regexp{source, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(source) })}
}

// String is the expression's source.
func (r *Regexp) String() string { return r.source }

func (r *Regexp) MatchString(s string) bool { return r.get().MatchString(s) }

func (r *Regexp) FindString(s string) string { return r.get().FindString(s) }

func (r *Regexp) FindStringSubmatch(s string) []string { return r.get().FindStringSubmatch(s) }

func (r *Regexp) FindAllStringIndex(s string, n int) [][]int {
	return r.get().FindAllStringIndex(s, n)
}

func (r *Regexp) FindAllSubmatchIndex(b []byte, n int) [][]int {
	return r.get().FindAllSubmatchIndex(b, n)
}

func (r *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	return r.get().FindAllStringSubmatch(s, n)
}

func (r *Regexp) ReplaceAllString(s, by string) string { return r.get().ReplaceAllString(s, by) }

func (r *Regexp) ReplaceAllStringFunc(s string, by func(string) string) string {
	return r.get().ReplaceAllStringFunc(s, by)
}
