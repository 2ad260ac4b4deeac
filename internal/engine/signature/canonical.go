package signature

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// buffers are reused for canonical requests.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

const unsignedPayload = "UNSIGNED-PAYLOAD"

// payload is the hash of the body as it stands in the canonical request. A hash
// that the client sent has to be the body's own.
func payload(r *http.Request, c *claim, body []byte) (string, *Failure) {
	sent := r.Header.Get("X-Amz-Content-Sha256")
	switch {
	case sent == unsignedPayload, sent == "" && c.presigned && c.scope.service == "s3":
		return unsignedPayload, nil
	case strings.HasPrefix(sent, "STREAMING-"):
		return "", fail(IncompleteSignature, "x-amz-content-sha256: "+sent+" is not served: send the body in one piece.")
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if sent != "" && sent != hash {
		return "", fail(WrongSignature, doesNotMatch)
	}
	return hash, nil
}

// spelling is one way of writing down what clients write in more than one.
type spelling struct{ path, query, host string }

// spellings are the ways to try: the documented one first; then a path whose
// dots and double slashes the client left alone (the Go SDK), a query that it
// signed as it stands in the URL (botocore) or with a literal "+", a Host with
// the scheme's port added or left away. What a spelling says is the same request
// in each.
func spellings(r *http.Request, c *claim) iter.Seq[spelling] {
	return func(yield func(spelling) bool) {
		raw := rawPath(r)
		first := spelling{canonicalPath(raw, c.scope.service), canonicalQuery(c.query, decoded), r.Host}
		if !yield(first) {
			return
		}
		paths := unique(first.path, escape(cmp.Or(raw, "/"), true))
		queries := unique(first.query, canonicalQuery(c.query, literally), canonicalQuery(c.query, asItIs))
		hosts := otherHosts(r.Host)
		for i := range len(paths) * len(queries) * len(hosts) {
			if i == 0 {
				continue
			}
			p, q, h := i%len(paths), i/len(paths)%len(queries), i/len(paths)/len(queries)
			if !yield(spelling{paths[p], queries[q], hosts[h]}) {
				return
			}
		}
	}
}

// rawPath is the path as it came, which net/url does not always keep.
func rawPath(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		return path
	}
	return r.URL.EscapedPath()
}

// unique leaves out repetitions.
func unique(all ...string) []string {
	kept := all[:0]
	for _, s := range all {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

func otherHosts(host string) []string {
	for _, port := range []string{":80", ":443"} {
		if bare, ok := strings.CutSuffix(host, port); ok {
			return []string{host, bare}
		}
	}
	if strings.LastIndexByte(host, ':') > strings.LastIndexByte(host, ']') {
		return []string{host}
	}
	return []string{host, host + ":80", host + ":443"}
}

// canonical appends the canonical request.
func canonical(b []byte, r *http.Request, c *claim, s spelling, hash string) []byte {
	b = append(b, r.Method...)
	b = append(b, '\n')
	b = append(b, s.path...)
	b = append(b, '\n')
	b = append(b, s.query...)
	b = append(b, '\n')
	for names := c.headers; ; {
		name, rest, more := strings.Cut(names, ";")
		b = append(b, name...)
		b = append(b, ':')
		b = appendHeader(b, r, name, s.host)
		b = append(b, '\n')
		if !more {
			break
		}
		names = rest
	}
	b = append(b, '\n')
	b = append(b, c.headers...)
	b = append(b, '\n')
	return append(b, hash...)
}

// appendHeader appends a header's values, with a comma between them. The server
// has taken some out of the header already.
func appendHeader(b []byte, r *http.Request, name, host string) []byte {
	switch name {
	case "host":
		return append(b, host...)
	case "content-length":
		if r.Header.Get("Content-Length") == "" && r.ContentLength >= 0 {
			return strconv.AppendInt(b, r.ContentLength, 10)
		}
	case "transfer-encoding":
		return append(b, strings.Join(r.TransferEncoding, ",")...)
	}
	for i, value := range r.Header[http.CanonicalHeaderKey(name)] {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendTrimmed(b, value)
	}
	return b
}

// appendTrimmed appends a value without the spaces around it and with one space
// for several within.
func appendTrimmed(b []byte, value string) []byte {
	space := false
	for i, start := 0, len(b); i < len(value); i++ {
		switch value[i] {
		case ' ', '\t', '\r', '\n', '\v', '\f':
			space = len(b) > start
			continue
		}
		if space {
			b = append(b, ' ')
			space = false
		}
		b = append(b, value[i])
	}
	return b
}

// stringToSign appends what is signed.
func (c *claim) stringToSign(b []byte, request [sha256.Size]byte) []byte {
	b = append(b, algorithm...)
	b = append(b, '\n')
	b = append(b, c.stamp...)
	b = append(b, '\n')
	for _, part := range [...]string{c.scope.date, c.scope.region, c.scope.service} {
		b = append(b, part...)
		b = append(b, '/')
	}
	b = append(b, terminator...)
	b = append(b, '\n')
	return hex.AppendEncode(b, request[:])
}

// canonicalPath is the path, normalized and encoded once more than it came; S3
// alone takes it as it came.
func canonicalPath(raw, service string) string {
	switch {
	case raw == "" || raw == "/":
		return "/"
	case service == "s3":
		return escape(unescape(raw, false), true)
	}
	return escape(normalized(raw), true)
}

// normalized resolves "." and ".." and leaves out empty segments. Unlike in RFC
// 3986, 5.2.4, only a slash at the end leaves one there: so the SDKs have it.
func normalized(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path
	}
	var kept []string
	segments := strings.Split(path, "/")
	for _, segment := range segments {
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		default:
			kept = append(kept, segment)
		}
	}
	clean := "/" + strings.Join(kept, "/")
	if len(kept) > 0 && segments[len(segments)-1] == "" {
		clean += "/"
	}
	return clean
}

