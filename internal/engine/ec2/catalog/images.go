package catalog

import (
	"slices"
	"strings"
	"time"
)

// Image is a machine image. No disk is behind it: an instance of it is a share
// of this machine with Docker and an ECS agent, whatever the image.
type Image struct {
	ID, Name, Description, Arch string
	// OwnerID is the account that publishes it; the alias is always "amazon".
	OwnerID string
	// OS is as ECS's public parameters tell it: "Amazon Linux 2023".
	OS string
	// Flavour is what stands in the path of ECS's public parameter, "" for an
	// image that is not ECS-optimized.
	Flavour string
	// AgentVersion is the ECS agent's on an ECS-optimized image.
	AgentVersion string
	// Snapshot and SizeGiB are of the root volume.
	Snapshot string
	SizeGiB  int
	// VolumeType is the root volume's.
	VolumeType string
	// V2 tells that instances take IMDSv2 only unless told otherwise.
	V2      bool
	Created time.Time
}

// RootDevice is every image's.
const RootDevice = "/dev/xvda"

// Who publishes images ("Amazon ECS-optimized Linux AMIs", "Amazon Linux").
const (
	ecsOwner   = "591542846629"
	linuxOwner = "137112412989"
)

// AgentVersion is the ECS agent's on the images, and the one that container
// instances here tell.
const AgentVersion = "1.99.0"

// released is when the images are said to be from.
var released = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// template is an image before it is in a region.
type template struct {
	name, description, arch, owner, os, flavour string
	size                                        int
	volume                                      string
	v2                                          bool
}

var templates = []template{
	{"al2023-ami-ecs-hvm-2023.0.20260101-kernel-6.1-x86_64", "Amazon Linux AMI 2023.0.20260101 x86_64 ECS HVM EBS", "x86_64", ecsOwner, "Amazon Linux 2023", "amazon-linux-2023", 30, "gp3", true},
	{"al2023-ami-ecs-hvm-2023.0.20260101-kernel-6.1-arm64", "Amazon Linux AMI 2023.0.20260101 arm64 ECS HVM EBS", "arm64", ecsOwner, "Amazon Linux 2023", "amazon-linux-2023/arm64", 30, "gp3", true},
	{"amzn2-ami-ecs-hvm-2.0.20260101-x86_64-ebs", "Amazon Linux AMI 2.0.20260101 x86_64 ECS HVM GP2", "x86_64", ecsOwner, "Amazon Linux 2", "amazon-linux-2", 30, "gp2", false},
	{"amzn2-ami-ecs-hvm-2.0.20260101-arm64-ebs", "Amazon Linux AMI 2.0.20260101 arm64 ECS HVM GP2", "arm64", ecsOwner, "Amazon Linux 2", "amazon-linux-2/arm64", 30, "gp2", false},
	{"al2023-ami-2023.9.20260101.0-kernel-6.1-x86_64", "Amazon Linux 2023 AMI 2023.9.20260101.0 x86_64 HVM kernel-6.1", "x86_64", linuxOwner, "Amazon Linux 2023", "", 8, "gp3", true},
	{"al2023-ami-2023.9.20260101.0-kernel-6.1-arm64", "Amazon Linux 2023 AMI 2023.9.20260101.0 arm64 HVM kernel-6.1", "arm64", linuxOwner, "Amazon Linux 2023", "", 8, "gp3", true},
	{"amzn2-ami-hvm-2.0.20260101.0-x86_64-gp2", "Amazon Linux 2 AMI 2.0.20260101.0 x86_64 HVM gp2", "x86_64", linuxOwner, "Amazon Linux 2", "", 8, "gp2", false},
	{"amzn2-ami-hvm-2.0.20260101.0-arm64-gp2", "Amazon Linux 2 LTS Arm64 AMI 2.0.20260101.0 arm64 HVM gp2", "arm64", linuxOwner, "Amazon Linux 2", "", 8, "gp2", false},
}

// Images are a region's images, by id. Their ids differ by region, as AWS's do,
// and are always the same.
func Images(region string) []Image {
	var all []Image
	for _, t := range templates {
		img := Image{
			ID: Derive("ami-", region, t.name), Name: t.name, Description: t.description, Arch: t.arch, OwnerID: t.owner, OS: t.os, Flavour: t.flavour,
			Snapshot: Derive("snap-", region, t.name), SizeGiB: t.size, VolumeType: t.volume, V2: t.v2, Created: released,
		}
		if t.flavour != "" {
			img.AgentVersion = AgentVersion
		}
		all = append(all, img)
	}
	slices.SortFunc(all, func(a, b Image) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// ImageOf is an image of a region by its id.
func ImageOf(region, id string) (Image, bool) {
	return find(region, func(i Image) bool { return i.ID == id })
}

// ECSImage is a region's current ECS-optimized image of a flavour: what stands
// between /aws/service/ecs/optimized-ami/ and /recommended in the names of ECS's
// public parameters, such as "amazon-linux-2023/arm64".
func ECSImage(region, flavour string) (Image, bool) {
	return find(region, func(i Image) bool { return i.Flavour == flavour && flavour != "" })
}

// LinuxImage is a region's current plain Amazon Linux image: os is "al2023" or
// "amzn2".
func LinuxImage(region, os, arch string) (Image, bool) {
	return find(region, func(i Image) bool {
		return i.Flavour == "" && strings.HasPrefix(i.Name, os+"-") && i.Arch == arch
	})
}

func find(region string, is func(Image) bool) (Image, bool) {
	for _, i := range Images(region) {
		if is(i) {
			return i, true
		}
	}
	return Image{}, false
}

// ImageByParameter is the image that a public parameter of SSM names.
func ImageByParameter(region, name string) (Image, bool) {
	if rest, ok := strings.CutPrefix(name, "/aws/service/ecs/optimized-ami/"); ok {
		flavour, leaf, _ := strings.Cut(rest, "/recommended")
		if leaf != "/image_id" {
			return Image{}, false
		}
		return ECSImage(region, flavour)
	}
	rest, ok := strings.CutPrefix(name, "/aws/service/ami-amazon-linux-latest/")
	if !ok {
		return Image{}, false
	}
	arch := "x86_64"
	if strings.HasSuffix(rest, "arm64") || strings.Contains(rest, "-arm64-") {
		arch = "arm64"
	}
	switch {
	case strings.HasPrefix(rest, "al2023-ami-kernel-"):
		return LinuxImage(region, "al2023", arch)
	case strings.HasPrefix(rest, "amzn2-ami-"):
		return LinuxImage(region, "amzn2", arch)
	}
	return Image{}, false
}
