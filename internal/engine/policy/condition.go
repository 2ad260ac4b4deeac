package policy

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// condition is one key of one operator of a Condition element.
type condition struct {
	operator
	key      key
	operands []operand
}

// operator is a condition operator with its prefix and suffix.
type operator struct {
	name     string
	family   family
	want     comparison
	negated  bool
	set      quantifier
	ifExists bool
}

type family byte

const (
	text family = iota
	textFold
	like
	numeric
	date
	boolean
	binary
	address
	arnLike
	null
)

type comparison byte

const (
	equal comparison = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

type quantifier byte

const (
	plain quantifier = iota // no ForAnyValue, no ForAllValues
	anyValue
	allValues
)

// operators are those of "IAM JSON policy elements: Condition operators".
var operators = map[string]operator{
	"StringEquals":              {family: text},
	"StringNotEquals":           {family: text, negated: true},
	"StringEqualsIgnoreCase":    {family: textFold},
	"StringNotEqualsIgnoreCase": {family: textFold, negated: true},
	"StringLike":                {family: like},
	"StringNotLike":             {family: like, negated: true},
	"NumericEquals":             {family: numeric},
	"NumericNotEquals":          {family: numeric, negated: true},
	"NumericLessThan":           {family: numeric, want: less},
	"NumericLessThanEquals":     {family: numeric, want: lessOrEqual},
	"NumericGreaterThan":        {family: numeric, want: greater},
	"NumericGreaterThanEquals":  {family: numeric, want: greaterOrEqual},
	"DateEquals":                {family: date},
	"DateNotEquals":             {family: date, negated: true},
	"DateLessThan":              {family: date, want: less},
	"DateLessThanEquals":        {family: date, want: lessOrEqual},
	"DateGreaterThan":           {family: date, want: greater},
	"DateGreaterThanEquals":     {family: date, want: greaterOrEqual},
	"Bool":                      {family: boolean},
	"BinaryEquals":              {family: binary},
	"IpAddress":                 {family: address},
	"NotIpAddress":              {family: address, negated: true},
	"ArnEquals":                 {family: arnLike},
	"ArnLike":                   {family: arnLike},
	"ArnNotEquals":              {family: arnLike, negated: true},
	"ArnNotLike":                {family: arnLike, negated: true},
	"Null":                      {family: null},
}

func parseOperator(name string) (operator, bool) {
	base, set := name, plain
	if rest, ok := strings.CutPrefix(base, "ForAnyValue:"); ok {
		base, set = rest, anyValue
	} else if rest, ok := strings.CutPrefix(base, "ForAllValues:"); ok {
		base, set = rest, allValues
	}
	base, ifExists := strings.CutSuffix(base, "IfExists")
	op, ok := operators[base]
	if op.family == null && ifExists {
		return operator{}, false // Null asks for existence itself
	}
	op.name, op.set, op.ifExists = name, set, ifExists
	return op, ok
}

// operand is a value in the policy, read once.
type operand struct {
	pattern pattern
	number  float64
	time    time.Time
	bytes   []byte
	network netip.Prefix
	truth   bool
	arn     []pattern
}

// operand reads a value for the operator; variables tells whether the document
// knows them. Only text, ARN and boolean operators take variables.
func (op *operator) operand(s string, variables bool) (o operand, ok bool) {
	switch op.family {
	case text, textFold:
		o.pattern, ok = compile(s, false, variables), true
	case like:
		o.pattern, ok = compile(s, true, variables), true
	case arnLike:
		o.arn, ok = compileARN(s, variables), true
	case boolean:
		o.pattern = compile(s, false, variables)
		ok = o.pattern.kind == template || strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
	case null:
		o.truth = strings.EqualFold(s, "true")
		ok = o.truth || strings.EqualFold(s, "false")
	case numeric:
		o.number, ok = parseNumber(s)
	case date:
		o.time, ok = parseDate(s)
	case binary:
		bytes, err := base64.StdEncoding.DecodeString(s)
		o.bytes, ok = bytes, err == nil
	case address:
		o.network, ok = parseNetwork(s)
	}
	return o, ok
}

// variables calls f for each key that the values refer to.
func (c *condition) variables(f func(key)) {
	for i := range c.operands {
		c.operands[i].pattern.variables(f)
		for j := range c.operands[i].arn {
			c.operands[i].arn[j].variables(f)
		}
	}
}

// holds evaluates the condition. An absent key fails a condition, unless the
// operator is negated, ends in IfExists or begins with ForAllValues; one with
// ForAnyValue fails even when negated.
func (c *condition) holds(e *evaluation) bool {
	v := e.values(c.key)
	if c.family == null {
		return c.null(v.len() == 0)
	}
	if v.len() == 0 || c.set != plain && v.empty() {
		switch {
		case c.ifExists, c.set == allValues:
			return true
		case c.set == anyValue:
			return false
		}
		return c.negated
	}
	switch c.set {
	case allValues:
		for i := range v.len() {
			if c.matches(e, v.at(i)) == c.negated {
				return false
			}
		}
		return true
	case anyValue:
		for i := range v.len() {
			if c.matches(e, v.at(i)) != c.negated {
				return true
			}
		}
		return false
	}
	for i := range v.len() {
		if c.matches(e, v.at(i)) {
			return !c.negated
		}
	}
	return c.negated
}

func (c *condition) null(absent bool) bool {
	for i := range c.operands {
		if c.operands[i].truth == absent {
			return true
		}
	}
	return false
}

// matches tells whether a value is any of the operands, without negation.
func (c *condition) matches(e *evaluation, value string) bool {
	for i := range c.operands {
		if c.compare(e, &c.operands[i], value) {
			return true
		}
	}
	return false
}

func (c *condition) compare(e *evaluation, o *operand, value string) bool {
	switch c.family {
	case text, like:
		return o.pattern.matches(e, value, false)
	case textFold, boolean:
		want, ok := o.pattern.expand(e)
		return ok && strings.EqualFold(want, value)
	case numeric:
		n, ok := parseNumber(value)
		return ok && c.want.holds(compareFloat(n, o.number))
	case date:
		t, ok := parseDate(value)
		return ok && c.want.holds(t.Compare(o.time))
	case binary:
		raw, err := base64.StdEncoding.DecodeString(value)
		return err == nil && bytes.Equal(raw, o.bytes)
	case address:
		a, err := netip.ParseAddr(value)
		return err == nil && o.network.Contains(a.Unmap().WithZone(""))
	case arnLike:
		return matchARN(e, o.arn, value)
	}
	return false
}

func (want comparison) holds(order int) bool {
	switch want {
	case less:
		return order < 0
	case lessOrEqual:
		return order <= 0
	case greater:
		return order > 0
	case greaterOrEqual:
		return order >= 0
	}
	return order == 0
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// parseNumber reads an integer or decimal; ParseFloat alone would also take
// "Inf", "NaN" and hexadecimal.
func parseNumber(s string) (float64, bool) {
	if strings.Trim(s, "+-.0123456789eE") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// dates are the W3C's forms of ISO 8601; without a zone it is UTC. A fraction of
// a second is taken with any that has seconds.
var dates = []string{
	time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04",
	time.DateOnly, "2006-01", "20060102T150405Z",
}

// parseDate reads a date or a number of seconds since 1970; a lone year is such
// a number.
func parseDate(s string) (time.Time, bool) {
	if !strings.ContainsAny(s, "-Tt") || strings.LastIndexByte(s, '-') == 0 {
		n, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(n, 0), err == nil
	}
	s = strings.ToUpper(s)
	for _, layout := range dates {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// parseNetwork reads a CIDR block, or an address for a block of just that one.
func parseNetwork(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// compileARN compiles each of an ARN's six parts by itself: a wildcard in one
// does not reach into the next. "*" alone is every ARN.
func compileARN(s string, variables bool) []pattern {
	if s == "*" {
		s = "*:*:*:*:*:*"
	}
	var parts []pattern
	for len(parts) < 5 {
		at := colon(s)
		if at < 0 {
			break
		}
		parts = append(parts, compile(s[:at], true, variables))
		s = s[at+1:]
	}
	return append(parts, compile(s, true, variables))
}

// colon is the first colon outside a variable.
func colon(s string) int {
	inside := false
	for i := range len(s) {
		switch {
		case s[i] == '$' && i+1 < len(s) && s[i+1] == '{':
			inside = true
		case s[i] == '}':
			inside = false
		case s[i] == ':' && !inside:
			return i
		}
	}
	return -1
}

func matchARN(e *evaluation, parts []pattern, arn string) bool {
	if len(parts) != 6 {
		return false
	}
	for i := range 5 {
		part, rest, ok := strings.Cut(arn, ":")
		if !ok || !parts[i].matches(e, part, false) {
			return false
		}
		arn = rest
	}
	return parts[5].matches(e, arn, false)
}
