package registry

import (
	"encoding/json"
	"fmt"

	"github.com/distribution/distribution/v3/manifest/manifestlist"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// document is what matters to us of a manifest of any kind. The library, which
// validates manifests, knows no subject and no artifact type.
type document struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *v1.Descriptor    `json:"config"`
	Layers        []v1.Descriptor   `json:"layers"`
	Manifests     []v1.Descriptor   `json:"manifests"`
	Subject       *v1.Descriptor    `json:"subject"`
	Annotations   map[string]string `json:"annotations"`
}

// parse reads a manifest. One that does not name its media type is OCI's.
func parse(payload []byte) (document, error) {
	var d document
	if err := json.Unmarshal(payload, &d); err != nil {
		return d, err
	}
	if d.SchemaVersion != 2 {
		return d, fmt.Errorf("schema version %d is not served: push the image with a current client", d.SchemaVersion)
	}
	if d.MediaType == "" {
		d.MediaType = v1.MediaTypeImageManifest
		if d.Manifests != nil {
			d.MediaType = v1.MediaTypeImageIndex
		}
	}
	// A manifest without an artifact type has its configuration's (OCI image
	// specification, "Guidelines for artifact usage").
	if d.ArtifactType == "" && d.Config != nil && d.Subject != nil {
		d.ArtifactType = d.Config.MediaType
	}
	return d, nil
}

func (d *document) index() bool {
	return d.MediaType == v1.MediaTypeImageIndex || d.MediaType == manifestlist.MediaTypeManifestList
}

// blobs are the digests of configuration and layers.
func (d *document) blobs() []digest.Digest {
	var out []digest.Digest
	if d.Config != nil {
		out = append(out, d.Config.Digest)
	}
	for _, l := range d.Layers {
		out = append(out, l.Digest)
	}
	return out
}

// references are all digests that must be kept for the manifest's sake.
func (d *document) references() []digest.Digest {
	out := d.blobs()
	for _, m := range d.Manifests {
		out = append(out, m.Digest)
	}
	return out
}

func (d *document) size() int64 {
	var n int64
	if d.Config != nil {
		n = d.Config.Size
	}
	for _, l := range d.Layers {
		n += l.Size
	}
	return n
}
