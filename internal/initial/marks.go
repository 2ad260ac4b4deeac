package initial

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// Marks stand around what a value came from while a script is followed, so that
// $1 can become {env} in the end. They are private-use characters, which no
// script has, and which survive JSON.
const (
	envOpen, envClose   = "\ue000", "\ue001"
	passOpen, passClose = "\ue002", "\ue003" // the name of a variable of CI
	tagMark             = "\ue004"           // the release's tag
	commitMark          = "\ue005"
)

var (
	envMarked  = lazyregexp.New(envOpen + "([^" + envClose + "]*)" + envClose)
	passMarked = lazyregexp.New(passOpen + "([^" + passClose + "]*)" + passClose)
	braceWord  = lazyregexp.New(`\{(\{|[A-Za-z][A-Za-z_-]*\})`)
)

func markEnv(name string) string { return envOpen + name + envClose }

func markPass(name string) string { return passOpen + name + passClose }

// plain is a value without marks, as the script would have it.
func plain(s string) string {
	s = envMarked.ReplaceAllString(s, "$1")
	s = passMarked.ReplaceAllString(s, "$$$1")
	return strings.NewReplacer(tagMark, "{tag}", commitMark, "{commit}").Replace(s)
}

// template is a value as slipway.yaml writes it: what came from the environment's
// name is {env}, unless the script changed its letters.
func template(s, env string) string {
	if braceWord.MatchString(s) {
		s = strings.ReplaceAll(s, "{", "{{") // these braces are none of ours
	}
	s = envMarked.ReplaceAllStringFunc(s, func(m string) string {
		if name := plain(m); name != env {
			return name
		}
		return "{env}"
	})
	return plain(s)
}

// passed are the variables of CI that a value is made of, and whether it is one
// of them and nothing else.
func passed(s string) (names []string, alone bool) {
	for _, m := range passMarked.FindAllStringSubmatch(s, -1) {
		names = append(names, m[1])
	}
	return names, len(names) == 1 && passMarked.ReplaceAllString(s, "") == ""
}
