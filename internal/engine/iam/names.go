package iam

import (
	"encoding/base32"
	"encoding/binary"
	"net/url"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/engine/ids"
)

// Unique ids carry their kind in four letters ("IAM identifiers", unique ID
// prefixes, in the User Guide).
func uniqueID(kind string) string { return kind + ids.Upper(17) }

// KeyID makes the id of an access key. Like AWS's it carries the account, which
// sts:GetAccessKeyInfo reads back even when the key is no more: of the 80 bits
// in 16 base32 digits the first is 1 and the next 40 are the account's number.
func KeyID(prefix, account string) string {
	n, _ := strconv.ParseUint(account, 10, 40)
	var b [10]byte
	random, _ := base32.StdEncoding.DecodeString(ids.Upper(16))
	copy(b[:], random)
	head := uint64(1)<<47 | n<<7 | uint64(b[5]&0x7f)
	var wide [8]byte
	binary.BigEndian.PutUint64(wide[:], head)
	copy(b[:6], wide[2:])
	return prefix + base32.StdEncoding.EncodeToString(b[:])
}

// KeyAccount is the account in an access key's id; ok is false for an id of the
// form that carries none.
func KeyAccount(id string) (account string, ok bool) {
	if len(id) < 20 {
		return "", false
	}
	b, err := base32.StdEncoding.DecodeString(strings.ToUpper(id[4:20]))
	if err != nil || b[0]&0x80 == 0 {
		return "", false
	}
	var wide [8]byte
	copy(wide[2:], b[:6])
	n := binary.BigEndian.Uint64(wide[:]) & (1<<47 - 1) >> 7
	return pad(strconv.FormatUint(n, 10)), true
}

func pad(account string) string { return strings.Repeat("0", max(0, 12-len(account))) + account }

// encoded is a policy document as IAM returns it: percent-encoded as RFC 3986
// has it, so that a space is %20 and not a plus sign.
func encoded(document string) *string {
	return new(strings.ReplaceAll(url.QueryEscape(document), "+", "%20"))
}

// pathOr is the path that was given, or the root.
func pathOr(path *string) (string, error) {
	if path == nil {
		return "/", nil
	}
	p := *path
	if !strings.HasPrefix(p, "/") || !strings.HasSuffix(p, "/") || strings.Contains(p, "//") {
		return "", invalid("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return p, nil
}

// nameOf is the name in an ARN: "travis" in "arn:aws:iam::1:user/ci/travis".
func nameOf(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
