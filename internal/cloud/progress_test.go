package cloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// tasksOf sees every task of a rollout once: those beyond a page, and one that
// stops while it looks, so that running tasks and stopped ones list it.
func TestTasksOfARolloutAreSeenOnce(t *testing.T) {
	const last = 129
	arn := func(i int) string { return fmt.Sprintf("arn:aws:ecs:eu-west-1:000000000000:task/yard/%03d", i) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			StartedBy, NextToken string
			Tasks                []string
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		answer := map[string]any{}
		switch _, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); {
		case operation == "DescribeTasks":
			var tasks []map[string]string
			for _, t := range in.Tasks {
				tasks = append(tasks, map[string]string{"taskArn": t, "startedBy": "ecs-svc/1"})
			}
			answer["tasks"] = tasks
		case in.StartedBy == "": // the stopped ones
			answer["taskArns"] = []string{arn(last)}
		case in.NextToken == "":
			var first []string
			for i := range 100 {
				first = append(first, arn(i))
			}
			answer["taskArns"], answer["nextToken"] = first, "more"
		default:
			var rest []string
			for i := 100; i <= last; i++ {
				rest = append(rest, arn(i))
			}
			answer["taskArns"] = rest
		}
		json.NewEncoder(w).Encode(answer)
	}))
	defer server.Close()
	a := &Account{ecs: ecs.New(ecs.Options{Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", "")})}
	tasks, err := a.tasksOf(t.Context(), &slipway.Environment{Cluster: slipway.Cluster{Name: "yard"}}, &slipway.Service{Name: "web"}, "ecs-svc/1")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, task := range tasks {
		got = append(got, task.ARN)
	}
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != last+1 || len(got) != n {
		t.Errorf("%d tasks, %d of them different; there are %d", len(tasks), n, last+1)
	}
}
