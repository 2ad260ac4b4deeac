package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryMistakeOfTheFileIsAnErrorOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "slipway.yaml")
	if err := os.WriteFile(file, []byte("app: demo\nservice: { prot: 1, helth: / }\nenvironments: { a: }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := Main([]string{"plan", "--file", file}, strings.NewReader(""), &out, &errs); code != exitRefused {
		t.Errorf("exit %d", code)
	}
	want := `error: slipway.yaml:2:12: unknown key "prot"; did you mean "port"?
error: slipway.yaml:2:21: unknown key "helth"; did you mean "health"?
`
	if d := cmp.Diff(want, strings.ReplaceAll(errs.String(), dir+"/", "")); d != "" || out.Len() != 0 {
		t.Errorf("%s\nstandard output: %s", d, out.String())
	}
}

func TestSchemaIsPrinted(t *testing.T) {
	var out, errs bytes.Buffer
	if code := Main([]string{"schema"}, strings.NewReader(""), &out, &errs); code != exitDone || !strings.Contains(out.String(), `"$schema": "http://json-schema.org/draft-07/schema#"`) {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}
