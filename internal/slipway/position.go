package slipway

import (
	"fmt"
	"strings"
)

// Position is a place in the file, for messages.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// String is the place as compilers write it: slipway.yaml:14:7.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Positions tell where the values of a noun stand in the file, by their path
// there: "health.path", "variables.LOG_LEVEL"; "" is the noun itself.
type Positions map[string]Position

// Of is where the value at path stands; what the file leaves to a default
// stands where the nearest thing around it does.
func (p Positions) Of(path string) Position {
	for {
		if at, ok := p[path]; ok || path == "" {
			return at
		}
		path = path[:max(0, strings.LastIndexByte(path, '.'))]
	}
}
