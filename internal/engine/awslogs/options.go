package awslogs

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// options are a container's log options. Both delivery modes are honoured as they
// stand: what a container writes waits on the daemon's disk, so it neither blocks
// nor is dropped for want of a buffer.
type options struct {
	group, region, prefix string
	create                bool
	// begin matches the lines that begin an event; with nil every line is one.
	begin *regexp.Regexp
}

// served are the options that have a meaning here, from "Send Amazon ECS logs to
// CloudWatch" in the developer guide.
var served = []string{"awslogs-group", "awslogs-region", "awslogs-stream-prefix", "awslogs-create-group", "awslogs-datetime-format", "awslogs-multiline-pattern", "mode", "max-buffer-size"}

// dockers are options that Docker's own driver has besides.
// https://docs.docker.com/engine/logging/drivers/awslogs/
var dockers = []string{"awslogs-endpoint", "awslogs-stream", "awslogs-create-stream", "awslogs-credentials-endpoint", "awslogs-force-flush-interval-seconds",
	"awslogs-max-buffered-events", "awslogs-format", "tag", "cache-disabled", "cache-max-size", "cache-max-file", "cache-compress"}

// size is a number of bytes as Docker reads it.
var size = lazyregexp.New(`^\d+(\.\d+)? ?(?i:[kmgtp]i?)?b?$`)

// parse reads the options; what it refuses is a reason that a container cannot be
// made.
func parse(given map[string]string) (options, error) {
	for name := range given {
		switch {
		case slices.Contains(served, name):
		case slices.Contains(dockers, name):
			return options{}, fmt.Errorf("log opt '%s' for awslogs log driver is not served by this engine", name)
		default:
			return options{}, fmt.Errorf("unknown log opt '%s' for awslogs log driver", name)
		}
	}
	o := options{group: given["awslogs-group"], region: given["awslogs-region"], prefix: given["awslogs-stream-prefix"]}
	if s := given["awslogs-create-group"]; s != "" {
		create, err := strconv.ParseBool(s)
		if err != nil {
			return o, fmt.Errorf("must specify valid value for log opt 'awslogs-create-group': %v", err)
		}
		o.create = create
	}
	if s := given["max-buffer-size"]; s != "" && !size.MatchString(strings.ToLower(s)) {
		return o, fmt.Errorf("error parsing option max-buffer-size: invalid size: '%s'", s)
	}
	if given["max-buffer-size"] != "" && given["mode"] == "blocking" {
		return o, fmt.Errorf("logger: max-buffer-size option is only supported with 'mode=non-blocking'")
	}
	var err error
	o.begin, err = beginning(given["awslogs-datetime-format"], given["awslogs-multiline-pattern"])
	return o, err
}

// beginning is the expression that a line matches which begins an event.
func beginning(format, pattern string) (*regexp.Regexp, error) {
	switch {
	case format != "" && pattern != "":
		return nil, fmt.Errorf("you cannot configure log opt 'awslogs-datetime-format' and 'awslogs-multiline-pattern' at the same time")
	case format != "":
		begin, err := regexp.Compile(datetime(format))
		if err != nil {
			return nil, fmt.Errorf("awslogs could not parse datetime format '%s': %w", format, err)
		}
		return begin, nil
	case pattern != "":
		begin, err := regexp.Compile(pattern)
		if err != nil {
			return nil, fmt.Errorf("awslogs could not parse multiline pattern key '%s': %w", pattern, err)
		}
		return begin, nil
	}
	return nil, nil
}

// codes are strftime's, those that Docker's driver knows, as expressions.
var codes = map[byte]string{
	'a': `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)`,
	'A': `(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)`,
	'b': `(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)`,
	'B': `(?:January|February|March|April|May|June|July|August|September|October|November|December)`,
	'd': `(?:0[1-9]|[12]\d|3[01])`,
	'f': `\d{6}`,
	'H': `(?:[01]\d|2[0-3])`,
	'I': `(?:0[1-9]|1[0-2])`,
	'j': `(?:0[1-9]\d|00[1-9]|[12]\d\d|3[0-5]\d|36[0-6])`,
	'L': `\.\d{3}`,
	'm': `(?:0[1-9]|1[0-2])`,
	'M': `[0-5]\d`,
	'p': `[AP]M`,
	'S': `[0-5]\d`,
	'w': `[0-6]`,
	'y': `\d{2}`,
	'Y': `\d{4}`,
	'z': `[+-]\d{4}`,
	'Z': `[A-Z]{1,4}T`,
	'%': `%`,
}

// datetime turns a strftime format into an expression. Beside its codes the format
// is an expression already: brackets stand behind backslashes.
func datetime(format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] == '%' && i+1 < len(format) && codes[format[i+1]] != "" {
			i++
			b.WriteString(codes[format[i]])
			continue
		}
		b.WriteByte(format[i])
	}
	return b.String()
}
