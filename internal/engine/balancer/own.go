package balancer

import (
	"net/http"
	"strconv"
	"time"
)

// phrases are the reason phrases of the load balancer's own answers; the page
// that goes with them shows the same words.
var phrases = map[int]string{
	400: "Bad Request",
	405: "Not Allowed",
	408: "Request Time-out",
	414: "Request-URI Too Large",
	500: "Internal Server Error",
	501: "Not Implemented",
	502: "Bad Gateway",
	503: "Service Temporarily Unavailable",
	504: "Gateway Time-out",
	505: "HTTP Version Not Supported",
}

func phrase(status int) string {
	if p, ok := phrases[status]; ok {
		return p
	}
	return http.StatusText(status)
}

// title is the status line's number and phrase; 463 and 464 have no phrase.
func title(status int) string {
	if p := phrase(status); p != "" {
		return strconv.Itoa(status) + " " + p
	}
	return strconv.Itoa(status)
}

// page is the small HTML page of the load balancer's own answers.
func page(status int) string {
	t := title(status)
	return "<html>\r\n<head><title>" + t + "</title></head>\r\n<body>\r\n<center><h1>" + t +
		"</h1></center>\r\n</body>\r\n</html>\r\n"
}

const serverName = "awselb/2.0"

// ownFields begin every answer that is not a target's.
func ownFields(contentType string, more ...field) fields {
	f := fields{{"Server", serverName}, {"Date", httpDate(time.Now())}}
	if contentType != "" {
		f = append(f, field{"Content-Type", contentType})
	}
	return append(f, more...)
}

func httpDate(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

// refuse answers with a page of the load balancer's own.
func (x *exchange) refuse(status int, more ...field) {
	x.reply(status, page(status), ownFields("text/html", more...))
}

// reply sends an answer of the load balancer's own.
func (x *exchange) reply(status int, body string, f fields) {
	x.status = status
	x.replied = time.Now()
	if x.listener != nil {
		if x.listener.headers.HideServer {
			f = f.without("Server")
		}
		f = x.listener.decorate(f)
	}
	if err := x.out.begin(status, phrase(status), f, int64(len(body))); err != nil {
		return
	}
	if x.req.method != "HEAD" && body != "" {
		if x.out.write([]byte(body), true) != nil {
			return
		}
		x.returned += int64(len(body))
	}
	x.out.finish(nil)
}
