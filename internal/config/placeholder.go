package config

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// placeholders are all there are. {tag} and {commit} are known only at a deploy.
var placeholders = []string{"env", "app", "tag", "commit"}

var braces = lazyregexp.New(`\{\{|\{[A-Za-z][A-Za-z_-]*\}`)

// fill puts an environment's name and the application's into a text. A late text
// keeps {tag}, {commit} and {{ for slipway.Expand.
func (b *builder) fill(n *node, late bool) string {
	return braces.ReplaceAllStringFunc(n.text, func(found string) string {
		switch found {
		case "{env}":
			return b.env
		case "{app}":
			return b.app
		case "{{":
			if late {
				return found
			}
			return "{"
		case "{tag}", "{commit}":
			if !late {
				b.found.add(n.at, `tag: "{tag}-{env}"`, "%s is known only at a deploy: it can stand in image tags and references, build arguments, variables and commands", found)
			}
			return found
		}
		hint := "known are {env}, {app}, {tag} and {commit}"
		if almost := nearest(strings.ToLower(strings.Trim(found, "{}")), placeholders); almost != "" {
			hint = "did you mean {" + almost + "}?"
		}
		b.found.add(n.at, "", "unknown placeholder %s; %s A brace as such is written {{", found, strings.TrimSuffix(hint, ".")+punctuation(hint))
		return found
	})
}

func punctuation(s string) string {
	if strings.HasSuffix(s, "?") {
		return ""
	}
	return "."
}
