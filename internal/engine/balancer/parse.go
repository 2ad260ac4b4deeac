package balancer

import (
	"net/url"
	"strings"
)

// The limits of request heads ("HTTP 400", "HTTP 414"): 16K for the request
// line, 16K for a header, 64K for all.
const (
	requestLineLimit = 16 << 10
	headerLimit      = 16 << 10
	requestHeadLimit = 64 << 10
)

// parseRequest reads a request's head into r and classifies it. A status other
// than 0 refuses the request: what could not be framed beyond doubt is refused
// in every mitigation mode.
func parseRequest(head string, r *request) (status int) {
	r.headSize = len(head)
	line, rest := r.line(head)
	if status := r.requestLine(line); status != 0 {
		return status
	}
	var hosts, lengths, codings int
	r.length = 0
	for rest != "" && rest != "\r\n" && rest != "\n" {
		line, rest = r.line(rest)
		if len(line) > headerLimit {
			return 400
		}
		f, ok := r.header(line)
		if !ok {
			return 400
		}
		if f.name == "" {
			continue
		}
		switch len(f.name) {
		case 4:
			if equalFold(f.name, "Host") {
				if hosts++; r.host == "" {
					r.host = f.value
				}
				continue
			}
		case 14:
			if equalFold(f.name, "Content-Length") {
				if lengths++; !r.contentLength(f.value, lengths) {
					return 400
				}
			} else if suspicious(f.name) {
				r.verdict.note(ambiguous, "SuspiciousHeader")
			}
		case 17:
			if equalFold(f.name, "Transfer-Encoding") {
				if status := r.transferCoding(f.value, &codings); status != 0 {
					return status
				}
			} else if suspicious(f.name) {
				r.verdict.note(ambiguous, "SuspiciousHeader")
			}
		}
		r.fields = append(r.fields, f)
	}
	return r.framing(hosts, lengths, codings)
}

// line cuts a line off a head. A line that ends without CR is a way to smuggle.
func (r *request) line(s string) (line, rest string) {
	i := strings.IndexByte(s, '\n')
	line, rest = s[:i], s[i+1:]
	if i == 0 || line[i-1] != '\r' {
		r.verdict.note(severe, "BadHeader")
		return line, rest
	}
	return line[:i-1], rest
}

func (r *request) requestLine(line string) (status int) {
	method, rest, ok := strings.Cut(line, " ")
	last := strings.LastIndexByte(rest, ' ')
	if !ok || !isToken(method) || last <= 0 {
		if len(line) > requestLineLimit {
			return 414
		}
		r.verdict.note(severe, "BadMethod")
		return 400
	}
	r.method = method
	if len(line) > requestLineLimit {
		return 414
	}
	r.target, r.proto = rest[:last], rest[last+1:]
	if status := r.version(); status != 0 {
		return status
	}
	return r.parseTarget()
}

// version accepts HTTP/1.1 and HTTP/1.0, and takes a later HTTP/1.x for 1.1.
func (r *request) version() (status int) {
	v := r.proto
	switch {
	case v == "HTTP/1.1" || v == "HTTP/1.0":
		return 0
	case len(v) != 8 || v[:5] != "HTTP/" || v[6] != '.' || v[5] < '0' || v[5] > '9' || v[7] < '0' || v[7] > '9':
		r.verdict.note(severe, "BadVersion")
		return 400
	case v[5] == '1':
		r.verdict.note(acceptable, "NonCompliantVersion")
		r.proto = "HTTP/1.1"
		return 0
	}
	return 505
}

// parseTarget takes the request target apart: /path?query, or the same behind
// http://host, or * for OPTIONS.
func (r *request) parseTarget() (status int) {
	t := r.target
	for i := 0; i < len(t); i++ {
		switch c := t[i]; {
		case c == 0 || c == '\r':
			r.verdict.note(severe, "BadUri")
			return 400
		case c == ' ':
			r.verdict.note(acceptable, "SpaceInUri")
		case c < ' ' || c == 0x7f:
			r.verdict.note(ambiguous, "AmbiguousUri")
		}
	}
	switch {
	case t[0] == '/':
	case t == "*" && r.method == "OPTIONS":
	default:
		u, err := url.Parse(t)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			r.verdict.note(severe, "BadUri")
			return 400
		}
		r.host = u.Host
		_, t, _ = strings.Cut(t, "://")
		if i := strings.IndexAny(t, "/?"); i < 0 {
			t = "/"
		} else if t = t[i:]; t[0] == '?' {
			t = "/" + t
		}
	}
	r.splitTarget(t)
	return 0
}

