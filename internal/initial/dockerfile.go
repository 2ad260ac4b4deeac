package initial

import (
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// dockerfile is what a Dockerfile says about running its image.
type dockerfile struct {
	port     int
	portLine int
	health   string // the path that HEALTHCHECK asks for
	args     []string
}

var (
	instruction = lazyregexp.New(`(?i)^\s*(FROM|ARG|ENV|EXPOSE|HEALTHCHECK)\s+(.*)$`)
	localURL    = lazyregexp.New(`https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::[^/\s"']*)?(/[^\s"'|;)]*)?`)
	variable    = lazyregexp.New(`\$\{?([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}?`)
)

// readDockerfile reads the last stage.
func readDockerfile(text string) dockerfile {
	var d dockerfile
	vars := map[string]string{}
	line := 0
	for logical := range logicalLines(text) {
		line = logical.line
		m := instruction.FindStringSubmatch(logical.text)
		if m == nil {
			continue
		}
		value := strings.TrimSpace(m[2])
		switch strings.ToUpper(m[1]) {
		case "FROM":
			d.port, d.health = 0, ""
		case "ARG":
			k, v, _ := strings.Cut(value, "=")
			d.args = append(d.args, k)
			vars[k] = strings.Trim(v, `"'`)
		case "ENV":
			setAll(vars, value)
		case "EXPOSE":
			if d.port == 0 {
				d.port, d.portLine = exposed(value, vars), line
			}
		case "HEALTHCHECK":
			if u := localURL.FindStringSubmatch(value); u != nil {
				d.health = resolve(u[1], vars)
				if d.health == "" {
					d.health = "/"
				}
			}
		}
	}
	return d
}

func exposed(value string, vars map[string]string) int {
	for f := range strings.FieldsSeq(resolve(value, vars)) {
		number, protocol, _ := strings.Cut(f, "/")
		if n, err := strconv.Atoi(number); err == nil && n > 0 && n < 65536 && protocol != "udp" {
			return n
		}
	}
	return 0
}

func setAll(vars map[string]string, value string) {
	if !strings.Contains(strings.Fields(value + " x")[0], "=") {
		k, v, _ := strings.Cut(value, " ")
		vars[k] = resolve(strings.TrimSpace(v), vars)
		return
	}
	for _, m := range assignment.FindAllStringSubmatch(value, -1) {
		vars[m[1]] = resolve(strings.Trim(m[2], `"'`), vars)
	}
}

func resolve(s string, vars map[string]string) string {
	return variable.ReplaceAllStringFunc(s, func(v string) string {
		m := variable.FindStringSubmatch(v)
		if value, ok := vars[m[1]]; ok && value != "" {
			return value
		}
		return m[2]
	})
}

type logicalLine struct {
	text string
	line int
}

// logicalLines joins lines that end in a backslash and leaves comments out.
func logicalLines(text string) func(func(logicalLine) bool) {
	return func(yield func(logicalLine) bool) {
		joined, start := "", 0
		for i, l := range strings.Split(text, "\n") {
			l = strings.TrimRight(l, "\r \t")
			if strings.HasPrefix(strings.TrimSpace(l), "#") {
				continue
			}
			if joined == "" {
				start = i + 1
			}
			if rest, more := strings.CutSuffix(l, `\`); more {
				joined += rest + " "
				continue
			}
			if !yield(logicalLine{joined + l, start}) {
				return
			}
			joined = ""
		}
	}
}
