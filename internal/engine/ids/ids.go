// Package ids makes the random identifiers that AWS resources carry. Services
// call it when they create something.
package ids

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// Hex is n lower-case hexadecimal digits, as in "i-" + Hex(17) or a task's Hex(32).
func Hex(n int) string {
	b := make([]byte, (n+1)/2)
	rand.Read(b)
	return hex.EncodeToString(b)[:n]
}

// UUID is a random UUID, version 4.
func UUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Digits is n decimal digits, the first not zero, as in "ecs-svc/" + Digits(19).
func Digits(n int) string { return pick("123456789", 1) + pick("0123456789", n-1) }

// Upper is n characters of A-Z and 2-7, as in "AKIA" + Upper(16).
func Upper(n int) string { return pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", n) }

// Secret is n characters of base64's alphabet, as in a secret access key's 40.
func Secret(n int) string {
	return pick("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", n)
}

// Letters is n letters and digits, as at the end of a secret's ARN: 6.
func Letters(n int) string {
	return pick("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", n)
}

// Mixed is n letters and digits, as in a service deployment's 21.
func Mixed(n int) string {
	return pick("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", n)
}

// pick draws evenly: bytes above the largest multiple of the alphabet are drawn
// again.
func pick(alphabet string, n int) string {
	limit := 256 - 256%len(alphabet)
	out := make([]byte, 0, max(n, 0))
	var b [64]byte
	for len(out) < n {
		rand.Read(b[:])
		for _, c := range b {
			if int(c) < limit && len(out) < n {
				out = append(out, alphabet[int(c)%len(alphabet)])
			}
		}
	}
	return string(out)
}
