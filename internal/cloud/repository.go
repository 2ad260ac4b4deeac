package cloud

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func (a *Account) observeRepositories(ctx context.Context, wanted []slipway.Resource) error {
	for _, w := range ofKind(wanted, slipway.KindRepository) {
		out, err := a.ecr.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{w.Name}})
		if is(err, "RepositoryNotFoundException") {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading repository %s: %w", w.Name, plain(err))
		}
		a.found(w.ID, slipway.Seen{Ref: aws.ToString(out.Repositories[0].RepositoryUri)})
	}
	return nil
}

func (a *Account) applyRepository(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	if s.Action != slipway.Create { // others made it meanwhile
		return nil
	}
	out, err := a.ecr.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: &s.Name, Tags: []types.Tag{{Key: aws.String(tagCluster), Value: &env.Cluster.Name}}})
	if err != nil {
		return err
	}
	a.found(s.ID, slipway.Seen{Ref: aws.ToString(out.Repository.RepositoryUri)})
	return nil
}

// Login is what a registry's client needs of the account's registry; URL is its
// name with a scheme before it.
type Login struct{ URL, Registry, User, Password string }

// RegistryLogin asks for a password that lasts twelve hours.
func (a *Account) RegistryLogin(ctx context.Context) (Login, error) {
	out, err := a.ecr.GetAuthorizationToken(ctx, nil)
	if err != nil {
		return Login{}, fmt.Errorf("asking for the registry's password: %w", plain(err))
	}
	if len(out.AuthorizationData) == 0 {
		return Login{}, fmt.Errorf("asking for the registry's password: ecr gave none")
	}
	plain, err := base64.StdEncoding.DecodeString(aws.ToString(out.AuthorizationData[0].AuthorizationToken))
	if err != nil {
		return Login{}, fmt.Errorf("asking for the registry's password: %w", err)
	}
	user, password, _ := strings.Cut(string(plain), ":")
	endpoint := aws.ToString(out.AuthorizationData[0].ProxyEndpoint)
	return Login{URL: endpoint, Registry: strings.TrimPrefix(strings.TrimPrefix(endpoint, "https://"), "http://"), User: user, Password: password}, nil
}

// Digest is the digest of a tag in one of the account's repositories; false
// where the tag, or the repository, is not there.
func (a *Account) Digest(ctx context.Context, repository, tag string) (string, bool, error) {
	out, err := a.ecr.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: &repository, ImageIds: []types.ImageIdentifier{{ImageTag: &tag}}})
	if is(err, "ImageNotFoundException", "RepositoryNotFoundException") {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("looking for image %s:%s: %w", repository, tag, plain(err))
	}
	if len(out.ImageDetails) == 0 {
		return "", false, nil
	}
	return aws.ToString(out.ImageDetails[0].ImageDigest), true, nil
}

// NewestTags are a repository's tags, those pushed last first.
func (a *Account) NewestTags(ctx context.Context, repository string, most int) ([]string, error) {
	type image struct {
		pushed time.Time
		tags   []string
	}
	var images []image
	pages := ecr.NewDescribeImagesPaginator(a.ecr, &ecr.DescribeImagesInput{RepositoryName: &repository, Filter: &types.DescribeImagesFilter{TagStatus: types.TagStatusTagged}, MaxResults: aws.Int32(1000)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if is(err, "RepositoryNotFoundException") {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading images of %s: %w", repository, plain(err))
		}
		for _, i := range page.ImageDetails {
			images = append(images, image{aws.ToTime(i.ImagePushedAt), i.ImageTags})
		}
	}
	slices.SortFunc(images, func(x, y image) int { return y.pushed.Compare(x.pushed) })
	var tags []string
	for _, i := range images {
		tags = append(tags, i.tags...)
	}
	return tags[:min(most, len(tags))], nil
}

// Repositories is Observe for repositories alone: all that a build may look at.
func (a *Account) Repositories(ctx context.Context, wanted []slipway.Resource) (*slipway.Observed, error) {
	a.mu.Lock()
	a.seen = &slipway.Observed{Account: a.ID, Region: a.Region, Resources: map[slipway.ID]slipway.Seen{}}
	a.mu.Unlock()
	if err := a.observeRepositories(ctx, wanted); err != nil {
		return nil, err
	}
	return a.seen, nil
}
