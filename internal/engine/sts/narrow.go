package sts

import (
	"bytes"
	"compress/flate"
	"errors"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/sts"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// sessionPolicies are the policies that a request narrows a session with: its
// own document, and ARNs of managed ones. Nil when it gives none.
func sessionPolicies(tx *state.Tx, scope state.Scope, document *string, arns []api.PolicyDescriptorType) ([]string, error) {
	var list []string
	if document != nil {
		if _, err := policy.ParseAs(policy.Session, []byte(*document)); err != nil {
			if m, ok := errors.AsType[*policy.Malformed](err); ok {
				return nil, api.MalformedPolicyDocumentException("%s", m.Message)
			}
			return nil, err
		}
		list = append(list, *document)
	}
	for _, d := range arns {
		name := awsapi.V(d.Arn)
		if _, ok := iam.PolicyByARN(tx, scope, name); !ok {
			return nil, invalid("ARN %s is not valid.", name)
		}
		list = append(list, name)
	}
	return list, nil
}

// packed is how much of its allowance a session's policies and tags use up, in
// percent. AWS packs them in a form of its own; deflate comes close to it.
func packed(policies []string, tags tagging.Set) (*int, error) {
	if len(policies) == 0 && len(tags) == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression)
	for _, p := range policies {
		w.Write([]byte(p))
	}
	for _, k := range tags.Keys() {
		w.Write([]byte(k + tags[k]))
	}
	w.Close()
	percent := (out.Len()*100 + allowance - 1) / allowance
	if percent > 100 {
		return nil, api.PackedPolicyTooLargeException("Serialized token too large for session")
	}
	return &percent, nil
}

// allowance is the bytes that packed policies and tags may take.
const allowance = 1024

// sessionTags checks the tags of a request. Their keys may not differ in case
// only, nor change what the calling session hands down.
func sessionTags(list []api.Tag, transitive []string, from *iam.Session) (tagging.Set, []string, error) {
	tags := tagging.Set{}
	for _, t := range list {
		for had := range tags {
			if strings.EqualFold(had, *t.Key) {
				return nil, nil, invalidValue("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
			}
		}
		if strings.HasPrefix(strings.ToLower(*t.Key), "aws:") {
			return nil, nil, invalidValue("aws: prefixed tag key names are not allowed for external use.")
		}
		tags[*t.Key] = awsapi.V(t.Value)
	}
	for _, k := range transitive {
		if !hasFold(tags.Keys(), k) {
			return nil, nil, invalidValue("The specified transitive tag key must be included in the requested tags.")
		}
	}
	if from == nil {
		return tags, transitive, nil
	}
	for _, k := range from.Transitive {
		if hasFold(tags.Keys(), k) {
			return nil, nil, invalidValue("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
	}
	for k, v := range from.Tags {
		if hasFold(from.Transitive, k) {
			tags[k] = v
		}
	}
	return tags, append(slices.Clone(transitive), from.Transitive...), nil
}

func hasFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(v string) bool { return strings.EqualFold(v, s) })
}
