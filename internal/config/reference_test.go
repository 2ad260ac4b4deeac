package config

import (
	"regexp"
	"strings"
	"testing"
)

const page = "../../docs/file.md"

func TestReferencePage(t *testing.T) { golden(t, page, Reference()) }

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
