package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// manifest is what of an image's manifest, or of an index of several, leads to
// its configuration.
type manifest struct {
	Config    struct{ Digest string }
	Manifests []struct {
		Digest   string
		Platform struct{ OS string }
	}
}

// Labels are an image's labels. They stand in its configuration, which is had as a
// layer is.
func (a *Account) Labels(ctx context.Context, repository, digest string) (map[string]string, error) {
	m, err := a.manifest(ctx, repository, digest)
	if err != nil {
		return nil, err
	}
	for _, one := range m.Manifests {
		if one.Platform.OS != "unknown" { // BuildKit's attestations are of no platform
			if m, err = a.manifest(ctx, repository, one.Digest); err != nil {
				return nil, err
			}
			break
		}
	}
	out, err := a.ecr.GetDownloadUrlForLayer(ctx, &ecr.GetDownloadUrlForLayerInput{RepositoryName: &repository, LayerDigest: &m.Config.Digest})
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of %s@%s: %w", repository, digest, plain(err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, aws.ToString(out.DownloadUrl), nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of %s@%s: %w", repository, digest, err)
	}
	defer res.Body.Close()
	var image struct {
		Config struct{ Labels map[string]string }
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 8<<20)).Decode(&image); err != nil || res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("reading the configuration of %s@%s: %s %w", repository, digest, res.Status, err)
	}
	return image.Config.Labels, nil
}

func (a *Account) manifest(ctx context.Context, repository, digest string) (m manifest, err error) {
	out, err := a.ecr.BatchGetImage(ctx, &ecr.BatchGetImageInput{RepositoryName: &repository, ImageIds: []types.ImageIdentifier{{ImageDigest: &digest}}})
	if err != nil {
		return m, fmt.Errorf("reading the manifest of %s@%s: %w", repository, digest, plain(err))
	}
	if len(out.Images) == 0 {
		return m, fmt.Errorf("reading the manifest of %s@%s: it is not there", repository, digest)
	}
	if err := json.Unmarshal([]byte(aws.ToString(out.Images[0].ImageManifest)), &m); err != nil {
		return m, fmt.Errorf("reading the manifest of %s@%s: %w", repository, digest, err)
	}
	return m, nil
}
