package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-dev/slipway/internal/slipway"
)

var update = flag.Bool("update", false, "write goldens anew")

// fixtures are the files of one folder of testdata.
func fixtures(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures in testdata/%s: %v", folder, err)
	}
	return files
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

// rendered is a stack without positions, which would be most of it.
func rendered(t *testing.T, s *slipway.Stack) []byte {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	prune(tree)
	text, err = json.MarshalIndent(tree, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

func prune(tree any) {
	switch tree := tree.(type) {
	case map[string]any:
		for k, v := range tree {
			if v == nil || v == "" || v == false || v == json.Number("0") || k == "At" || k == "Line" || k == "File" || k == "Dir" {
				delete(tree, k)
				continue
			}
			prune(v)
		}
	case []any:
		for _, v := range tree {
			prune(v)
		}
	}
}

func TestGoodFilesMeanWhatTheirGoldenSays(t *testing.T) {
	for _, file := range fixtures(t, "good") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			s, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".json", rendered(t, s))
		})
	}
}

func TestBadFilesAreRefusedInTheWordsOfTheirGolden(t *testing.T) {
	for _, file := range fixtures(t, "wrong") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse("slipway.yaml", source, noVariables)
			var all Errors
			if !errors.As(err, &all) {
				t.Fatalf("it was not refused: %v", err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", []byte(all.Excerpts()+"\n"))
		})
	}
}

func TestPositionsFollowOverrides(t *testing.T) {
	s, err := Load("testdata/good/seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	production, _ := s.Environment("production")
	got := map[string]int{}
	for _, path := range []string{"count", "health.path", "health.interval", "variables.WT_CONFIG", "host", "drain"} {
		got[path] = production.Services[0].At.Of(path).Line
	}
	want := map[string]int{"count": 25, "health.path": 10, "health.interval": 10, "variables.WT_CONFIG": 8, "host": 23, "drain": 5}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}

func noVariables(string) (string, bool) { return "", false }

func TestPassedVariables(t *testing.T) {
	const file = "app: aa\nservice: { variables: { KEY: { from: CI_KEY }, OTHER: { from: NOT_SET } } }\nenvironments: { e: }\n"
	lookup := func(name string) (string, bool) { return "a{tag}b", name == "CI_KEY" }
	s, err := Parse("slipway.yaml", []byte(file), lookup)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Environments[0].Services[0].Containers[0]
	got := slipway.ExpandMap(c.Variables, "v1", "c1")
	if d := cmp.Diff(map[string]string{"KEY": "a{tag}b"}, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]string{"OTHER": "NOT_SET"}, c.Unset); d != "" {
		t.Error(d)
	}
}

func TestLineEndingsDoNotMatter(t *testing.T) {
	source, err := os.ReadFile("testdata/good/several.yaml")
	if err != nil {
		t.Fatal(err)
	}
	unix, err := Parse("slipway.yaml", source, noVariables)
	if err != nil {
		t.Fatal(err)
	}
	for name, changed := range map[string][]byte{
		"CRLF":      bytes.ReplaceAll(source, []byte("\n"), []byte("\r\n")),
		"BOM":       append([]byte("\ufeff"), source...),
		"no ending": bytes.TrimRight(source, "\n"),
	} {
		got, err := Parse("slipway.yaml", changed, noVariables)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(rendered(t, unix), rendered(t, got)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	source, err := os.ReadFile("testdata/good/several.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Parse("slipway.yaml", source, noVariables); err != nil {
			b.Fatal(err)
		}
	}
}
