package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestReferencePage(t *testing.T) { golden(t, "../../docs/file.md", Reference()) }

// Editors find the schema beside the page.
func TestReferenceSchema(t *testing.T) { golden(t, "../../docs/slipway.schema.json", Schema()) }

func TestExamplesOfTheRepositoryLoad(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/slipway.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	schema := schemaOf(t)
	for _, file := range files {
		if _, err := Load(file); err != nil {
			t.Error(err)
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if wrong := invalid(schema, schema, asJSON(t, string(source))); wrong != "" {
			t.Errorf("%s: the schema refuses it: %s", file, wrong)
		}
	}
}

var fenced = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestExamplesOfThePageLoad(t *testing.T) {
	schema := schemaOf(t)
	examples := fenced.FindAllStringSubmatch(string(Reference()), -1)
	if len(examples) < 3 {
		t.Fatalf("only %d examples", len(examples))
	}
	for _, e := range examples {
		if _, err := Parse("slipway.yaml", []byte(e[1]), noVariables); err != nil {
			t.Errorf("%v in\n%s", err, e[1])
		}
		if wrong := invalid(schema, schema, asJSON(t, e[1])); wrong != "" {
			t.Errorf("the schema refuses %s: %s", strings.SplitN(e[1], "\n", 2)[0], wrong)
		}
	}
}
