package lifecycle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Limits of a policy ("Amazon ECR service quotas", "Tag pattern list").
const (
	mostRules     = 50
	mostWildcards = 4
)

// Refusal is an error of Parse: what ECR says about a policy.
type Refusal string

func (r Refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return Refusal(fmt.Sprintf(format, args...)) }

// Parse reads a policy's document. Its errors are what ECR says after
// "Lifecycle policy validation failure: ".
func Parse(text string) (*Policy, error) {
	var doc object
	if err := strictly(text, &doc); err != nil {
		return nil, refuse("Could not map policyString into LifecyclePolicy.")
	}
	if err := doc.members([]string{"rules"}, nil); err != nil {
		return nil, err
	}
	list, ok := doc["rules"].([]any)
	if !ok {
		return nil, wrongType(doc["rules"], "array")
	}
	switch {
	case len(list) == 0:
		return nil, refuse("array is too short: must have at least 1 elements but instance has 0 elements")
	case len(list) > mostRules:
		return nil, refuse("array is too long: must have at most %d elements but instance has %d elements", mostRules, len(list))
	}
	p := &Policy{}
	for _, item := range list {
		r, err := rule(item)
		if err != nil {
			return nil, err
		}
		p.Rules = append(p.Rules, r)
	}
	return p, p.check()
}

// strictly reads one JSON value, numbers as they are written.
func strictly(text string, into *object) error {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() || *into == nil {
		return refuse("not one object")
	}
	return nil
}

// object is a JSON object; its checks speak as ECR's schema validation does.
type object map[string]any

func (o object) members(required, optional []string) error {
	var missing []string
	for _, m := range required {
		if _, ok := o[m]; !ok {
			missing = append(missing, m)
		}
	}
	if len(missing) > 0 {
		return refuse("object has missing required properties (%s)", quoted(missing))
	}
	unknown := slices.Sorted(maps.Keys(o))
	unknown = slices.DeleteFunc(unknown, func(m string) bool { return slices.Contains(required, m) || slices.Contains(optional, m) })
	if len(unknown) > 0 {
		return refuse("object instance has properties which are not allowed by the schema: %s", quoted(unknown))
	}
	return nil
}

func quoted(names []string) string {
	slices.Sort(names)
	b, _ := json.Marshal(names)
	return string(b)
}

func wrongType(v any, want string) error {
	is := "object"
	switch v := v.(type) {
	case nil:
		is = "null"
	case string:
		is = "string"
	case bool:
		is = "boolean"
	case []any:
		is = "array"
	case json.Number:
		is = "number"
		if _, err := strconv.Atoi(v.String()); err == nil {
			is = "integer"
		}
	}
	return refuse("instance type (%s) does not match any allowed primitive type (allowed: [%q])", is, want)
}

func (o object) text(name string, values ...string) (string, error) {
	s, ok := o[name].(string)
	if !ok {
		return "", wrongType(o[name], "string")
	}
	if len(values) > 0 && !slices.Contains(values, s) {
		b, _ := json.Marshal(values)
		return "", refuse("instance value (%q) not found in enum (possible values: %s)", s, b)
	}
	return s, nil
}

// positive is a whole number of at least 1.
func (o object) positive(name string) (int, error) {
	n, ok := o[name].(json.Number)
	if !ok {
		return 0, wrongType(o[name], "integer")
	}
	i, err := strconv.Atoi(n.String())
	switch {
	case err != nil:
		return 0, wrongType(n, "integer")
	case i < 1:
		return 0, refuse("numeric instance is lower than the required minimum (minimum: 1, found: %d)", i)
	}
	return i, nil
}

func (o object) texts(name string) ([]string, error) {
	if _, ok := o[name]; !ok {
		return nil, nil
	}
	list, ok := o[name].([]any)
	if !ok {
		return nil, wrongType(o[name], "array")
	}
	if len(list) == 0 {
		return nil, refuse("array is too short: must have at least 1 elements but instance has 0 elements")
	}
	var all []string
	for _, item := range list {
		s, ok := item.(string)
		if !ok {
			return nil, wrongType(item, "string")
		}
		all = append(all, s)
	}
	return all, nil
}

func (o object) inner(name string) (object, error) {
	inner, ok := o[name].(map[string]any)
	if !ok {
		return nil, wrongType(o[name], "object")
	}
	return inner, nil
}

