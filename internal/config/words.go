package config

import "strings"

// words are a command's: a list as it is, a text split where a shell splits it.
func (b *builder) words(n *node) []string {
	if n.empty() {
		return nil
	}
	if n.kind == list {
		var all []string
		for _, i := range n.items {
			all = append(all, b.fill(i, true))
		}
		return all
	}
	words, wrong := split(b.fill(n, true))
	if wrong != "" {
		b.found.add(n.at, `[sh, -c, "a | b"]`, "the command %s %s", quote(n.text), wrong)
	}
	return words
}

// split is a shell's word splitting with quotes and backslashes, and none of
// what a shell would do besides: that needs a shell in the image, by name.
func split(s string) (words []string, wrong string) {
	var word strings.Builder
	var quoted rune
	in, escaped := false, false
	for _, r := range s {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quoted != '\'':
			escaped, in = true, true
		case quoted != 0 && r == quoted:
			quoted = 0
		case quoted != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quoted, in = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if in {
				words = append(words, word.String())
				word.Reset()
			}
			in = false
		case strings.ContainsRune("|&;<>$`()", r):
			return nil, "needs a shell for " + quote(string(r)) + ": name it"
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if quoted != 0 || escaped {
		return nil, "has a quote that does not end"
	}
	if in {
		words = append(words, word.String())
	}
	return words, ""
}
