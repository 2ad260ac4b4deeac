package wire

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// maxParameters bounds the parameters of one request.
const maxParameters = 20_000

// param is one parameter of a query request.
type param struct{ name, value string }

// formOf is the parameters of a request, those of a posted form before those in
// the URL, of which it may have both.
func formOf(r *http.Request, body []byte) ([]param, error) {
	var form []param
	var err error
	kind := r.Header.Get("Content-Type")
	if r.Method == http.MethodPost && (kind == "" || strings.HasPrefix(kind, "application/x-www-form-urlencoded")) {
		if form, err = parseForm(form, string(body)); err != nil {
			return nil, err
		}
	}
	return parseForm(form, r.URL.RawQuery)
}

func parseForm(form []param, text string) ([]param, error) {
	form = slices.Grow(form, min(strings.Count(text, "&")+1, maxParameters))
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		p := param{}
		var err error
		if p.name, err = url.QueryUnescape(name); err == nil {
			p.value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return nil, malformedQuery("The query string contains a syntax error")
		}
		if len(form) >= maxParameters {
			return nil, malformedQuery("The request has more than %d parameters", maxParameters)
		}
		form = append(form, p)
	}
	return form, nil
}

// value is the first parameter of the name.
func value(form []param, name string) string {
	for i := range form {
		if form[i].name == name {
			return form[i].value
		}
	}
	return ""
}

// sortForm puts the parameters of one member side by side: "A", "A.1", "A.1.B",
// "A-", "B". Of equal names the first stays first.
func sortForm(form []param) {
	slices.SortStableFunc(form, func(a, b param) int { return compareNames(a.name, b.name) })
}

// compareNames is strings.Compare with '.' before every other character.
func compareNames(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			continue
		}
		switch {
		case a[i] == '.':
			return -1
		case b[i] == '.':
			return 1
		}
		return int(a[i]) - int(b[i])
	}
	return len(a) - len(b)
}

func malformedQuery(format string, args ...any) *awsapi.Error {
	return awsapi.Errorf("MalformedQueryString", 400, format, args...)
}