func rule(item any) (r Rule, err error) {
	m, ok := item.(map[string]any)
	if !ok {
		return r, wrongType(item, "object")
	}
	o := object(m)
	if err := o.members([]string{"rulePriority", "selection", "action"}, []string{"description"}); err != nil {
		return r, err
	}
	if r.Priority, err = o.positive("rulePriority"); err != nil {
		return r, err
	}
	if _, ok := o["description"]; ok {
		if r.Description, err = o.text("description"); err != nil {
			return r, err
		}
	}
	if err := action(o); err != nil {
		return r, err
	}
	selection, err := o.inner("selection")
	if err != nil {
		return r, err
	}
	return r, r.selection(selection)
}

func action(o object) error {
	a, err := o.inner("action")
	if err != nil {
		return err
	}
	if a["type"] == "transition" {
		return refuse("archiving images (action transition) is not served by the slipway engine; expire them")
	}
	if err := a.members([]string{"type"}, nil); err != nil {
		return err
	}
	_, err = a.text("type", "expire")
	return err
}

func (r *Rule) selection(o object) (err error) {
	if _, ok := o["storageClass"]; ok {
		return refuse("archived images (selection storageClass) are not served by the slipway engine; leave storageClass out")
	}
	if err := o.members([]string{"tagStatus", "countType", "countNumber"}, []string{"tagPrefixList", "tagPatternList", "countUnit"}); err != nil {
		return err
	}
	if r.Status, err = o.text("tagStatus", "tagged", "untagged", "any"); err != nil {
		return err
	}
	if r.Prefixes, err = o.texts("tagPrefixList"); err != nil {
		return err
	}
	if r.Patterns, err = o.texts("tagPatternList"); err != nil {
		return err
	}
	if err := r.count(o); err != nil {
		return err
	}
	return r.tags()
}

func (r *Rule) count(o object) error {
	if t := o["countType"]; t == "sinceImagePulled" || t == "sinceImageTransitioned" {
		return refuse("countType %s is not served by the slipway engine; use sinceImagePushed", t)
	}
	kind, err := o.text("countType", "imageCountMoreThan", "sinceImagePushed")
	if err != nil {
		return err
	}
	n, err := o.positive("countNumber")
	if err != nil {
		return err
	}
	_, hasUnit := o["countUnit"]
	if kind == "imageCountMoreThan" {
		if hasUnit {
			return refuse("instance failed to match exactly one schema (matched 0 out of 2)")
		}
		r.Count = n
		return nil
	}
	if !hasUnit {
		return refuse("instance failed to match exactly one schema (matched 0 out of 2)")
	}
	r.Days = n
	_, err = o.text("countUnit", "days")
	return err
}

// tags: only a rule for tagged images names tags, and it must, in one way.
func (r *Rule) tags() error {
	named := len(r.Prefixes) + len(r.Patterns)
	switch {
	case r.Status == "tagged" && named == 0:
		return refuse("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.")
	case r.Status != "tagged" && named > 0:
		return refuse("tagPrefixList and tagPatternList must not be specified when tagStatus=%s.", strings.ToUpper(r.Status))
	case len(r.Prefixes) > 0 && len(r.Patterns) > 0:
		return refuse("tagPrefixList and tagPatternList must not both be specified.")
	}
	for _, p := range r.Patterns {
		if strings.Count(p, "*") > mostWildcards {
			return refuse("tagPatternList value %q has more than %d wildcards.", p, mostWildcards)
		}
	}
	return nil
}

// check is what rules must be together; it puts them in order.
func (p *Policy) check() error {
	slices.SortStableFunc(p.Rules, func(a, b Rule) int { return a.Priority - b.Priority })
	var untagged int
	lists := map[string]bool{}
	for i, r := range p.Rules {
		if i > 0 && p.Rules[i-1].Priority == r.Priority {
			return refuse("Two rules must not have the same rulePriority: %d", r.Priority)
		}
		switch r.Status {
		case "any":
			if i < len(p.Rules)-1 {
				return refuse("Rule for tagStatus=ANY must have the lowest priority per storage class")
			}
		case "untagged":
			if untagged++; untagged > 1 {
				return refuse("Only one rule can select Untagged images per storage class")
			}
		case "tagged":
			set := quoted(slices.Clone(r.Prefixes))
			if len(r.Prefixes) > 0 && lists[set] {
				return refuse("Two rules must not have the same tagPrefixList: %s", set)
			}
			lists[set] = true
		}
	}
	return nil
}
