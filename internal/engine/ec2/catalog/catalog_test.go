package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
)

func TestZones(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1": "eu-west-1a euw1-az1", "us-east-1": "us-east-1a use1-az1", "ap-southeast-2": "ap-southeast-2a apse2-az1", "ca-central-1": "ca-central-1a cac1-az1",
		"xx-northwest-9": "xx-northwest-9a xxnw9-az1", // no region of AWS's
	} {
		z := Zones(region)
		if got := z[0].Name + " " + z[0].ID; got != want || len(z) != 3 {
			t.Errorf("%s: %s, want %s", region, got, want)
		}
	}
	if z, ok := ZoneOf("eu-west-1", "euw1-az3"); !ok || z.Name != "eu-west-1c" {
		t.Errorf("%+v", z)
	}
	if _, ok := ZoneOf("eu-west-1", "eu-west-1d"); ok {
		t.Error("there is a fourth zone")
	}
}

// Prefixes of the regions follow AWS's pattern, so the pattern must make them.
func TestThePatternMakesTheKnownPrefixes(t *testing.T) {
	for _, r := range regions {
		if got := prefix(r.Name); got != r.Prefix {
			t.Errorf("%s: %s, want %s", r.Name, got, r.Prefix)
		}
	}
	names := Regions("xx-test-1")
	if !slices.IsSortedFunc(names, func(a, b Region) int { return cmpString(a.Name, b.Name) }) || len(names) != len(regions)+1 {
		t.Errorf("%d regions with one of our own", len(names))
	}
}

func cmpString(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Facts from AWS's pages of instance types and of addresses per interface.
func TestInstanceTypes(t *testing.T) {
	for name, want := range map[string]string{
		"t2.nano": "1 512 x86_64 2 2", "t2.2xlarge": "8 32768 x86_64 3 15", "t3.micro": "2 1024 x86_64 2 2", "t3.small": "2 2048 x86_64 3 4", "t3a.small": "2 2048 x86_64 2 4",
		"t3.xlarge": "4 16384 x86_64 4 15", "t4g.medium": "2 4096 arm64 3 6", "m5.large": "2 8192 x86_64 3 10", "m5.4xlarge": "16 65536 x86_64 8 30", "m5.12xlarge": "48 196608 x86_64 8 30",
		"m5.16xlarge": "64 262144 x86_64 15 50", "m6g.medium": "1 4096 arm64 2 4", "m7i.48xlarge": "192 786432 x86_64 15 50", "c5.9xlarge": "36 73728 x86_64 8 30",
		"c5.18xlarge": "72 147456 x86_64 15 50", "c6i.xlarge": "4 8192 x86_64 4 15", "c7g.16xlarge": "64 131072 arm64 15 50", "r5.2xlarge": "8 65536 x86_64 4 15", "r6i.32xlarge": "128 1048576 x86_64 15 50",
	} {
		i, ok := InstanceTypeOf(name)
		if got := fmt.Sprint(i.VCPUs, " ", i.Memory, " ", i.Arch, " ", i.Interfaces, " ", i.Addresses); !ok || got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for _, name := range []string{"", "t3", "t3.huge", "m5.48xlarge", "p5.48xlarge"} {
		if i, ok := InstanceTypeOf(name); ok {
			t.Errorf("%q is %+v", name, i)
		}
	}
	if h, ok := InstanceTypeOf(Host); !ok || h.VCPUs < 1 || h.Memory < 1 || slices.ContainsFunc(InstanceTypes(), func(i InstanceType) bool { return i.Name == Host }) {
		t.Errorf("host: %+v", h)
	}
}

func TestMemoryIsRead(t *testing.T) {
	for text, want := range map[string]int{
		"MemTotal:       24689164 kB\nMemFree: 1 kB\n": 24110, "Junk\nMemTotal: 2048 kB": 2, "": assumedMemory, "MemTotal: many kB": assumedMemory,
	} {
		if got := memoryIn(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestImagesStayAndDifferByRegion(t *testing.T) {
	form, seen := regexp.MustCompile(`^ami-0[0-9a-f]{16}$`), map[string]string{}
	for _, region := range []string{"eu-west-1", "us-east-1"} {
		for _, i := range Images(region) {
			if other := seen[i.ID]; other != "" || !form.MatchString(i.ID) {
				t.Errorf("%s of %s is also %s", i.ID, region, other)
			}
			seen[i.ID] = region + " " + i.Name
		}
		for _, flavour := range []string{"amazon-linux-2", "amazon-linux-2/arm64", "amazon-linux-2023", "amazon-linux-2023/arm64"} {
			one, ok := ECSImage(region, flavour)
			two, found := ImageByParameter(region, "/aws/service/ecs/optimized-ami/"+flavour+"/recommended/image_id")
			if !ok || !found || one.ID != two.ID || one.AgentVersion == "" {
				t.Errorf("%s: %+v, %+v", flavour, one, two)
			}
		}
	}
	if i, ok := ImageByParameter("eu-west-1", "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"); !ok || i.Arch != "arm64" || i.Flavour != "" {
		t.Errorf("%+v", i)
	}
	for _, name := range []string{"", "/mine", "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended", "/aws/service/ecs/optimized-ami/nothing/recommended/image_id"} {
		if i, ok := ImageByParameter("eu-west-1", name); ok {
			t.Errorf("%q names %s", name, i.Name)
		}
	}
	// The ids of a release must not change with the code that makes them.
	if i, _ := ECSImage("eu-west-1", "amazon-linux-2023"); i.ID != "ami-0de538005fdccce1d" {
		t.Errorf("the id of %s has become %s", i.Name, i.ID)
	}
}
