package ecr

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/registry"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

var caller = &operation.Caller{Account: "000000000000", Region: "eu-west-1", ARN: "arn:aws:iam::000000000000:user/travis"}

const manifestType = "application/vnd.oci.image.manifest.v1+json"

// rig is the service on a real registry, with the repository "web".
type rig struct {
	*Service
	t        *testing.T
	dir      string
	registry *registry.Registry
	server   *httptest.Server
	// later is how far the clock is ahead of the disk's.
	later time.Duration
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, dir: t.TempDir()}
	store := state.InMemory(Tables...)
	t.Cleanup(func() { store.Close() })
	now := func() time.Time { return time.Now().Add(r.later) }
	env := &operation.Env{Store: store, Vault: vault.New([32]byte{1}), Now: now, Log: slog.New(slog.DiscardHandler), Account: caller.Account, Region: caller.Region}
	r.Service = New(env)
	reg, err := registry.New(registry.Options{
		Dir: r.dir, Account: caller.Account, Region: caller.Region, Exists: r.Exists, Immutable: r.Immutable, OnPush: r.Pushed, Now: now, Grace: time.Nanosecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.registry = reg
	r.Use(reg)
	r.server = httptest.NewServer(reg)
	t.Cleanup(r.server.Close)
	env.Addresses.Registry = r.server.Listener.Addr().String()
	must(t, r.CreateRepository, &api.CreateRepositoryRequest{RepositoryName: new("web")})
	return r
}

func must[In, Out any](t *testing.T, do func(context.Context, *operation.Caller, *In) (*Out, error), in *In) *Out {
	t.Helper()
	out, err := do(t.Context(), caller, in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func code(err error) string {
	if e, ok := errors.AsType[*awsapi.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

func digestOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// layer uploads a blob by the API in parts.
func (r *rig) layer(content []byte, parts int) string {
	r.t.Helper()
	id := must(r.t, r.InitiateLayerUpload, &api.InitiateLayerUploadRequest{RepositoryName: new("web")}).UploadId
	size := (len(content) + parts - 1) / parts
	for first := 0; first < len(content); first += size {
		part := content[first:min(first+size, len(content))]
		out := must(r.t, r.UploadLayerPart, &api.UploadLayerPartRequest{RepositoryName: new("web"), UploadId: id, PartFirstByte: &first, PartLastByte: new(first + len(part) - 1), LayerPartBlob: part})
		if *out.LastByteReceived != first+len(part)-1 {
			r.t.Fatalf("%d bytes received, %d sent", *out.LastByteReceived+1, first+len(part))
		}
	}
	return *must(r.t, r.CompleteLayerUpload, &api.CompleteLayerUploadRequest{RepositoryName: new("web"), UploadId: id, LayerDigests: []string{digestOf(content)}}).LayerDigest
}

// push makes an image of one random layer, by the API alone, and gives its digest.
func (r *rig) push(tag string, size int) string {
	r.t.Helper()
	random := rand.NewChaCha8(sha256.Sum256([]byte(tag)))
	content := make([]byte, size)
	random.Read(content)
	config := fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","tag":%q}`, tag)
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":%d}]}`,
		manifestType, r.layer(config, 1), len(config), r.layer(content, 3), size)
	out := must(r.t, r.PutImage, &api.PutImageRequest{RepositoryName: new("web"), ImageTag: &tag, ImageManifest: &manifest, ImageManifestMediaType: new(manifestType)})
	return *out.Image.ImageId.ImageDigest
}

// tags are the tags that the repository has.
func (r *rig) tags() []string {
	r.t.Helper()
	var all []string
	for token := (*string)(nil); ; {
		out := must(r.t, r.ListImages, &api.ListImagesRequest{RepositoryName: new("web"), NextToken: token})
		for _, i := range out.ImageIds {
			all = append(all, awsapi.V(i.ImageTag))
		}
		if token = out.NextToken; token == nil {
			return all
		}
	}
}

// disk is how many bytes the registry's files take.
func (r *rig) disk() (n int64) {
	r.t.Helper()
	err := filepath.WalkDir(r.dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		n += info.Size()
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func TestAnImagePushedByTheAPIIsPulledByClients(t *testing.T) {
	r := newRig(t)
	digest := r.push("v1", 10_000)
	res, err := http.Get(r.server.URL + "/v2/web/manifests/v1")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Docker-Content-Digest"); got != digest {
		t.Errorf("the registry has %s at v1, the API put %s", got, digest)
	}
	var m struct{ Layers []struct{ Digest string } }
	if err := json.NewDecoder(res.Body).Decode(&m); err != nil {
		t.Fatal(err)
	}
	url := must(t, r.GetDownloadUrlForLayer, &api.GetDownloadUrlForLayerRequest{RepositoryName: new("web"), LayerDigest: &m.Layers[0].Digest}).DownloadUrl
	layer, err := http.Get(*url)
	if err != nil {
		t.Fatal(err)
	}
	defer layer.Body.Close()
	content, _ := io.ReadAll(layer.Body)
	if digestOf(content) != m.Layers[0].Digest {
		t.Errorf("%s: %d bytes of another content", layer.Status, len(content))
	}
	layers := must(t, r.BatchCheckLayerAvailability, &api.BatchCheckLayerAvailabilityRequest{RepositoryName: new("web"), LayerDigests: []string{m.Layers[0].Digest, digestOf(nil)}}).Layers
	if layers[0].LayerAvailability != "AVAILABLE" || *layers[0].LayerSize != 10_000 || layers[1].LayerAvailability != "UNAVAILABLE" {
		t.Errorf("%+v", layers)
	}
}

// What is asked for and is not there is told for each image by itself.
func TestImagesThatAreNotThereAreFailures(t *testing.T) {
	r := newRig(t)
	digest := r.push("v1", 100)
	out := must(t, r.BatchGetImage, &api.BatchGetImageRequest{RepositoryName: new("web"), ImageIds: []api.ImageIdentifier{
		{ImageTag: new("v1")}, {ImageTag: new("v2")}, {ImageDigest: new("sha256:" + strings.Repeat("0", 64))}, {}, {ImageDigest: new("v1")}, {ImageDigest: &digest, ImageTag: new("v2")},
	}})
	var got []api.ImageFailureCode
	for _, f := range out.Failures {
		got = append(got, f.FailureCode)
	}
	want := []api.ImageFailureCode{api.ImageFailureCodeImageNotFound, api.ImageFailureCodeImageNotFound, api.ImageFailureCodeMissingDigestAndTag, api.ImageFailureCodeInvalidImageDigest, api.ImageFailureCodeImageTagDoesNotMatchDigest}
	if diff := cmp.Diff(want, got); diff != "" || len(out.Images) != 1 {
		t.Errorf("%d images; failures %s", len(out.Images), diff)
	}
}

func TestLayerUploadsAreChecked(t *testing.T) {
	r := newRig(t)
	begin := func() *string {
		return must(t, r.InitiateLayerUpload, &api.InitiateLayerUploadRequest{RepositoryName: new("web")}).UploadId
	}
	part := func(id *string, first, last int, blob []byte) error {
		_, err := r.UploadLayerPart(t.Context(), caller, &api.UploadLayerPartRequest{RepositoryName: new("web"), UploadId: id, PartFirstByte: &first, PartLastByte: &last, LayerPartBlob: blob})
		return err
	}
	complete := func(id *string, digest string) error {
		_, err := r.CompleteLayerUpload(t.Context(), caller, &api.CompleteLayerUploadRequest{RepositoryName: new("web"), UploadId: id, LayerDigests: []string{digest}})
		return err
	}
	abc, there := []byte("abc"), r.layer([]byte("there"), 1)
	id := begin()
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"a gap":            {part(id, 1, 3, abc), "InvalidLayerPartException"},
		"another length":   {part(id, 0, 3, abc), "InvalidLayerPartException"},
		"no upload":        {part(new("0ae9e4a4-3c7b-4b8e-9d0b-5f1f6a7b8c9d"), 0, 2, abc), "UploadNotFoundException"},
		"no id":            {part(new("x"), 0, 2, abc), "UploadNotFoundException"},
		"nothing uploaded": {complete(begin(), digestOf(nil)), "EmptyUploadException"},
		"another content":  {func() error { id := begin(); return errors.Join(part(id, 0, 2, abc), complete(id, digestOf(nil))) }(), "InvalidLayerException"},
		"there already":    {func() error { id := begin(); return errors.Join(part(id, 0, 2, abc), complete(id, there)) }(), "LayerAlreadyExistsException"},
	} {
		if code(tt.err) != tt.want {
			t.Errorf("%s: %v, want %s", name, tt.err, tt.want)
		}
	}
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":3},"layers":[]}`, manifestType, digestOf(abc))
	_, err := r.PutImage(t.Context(), caller, &api.PutImageRequest{RepositoryName: new("web"), ImageTag: new("x"), ImageManifest: &manifest, ImageManifestMediaType: new(manifestType)})
	if code(err) != "LayersNotFoundException" {
		t.Error(err)
	}
}

func TestDeletedAndExpiredImagesGiveTheirSpaceBack(t *testing.T) {
	const size = 1 << 20
	r := newRig(t)
	for _, tag := range []string{"v1", "v2", "v3", "v4"} {
		r.push(tag, size)
	}
	before := r.disk()
	must(t, r.BatchDeleteImage, &api.BatchDeleteImageRequest{RepositoryName: new("web"), ImageIds: []api.ImageIdentifier{{ImageTag: new("v1")}}})
	must(t, r.PutLifecyclePolicy, &api.PutLifecyclePolicyRequest{RepositoryName: new("web"), LifecyclePolicyText: new(
		`{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}`)})
	if wake := r.expire(t.Context()); wake.IsZero() {
		t.Error("images expired, and nobody looks again")
	}
	if diff := cmp.Diff([]string{"v4"}, r.tags()); diff != "" {
		t.Error(diff)
	}
	if must(t, r.GetLifecyclePolicy, &api.GetLifecyclePolicyRequest{RepositoryName: new("web")}).LastEvaluatedAt == nil {
		t.Error("the policy was applied, and does not say when")
	}
	if _, err := r.registry.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if freed := before - r.disk(); freed < 3*size || freed > 3*size+100_000 {
		t.Errorf("%d bytes of three images of %d came back", freed, size)
	}
}

func TestThePreviewDeletesNothing(t *testing.T) {
	r := newRig(t)
	r.push("prod-1", 10)
	r.push("dev-1", 10)
	policy := `{"rules":[{"rulePriority":7,"selection":{"tagStatus":"tagged","tagPrefixList":["dev"],"countType":"sinceImagePushed","countUnit":"days","countNumber":3},"action":{"type":"expire"}}]}`
	get := func() *api.GetLifecyclePolicyPreviewResponse {
		return must(t, r.GetLifecyclePolicyPreview, &api.GetLifecyclePolicyPreviewRequest{RepositoryName: new("web")})
	}
	if _, err := r.GetLifecyclePolicyPreview(t.Context(), caller, &api.GetLifecyclePolicyPreviewRequest{RepositoryName: new("web")}); code(err) != "LifecyclePolicyPreviewNotFoundException" {
		t.Error(err)
	}
	if _, err := r.StartLifecyclePolicyPreview(t.Context(), caller, &api.StartLifecyclePolicyPreviewRequest{RepositoryName: new("web")}); code(err) != "LifecyclePolicyNotFoundException" {
		t.Error(err)
	}
	start := &api.StartLifecyclePolicyPreviewRequest{RepositoryName: new("web"), LifecyclePolicyText: &policy}
	must(t, r.StartLifecyclePolicyPreview, start)
	if p := get(); len(p.PreviewResults) != 0 || p.Status != "COMPLETE" {
		t.Errorf("%+v", p)
	}
	r.later = 73 * time.Hour
	must(t, r.StartLifecyclePolicyPreview, start)
	p := get()
	if len(p.PreviewResults) != 1 || p.PreviewResults[0].ImageTags[0] != "dev-1" || *p.PreviewResults[0].AppliedRulePriority != 7 || *p.Summary.ExpiringImageTotalCount != 1 {
		t.Errorf("%+v", p)
	}
	if len(r.tags()) != 2 {
		t.Error("the preview deleted an image")
	}
	r.later += 25 * time.Hour
	if p := get(); p.Status != "EXPIRED" {
		t.Error(p.Status)
	}
}

func TestLifecyclePoliciesAreKeptAsTheyAreWritten(t *testing.T) {
	r := newRig(t)
	text := `{ "rules" : [{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}`
	in := &api.GetLifecyclePolicyRequest{RepositoryName: new("web")}
	if _, err := r.GetLifecyclePolicy(t.Context(), caller, in); code(err) != "LifecyclePolicyNotFoundException" {
		t.Error(err)
	}
	_, err := r.PutLifecyclePolicy(t.Context(), caller, &api.PutLifecyclePolicyRequest{RepositoryName: new("web"), LifecyclePolicyText: new(strings.Replace(text, "any", "tagged", 1))})
	if want := "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: Must specify tagPrefixList"; code(err) != "InvalidParameterException" || !strings.Contains(err.Error(), want) {
		t.Error(err)
	}
	must(t, r.PutLifecyclePolicy, &api.PutLifecyclePolicyRequest{RepositoryName: new("web"), LifecyclePolicyText: &text})
	if got := must(t, r.GetLifecyclePolicy, in).LifecyclePolicyText; *got != text {
		t.Error(*got)
	}
	must(t, r.DeleteLifecyclePolicy, &api.DeleteLifecyclePolicyRequest{RepositoryName: new("web")})
	if _, err := r.DeleteLifecyclePolicy(t.Context(), caller, &api.DeleteLifecyclePolicyRequest{RepositoryName: new("web")}); code(err) != "LifecyclePolicyNotFoundException" {
		t.Error(err)
	}
}

func TestAPushToAnImmutableTagIsRefusedInECRsWords(t *testing.T) {
	r := newRig(t)
	r.push("v1", 10)
	r.push("v2", 10)
	must(t, r.PutImageTagMutability, &api.PutImageTagMutabilityRequest{RepositoryName: new("web"), ImageTagMutability: "IMMUTABLE"})
	v2, _, _, err := r.registry.Manifest(at(caller.Scope(), "web"), "v2")
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, r.server.URL+"/v2/web/manifests/v1", bytes.NewReader(v2))
	req.Header.Set("Content-Type", manifestType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	const words = "The image tag 'v1' already exists in the 'web' repository and cannot be overwritten because the repository is immutable."
	if res.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), words) {
		t.Errorf("%s %s", res.Status, body)
	}
	_, err = r.PutImage(t.Context(), caller, &api.PutImageRequest{RepositoryName: new("web"), ImageTag: new("v1"), ImageManifest: new(string(v2)), ImageManifestMediaType: new(manifestType)})
	if code(err) != "ImageTagAlreadyExistsException" || !strings.Contains(err.Error(), words) {
		t.Error(err)
	}
}

func TestTheRegistrysSettings(t *testing.T) {
	r := newRig(t)
	if _, err := r.GetRegistryPolicy(t.Context(), caller, &api.GetRegistryPolicyRequest{}); code(err) != "RegistryPolicyNotFoundException" {
		t.Error(err)
	}
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"ecr:ReplicateImage","Resource":"*"}]}`
	must(t, r.PutRegistryPolicy, &api.PutRegistryPolicyRequest{PolicyText: &text})
	if got := must(t, r.GetRegistryPolicy, &api.GetRegistryPolicyRequest{}).PolicyText; *got != text {
		t.Error(*got)
	}
	name := new("REGISTRY_POLICY_SCOPE")
	must(t, r.PutAccountSetting, &api.PutAccountSettingRequest{Name: name, Value: new("V1")})
	if got := must(t, r.GetAccountSetting, &api.GetAccountSettingRequest{Name: name}).Value; *got != "V1" {
		t.Error(*got)
	}
	if _, err := r.PutRegistryScanningConfiguration(t.Context(), caller, &api.PutRegistryScanningConfigurationRequest{ScanType: "ENHANCED"}); code(err) != "InvalidParameterException" {
		t.Error(err)
	}
	must(t, r.PutImageScanningConfiguration, &api.PutImageScanningConfigurationRequest{RepositoryName: new("web"), ImageScanningConfiguration: &api.ImageScanningConfiguration{ScanOnPush: new(true)}})
	got := must(t, r.BatchGetRepositoryScanningConfiguration, &api.BatchGetRepositoryScanningConfigurationRequest{RepositoryNames: []string{"web", "none"}})
	if len(got.ScanningConfigurations) != 1 || got.ScanningConfigurations[0].ScanFrequency != "SCAN_ON_PUSH" || len(got.Failures) != 1 {
		t.Errorf("%+v", got)
	}
}
