package wire

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// maxViolations bounds how many violations one answer lists.
const maxViolations = 10

// violation is one member that breaks its model.
type violation struct {
	path  string // "containerDefinitions.1.member.name"
	value string // as it is shown; "null" for a missing one
	must  string
	miss  bool
}

// validator walks an input and collects what the model does not allow.
type validator struct{ found []violation }

func validate(svc *awsapi.Service, v reflect.Value, p *plan) error {
	var c validator
	c.structure(v, p, "")
	if len(c.found) == 0 {
		return nil
	}
	return refusal(svc, c.found)
}

func (c *validator) add(path, value, must string, miss bool) {
	if len(c.found) < maxViolations {
		c.found = append(c.found, violation{path, value, must, miss})
	}
}

func (c *validator) structure(v reflect.Value, p *plan, path string) {
	for i := range p.fields {
		f := &p.fields[i]
		fv, present := presentField(v, f)
		if !present {
			if f.member.Required {
				c.add(dotted(path, lowerFirst(f.member.Name)), "null", "Member must not be null", true)
			}
			continue
		}
		if f.plan.plain() {
			continue
		}
		c.value(fv, f.plan, dotted(path, lowerFirst(f.member.Name)))
	}
}

// plain tells that a plan has nothing to validate.
func (p *plan) plain() bool {
	s := p.shape
	if s.HasMin || s.HasMax || s.Pattern != "" || len(s.Enum) > 0 {
		return false
	}
	return s.Kind != awsapi.Structure && s.Kind != awsapi.List && s.Kind != awsapi.Map
}

func dotted(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[n:]
}

func (c *validator) value(v reflect.Value, p *plan, path string) {
	s := p.shape
	switch s.Kind {
	case awsapi.Structure:
		c.structure(v, p, path)
	case awsapi.List:
		c.length(v.Len(), "["+strconv.Itoa(v.Len())+" members]", s, path)
		if p.elem.plain() {
			return
		}
		for i := range v.Len() {
			c.value(v.Index(i), p.elem, path+"."+strconv.Itoa(i+1)+".member")
		}
	case awsapi.Map:
		c.length(v.Len(), "{"+strconv.Itoa(v.Len())+" members}", s, path)
		for it := v.MapRange(); it.Next(); {
			key := path + "." + it.Key().String() + ".member"
			c.value(it.Key(), p.key, key)
			if !p.value.plain() {
				c.value(it.Value(), p.value, key)
			}
		}
	case awsapi.String:
		c.text(v.String(), s, path)
	case awsapi.Blob:
		c.length(v.Len(), "…", s, path)
	case awsapi.Integer, awsapi.Long:
		c.bounds(float64(v.Int()), strconv.FormatInt(v.Int(), 10), "value", s, path)
	case awsapi.Float:
		c.bounds(v.Float(), strconv.FormatFloat(v.Float(), 'g', -1, 64), "value", s, path)
	}
}

func (c *validator) text(text string, s *awsapi.Shape, path string) {
	shown := text
	if s.Sensitive {
		shown = "****"
	}
	if len(s.Enum) > 0 {
		for _, e := range s.Enum {
			if e == text {
				return
			}
		}
		c.add(path, shown, "Member must satisfy enum value set: ["+strings.Join(s.Enum, ", ")+"]", false)
		return
	}
	c.length(utf8.RuneCountInString(text), shown, s, path)
	if s.Pattern != "" {
		if re := pattern(s.Pattern); re != nil && !re.MatchString(text) {
			c.add(path, shown, "Member must satisfy regular expression pattern: "+s.Pattern, false)
		}
	}
}

func (c *validator) length(n int, shown string, s *awsapi.Shape, path string) {
	c.bounds(float64(n), shown, "length", s, path)
}

func (c *validator) bounds(n float64, shown, what string, s *awsapi.Shape, path string) {
	must := "Member must have " + what
	switch {
	case s.HasMin && n < s.Min:
		c.add(path, shown, fmt.Sprintf("%s greater than or equal to %v", must, s.Min), false)
	case s.HasMax && n > s.Max:
		c.add(path, shown, fmt.Sprintf("%s less than or equal to %.0f", must, s.Max), false)
	}
}

var patterns sync.Map // string → *regexp.Regexp, nil where Go has no such pattern

// pattern is a model's pattern as a Go one, matching whole texts as Java's do.
// A pattern that Go cannot express is not checked; a test lists those.
func pattern(java string) *regexp.Regexp {
	if found, ok := patterns.Load(java); ok {
		return found.(*regexp.Regexp)
	}
	re, err := regexp.Compile(`\A(?:` + javaEscape.ReplaceAllString(java, `\x{$1}`) + `)\z`)
	if err != nil {
		re = nil
	}
	patterns.Store(java, re)
	return re
}

var javaEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// refusal words the violations as the service does.
func refusal(svc *awsapi.Service, found []violation) error {
	if svc.Protocol == "ec2" {
		return ec2Refusal(found[0])
	}
	code := "ValidationError" // query services
	if svc.Protocol == "json" {
		code = "ValidationException"
	}
	switch svc.Name {
	case "ecs", "ecr", "logs":
		code = "InvalidParameterException"
	}
	var lines []string
	for _, f := range found {
		if svc.Name == "ecr" {
			lines = append(lines, fmt.Sprintf("Invalid parameter at '%s' failed to satisfy constraint: '%s'", f.path, strings.Replace(f.must, "Member must", "must", 1)))
			continue
		}
		shown := f.value
		if !f.miss {
			shown = "'" + f.value + "'"
		}
		lines = append(lines, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", shown, f.path, f.must))
	}
	if svc.Name == "ecr" {
		return awsapi.Errorf(code, 400, "%s", strings.Join(lines, "; "))
	}
	n := "1 validation error"
	if len(found) > 1 {
		n = strconv.Itoa(len(found)) + " validation errors"
	}
	return awsapi.Errorf(code, 400, "%s detected: %s", n, strings.Join(lines, "; "))
}

func ec2Refusal(f violation) error {
	name := f.path
	if f.miss {
		return awsapi.Errorf("MissingParameter", 400, "The request must contain the parameter %s", name)
	}
	return awsapi.Errorf("InvalidParameterValue", 400, "Value (%s) for parameter %s is invalid. %s", f.value, name, strings.Replace(f.must, "Member must", "It must", 1))
}
