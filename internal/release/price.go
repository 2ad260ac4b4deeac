package release

import (
	"fmt"
	"strconv"
	"strings"
)

// large is what an instance of size large costs an hour on demand, with Linux in
// us-east-1, in dollars (https://aws.amazon.com/ec2/pricing/on-demand/). Within
// these families the price goes with the size. Other regions are mostly dearer,
// by up to a half.
var large = map[string]float64{
	"t2": 0.0928, "t3": 0.0832, "t3a": 0.0752, "t4g": 0.0672,
	"m5": 0.096, "m5a": 0.086, "m6i": 0.096, "m7i": 0.1008,
	"c5": 0.085, "c5a": 0.077, "c6i": 0.085, "c7g": 0.0725,
	"r5": 0.126, "r5a": 0.113, "r6i": 0.126,
}

// sizes are a size's part of a large one.
var sizes = map[string]float64{"nano": 1.0 / 16, "micro": 1.0 / 8, "small": 1.0 / 4, "medium": 1.0 / 2, "large": 1, "xlarge": 2}

// price says about what an instance costs: " (about $0.021 an hour in us-east-1)";
// "" is not known.
func price(instance string) string {
	family, size, _ := strings.Cut(instance, ".")
	part, ok := sizes[size]
	if n, err := strconv.Atoi(strings.TrimSuffix(size, "xlarge")); err == nil && !ok {
		part = float64(2 * n)
	}
	if cost := large[family] * part; cost > 0 {
		return fmt.Sprintf(" (about $%.2g an hour in us-east-1)", cost)
	}
	return ""
}
