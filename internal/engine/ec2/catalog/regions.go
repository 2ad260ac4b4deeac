// Package catalog is what EC2 has to offer: regions and their zones, instance
// types, machine images. It holds facts and pure functions of them, no state.
// Called by ec2 and by the services that must know what an instance type holds.
package catalog

import (
	"slices"
	"strings"
)

// Region is an AWS region that is open to every account without opting in, or
// one that needs it.
type Region struct {
	Name string
	// Prefix begins the ids of its zones: "euw1" in "euw1-az1".
	Prefix string
	// OptIn tells that an account must ask for it.
	OptIn bool
}

// regions as in "AWS Regions" of the EC2 user guide; prefixes as in "Availability
// Zone IDs".
var regions = []Region{
	{"af-south-1", "afs1", true}, {"ap-east-1", "ape1", true}, {"ap-east-2", "ape2", true}, {"ap-northeast-1", "apne1", false}, {"ap-northeast-2", "apne2", false},
	{"ap-northeast-3", "apne3", false}, {"ap-south-1", "aps1", false}, {"ap-south-2", "aps2", true}, {"ap-southeast-1", "apse1", false},
	{"ap-southeast-2", "apse2", false}, {"ap-southeast-3", "apse3", true}, {"ap-southeast-4", "apse4", true}, {"ap-southeast-5", "apse5", true}, {"ap-southeast-7", "apse7", true}, {"ca-central-1", "cac1", false},
	{"ca-west-1", "caw1", true}, {"eu-central-1", "euc1", false}, {"eu-central-2", "euc2", true}, {"eu-north-1", "eun1", false},
	{"eu-south-1", "eus1", true}, {"eu-south-2", "eus2", true}, {"eu-west-1", "euw1", false}, {"eu-west-2", "euw2", false},
	{"eu-west-3", "euw3", false}, {"il-central-1", "ilc1", true}, {"me-central-1", "mec1", true}, {"me-south-1", "mes1", true},
	{"mx-central-1", "mxc1", true}, {"sa-east-1", "sae1", false}, {"us-east-1", "use1", false}, {"us-east-2", "use2", false}, {"us-west-1", "usw1", false}, {"us-west-2", "usw2", false},
}

// Regions are all regions, by name. A region that a request names and that is
// not among them is served all the same: home adds it.
func Regions(home string) []Region {
	if slices.ContainsFunc(regions, func(r Region) bool { return r.Name == home }) {
		return regions
	}
	all := append(slices.Clone(regions), RegionOf(home))
	slices.SortFunc(all, func(a, b Region) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// RegionOf is the region of a name, made up where AWS has none of it.
func RegionOf(name string) Region {
	for _, r := range regions {
		if r.Name == name {
			return r
		}
	}
	return Region{Name: name, Prefix: prefix(name)}
}

// prefix follows AWS's pattern: the area, the direction's letters, the number.
func prefix(region string) string {
	short := ""
	for i, part := range strings.Split(region, "-") {
		switch {
		case i == 0:
			short += part
		case part == "":
		case strings.ContainsAny(part[:1], "0123456789"):
			short += part
		case len(part) == len("northeast"):
			short += part[:1] + part[5:6]
		default:
			short += part[:1]
		}
	}
	return short
}

// Zone is an Availability Zone.
type Zone struct{ Name, ID, Region string }

// Zones are a region's zones: three everywhere, the first named a and with the
// id that ends in az1. (On AWS which name has which id differs by account.)
func Zones(region string) []Zone {
	r := RegionOf(region)
	zones := make([]Zone, 3)
	for i := range zones {
		zones[i] = Zone{region + string(rune('a'+i)), r.Prefix + "-az" + string(rune('1'+i)), region}
	}
	return zones
}

// ZoneOf finds a region's zone by its name or its id.
func ZoneOf(region, nameOrID string) (Zone, bool) {
	for _, z := range Zones(region) {
		if z.Name == nameOrID || z.ID == nameOrID {
			return z, true
		}
	}
	return Zone{}, false
}

// Domain is what private DNS names of instances end in.
func Domain(region string) string {
	if region == "us-east-1" {
		return "ec2.internal"
	}
	return region + ".compute.internal"
}

// PublicDomain is what public DNS names of instances end in.
func PublicDomain(region string) string {
	if region == "us-east-1" {
		return "compute-1.amazonaws.com"
	}
	return region + ".compute.amazonaws.com"
}
