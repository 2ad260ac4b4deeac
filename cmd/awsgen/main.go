// Command awsgen turns the API models in models/ into the packages below
// internal/awsapi: types, operation tables, shapes and errors. The lists in
// internal/awsapi/operations say which operations get types; the names of all
// others stay known. Its output depends on its input alone.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	models := flag.String("models", "models", "folder of the API models")
	lists := flag.String("operations", "internal/awsapi/operations", "folder of the operation lists")
	out := flag.String("out", "internal/awsapi", "folder to write to")
	flag.Parse()
	files, err := Generate(*models, *lists)
	if err == nil {
		err = write(*out, files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "awsgen:", err)
		os.Exit(1)
	}
}

// Generate is the generated files by their paths below internal/awsapi.
func Generate(models, lists string) (map[string][]byte, error) {
	found, err := filepath.Glob(filepath.Join(lists, "*.txt"))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, list := range found {
		name := strings.TrimSuffix(filepath.Base(list), ".txt")
		m, err := readModel(filepath.Join(models, name+".json"), list)
		if err != nil {
			return nil, err
		}
		if err := newWriter(name, m).files(files); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, nil
}

func write(out string, files map[string][]byte) error {
	for path, text := range files {
		path = filepath.Join(out, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
