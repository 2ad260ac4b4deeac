package wire

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// maxViolations bounds how many violations are collected.
const maxViolations = 20

// violation is one way in which an input breaks its model.
type violation struct {
	kind violationKind
	// path is where: "containerDefinitions.1.member.name", EC2 "Filter.1.Name".
	path string
	// owner is the structure that misses member.
	owner  *awsapi.Shape
	member *awsapi.Member
	shape  *awsapi.Shape
	// value is how a service shows it; not of a missing or sensitive one.
	value string
	// bound is the length or number that is broken.
	bound float64
}

type violationKind uint8

const (
	missing violationKind = iota
	notInEnum
	notInPattern
	tooShort
	tooLong
	tooSmall
	tooLarge
)

// validator walks an input and collects what the model does not allow.
type validator struct {
	ec2   bool
	found []violation
}

func validate(v reflect.Value, p *plan, ec2 bool) []violation {
	c := validator{ec2: ec2}
	c.structure(v, p, "")
	return c.found
}

func (c *validator) add(x violation) {
	if len(c.found) < maxViolations {
		c.found = append(c.found, x)
	}
}

func (c *validator) structure(v reflect.Value, p *plan, path string) {
	for i := range p.fields {
		f := &p.fields[i]
		fv := v.Field(f.at)
		if fv.IsZero() {
			if f.member.Required {
				c.add(violation{kind: missing, path: c.below(path, f), owner: p.shape, member: f.member, shape: f.plan.shape})
			}
			continue
		}
		if !f.plan.checked() {
			continue
		}
		if f.pointer {
			fv = fv.Elem()
		}
		c.value(fv, f.plan, c.below(path, f))
	}
}

// checked tells whether there is anything about a value to check.
func (p *plan) checked() bool {
	switch s := p.shape; s.Kind {
	case awsapi.Structure, awsapi.List, awsapi.Map:
		return true
	default:
		return s.HasMin || s.HasMax || s.Pattern != "" || len(s.Enum) > 0
	}
}

func (c *validator) below(path string, f *field) string {
	name := f.param
	if !c.ec2 {
		name = lowerFirst(f.member.Name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// element is the path of a list's element or a map's value.
func (c *validator) element(path, at string) string {
	if c.ec2 {
		return path + "." + at
	}
	return path + "." + at + ".member"
}

func (c *validator) value(v reflect.Value, p *plan, path string) {
	switch s := p.shape; s.Kind {
	case awsapi.Structure:
		c.structure(v, p, path)
	case awsapi.List:
		c.length(v.Len(), func() string { return showList(v) }, s, path)
		if !p.elem.checked() {
			return
		}
		for i := range v.Len() {
			c.value(v.Index(i), p.elem, c.element(path, strconv.Itoa(i+1)))
		}
	case awsapi.Map:
		c.length(v.Len(), func() string { return "{" + strconv.Itoa(v.Len()) + " entries}" }, s, path)
		if p.key.checked() || p.value.checked() {
			c.entries(v, p, path)
		}
	case awsapi.String:
		c.text(v.String(), s, path)
	case awsapi.Blob:
		c.length(v.Len(), func() string { return strconv.Itoa(v.Len()) + " bytes" }, s, path)
	case awsapi.Integer, awsapi.Long:
		c.number(float64(v.Int()), func() string { return strconv.FormatInt(v.Int(), 10) }, s, path)
	case awsapi.Float:
		c.number(v.Float(), func() string { return string(appendFloat(nil, v.Float())) }, s, path)
	}
}

func (c *validator) entries(v reflect.Value, p *plan, path string) {
	for _, k := range sortedKeys(v) {
		at := c.element(path, k.String())
		c.value(k, p.key, at)
		c.value(addressable(v.MapIndex(k)), p.value, at)
	}
}

// beyond are values that EC2 takes beyond its model's enumerations: the account
// attributes that its API reference names, and Slipway's own instance type.
var beyond = map[string][]string{
	"AccountAttributeName": {"max-elastic-ips", "max-instances", "vpc-max-elastic-ips", "vpc-max-security-groups-per-interface"},
	"InstanceType":         {"host"},
}

// text checks a string: its enum, else its pattern and its length, in the order
// in which AWS reports them.
func (c *validator) text(text string, s *awsapi.Shape, path string) {
	show := func() string { return text }
	if c.ec2 && slices.Contains(beyond[s.Name], text) {
		return
	}
	if len(s.Enum) > 0 {
		for _, known := range s.Enum {
			if known == text {
				return
			}
		}
		c.broken(notInEnum, show, s, path, 0)
		return
	}
	if re := pattern(s.Pattern); re != nil && !re.MatchString(text) {
		c.broken(notInPattern, show, s, path, 0)
	}
	if s.HasMin || s.HasMax {
		c.length(utf8.RuneCountInString(text), show, s, path)
	}
}

func (c *validator) length(n int, show func() string, s *awsapi.Shape, path string) {
	switch {
	case s.HasMin && float64(n) < s.Min:
		c.broken(tooShort, show, s, path, s.Min)
	case s.HasMax && float64(n) > s.Max:
		c.broken(tooLong, show, s, path, s.Max)
	}
}

func (c *validator) number(n float64, show func() string, s *awsapi.Shape, path string) {
	switch {
	case s.HasMin && n < s.Min:
		c.broken(tooSmall, show, s, path, s.Min)
	case s.HasMax && n > s.Max:
		c.broken(tooLarge, show, s, path, s.Max)
	}
}

func (c *validator) broken(kind violationKind, show func() string, s *awsapi.Shape, path string, bound float64) {
	x := violation{kind: kind, path: path, shape: s, bound: bound}
	if !s.Sensitive {
		x.value = shorten(show(), 1024)
	}
	c.add(x)
}

// showList shows a list of strings as Java does, others by their length.
func showList(v reflect.Value) string {
	if v.Type().Elem().Kind() != reflect.String {
		if v.Len() == 0 {
			return "[]"
		}
		return "[" + strconv.Itoa(v.Len()) + " members]"
	}
	var all []string
	for i := range min(v.Len(), 100) {
		all = append(all, v.Index(i).String())
	}
	return "[" + strings.Join(all, ", ") + "]"
}
