package balancer

import "strconv"

// appendRequestHead writes the head that a target gets.
func appendRequestHead(b []byte, x *exchange) []byte {
	r := &x.req
	b = append(b, r.method...)
	b = append(b, ' ')
	b = append(b, x.uri...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendField(b, "Host", x.host)
	for _, f := range x.toTarget() {
		b = appendField(b, f.name, f.value)
	}
	switch {
	case r.upgrade != "":
		b = appendField(b, "Connection", "upgrade")
		b = appendField(b, "Upgrade", r.upgrade)
	case r.length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case r.length > 0 || r.method == "POST" || r.method == "PUT" || r.method == "PATCH":
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, r.length, 10)
		b = append(b, "\r\n"...)
	}
	if x.apart {
		b = append(b, "Connection: close\r\n"...)
	}
	return append(b, "\r\n"...)
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}