// header parses a header line. A nameless or blank line gives no field.
func (r *request) header(line string) (field, bool) {
	if strings.Trim(line, " \t") == "" {
		r.verdict.note(ambiguous, "EmptyHeader")
		return field{}, true
	}
	name, value, ok := strings.Cut(line, ":")
	if ok && name == "" {
		r.verdict.note(ambiguous, "EmptyHeader")
		return field{}, true
	}
	if !ok || !isToken(name) { // a space before the colon, a folded line
		r.verdict.note(severe, "BadHeader")
		return field{}, false
	}
	value = strings.Trim(value, " \t")
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == 0 || c == '\r':
			r.verdict.note(severe, "BadHeader")
			return field{}, false
		case c < ' ' && c != '\t' || c >= 0x7f:
			r.verdict.note(acceptable, "NonCompliantHeader")
		}
	}
	return field{name, value}, true
}

func (r *request) contentLength(value string, nth int) bool {
	n, ok := digits(value)
	switch {
	case !ok:
		r.verdict.note(severe, "BadContentLength")
		return false
	case nth > 1 && n != r.length:
		r.verdict.note(severe, "MultipleContentLength")
		return false
	case nth > 1:
		r.verdict.note(ambiguous, "DuplicateContentLength")
	}
	r.length = n
	return true
}

// transferCoding knows chunked and identity ("HTTP 501").
func (r *request) transferCoding(value string, codings *int) (status int) {
	switch {
	case equalFold(value, "identity"):
		return 0
	case !equalFold(value, "chunked"):
		r.verdict.note(severe, "BadTransferEncoding")
		return 501
	}
	if *codings++; *codings > 1 {
		r.verdict.note(severe, "MultipleTransferEncodingChunked")
		return 400
	}
	return 0
}

// suspicious names look like one of the framing headers to lenient servers.
func suspicious(name string) bool {
	return equalFold(strings.ReplaceAll(name, "_", "-"), "Content-Length") ||
		equalFold(strings.ReplaceAll(name, "_", "-"), "Transfer-Encoding")
}

// framing checks what can only be said of the whole head.
func (r *request) framing(hosts, lengths, codings int) (status int) {
	switch {
	case hosts > 1, hosts == 0 && r.proto == "HTTP/1.1", !validAuthority(r.host):
		return 400
	case codings > 0 && r.proto == "HTTP/1.0":
		r.verdict.note(severe, "BadTransferEncoding")
		return 400
	}
	bodyless := r.method == "GET" || r.method == "HEAD"
	if codings > 0 && lengths > 0 {
		r.verdict.note(severe, "BothTeClPresent")
	}
	if codings > 0 {
		r.length = -1
		if bodyless {
			r.verdict.note(ambiguous, "UndefinedTransferEncodingSemantics")
		}
	} else if lengths > 0 && bodyless {
		if r.length == 0 {
			r.verdict.note(acceptable, "GetHeadZeroContentLength")
		} else {
			r.verdict.note(ambiguous, "UndefinedContentLengthSemantics")
		}
	}
	if r.fields.token("Connection", "upgrade") && r.proto == "HTTP/1.1" && r.length == 0 {
		r.upgrade = r.fields.get("Upgrade")
		if equalFold(r.upgrade, "h2c") {
			r.upgrade = "" // what comes after it would pass by the rules
		}
	}
	return 0
}

// validAuthority refuses what no host and port could be.
func validAuthority(host string) bool {
	for i := 0; i < len(host); i++ {
		switch c := host[i]; {
		case c <= ' ' || c >= 0x7f:
			return false
		case strings.IndexByte(`"#/<>?@\^{|}`+"`", c) >= 0:
			return false
		}
	}
	return true
}
