package cloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// caller is the last part of a caller's ARN: a user, a role's session, root.
func caller(arn string) string {
	return arn[strings.LastIndexAny(arn, "/:")+1:]
}

// History is a family's latest revisions, the newest first: what was released
// when, and which one the service runs.
func (a *Account) History(ctx context.Context, env *slipway.Environment, svc *slipway.Service, most int) ([]slipway.Past, error) {
	service, err := a.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &env.Cluster.Name, Services: []string{svc.Name}})
	if err != nil && !absent(err) { // what was released before is still there
		return nil, fmt.Errorf("reading service %s: %w", svc.Name, plain(err))
	}
	current := ""
	if err == nil {
		for _, s := range service.Services {
			if aws.ToString(s.Status) == "ACTIVE" {
				current = aws.ToString(s.TaskDefinition)
			}
		}
	}
	out, err := a.ecs.ListTaskDefinitions(ctx, &ecs.ListTaskDefinitionsInput{FamilyPrefix: &svc.Family, Sort: types.SortOrderDesc, MaxResults: aws.Int32(int32(most))})
	if err != nil {
		return nil, fmt.Errorf("reading revisions of %s: %w", svc.Family, plain(err))
	}
	list := make([]slipway.Past, len(out.TaskDefinitionArns))
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, arn := range out.TaskDefinitionArns {
		wg.Go(func() {
			var out *ecs.DescribeTaskDefinitionOutput
			out, errs[i] = a.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &arn, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags}})
			if errs[i] == nil {
				td := out.TaskDefinition
				p := slipway.Past{Revision: arn, Current: arn == current, At: aws.ToTime(td.RegisteredAt), By: caller(aws.ToString(td.RegisteredBy))}
				p.Tag, p.Commit, p.Image = released(td)
				p.Failed = slices.ContainsFunc(out.Tags, func(t types.Tag) bool { return aws.ToString(t.Key) == tagFailed })
				list[i] = p
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("reading revisions of %s: %w", svc.Family, plain(err))
		}
	}
	return list, nil
}
