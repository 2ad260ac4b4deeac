package logs

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// retentions are the days that AWS takes.
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// CreateLogGroup makes a group.
func (s *Service) CreateLogGroup(_ context.Context, c *operation.Caller, in *api.CreateLogGroupRequest) (*awsapi.Empty, error) {
	name := *in.LogGroupName
	if strings.HasPrefix(name, "aws/") {
		return nil, api.InvalidParameterException("Log groups starting with AWS/ are reserved for AWS.")
	}
	tags := tagging.Set(in.Tags)
	if err := tags.Check(); err != nil {
		return nil, api.InvalidParameterException("%s", err)
	}
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		if Groups.Has(tx, c.Scope(), name) {
			return api.ResourceAlreadyExistsException("The specified log group already exists")
		}
		class := in.LogGroupClass
		if class == "" {
			class = api.LogGroupClassStandard
		}
		Groups.Put(tx, c.Scope(), &Group{Name: name, ID: ids.UUID(), Created: s.env.Now().UnixMilli(), Class: class,
			KMSKey: awsapi.V(in.KmsKeyId), Protected: awsapi.V(in.DeletionProtectionEnabled), Tags: tags})
		return nil
	})
}

// DeleteLogGroup removes a group with all its streams.
func (s *Service) DeleteLogGroup(_ context.Context, c *operation.Caller, in *api.DeleteLogGroupRequest) (*awsapi.Empty, error) {
	var id string
	err := s.env.Store.Update(func(tx *state.Tx) error {
		g, err := group(tx, c.Scope(), in.LogGroupName)
		if err != nil {
			return err
		}
		if g.Protected {
			return api.InvalidOperationException("The log group has deletion protection enabled. Disable deletion protection before deleting it.")
		}
		id = g.ID
		Groups.Delete(tx, c.Scope(), g.Name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &awsapi.Empty{}, s.archive.DeleteGroup(id)
}

// DescribeLogGroups lists groups by name.
func (s *Service) DescribeLogGroups(_ context.Context, c *operation.Caller, in *api.DescribeLogGroupsRequest) (*api.DescribeLogGroupsResponse, error) {
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		return nil, api.InvalidParameterException("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	sizes, err := s.archive.Bytes()
	if err != nil {
		return nil, err
	}
	pattern := strings.ToLower(awsapi.V(in.LogGroupNamePattern))
	rows := func(yield func(*Group) bool) {
		for g := range Groups.Prefix(s.env.Store.View(), c.Scope(), awsapi.V(in.LogGroupNamePrefix)) {
			wanted := strings.Contains(strings.ToLower(g.Name), pattern) && (in.LogGroupClass == "" || in.LogGroupClass == g.Class) &&
				(len(in.LogGroupIdentifiers) == 0 || slices.ContainsFunc(in.LogGroupIdentifiers, func(id string) bool { return *nameOf(&id) == g.Name }))
			if wanted && !yield(g) {
				return
			}
		}
	}
	page, next, err := paging.Page(rows, in.NextToken, limit(in.Limit, 50), func(g *Group) string { return g.Name })
	if err != nil {
		return nil, badToken()
	}
	out := &api.DescribeLogGroupsResponse{LogGroups: []api.LogGroup{}, NextToken: next}
	for _, g := range page {
		out.LogGroups = append(out.LogGroups, describe(c.Scope(), g, int(sizes[g.ID])))
	}
	return out, nil
}

func describe(scope state.Scope, g *Group, bytes int) api.LogGroup {
	d := api.LogGroup{LogGroupName: &g.Name, Arn: new(ARN(scope, g.Name) + ":*"), LogGroupArn: new(ARN(scope, g.Name)), CreationTime: new(int(g.Created)),
		LogGroupClass: g.Class, MetricFilterCount: new(0), StoredBytes: &bytes, DeletionProtectionEnabled: &g.Protected}
	if g.Retention > 0 {
		d.RetentionInDays = &g.Retention
	}
	if g.KMSKey != "" {
		d.KmsKeyId = &g.KMSKey
	}
	return d
}

func badToken() *awsapi.Error {
	return api.InvalidParameterException("The specified nextToken is invalid.")
}

func limit(n *int, standard int) int {
	if n == nil {
		return standard
	}
	return *n
}

// PutRetentionPolicy sets after how many days events go.
func (s *Service) PutRetentionPolicy(_ context.Context, c *operation.Caller, in *api.PutRetentionPolicyRequest) (*awsapi.Empty, error) {
	if !slices.Contains(retentions, *in.RetentionInDays) {
		return nil, api.InvalidParameterException("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: %v", *in.RetentionInDays, retentions)
	}
	return &awsapi.Empty{}, s.change(c, in.LogGroupName, func(g *Group) { g.Retention = *in.RetentionInDays })
}

// DeleteRetentionPolicy keeps events for ever.
func (s *Service) DeleteRetentionPolicy(_ context.Context, c *operation.Caller, in *api.DeleteRetentionPolicyRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.change(c, in.LogGroupName, func(g *Group) { g.Retention = 0 })
}

func (s *Service) change(c *operation.Caller, name *string, do func(*Group)) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		g, err := group(tx, c.Scope(), name)
		if err == nil {
			Groups.Change(tx, c.Scope(), g.Name, do)
		}
		return err
	})
}
