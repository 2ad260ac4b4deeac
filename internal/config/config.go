// Package config reads slipway.yaml: text into a tree with positions, the tree
// checked against one table of keys, environments laid over what is common,
// defaults and names filled in, and out comes a slipway.Stack that is right or a
// list of everything that is wrong, each with its line and column. The same
// table makes the JSON Schema and the reference page, so that the three cannot
// disagree. It reads the file and the variables that the file passes on, and
// nothing else: no account, no git. The commands and their tests call it.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Name is what the file is called at the root of a repository.
const Name = "slipway.yaml"

// maxSize is more than any file that a person writes; the parser takes time
// that grows with the square of the size.
const maxSize = 64 << 10

// Load reads the file at path. Its errors about what the file says are Errors.
func Load(path string) (*slipway.Stack, error) {
	source, err := read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, source, os.LookupEnv)
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s; write one with: slipway init", path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the file: %w", err)
	}
	defer f.Close()
	source, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading the file: %w", err)
	}
	return source, nil
}

// Parse is Load of a source that was read from file; lookup finds the variables
// that it passes on ({ from: NAME }).
func Parse(file string, source []byte, lookup func(string) (string, bool)) (*slipway.Stack, error) {
	found := &problems{file: file, source: source}
	tree := parse(found, source)
	var stack *slipway.Stack
	if tree != nil {
		stack = build(found, check(found, tree, fileShape, ""), lookup)
		stack.File, stack.Dir = file, filepath.Dir(file)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return stack, nil
}
