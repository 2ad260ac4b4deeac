package iam

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"
)

// managedPrefix begins the ARNs of AWS's own managed policies. They are the same
// in every account; those that setups around ECS attach are in the folder
// managed, as IAM returned them (the newest version only, all that is known of
// it).
const managedPrefix = "arn:aws:iam::aws:policy/"

//go:embed managed/*.json
var managedFiles embed.FS

// managedFile is a policy as it lies in the folder.
type managedFile struct {
	Name, Path, ID, Description string
	Version                     int
	Created, Updated            time.Time
	Document                    json.RawMessage
}

var managedRead sync.Map // name → *Policy

// managedByARN is AWS's policy of the name. It is read when somebody first asks.
func managedByARN(arn string) (*Policy, bool) {
	name := nameOf(arn)
	p, ok := managedRead.Load(name)
	if !ok {
		text, err := managedFiles.ReadFile("managed/" + name + ".json")
		if err != nil {
			return nil, false
		}
		p, _ = managedRead.LoadOrStore(name, must(readManaged(text)))
	}
	return p.(*Policy), p.(*Policy).ARN() == arn
}

func readManaged(text []byte) (*Policy, error) {
	var f managedFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("reading a managed policy: %w", err)
	}
	var document bytes.Buffer
	if err := json.Compact(&document, f.Document); err != nil {
		return nil, fmt.Errorf("reading a managed policy: %w", err)
	}
	return &Policy{
		Name: f.Name, Path: f.Path, ID: f.ID, Description: f.Description, Owner: "aws",
		Created: f.Created, Updated: f.Updated, Default: f.Version, Last: f.Version,
		Versions: []Version{{f.Version, f.Updated, document.String()}},
	}, nil
}

// managedAll is all of AWS's policies that are here.
var managedAll = sync.OnceValue(func() []*Policy {
	files := must(managedFiles.ReadDir("managed"))
	list := make([]*Policy, 0, len(files))
	for _, f := range files {
		// The path is not known from the file's name, so read it through the cache.
		name := strings.TrimSuffix(path.Base(f.Name()), ".json")
		managedByARN(managedPrefix + name)
		p, _ := managedRead.Load(name)
		list = append(list, p.(*Policy))
	}
	return list
})
