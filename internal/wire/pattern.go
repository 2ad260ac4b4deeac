package wire

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

var patterns sync.Map // a model's pattern → *regexp.Regexp, nil where Go has no such pattern

// pattern is a model's pattern as a Go one, for whole texts: AWS matches those
// also where the pattern is not anchored. Nil checks nothing; the test
// TestPatternsCompile holds what that is the case for.
func pattern(java string) *regexp.Regexp {
	if java == "" {
		return nil
	}
	if found, ok := patterns.Load(java); ok {
		return found.(*regexp.Regexp)
	}
	re, err := regexp.Compile(`\A(?:` + translate(java) + `)\z`)
	if err != nil {
		re = nil
	}
	patterns.Store(java, re)
	return re
}

// byHand are patterns with a lookahead, which Go's do not have, written without.
var byHand = map[string]string{
	// acm: labels of up to 63 characters that neither begin nor end with a hyphen
	`(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])`: `(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]`,
	// application-autoscaling: neither controls nor : / | anywhere, no space at the ends
	`(?!((^[ ]+.*)|(.*([\u0000-\u001f]|[\u007f-\u009f]|[:/|])+.*)|(.*[ ]+$))).+`: `[^\x00- \x7f-\x{9f}:/|]([^\x00-\x1f\x7f-\x{9f}:/|]*[^\x00- \x7f-\x{9f}:/|])?`,
	// events: anything on one line that is not all spaces
	`^(?!\s*$).+`: `.*[^\s\n].*`,
	// iam: no two hyphens in a row and none at the ends; the length is checked apart
	`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`: `[a-z0-9](-?[a-z0-9])*`,
}

var javaUnicode = lazyregexp.New(`(?:\\u[0-9A-Fa-f]{4})+`)

// translate spells a Java pattern for Go: its escapes of UTF-16 units, of which
// two may make one character, and its classes.
func translate(java string) string {
	if by, ok := byHand[java]; ok {
		return by
	}
	java = strings.ReplaceAll(java, `\p{Print}`, `[\x20-\x7e]`)
	return javaUnicode.ReplaceAllStringFunc(java, func(escapes string) string {
		var out strings.Builder
		for i := 0; i < len(escapes); i += 6 {
			unit, _ := strconv.ParseInt(escapes[i+2:i+6], 16, 32) // the pattern lets nothing else through
			if 0xD800 <= unit && unit < 0xDC00 && i+12 <= len(escapes) {
				low, _ := strconv.ParseInt(escapes[i+8:i+12], 16, 32)
				unit = 0x10000 + (unit-0xD800)<<10 + (low - 0xDC00)
				i += 6
			}
			out.WriteString(`\x{` + strconv.FormatInt(unit, 16) + `}`)
		}
		return out.String()
	})
}
