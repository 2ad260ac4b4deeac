package signature

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	isoBasic   = "20060102T150405Z"

	// maxHeader bounds the Authorization header, the list of signed headers in
	// it and each part of a presigned query; real ones are below 1,000 bytes.
	maxHeader = 4096
	// maxToken bounds a session token.
	maxToken = 16 << 10
	// maxExpires is the longest life of a presigned URL: seven days.
	maxExpires = 7 * 24 * 60 * 60
)

// claim is what a request says about its signature.
type claim struct {
	scope     scope
	headers   string // the signed ones, as listed
	signature string
	token     string
	date      time.Time
	stamp     string // the date as it is signed
	presigned bool
	expires   time.Duration
	query     []parameter
}

// scope is a credential scope and the key's id before it.
type scope struct{ key, date, region, service string }

// read finds the claim in a request.
func read(r *http.Request) (claim, *Failure) {
	header := r.Header.Get("Authorization")
	var c claim
	var failure *Failure
	switch {
	case header != "":
		failure = c.readHeader(r, header)
	case presigned(r):
		c.presigned = true
		failure = c.readQuery(r)
	default:
		failure = fail(MissingToken, "Request is missing Authentication Token")
	}
	if failure != nil {
		return claim{}, failure
	}
	if c.date.Format("20060102") != c.scope.date {
		return claim{}, fail(WrongScope, fmt.Sprintf(
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			c.scope.date, c.date.Format("20060102"), c.stamp))
	}
	if len(c.token) > maxToken {
		return claim{}, fail(InvalidToken, invalidToken)
	}
	return c, c.coversEnough(r)
}

