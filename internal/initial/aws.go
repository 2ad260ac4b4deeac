package initial

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// flags are a command's options; an option without a value has "".
func flags(args []string) map[string]string {
	f := map[string]string{}
	for i := 0; i < len(args); i++ {
		name, ok := strings.CutPrefix(args[i], "--")
		if !ok {
			continue
		}
		if n, v, ok := strings.Cut(name, "="); ok {
			f[n] = v
			continue
		}
		f[name] = ""
		if i+1 < len(args) && !strings.HasPrefix(args[i+1], "--") {
			f[name] = args[i+1]
			i++
		}
	}
	return f
}

// awsCall is the service and operation of an aws command, its global options
// left aside.
func awsCall(args []string) (operation string, rest []string) {
	if len(args) == 0 || args[0] != "aws" {
		return "", nil
	}
	var words []string
	for i := 1; i < len(args); i++ {
		switch {
		case strings.HasPrefix(args[i], "--") && len(words) < 2:
			rest = append(rest, args[i])
			if !strings.Contains(args[i], "=") && i+1 < len(args) && takesValue(args[i]) {
				i++
				rest = append(rest, args[i])
			}
		case len(words) < 2:
			words = append(words, args[i])
		default:
			rest = append(rest, args[i])
		}
	}
	return strings.Join(words, " "), rest
}

func takesValue(option string) bool {
	return option == "--region" || option == "--profile" || option == "--output" || option == "--query" || option == "--endpoint-url"
}

// ecrHost is an account's registry; the seed writes xxxxxx and region.
var ecrHost = lazyregexp.New(`^([^./]+)\.dkr\.ecr\.([^./]+)\.amazonaws\.com(\.cn)?$`)

var loopback = lazyregexp.New(`^(127\.[0-9.]+|localhost|\[::1\]):[0-9]+$`)

// reference is an image reference in its parts.
type reference struct {
	host, name, tag string
	// account and region are those of an ECR host, "" where it shows none.
	account, region string
	ecr             bool
}

func parseReference(s string) reference {
	var r reference
	r.name = s
	if first, rest, ok := strings.Cut(s, "/"); ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		r.host, r.name = first, rest
	}
	if !strings.Contains(r.name, "@") {
		if i := strings.LastIndexByte(r.name, ':'); i >= 0 {
			r.name, r.tag = r.name[:i], r.name[i+1:]
		}
	}
	if loopback.MatchString(r.host) {
		r.ecr = true // the engine's ECR
	}
	if m := ecrHost.FindStringSubmatch(r.host); m != nil {
		r.ecr = true
		if twelve.MatchString(m[1]) {
			r.account = m[1]
		}
		if regional.MatchString(m[2]) {
			r.region = m[2]
		}
	}
	return r
}

var (
	twelve   = lazyregexp.New(`^[0-9]{12}$`)
	regional = lazyregexp.New(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

// lineOf is the line of source that text stands in first, or 0.
func lineOf(source, text string) int {
	before, _, ok := strings.Cut(source, text)
	if !ok || text == "" {
		return 0
	}
	return strings.Count(before, "\n") + 1
}

// note is something that the user has to know.
type note struct {
	file string
	line int
	text string
}

func (n note) String() string {
	switch {
	case n.file == "":
		return n.text
	case n.line == 0:
		return n.file + ": " + n.text
	}
	return fmt.Sprintf("%s:%d: %s", n.file, n.line, n.text)
}
