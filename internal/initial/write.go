package initial

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// complete fills in what a person said, and refuses what can't be left out.
func (f *file) complete() error {
	o := f.r.options
	if o.Host != "" {
		if len(f.environments) != 1 {
			return errors.New("--host is for a repository with one environment; this one has several: write each one's host into slipway.yaml")
		}
		f.environments[0].host = o.Host
	}
	for _, e := range f.environments {
		if o.Account != "" {
			e.account = o.Account
		}
		if o.On != "aws" {
			continue
		}
		switch {
		case e.account == "":
			return errors.New("the repository doesn't show its AWS account; name it: slipway init --on aws --account 123456789012")
		case e.cluster == "":
			return errors.New("the repository doesn't show its cluster; write slipway.yaml with: slipway init, then set on: aws and cluster")
		}
		if e.region == "" {
			e.region = "eu-west-1"
			f.note(note{text: "the repository shows no region: eu-west-1 was written"})
		}
	}
	return nil
}

// yaml writes the file.
func (f *file) yaml() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# From %s. Every key: slipway.yaml in the docs, or slipway schema.\n", strings.Join(f.fileNames(), ", "))
	fmt.Fprintf(&b, "app: %s\n", f.app)
	if ref := f.image.values["reference"]; ref != "" {
		fmt.Fprintf(&b, "image: %s # made elsewhere\n", ref)
	} else {
		block(&b, "", "image", f.image)
	}
	switch {
	case f.keys != nil:
		f.services(&b, "", f.several, f.keys)
	case len(f.service.keys) > 0:
		block(&b, "", "service", f.service)
	default:
		b.WriteString("service:\n")
	}
	b.WriteString("environments:\n")
	for _, e := range f.environments {
		f.environment(&b, e)
	}
	return []byte(b.String())
}

// fileNames are the names of the files that were read.
func (f *file) fileNames() []string {
	var names []string
	for _, r := range f.r.read {
		name, _, _ := strings.Cut(r, " ")
		names = append(names, name)
	}
	if names == nil {
		return []string{"an empty repository"}
	}
	return names
}

func (f *file) environment(b *strings.Builder, e *environment) {
	fmt.Fprintf(b, "  %s:\n", e.name)
	if f.r.options.On == "aws" {
		fmt.Fprintf(b, "    on: aws\n    account: %q # no other is ever touched\n    region: %s\n", e.account, e.region)
	} else {
		b.WriteString("    on: engine # this machine; for AWS: aws, with account and region\n")
		if e.account != "" {
			fmt.Fprintf(b, "    # account: %q\n", e.account)
		}
		if e.region != "" {
			fmt.Fprintf(b, "    region: %s\n", e.region)
		}
	}
	if e.branch != "" && e.branch != "release/"+e.name {
		fmt.Fprintf(b, "    branch: %s\n", scalar(e.branch))
	}
	switch {
	case e.host != "":
		fmt.Fprintf(b, "    host: %s\n", scalar(e.host))
	case f.port != "":
		b.WriteString("    # host: demo.example.com\n")
	}
	if e.cluster != "" {
		fmt.Fprintf(b, "    cluster: %s\n", scalar(e.cluster))
	}
	block(b, "    ", "image", e.image)
	block(b, "    ", "service", e.service)
	f.services(b, "    ", e.several, e.keys)
}

// services writes those of several that say something.
func (f *file) services(b *strings.Builder, indent string, several map[string]*settings, keys []string) {
	keys = slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return indent != "" && len(several[k].keys) == 0 })
	if len(keys) == 0 {
		return
	}
	fmt.Fprintf(b, "%sservices:\n", indent)
	for _, key := range keys {
		if len(several[key].keys) == 0 {
			fmt.Fprintf(b, "%s  %s:\n", indent, key)
			continue
		}
		block(b, indent+"  ", key, several[key])
	}
}

// block writes keys below a name; keys with a dot stand below their first part.
func block(b *strings.Builder, indent, name string, s *settings) {
	if len(s.keys) == 0 {
		return
	}
	fmt.Fprintf(b, "%s%s:\n", indent, name)
	written := map[string]bool{}
	for _, key := range ordered(s.keys) {
		first, _, nested := strings.Cut(key, ".")
		switch {
		case !nested:
			fmt.Fprintf(b, "%s  %s: %s%s\n", indent, key, s.values[key], remark(s.values[key]))
		case !written[first]:
			block(b, indent+"  ", first, s.below(first))
			written[first] = true
		}
	}
}

// below are the settings under a key.
func (s *settings) below(first string) *settings {
	under := newSettings()
	for _, key := range s.keys {
		if rest, ok := strings.CutPrefix(key, first+"."); ok {
			under.set(rest, s.values[key])
		}
	}
	return under
}

func remark(value string) string {
	if strings.HasPrefix(value, "{ from: ") {
		return " # from CI's environment, as the script has it"
	}
	return ""
}

// order is how a person would write a service.
var order = []string{"image", "name", "family", "container", "port", "host-port", "cpu", "memory", "task", "capacity", "count", "command", "entrypoint", "user", "variables", "secrets", "roles", "health", "log"}

func ordered(keys []string) []string {
	out := slices.Clone(keys)
	rank := func(key string) int {
		first, _, _ := strings.Cut(key, ".")
		if i := slices.Index(order, first); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(out, func(a, b string) int { return rank(a) - rank(b) })
	return out
}

// result says what was read and written.
func (f *file) result() *Result {
	res := &Result{Read: f.r.read, File: f.yaml()}
	e := f.environments[0]
	said := "service " + strings.Join(e.serviceNames, ", ")
	if e.cluster != "" {
		said += " on cluster " + e.cluster
	}
	for _, part := range []struct{ text, value string }{{"port %s", f.port}, {"%s MiB", f.memory}, {"%s CPU units", zero(f.cpu)}} {
		if part.value != "" {
			said += ", " + fmt.Sprintf(part.text, part.value)
		}
	}
	if more := len(f.environments) - 1; more == 1 {
		said += "; and " + f.environments[1].name
	} else if more > 1 {
		said += fmt.Sprintf("; and %d more environments", more)
	}
	res.Wrote = said
	f.hosts()
	for _, n := range f.notes {
		if s := n.String(); !slices.Contains(res.Notes, s) {
			res.Notes = append(res.Notes, s)
		}
	}
	f.secret(res)
	up := "slipway up"
	if f.r.options.On == "aws" {
		up = "slipway plan"
	}
	res.Next = append(res.Next, up)
	return res
}

func zero(s string) string {
	if s == "0" {
		return ""
	}
	return s
}

func (f *file) hosts() {
	var without []string
	for _, e := range f.environments {
		if e.host == "" && f.port != "" {
			without = append(without, e.name)
		}
	}
	if without != nil {
		f.note(note{text: "the repository doesn't show the host name of " + strings.Join(without, ", ") + ": write it as host, or nothing leads to the service"})
	}
}

// secret tells of plain secrets, never of their values.
func (f *file) secret(res *Result) {
	said := map[string]bool{}
	for _, e := range f.environments {
		for _, s := range f.secrets {
			set := "slipway secret set " + e.name + " " + s.name
			if f.r.options.SSM {
				if !said[set] {
					res.Next = append(res.Next, set+" --running takes the value that runs there now; else give it on standard input")
				}
				said[set] = true
				continue
			}
			if !said[s.name] {
				res.Notes = append(res.Notes, s.note.String()+"; to keep it in SSM: "+set)
			}
			said[s.name] = true
		}
	}
}
