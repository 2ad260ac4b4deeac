package executionrole

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// mostEnvironment is the largest environment file that is read.
const mostEnvironment = 1 << 20

// EnvironmentFile gives the variables of an object in S3, NAME=VALUE each, in the
// file's order. The engine's S3 is a folder: Objects/bucket/key.
func (f *Fetcher) EnvironmentFile(_ context.Context, tx *state.Tx, t Task, object string) ([]string, error) {
	text, err := f.object(tx, t, object)
	if err != nil {
		if _, ok := errors.AsType[stopped](err); ok {
			return nil, err
		}
		return nil, fmt.Errorf("ResourceInitializationError: failed to download env files: %s: %w", object, err)
	}
	return assignments(text), nil
}

func (f *Fetcher) object(tx *state.Tx, t Task, object string) ([]byte, error) {
	c, err := f.assume(tx, t)
	if err != nil {
		return nil, err
	}
	a, ok := arn.Parse(object)
	if !ok || a.Service != "s3" {
		return nil, errors.New("not the ARN of an object in S3")
	}
	bucket, key, _ := strings.Cut(a.Resource, "/")
	for _, need := range []operation.Need{
		{Action: "s3:GetBucketLocation", Resource: "arn:aws:s3:::" + bucket},
		{Action: "s3:GetObject", Resource: "arn:aws:s3:::" + a.Resource},
	} {
		if refusal := f.Roles.Allowed(tx, c, []operation.Need{need}); refusal != "" {
			return nil, answered(awsapi.Errorf("AccessDenied", 403, "%s", refusal))
		}
	}
	return f.load(bucket, key)
}

// load reads an object's file. Neither names nor links lead out of the folder.
func (f *Fetcher) load(bucket, key string) ([]byte, error) {
	name := path.Join(bucket, key)
	if bucket == "" || key == "" || name != bucket+"/"+key || !fs.ValidPath(name) {
		return nil, fmt.Errorf("NoSuchKey: %q cannot be an object here", bucket+"/"+key)
	}
	root, err := os.OpenRoot(f.Objects)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.missing(name)
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.missing(name)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, mostEnvironment+1))
	if err == nil && len(text) > mostEnvironment {
		return nil, fmt.Errorf("the file is larger than %d bytes", mostEnvironment)
	}
	return text, err
}

func (f *Fetcher) missing(name string) error {
	return fmt.Errorf("NoSuchKey: there is no file %s; the engine's S3 is that folder", path.Join(f.Objects, name))
}

// assignments are the lines NAME=VALUE. Lines that begin with # are comments, and
// quotes are part of a value, as the ECS agent reads it.
func assignments(text []byte) []string {
	var all []string
	for line := range bytes.Lines(text) {
		s := strings.TrimRight(string(line), "\r\n")
		if name, _, ok := strings.Cut(s, "="); ok && name != "" && !strings.HasPrefix(s, "#") {
			all = append(all, s)
		}
	}
	return all
}
