package main

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden file anew")

func TestGeneratedTreeIsUpToDate(t *testing.T) {
	const out = "../../internal/awsapi"
	files, err := Generate("../../models", out+"/operations")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(out, path))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what awsgen writes (%v): run make generate", path, err)
		}
	}
	found, err := filepath.Glob(out + "/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(files) {
		t.Errorf("%d files below %s, awsgen writes %d: remove what is left over", len(found), out, len(files))
	}
}

func TestTinyModelGolden(t *testing.T) {
	files, err := Generate("testdata/models", "testdata/operations")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, path := range slices.Sorted(maps.Keys(files)) {
		got.WriteString("-- " + path + " --\n" + string(files[path]))
	}
	const golden = "testdata/tiny-boats.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("generated code differs (-want +got), -update writes it anew:\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	const shapes = `{"metadata":{},"operations":{"Go":{"input":{"shape":"In"}}},"shapes":{"In":{"type":"structure","members":{"A":{"shape":"A"}}},"A":%A%}}`
	for name, c := range map[string]struct{ list, a, want string }{
		"an operation that is not in the model": {"Go # far\nGetLost\n", `{"type":"string"}`, "no operation GetLost"},
		"a fact that awsgen does not know":      {"Go", `{"type":"list","member":{"shape":"A","flattened":true}}`, "flattened"},
		"a type that awsgen does not know":      {"Go", `{"type":"bigdecimal"}`, "bigdecimal"},
		"a map that names its keys":             {"Go", `{"type":"map","key":{"shape":"A","locationName":"k"},"value":{"shape":"A"}}`, "the map A"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file, list := filepath.Join(dir, "m.json"), filepath.Join(dir, "m.txt")
			for path, text := range map[string]string{file: strings.Replace(shapes, "%A%", c.a, 1), list: c.list} {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := readModel(file, list); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestCamel(t *testing.T) {
	for in, want := range map[string]string{"FARGATE_SPOT": "FargateSpot", "t3.small": "T3Small", "ecs:cluster": "EcsCluster", "healthy": "Healthy", "": "Empty", "*": "Empty"} {
		if got := camel(in); got != want {
			t.Errorf("camel(%q) = %q, want %q", in, got, want)
		}
	}
}
