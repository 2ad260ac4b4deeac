package catalog

import (
	"cmp"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Host is Slipway's own instance type: the whole machine that the engine runs
// on. AWS has no such type.
const Host = "host"

// InstanceType is what a type of instances holds.
type InstanceType struct {
	Name string
	// VCPUs and Memory, in MiB, are what an instance has.
	VCPUs, Memory int
	// Arch is "x86_64" or "arm64".
	Arch string
	// Threads is threads a core.
	Threads int
	// Clock is the sustained clock speed in GHz, Maker who made the processor.
	Clock float64
	Maker string
	// Interfaces and Addresses are the most interfaces, and IPv4 addresses for
	// each of them ("Maximum IP addresses per network interface").
	Interfaces, Addresses int
	// Network is the bandwidth in AWS's words.
	Network string
	// Burstable types earn and spend CPU credits.
	Burstable bool
	// Xen types are not on the Nitro system; they are of the older generations.
	Xen  bool
	Free bool
}

// family is a group of types that differ in size only.
type family struct {
	name, arch, maker string
	clock             float64
	threads           int
	// gib is memory for each vCPU.
	gib   int
	sizes string
}

// families of general use ("Amazon EC2 instance types"), but for the burstable
// ones, which follow no rule.
var families = []family{
	{"m5", "x86_64", "Intel", 3.1, 2, 4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"},
	{"m5a", "x86_64", "AMD", 2.5, 2, 4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"},
	{"m6a", "x86_64", "AMD", 3.6, 2, 4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge 48xlarge"},
	{"m6g", "arm64", "AWS", 2.5, 1, 4, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"},
	{"m6i", "x86_64", "Intel", 3.5, 2, 4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"},
	{"m7g", "arm64", "AWS", 2.6, 1, 4, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"},
	{"m7i", "x86_64", "Intel", 3.2, 2, 4, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"},
	{"c5", "x86_64", "Intel", 3.4, 2, 2, "large xlarge 2xlarge 4xlarge 9xlarge 12xlarge 18xlarge 24xlarge"},
	{"c5a", "x86_64", "AMD", 3.3, 2, 2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"},
	{"c6a", "x86_64", "AMD", 3.6, 2, 2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge 48xlarge"},
	{"c6g", "arm64", "AWS", 2.5, 1, 2, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"},
	{"c6i", "x86_64", "Intel", 3.5, 2, 2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"},
	{"c7g", "arm64", "AWS", 2.6, 1, 2, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"},
	{"c7i", "x86_64", "Intel", 3.2, 2, 2, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"},
	{"r5", "x86_64", "Intel", 3.1, 2, 8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"},
	{"r5a", "x86_64", "AMD", 2.5, 2, 8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"},
	{"r6g", "arm64", "AWS", 2.5, 1, 8, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"},
	{"r6i", "x86_64", "Intel", 3.5, 2, 8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"},
	{"r7g", "arm64", "AWS", 2.6, 1, 8, "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"},
	{"r7i", "x86_64", "Intel", 3.2, 2, 8, "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"},
}

// burst is a size of the burstable families.
type burst struct {
	size          string
	vcpus, memory int
	// interfaces and addresses of t3, t3a and t4g; t2's stand apart.
	interfaces, addresses int
}

var bursts = []burst{
	{"nano", 2, 512, 2, 2}, {"micro", 2, 1024, 2, 2}, {"small", 2, 2048, 3, 4}, {"medium", 2, 4096, 3, 6},
	{"large", 2, 8192, 3, 12}, {"xlarge", 4, 16384, 4, 15}, {"2xlarge", 8, 32768, 4, 15},
}

// olderBursts are t2's, the first generation.
var olderBursts = []burst{
	{"nano", 1, 512, 2, 2}, {"micro", 1, 1024, 2, 2}, {"small", 1, 2048, 3, 4}, {"medium", 2, 4096, 3, 6},
	{"large", 2, 8192, 3, 12}, {"xlarge", 4, 16384, 3, 15}, {"2xlarge", 8, 32768, 3, 15},
}

var types = sync.OnceValue(func() []InstanceType {
	var all []InstanceType
	for _, f := range families {
		for size := range strings.FieldsSeq(f.sizes) {
			all = append(all, f.of(size))
		}
	}
	for _, b := range olderBursts {
		all = append(all, b.of("t2", "x86_64", "Intel", 2.3, 1))
	}
	for _, b := range bursts {
		all = append(all, b.of("t3", "x86_64", "Intel", 2.5, 2), b.of("t3a", "x86_64", "AMD", 2.2, 2), b.of("t4g", "arm64", "AWS", 2.5, 1))
	}
	slices.SortFunc(all, func(a, b InstanceType) int { return cmp.Compare(a.Name, b.Name) })
	return all
})

// vcpus of a size: medium is one, large two, xlarge four, Nxlarge 4N.
func vcpus(size string) int {
	switch size {
	case "medium":
		return 1
	case "large":
		return 2
	}
	n := 0
	for _, c := range strings.TrimSuffix(size, "xlarge") {
		n = 10*n + int(c-'0')
	}
	return 4 * max(n, 1)
}

func (f family) of(size string) InstanceType {
	n := vcpus(size)
	t := InstanceType{Name: f.name + "." + size, VCPUs: n, Memory: n * f.gib * 1024, Arch: f.arch, Threads: f.threads, Clock: f.clock, Maker: f.maker, Network: "Up to 10 Gigabit"}
	switch {
	case n == 1:
		t.Interfaces, t.Addresses = 2, 4
	case n == 2:
		t.Interfaces, t.Addresses = 3, 10
	case n <= 8:
		t.Interfaces, t.Addresses = 4, 15
	case n <= 48:
		t.Interfaces, t.Addresses = 8, 30
	default:
		t.Interfaces, t.Addresses = 15, 50
	}
	if n > 16 {
		t.Network = "10 Gigabit"
	}
	return t
}

func (b burst) of(name, arch, maker string, clock float64, threads int) InstanceType {
	t := InstanceType{
		Name: name + "." + b.size, VCPUs: b.vcpus, Memory: b.memory, Arch: arch, Threads: threads, Clock: clock, Maker: maker,
		Interfaces: b.interfaces, Addresses: b.addresses, Network: "Up to 5 Gigabit", Burstable: true, Xen: name == "t2",
		Free: b.size == "micro" && (name == "t2" || name == "t3"),
	}
	if t.Xen {
		t.Network = "Low to Moderate"
	}
	if t.Name == "t3a.small" {
		t.Interfaces = 2
	}
	return t
}

// InstanceTypes are all of AWS's types that the engine knows, by name.
func InstanceTypes() []InstanceType { return types() }

// InstanceTypeOf is a type by its name, be it AWS's or Host.
func InstanceTypeOf(name string) (InstanceType, bool) {
	if name == Host {
		return hostType(), true
	}
	i, ok := slices.BinarySearchFunc(types(), name, func(t InstanceType, name string) int { return cmp.Compare(t.Name, name) })
	if !ok {
		return InstanceType{}, false
	}
	return types()[i], true
}

var hostType = sync.OnceValue(func() InstanceType {
	arch := "x86_64"
	if runtime.GOARCH == "arm64" {
		arch = "arm64"
	}
	return InstanceType{
		Name: Host, VCPUs: runtime.NumCPU(), Memory: machineMemory(), Arch: arch, Threads: 1, Maker: "this machine's",
		Interfaces: 15, Addresses: 50, Network: "Loopback",
	}
})
