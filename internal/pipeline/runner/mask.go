package runner

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// hidden is what stands for a secret, as on Travis.
const hidden = "[secure]"

// mask takes secrets out of lines.
type mask struct{ replacer *strings.Replacer }

// newMask hides the values; one of fewer than three characters would hide half of
// every line, and is no secret.
func newMask(secrets []string) *mask {
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range secrets {
		for part := range strings.Lines(s) {
			if part = strings.TrimRight(part, "\r\n"); len(part) >= 3 {
				pairs = append(pairs, part, hidden)
			}
		}
	}
	return &mask{strings.NewReplacer(pairs...)}
}

// password is the registry's in what `aws ecr get-login` prints and set -x shows.
var password = lazyregexp.New(`(docker login .*?(?:-p|--password)[ =]'?)[^\s']{3,}`)

func (m *mask) line(s string) string {
	if strings.Contains(s, "docker login") {
		s = password.ReplaceAllString(s, "${1}"+hidden)
	}
	return m.replacer.Replace(s)
}
