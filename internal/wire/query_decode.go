package wire

import (
	"cmp"
	"encoding/base64"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// group is the sorted parameters whose names begin alike. The first at bytes
// are read already: of "Listeners.member.1.Port" perhaps "Listeners.member.".
type group struct {
	form []param
	at   int
}

// part is the group of one name below another.
type part struct {
	name string
	group
}

// parts cuts a group by the next part of its names.
func (g group) parts(yield func(part) bool) {
	for rest := g.form; len(rest) > 0; {
		name, _, _ := strings.Cut(rest[0].name[g.at:], ".")
		end := g.at + len(name)
		n := 1
		for n < len(rest) && strings.HasPrefix(rest[n].name[g.at:], name) && (len(rest[n].name) == end || rest[n].name[end] == '.') {
			n++
		}
		if !yield(part{name, group{rest[:n], end}}) {
			return
		}
		rest = rest[n:]
	}
}

// own is the parameter that stands for the group itself ("A" of "A", "A.1"), nil
// if there is none, and below the rest.
func (g group) own() (own *param, below group) {
	n := 0
	for n < len(g.form) && len(g.form[n].name) == g.at {
		n++
	}
	if n > 0 {
		own = &g.form[0]
	}
	return own, group{g.form[n:], g.at + 1}
}

// formReader reads a query or an EC2 request. The two spell lists differently,
// and EC2 refuses a parameter that it does not know.
type formReader struct{ ec2 bool }

// decodeForm reads the parameters of a request into v.
func decodeForm(form []param, ec2 bool, v reflect.Value, p *plan) error {
	sortForm(form)
	r := formReader{ec2}
	for part := range (group{form, 0}).parts {
		f := p.byParam[part.name]
		if f == nil {
			if ec2 && !common(part.name) {
				return unknownParameter(part.name)
			}
			continue
		}
		if err := r.field(part.group, v.Field(f.at), f); err != nil {
			return err
		}
	}
	return nil
}

// common tells the parameters that are the protocol's or a signature's own.
func common(name string) bool {
	switch name {
	case "Action", "Version", "AWSAccessKeyId", "SecurityToken", "Signature", "SignatureMethod", "SignatureVersion", "Timestamp", "Expires":
		return true
	}
	return strings.HasPrefix(name, "X-Amz-")
}

// unknownParameter is how EC2 refuses a parameter:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
func unknownParameter(name string) error {
	return awsapi.Errorf("UnknownParameter", 400, "The parameter %s is not recognized", shorten(name, 80))
}

// malformed is the error for a value that is not of its member's type.
func (r formReader) malformed(g group, value, must string) error {
	name := g.form[0].name[:g.at]
	if r.ec2 {
		return awsapi.Errorf("InvalidParameterValue", 400, "Value (%s) for parameter %s is invalid. %s", shorten(value, 80), shorten(name, 80), must)
	}
	return awsapi.Errorf("MalformedInput", 400, "%s", must)
}

func (r formReader) field(g group, v reflect.Value, f *field) error {
	if !f.pointer {
		return r.value(g, v, f.plan)
	}
	target := reflect.New(f.plan.typ)
	if err := r.value(g, target.Elem(), f.plan); err != nil {
		return err
	}
	v.Set(target)
	return nil
}

func (r formReader) value(g group, v reflect.Value, p *plan) error {
	own, below := g.own()
	switch p.shape.Kind {
	case awsapi.Structure, awsapi.List, awsapi.Map:
		if own != nil && own.value != "" {
			return r.malformed(g, own.value, "Unexpected complex element termination")
		}
	default:
		if len(below.form) > 0 {
			return r.malformed(g, "", "Start of structure or map found where not expected.")
		}
		return r.scalar(g, own.value, v, p)
	}
	switch p.shape.Kind {
	case awsapi.List:
		return r.list(below, v, p)
	case awsapi.Map:
		return r.mapping(below, v, p)
	}
	return r.structure(below, v, p)
}

func (r formReader) structure(g group, v reflect.Value, p *plan) error {
	for part := range g.parts {
		f := p.byParam[part.name]
		if f == nil {
			if r.ec2 {
				return unknownParameter(part.name)
			}
			continue
		}
		if err := r.field(part.group, v.Field(f.at), f); err != nil {
			return err
		}
	}
	return nil
}

// list reads "Name.member.1" or EC2's "Name.1". "Name=" alone is the empty list.
func (r formReader) list(g group, v reflect.Value, p *plan) error {
	v.Set(p.empty)
	if r.ec2 {
		return r.items(g, v, p)
	}
	for part := range g.parts {
		if part.name != p.elemName {
			return r.malformed(g, "", "Top level element may not be treated as a list")
		}
		own, below := part.own()
		if own != nil && own.value != "" {
			return r.malformed(g, own.value, "Unexpected complex element termination")
		}
		if err := r.items(below, v, p); err != nil {
			return err
		}
	}
	return nil
}

// items reads the numbered elements of a list in the order of their numbers,
// which may have gaps.
func (r formReader) items(g group, v reflect.Value, p *plan) error {
	all, err := r.numbered(g)
	if err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(p.typ, len(all), len(all)))
	for i, item := range all {
		if err := r.value(item.group, v.Index(i), p.elem); err != nil {
			return err
		}
	}
	return nil
}

