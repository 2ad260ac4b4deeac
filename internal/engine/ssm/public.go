package ssm

import (
	"encoding/json"
	"iter"
	"strings"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/ssm"
)

// AWS publishes the current ECS-optimized images below this path
// ("Retrieving Amazon ECS-optimized Linux AMI metadata").
const imagesPath = "/aws/service/ecs/optimized-ami/"

// flavours are the images that are published here, by what stands between the
// path and /recommended.
var flavours = []string{"amazon-linux-2", "amazon-linux-2/arm64", "amazon-linux-2023", "amazon-linux-2023/arm64"}

// leaves are the parameters below recommended, and recommended itself.
var leaves = []string{"", "/ecs_agent_version", "/image_id", "/image_name", "/image_version", "/os"}

// since is when the published values are said to have been changed last.
var since = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func public(name string) bool { return strings.HasPrefix(name, "/aws/") }

// published is a public parameter.
func (s *Service) published(region, name string) (*Parameter, bool) {
	rest, ok := strings.CutPrefix(name, imagesPath)
	if !ok {
		return nil, false
	}
	flavour, leaf, ok := strings.Cut(rest, "/recommended")
	if !ok {
		return nil, false
	}
	img, ok := s.images(region, flavour)
	if !ok {
		return nil, false
	}
	values := map[string]string{"/ecs_agent_version": img.AgentVersion, "/image_id": img.ID, "/image_name": img.Name, "/image_version": "2.0." + strings.ReplaceAll(since.Format("20060102"), "-", ""), "/os": img.OS}
	value, ok := values[leaf]
	if leaf == "" {
		b, err := json.Marshal(map[string]any{
			"ecs_agent_version": img.AgentVersion, "ecs_runtime_version": "Docker version 25.0.8", "image_id": img.ID, "image_name": img.Name,
			"image_version": values["/image_version"], "os": img.OS, "schema_version": 1, "source_image_name": img.Name,
		})
		value, ok = string(b), err == nil
	}
	if !ok {
		return nil, false
	}
	return &Parameter{Name: name, Versions: []Version{{Version: 1, Type: api.ParameterTypeString, Value: value, Modified: since, DataType: "text", Tier: api.ParameterTierStandard, Labels: []string{}}}}, true
}

// publishedBelow is the public parameters that begin with a prefix.
func (s *Service) publishedBelow(region, prefix string) iter.Seq[*Parameter] {
	return func(yield func(*Parameter) bool) {
		for _, f := range flavours {
			for _, l := range leaves {
				name := imagesPath + f + "/recommended" + l
				if !strings.HasPrefix(name, prefix) {
					continue
				}
				if p, ok := s.published(region, name); ok && !yield(p) {
					return
				}
			}
		}
	}
}
