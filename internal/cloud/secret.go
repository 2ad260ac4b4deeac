package cloud

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
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