type item struct {
	number int
	group
}

func (r formReader) numbered(g group) ([]item, error) {
	var all []item
	for part := range g.parts {
		n, err := strconv.ParseUint(part.name, 10, 31)
		if err != nil {
			if r.ec2 {
				return nil, unknownParameter(part.name)
			}
			return nil, r.malformed(g, part.name, shorten(part.name, 80)+" is not a valid index")
		}
		all = append(all, item{int(n), part.group})
	}
	slices.SortStableFunc(all, func(a, b item) int { return cmp.Compare(a.number, b.number) })
	return all, nil
}

// mapping reads "Name.entry.1.key" and ".value"; no EC2 input has a map.
func (r formReader) mapping(g group, v reflect.Value, p *plan) error {
	v.Set(reflect.MakeMap(p.typ))
	for part := range g.parts {
		if part.name != "entry" {
			return r.malformed(g, part.name, "Expected map entries")
		}
		_, below := part.own()
		entries, err := r.numbered(below)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := r.entry(e.group, v, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r formReader) entry(g group, v reflect.Value, p *plan) error {
	_, below := g.own()
	key, value := reflect.New(p.key.typ).Elem(), reflect.New(p.value.typ).Elem()
	named := false
	for part := range below.parts {
		var err error
		switch part.name {
		case "key":
			named, err = true, r.value(part.group, key, p.key)
		case "value":
			err = r.value(part.group, value, p.value)
		}
		if err != nil {
			return err
		}
	}
	if !named {
		return r.malformed(g, "", "A map entry has no key")
	}
	v.SetMapIndex(key, value)
	return nil
}

func (r formReader) scalar(g group, s string, v reflect.Value, p *plan) error {
	switch kind := p.shape.Kind; kind {
	case awsapi.String:
		v.SetString(strings.Clone(s)) // or a kept value would keep the whole request
	case awsapi.Boolean:
		b, ok := parseBool(s)
		if !ok {
			return r.malformed(g, s, "boolean must follow xsd1.1 definition")
		}
		v.SetBool(b)
	case awsapi.Float:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return r.malformed(g, s, "double must follow xsd1.1 definition")
		}
		v.SetFloat(f)
	case awsapi.Timestamp:
		t, err := parseTime(s)
		if err != nil {
			return r.malformed(g, s, "timestamp must follow ISO8601")
		}
		v.Set(reflect.ValueOf(t))
	case awsapi.Blob:
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return r.malformed(g, s, "blob must be base64")
		}
		v.SetBytes(b)
	case awsapi.Integer, awsapi.Long:
		n, err := strconv.ParseInt(s, 10, bits(kind))
		if err != nil {
			return r.malformed(g, s, strings.ToLower(kindNames[kind])+" must follow xsd1.1 definition")
		}
		v.SetInt(n)
	default:
		return r.malformed(g, s, "Unexpected document")
	}
	return nil
}

func bits(kind awsapi.Kind) int {
	if kind == awsapi.Integer {
		return 32
	}
	return 64
}

// parseBool reads a boolean as XML Schema spells it, in any case.
func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}
