package wire

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// maxParameters bounds the parameters of one query request.
const maxParameters = 20_000

// node is a query request as a tree: a.b.1=x stands below a, b, 1.
type node struct {
	value    string
	set      bool
	children map[string]*node
}

func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	return n.children[name]
}

// path goes down a dotted name.
func (n *node) path(name string) *node {
	for part := range strings.SplitSeq(name, ".") {
		n = n.child(part)
	}
	return n
}

// tree makes the tree of a form. Of a parameter that stands twice the first
// value counts.
func tree(form url.Values) (*node, error) {
	root := new(node)
	if len(form) > maxParameters {
		return nil, malformedQuery("the request has more than %d parameters", maxParameters)
	}
	for name, values := range form {
		n := root
		if strings.Count(name, ".") > 2*maxDepth {
			return nil, malformedQuery("the parameter %.60s is nested too deeply", name)
		}
		for part := range strings.SplitSeq(name, ".") {
			next := n.children[part]
			if next == nil {
				if n.children == nil {
					n.children = map[string]*node{}
				}
				next = new(node)
				n.children[part] = next
			}
			n = next
		}
		n.value, n.set = values[0], true
	}
	return root, nil
}

func malformedQuery(format string, args ...any) *awsapi.Error {
	return awsapi.Errorf("MalformedQueryString", 400, format, args...)
}

// items are a list's elements: the children that are numbers, in their order.
func (n *node) items() []*node {
	type item struct {
		at int
		n  *node
	}
	var all []item
	for name, c := range n.children {
		if i, err := strconv.Atoi(name); err == nil && i >= 0 {
			all = append(all, item{i, c})
		}
	}
	slices.SortFunc(all, func(a, b item) int { return cmp.Compare(a.at, b.at) })
	out := make([]*node, len(all))
	for i, it := range all {
		out[i] = it.n
	}
	return out
}

// queryReader reads a tree into generated types, with the names of the query
// protocol or of EC2's.
type queryReader struct{ ec2 bool }

func (q queryReader) structure(n *node, v reflect.Value, p *plan, at string) error {
	for i := range p.fields {
		f := &p.fields[i]
		name := f.query
		if q.ec2 {
			name = f.ec2
		}
		c := n.path(name)
		if c == nil {
			continue
		}
		fv := v.Field(f.at)
		if f.pointer {
			target := reflect.New(f.plan.typ)
			if err := q.into(c, target.Elem(), f.plan, join(at, name)); err != nil {
				return err
			}
			fv.Set(target)
			continue
		}
		if err := q.into(c, fv, f.plan, join(at, name)); err != nil {
			return err
		}
	}
	return nil
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func (q queryReader) into(n *node, v reflect.Value, p *plan, at string) error {
	switch p.shape.Kind {
	case awsapi.Structure:
		return q.structure(n, v, p, at)
	case awsapi.List:
		return q.list(n, v, p, at)
	case awsapi.Map:
		return q.mapping(n, v, p, at)
	case awsapi.Document:
		v.Set(reflect.ValueOf(n.value))
		return nil
	}
	return scalarText(n.value, v, p, at)
}

func (q queryReader) list(n *node, v reflect.Value, p *plan, at string) error {
	v.Set(reflect.MakeSlice(p.typ, 0, 0))
	if !q.ec2 && !p.shape.Flattened {
		if n = n.child(p.elemName); n == nil {
			return nil // "List=" is the empty list
		}
	}
	items := n.items()
	v.Set(reflect.MakeSlice(p.typ, len(items), len(items)))
	for i, item := range items {
		if err := q.into(item, v.Index(i), p.elem, join(at, strconv.Itoa(i+1))); err != nil {
			return err
		}
	}
	return nil
}

func (q queryReader) mapping(n *node, v reflect.Value, p *plan, at string) error {
	v.Set(reflect.MakeMap(p.typ))
	if !p.shape.Flattened {
		if n = n.child("entry"); n == nil {
			return nil
		}
	}
	for _, item := range n.items() {
		key := item.child(p.keyName)
		if key == nil {
			continue
		}
		one := reflect.New(p.value.typ).Elem()
		if value := item.child(p.valueName); value != nil {
			if err := q.into(value, one, p.value, join(at, key.value)); err != nil {
				return err
			}
		}
		v.SetMapIndex(reflect.ValueOf(key.value).Convert(p.typ.Key()), one)
	}
	return nil
}

// scalarText reads a scalar from a parameter's text.
func scalarText(s string, v reflect.Value, p *plan, at string) error {
	bad := func(what string) error {
		return malformedInput("%s must be %s, not '%.60s'", at, what, s)
	}
	switch p.shape.Kind {
	case awsapi.String:
		v.SetString(s)
	case awsapi.Boolean:
		b, err := strconv.ParseBool(strings.ToLower(s))
		if err != nil {
			return bad("true or false")
		}
		v.SetBool(b)
	case awsapi.Float:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return bad("a number")
		}
		v.SetFloat(f)
	case awsapi.Timestamp:
		t, err := parseTime(s)
		if err != nil {
			return bad("a timestamp")
		}
		v.Set(reflect.ValueOf(t))
	case awsapi.Blob:
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return bad("base64")
		}
		v.SetBytes(b)
	default:
		n, err := parseInt(s, p.shape.Kind)
		if err != nil {
			return bad("a whole number in range")
		}
		v.SetInt(n)
	}
	return nil
}

func malformedInput(format string, args ...any) *awsapi.Error {
	return awsapi.Errorf("MalformedInput", 400, format, args...)
}

// decodeQuery reads the form of a query or EC2 request.
func decodeQuery(form url.Values, ec2 bool, v reflect.Value, p *plan) error {
	root, err := tree(form)
	if err != nil || p == nil {
		return err
	}
	return queryReader{ec2}.structure(root, v, p, "")
}
