package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strings"
	"testing"
)

func (e *engine) boto3(endpoint string, args ...string) (string, error) {
	cmd := exec.Command("python3", append([]string{"every.py", "../../../docs/coverage.md"}, args...)...)
	cmd.Dir = "testdata/boto3"
	cmd.Env = append(e.env[:len(e.env):len(e.env)], "PYTHONDONTWRITEBYTECODE=1")
	if endpoint != "" {
		cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+endpoint)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Every waiter comes to its end, every paginator's pages are the whole, and no
// answer breaks its model.
func TestBoto3sWaitersAndPaginators(t *testing.T) {
	needs(t, "python3")
	e := start(t, "--simulate")
	out, err := e.boto3("")
	t.Log(strings.SplitN(out, "\n", 2)[0])
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The check finds an answer that is broken on purpose.
func TestABrokenAnswerIsFound(t *testing.T) {
	needs(t, "python3")
	e := start(t, "--simulate")
	e.must("ecs", "create-cluster", "--cluster-name", "web")
	engine, err := url.Parse(e.lookup("AWS_ENDPOINT_URL"))
	if err != nil {
		t.Fatal(err)
	}
	for broken, says := range map[string]string{
		`{"clusterArns":["arn"]}`:               "",
		`{"clusterArns":["arn"],"nextToken":5}`: "nextToken: 5 is no string",
		`{"clusterArns":null}`:                  "clusterArns: null",
		`{"clusterArns":["arn"],"clusters":[]}`: "clusters: is not in the model",
		`{"clusterArns":{"first":"arn"}}`:       "clusterArns: is no list",
	} {
		proxy := httptest.NewServer(&httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(engine); r.Out.Host = r.In.Host },
			ModifyResponse: func(res *http.Response) error {
				if strings.HasSuffix(res.Request.Header.Get("X-Amz-Target"), ".ListClusters") {
					res.Body, res.ContentLength = io.NopCloser(bytes.NewReader([]byte(broken))), int64(len(broken))
					res.Header.Del("Content-Length")
				}
				return nil
			},
		})
		out, err := e.boto3(proxy.URL, "brief")
		proxy.Close()
		if (err != nil) != (says != "") || !strings.Contains(out, says) {
			t.Errorf("%s: %v, %q", broken, err, out)
		}
	}
}