// coversEnough checks that what decides where a request goes is signed.
func (c *claim) coversEnough(r *http.Request) *Failure {
	names := strings.Split(c.headers, ";")
	if !slices.Contains(names, "host") {
		return fail(IncompleteSignature, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	if r.Header.Get("X-Amz-Target") != "" && !slices.Contains(names, "x-amz-target") {
		return fail(IncompleteSignature, "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.")
	}
	return nil
}

func (c *claim) readHeader(r *http.Request, header string) *Failure {
	if len(header) > maxHeader {
		return fail(IncompleteSignature, fmt.Sprintf("Authorization header is longer than %d bytes.", maxHeader))
	}
	credential, failure := c.readAuthorization(header, dated(r))
	if failure != nil {
		return failure
	}
	if c.scope, failure = parseScope(credential); failure != nil {
		return failure
	}
	c.token = r.Header.Get("X-Amz-Security-Token")
	if r.URL.RawQuery != "" {
		c.query = slices.Collect(split(r.URL.RawQuery, ""))
	}
	if stamp := r.Header.Get("X-Amz-Date"); stamp != "" {
		return c.dateFrom(stamp)
	}
	return c.dateFrom(r.Header.Get("Date"))
}

func dated(r *http.Request) bool {
	return r.Header.Get("X-Amz-Date") != "" || r.Header.Get("Date") != ""
}

// readAuthorization takes the header apart: the algorithm, then key=value pairs
// with commas or spaces between them.
func (c *claim) readAuthorization(header string, dated bool) (credential string, failure *Failure) {
	scheme, rest, _ := strings.Cut(header, " ")
	if scheme != algorithm {
		rest = ""
		if strings.HasPrefix(scheme, "AWS4-") {
			return "", fail(IncompleteSignature, fmt.Sprintf("Unsupported AWS 'algorithm': '%s'.", scheme))
		}
	}
	var names [3]bool
	for rest != "" {
		var pair string
		if at := strings.IndexAny(rest, ", "); at >= 0 {
			pair, rest = rest[:at], rest[at+1:]
		} else {
			pair, rest = rest, ""
		}
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return "", fail(IncompleteSignature, fmt.Sprintf(
				"Invalid key=value pair (missing equal-sign) in Authorization header %s: '%s'.", hashedNote, hashed(header)))
		}
		which := slices.Index(requiredPairs[:], name)
		switch {
		case which < 0:
			continue // AWS does not mind
		case names[which]:
			return "", fail(IncompleteSignature, fmt.Sprintf("Authorization header has '%s' twice.", name))
		}
		names[which] = value != ""
		switch which {
		case 0:
			credential = value
		case 1:
			c.signature = value
		case 2:
			c.headers = value
		}
	}
	return credential, incomplete(names, dated, header)
}

var requiredPairs = [3]string{"Credential", "Signature", "SignedHeaders"}

// AWS does not repeat the header in its message, since it may hold anything.
const hashedNote = "(hashed with SHA-256 and encoded with Base64)"

func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// incomplete lists what an Authorization header lacks.
func incomplete(has [3]bool, dated bool, header string) *Failure {
	var b strings.Builder
	for i, name := range requiredPairs {
		if !has[i] {
			fmt.Fprintf(&b, "Authorization header requires '%s' parameter. ", name)
		}
	}
	if !dated {
		b.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	if b.Len() == 0 {
		return nil
	}
	b.WriteString("(Hashed with SHA-256 and encoded with Base64) Authorization=")
	b.WriteString(hashed(header))
	return fail(IncompleteSignature, b.String())
}

// parseScope reads KEY/DATE/REGION/SERVICE/aws4_request.
func parseScope(credential string) (scope, *Failure) {
	parts := [5]string{}
	rest := credential
	for i := range 4 {
		var ok bool
		if parts[i], rest, ok = strings.Cut(rest, "/"); !ok {
			return scope{}, badCredential(credential)
		}
	}
	parts[4] = rest
	for _, part := range parts[:4] {
		if part == "" || len(part) > 128 {
			return scope{}, badCredential(credential)
		}
	}
	if parts[4] != terminator {
		return scope{}, fail(WrongScope, fmt.Sprintf(
			"Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator, parts[4]))
	}
	return scope{parts[0], parts[1], parts[2], parts[3]}, nil
}

func badCredential(credential string) *Failure {
	return fail(IncompleteSignature, fmt.Sprintf(
		"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", credential))
}

// dateFrom takes the date: AWS's own form, or that of the HTTP Date header.
func (c *claim) dateFrom(stamp string) *Failure {
	date, err := time.Parse(isoBasic, stamp)
	if err != nil || len(stamp) != len(isoBasic) {
		if date, err = http.ParseTime(stamp); err != nil {
			return fail(IncompleteSignature, fmt.Sprintf(
				"Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", stamp))
		}
		stamp = date.UTC().Format(isoBasic)
	}
	c.date, c.stamp = date.UTC(), stamp
	return nil
}

// presigned tells whether the query string claims a signature.
func presigned(r *http.Request) bool {
	return strings.Contains(r.URL.RawQuery, "X-Amz-Algorithm=") || strings.Contains(r.URL.RawQuery, "X-Amz-Signature=")
}

// readQuery reads the claim of a presigned URL. Its signature is the only
// parameter that is not signed.
func (c *claim) readQuery(r *http.Request) *Failure {
	c.query = slices.Collect(split(r.URL.RawQuery, "X-Amz-Signature"))
	found := map[string]string{}
	for name, value := range parameters(r.URL.RawQuery) {
		if !strings.HasPrefix(name, "X-Amz-") {
			continue
		}
		if _, twice := found[name]; twice {
			return fail(IncompleteSignature, fmt.Sprintf("AWS query-string parameters may not be given twice: '%s'.", name))
		}
		found[name] = unescape(value, false)
	}
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires"} {
		if found[name] == "" {
			return fail(IncompleteSignature, fmt.Sprintf(
				"AWS query-string parameters must include '%s'. Re-examine the query-string parameters.", name))
		}
		if len(found[name]) > maxHeader {
			return fail(IncompleteSignature, fmt.Sprintf("'%s' is longer than %d bytes.", name, maxHeader))
		}
	}
	if found["X-Amz-Algorithm"] != algorithm {
		return fail(IncompleteSignature, fmt.Sprintf("Unsupported AWS 'algorithm': '%s'.", found["X-Amz-Algorithm"]))
	}
	c.signature, c.headers, c.token = found["X-Amz-Signature"], found["X-Amz-SignedHeaders"], found["X-Amz-Security-Token"]
	seconds, err := strconv.Atoi(found["X-Amz-Expires"])
	if err != nil || seconds < 1 || seconds > maxExpires {
		return fail(IncompleteSignature, fmt.Sprintf("X-Amz-Expires must be between 1 and %d.", maxExpires))
	}
	c.expires = time.Duration(seconds) * time.Second
	var failure *Failure
	if c.scope, failure = parseScope(found["X-Amz-Credential"]); failure != nil {
		return failure
	}
	return c.dateFrom(found["X-Amz-Date"])
}

// timely checks the clock.
func (c *claim) timely(now time.Time, window time.Duration) *Failure {
	now = now.UTC()
	if c.date.After(now.Add(window)) {
		return fail(ClockSkewEarly, fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %s)",
			c.stamp, now.Add(window).Format(isoBasic), now.Format(isoBasic), inWords(window)))
	}
	kind, life := ClockSkewLate, window
	if c.presigned {
		kind, life = ExpiredPresign, c.expires
	}
	if c.date.Before(now.Add(-life)) {
		return fail(kind, fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %s)",
			c.stamp, now.Add(-life).Format(isoBasic), now.Format(isoBasic), inWords(life)))
	}
	return nil
}

func inWords(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min.", d/time.Minute)
	}
	return fmt.Sprintf("%d sec.", d/time.Second)
}
