package catalog

import (
	"crypto/sha256"
	"encoding/hex"
)

// Derive is an id of 17 digits that is always the same for the same parts: AWS's
// own things have ids that differ by region and never change.
func Derive(prefix string, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return prefix + "0" + hex.EncodeToString(h.Sum(nil))[:16]
}

// PrefixList is a prefix list of AWS's.
type PrefixList struct{ ID, Name string }

// PrefixLists are AWS's lists in a region ("Available AWS-managed prefix lists").
func PrefixLists(region string) (all []PrefixList) {
	for _, name := range []string{"com.amazonaws." + region + ".s3", "com.amazonaws." + region + ".dynamodb", "com.amazonaws.global.cloudfront.origin-facing"} {
		id := Derive("pl-", region, name)
		all = append(all, PrefixList{id[:len("pl-")+8], name})
	}
	return all
}

// UUID is a UUID that is always the same for the same parts.
func UUID(parts ...string) string {
	h := Derive("", parts...) + Derive("", append(parts, "more")...)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}
