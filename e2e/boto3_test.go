package e2e

import (
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
	t.Parallel()
	needs(t, "python3")
	e := start(t, "--simulate")
	out, err := e.boto3("")
	t.Log(strings.SplitN(out, "\n", 2)[0])
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The check finds answers that are broken on purpose: boto3's does, and the aws
// CLI's, which is the same, of every kind.
func TestABrokenAnswerIsFound(t *testing.T) {
	needs(t, "python3", "aws")
	e := start(t, "--simulate")
	e.must("ecs", "create-cluster", "--cluster-name", "web")
	engine, err := url.Parse(e.lookup("AWS_ENDPOINT_URL"))
	if err != nil {
		t.Fatal(err)
	}
	var status int
	var broken string
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(engine); r.Out.Host = r.In.Host },
		ModifyResponse: func(res *http.Response) error {
			res.StatusCode, res.Body, res.ContentLength = status, io.NopCloser(strings.NewReader(broken)), int64(len(broken))
			res.Header.Del("Content-Length")
			return nil
		},
	})
	defer proxy.Close()
	cli := startResident(append(e.env[:len(e.env):len(e.env)], "AWS_ENDPOINT_URL="+proxy.URL))
	if cli == nil {
		t.Skip("SKIP: the aws CLI cannot be imported into python3")
	}
	defer cli.close()
	xml := func(inner string) string {
		return `<R xmlns="https://iam.amazonaws.com/doc/2010-05-08/">` + inner + `<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></R>`
	}
	for _, c := range []struct {
		command string
		status  int
		answer  string
		says    string
	}{
		{"ecs list-clusters", 200, `{"clusterArns":["arn"]}`, ""},
		{"ecs list-clusters", 200, `{"clusterArns":["arn"],"nextToken":5}`, "nextToken: 5 is no string"},
		{"ecs list-clusters", 200, `{"clusterArns":null}`, "clusterArns: null"},
		{"ecs list-clusters", 200, `{"clusterArns":["arn"],"clusters":[]}`, "clusters: is not in the model"},
		{"ecs list-clusters", 200, `{"clusterArns":{"first":"arn"}}`, "clusterArns: is no list"},
		{"ecs list-clusters", 200, `clusters`, "body: "},
		{"ecs list-clusters", 400, `{"message":"no"}`, "400 without a type"},
		{"ecs describe-clusters", 200, `{"clusters":[{"runningTasksCount":"1"}]}`, "runningTasksCount: '1' is no integer"},
		{"logs describe-log-groups", 200, `{"logGroups":[{"logGroupName":""}]}`, "logGroupName: 0 is not from 1 to 512"},
		{"logs describe-log-groups", 200, `{"logGroups":[{"logGroupClass":"COLD"}]}`, "logGroupClass: 'COLD' is not of the enum"},
		{"iam list-account-aliases", 200, xml(`<ListAccountAliasesResult><AccountAliases/></ListAccountAliasesResult>`), ""},
		{"iam list-account-aliases", 200, xml(`<AccountAliases/>`), "has no ListAccountAliasesResult"},
		{"iam list-account-aliases", 200, xml(`<ListAccountAliasesResult><AccountAliases><item>one</item></AccountAliases></ListAccountAliasesResult>`), "has the element item"},
		{"iam list-users", 200, xml(`<ListUsersResult><Users><member><UserName>one</UserName></member></Users></ListUsersResult>`), "is required and missing"},
		{"iam list-users", 403, `<ErrorResponse><Error><Message>no</Message></Error></ErrorResponse>`, "403 without a Code"},
		{"ec2 describe-regions", 200, `<R><regionInfo/></R>`, "has no RequestId"},
	} {
		status, broken = c.status, c.answer
		said := cli.call(strings.Fields(c.command))
		if found := strings.Join(said.Broken, "; "); (found != "") != (c.says != "") || !strings.Contains(found, c.says) {
			t.Errorf("%s, answered %d %s: %q, not %q", c.command, c.status, c.answer, found, c.says)
		}
	}
	for answer, says := range map[string]string{`{"clusterArns":["arn"]}`: "", `{"clusterArns":null}`: "clusterArns: null"} {
		status, broken = http.StatusOK, answer
		if out, err := e.boto3(proxy.URL, "brief"); (err != nil) != (says != "") || !strings.Contains(out, says) {
			t.Errorf("%s: %v, %q", answer, err, out)
		}
	}
}