// parameter is one of the query string's, as it came.
type parameter struct{ name, value string }

// parameters are the query string's, with decoded names and raw values.
func parameters(query string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for p := range split(query, "") {
			if !yield(unescape(p.name, false), p.value) {
				return
			}
		}
	}
}

// split takes the query string apart and leaves out one parameter.
func split(query, except string) iter.Seq[parameter] {
	return func(yield func(parameter) bool) {
		for pair := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if pair == "" || except != "" && unescape(name, false) == except {
				continue
			}
			if !yield(parameter{name, value}) {
				return
			}
		}
	}
}

// reading is how a query string's names and values are read.
type reading byte

const (
	decoded   reading = iota // percent-decoded, "+" is a space
	literally                // percent-decoded, "+" is itself
	asItIs                   // not decoded, and not encoded either
)

func (how reading) encode(s string) string {
	if how == asItIs {
		return s
	}
	return escape(unescape(s, how == decoded), false)
}

// canonicalQuery encodes and sorts the parameters.
func canonicalQuery(query []parameter, how reading) string {
	if len(query) == 0 {
		return ""
	}
	encoded := make([]parameter, len(query))
	for i, p := range query {
		encoded[i] = parameter{how.encode(p.name), how.encode(p.value)}
	}
	slices.SortFunc(encoded, func(a, b parameter) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.value, b.value))
	})
	var b strings.Builder
	for i, p := range encoded {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name)
		b.WriteByte('=')
		b.WriteString(p.value)
	}
	return b.String()
}

// escape percent-encodes all but unreserved characters (RFC 3986, 2.3), and
// slashes if asked.
func escape(s string, keepSlash bool) string {
	n := 0
	for i := range len(s) {
		if !unreserved(s[i]) && !(keepSlash && s[i] == '/') {
			n++
		}
	}
	if n == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*n)
	for i := range len(s) {
		if c := s[i]; unreserved(c) || keepSlash && c == '/' {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

const upperHex = "0123456789ABCDEF"

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

// unescape decodes percent-encoding; what is none stays as it is.
func unescape(s string, plus bool) string {
	if strings.IndexByte(s, '%') < 0 && !(plus && strings.IndexByte(s, '+') >= 0) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, ok := nibble(s[i+1])
			low, also := nibble(s[i+2])
			if ok && also {
				b = append(b, high<<4|low)
				i += 2
				continue
			}
		}
		if plus && s[i] == '+' {
			b = append(b, ' ')
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

func nibble(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
