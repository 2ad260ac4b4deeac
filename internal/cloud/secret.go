package cloud

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Secret is one encrypted parameter; its value is never read here.
type Secret struct {
	Name    string    `json:"name"`
	Changed time.Time `json:"changed"`
	Version int64     `json:"version"`
}

// PutSecret writes an encrypted parameter.
func (a *Account) PutSecret(ctx context.Context, name, value string) (int64, error) {
	out, err := a.ssm.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: &value, Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true)})
	if err != nil {
		return 0, fmt.Errorf("writing secret %s: %w", name, plain(err))
	}
	return out.Version, nil
}

// PlainVariable is the value that a variable has in what the environment's services
// run, where everybody reads it who may read a task definition.
func (a *Account) PlainVariable(ctx context.Context, env *slipway.Environment, name string) (string, error) {
	for services := range slices.Chunk(env.Services, 10) {
		in := &ecs.DescribeServicesInput{Cluster: &env.Cluster.Name}
		for _, s := range services {
			in.Services = append(in.Services, s.Name)
		}
		out, err := a.ecs.DescribeServices(ctx, in)
		if err != nil && !absent(err) {
			return "", fmt.Errorf("reading services: %w", plain(err))
		}
		for i := 0; err == nil && i < len(out.Services); i++ {
			td, err := a.definitionOf(ctx, aws.ToString(out.Services[i].TaskDefinition))
			if err != nil {
				return "", err
			}
			for _, c := range td.ContainerDefinitions {
				for _, v := range c.Environment {
					if aws.ToString(v.Name) == name && aws.ToString(v.Value) != "" {
						return *v.Value, nil
					}
				}
			}
		}
	}
	return "", fmt.Errorf("nothing that runs in %s has a plain variable %s; give its value on standard input", env.Name, name)
}

// Secrets lists the encrypted parameters below a path.
func (a *Account) Secrets(ctx context.Context, below string) ([]Secret, error) {
	var list []Secret
	pages := ssm.NewDescribeParametersPaginator(a.ssm, &ssm.DescribeParametersInput{MaxResults: aws.Int32(50), ParameterFilters: []types.ParameterStringFilter{
		{Key: aws.String("Path"), Option: aws.String("Recursive"), Values: []string{path.Clean("/" + strings.Trim(below, "/"))}},
		{Key: aws.String("Type"), Values: []string{"SecureString"}}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading secrets: %w", plain(err))
		}
		for _, p := range page.Parameters {
			list = append(list, Secret{aws.ToString(p.Name), aws.ToTime(p.LastModifiedDate), p.Version})
		}
	}
	return list, nil
}

// MissingSecrets are those of the parameters that are not there; values are not
// read. Who may not look is not told: the tasks will be.
func (a *Account) MissingSecrets(ctx context.Context, names []string) ([]string, error) {
	missing := names
	begun := time.Now()
	err := a.until(ctx, "secrets", time.Hour, func(ctx context.Context) (bool, error) {
		for some := range slices.Chunk(slices.Clone(missing), 50) { // as many as a filter takes
			pages := ssm.NewDescribeParametersPaginator(a.ssm, &ssm.DescribeParametersInput{MaxResults: aws.Int32(50),
				ParameterFilters: []types.ParameterStringFilter{{Key: aws.String("Name"), Option: aws.String("Equals"), Values: some}}})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return false, err
				}
				missing = slices.DeleteFunc(slices.Clone(missing), func(name string) bool {
					return slices.ContainsFunc(page.Parameters, func(p types.ParameterMetadata) bool { return aws.ToString(p.Name) == name })
				})
			}
		}
		return len(missing) == 0 || a.Settled(begun), nil
	})
	if denied, ok := errors.AsType[*Denied](err); ok && denied != nil {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading secrets: %w", plain(err))
	}
	return missing, nil
}

// RemoveSecret deletes a parameter; one that is not there is an error.
func (a *Account) RemoveSecret(ctx context.Context, name string) error {
	if _, err := a.ssm.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &name}); err != nil {
		if is(err, "ParameterNotFound") {
			return fmt.Errorf("there is no secret %s", name)
		}
		return fmt.Errorf("removing secret %s: %w", name, plain(err))
	}
	return nil
}
