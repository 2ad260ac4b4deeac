package writers

import (
	"bytes"
	"fmt"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// What is ours stands between two comments; the rest of a file is never touched.
func begin(command string) string {
	return "# slipway ci: begin (slipway ci write " + command + " writes this anew)"
}

const end = "# slipway ci: end"

var marks = lazyregexp.New(`(?m)^([ \t]*)# slipway ci: begin[^\n]*\n(?s:.*?)^[ \t]*# slipway ci: end[^\n]*\n?`)

// block puts marks around text.
func block(indent, command string, text []byte) []byte {
	text = bytes.Trim(text, "\n")
	return fmt.Appendf(nil, "%s%s\n%s\n%s%s\n", indent, begin(command), text, indent, end)
}

// blocks are where ours are in a file: start, end and the indentation of each.
// A begin without an end is an error: what would be replaced is not sure.
func blocks(existing []byte, file string) ([]found, error) {
	var all []found
	for _, m := range marks.FindAllSubmatchIndex(existing, -1) {
		all = append(all, found{m[0], m[1], string(existing[m[2]:m[3]])})
	}
	if n := bytes.Count(existing, []byte("# slipway ci: begin")); n != len(all) || n != bytes.Count(existing, []byte(end)) {
		return nil, fmt.Errorf("%s has a line %q without its pair; put it back, or remove both", file, end)
	}
	return all, nil
}

type found struct {
	start, end int
	indent     string
}

// replace puts text where old stands.
func replace(existing []byte, old found, text []byte) []byte {
	return bytes.Join([][]byte{existing[:old.start], text, existing[old.end:]}, nil)
}
