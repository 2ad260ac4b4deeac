package e2e

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// logged is a probe whose output goes to the log group g.
func (s *site) logged(options map[string]string, args ...string) *ecs.RegisterTaskDefinitionInput {
	c := s.probe(args...)
	all := map[string]string{"awslogs-group": "g", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "p"}
	for k, v := range options {
		all[k] = v
	}
	c.LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: all}
	return &ecs.RegisterTaskDefinitionInput{ContainerDefinitions: []types.ContainerDefinition{c}}
}

// lines are all of a stream's, as the stock CLI pages through them.
func (s *site) lines(stream string) []string {
	s.t.Helper()
	out := s.must("logs", "filter-log-events", "--log-group-name", "g", "--log-stream-names", stream, "--query", "events[].[message]")
	if out == "" {
		return nil
	}
	return strings.Split(out, "\n")
}

// newest is the number of the last line that is there, 0 for none.
func (s *site) newest(stream string) (n int) {
	s.t.Helper()
	last := s.aws("logs", "get-log-events", "--log-group-name", "g", "--log-stream-name", stream, "--limit", "1", "--query", "events[0].message")
	fmt.Sscanf(last, "line %d", &n)
	return n
}

// A container writes 10,000 lines while the engine is killed and started again,
// and goes on: its stream has all of them, in order, once.
func TestAKilledEngineLosesAndDoublesNoLine(t *testing.T) {
	t.Parallel() // it waits most of the time
	s := probeSite(t)
	s.must("logs", "create-log-group", "--log-group-name", "g")
	const count = 10_000
	arn := s.run(t, s.logged(nil, "count", fmt.Sprint(count), "15s"), ecs.RunTaskInput{})
	stream := "p/probe/" + arn[strings.LastIndex(arn, "/")+1:]
	s.running(t, arn)
	seen, kills := 0, 0
	for kills < 3 {
		until(t, "more lines", func() bool {
			n := s.newest(stream)
			more := n > seen
			seen = n
			return more
		})
		if seen == count-1 { // a busy machine is slower than the container
			break
		}
		t.Logf("killing the engine after %d lines", seen)
		s.killed()
		kills++
	}
	s.stopped(t, arn)
	until(t, "the container to be removed", func() bool {
		return s.runs(exec.Command("docker", "ps", "-aq", "--filter", "label=com.amazonaws.ecs.cluster="+s.cluster)) == ""
	})
	got := s.lines(stream)
	if kills == 0 {
		t.Errorf("all %d lines were written before the first kill: the test proves nothing", count)
	}
	if len(got) != count {
		t.Errorf("%d lines of %d", len(got), count)
	}
	for i, line := range got {
		if want := fmt.Sprintf("line %d", i); line != want {
			t.Fatalf("line %d is %q", i, line)
		}
	}
}

// Who follows a group as aws logs tail --follow does sees what a container writes
// while it writes it, in order, each line once.
func TestLogsAreFollowedLive(t *testing.T) {
	t.Parallel() // it waits most of the time
	needs(t, "python3")
	s := probeSite(t)
	making := s.logged(map[string]string{"awslogs-create-group": "true"}, "count", "500", "10s")
	// The instance's managed policy has logs:CreateLogStream and PutLogEvents alone.
	denied := s.stopped(t, s.run(t, making, ecs.RunTaskInput{}))
	if got := aws.ToString(denied.StoppedReason); !strings.Contains(got, "failed to create Cloudwatch log group: AccessDeniedException: User: ") ||
		!strings.Contains(got, "assumed-role/instance/i-") || !strings.Contains(got, "is not authorized to perform: logs:CreateLogGroup") {
		t.Errorf("the stop reason: %q", got)
	}
	s.must("iam", "put-role-policy", "--role-name", "instance", "--policy-name", "logs", "--policy-document",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"logs:CreateLogGroup","Resource":"*"}}`)
	arn := s.run(t, making, ecs.RunTaskInput{})
	s.running(t, arn)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", "testdata/boto3/follow.py", "g", "500")
	cmd.Env = s.env
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in, next, live := bufio.NewScanner(out), 0, false
	for in.Scan() {
		if want := fmt.Sprintf("line %d", next); in.Text() != want {
			t.Errorf("instead of %q: %q", want, in.Text())
			break
		}
		if next == 0 {
			live = aws.ToString(s.task(t, arn).LastStatus) == "RUNNING"
		}
		next++
	}
	cancel()
	cmd.Wait()
	if next != 500 || !live {
		t.Errorf("%d lines of 500 were shown; the first while the container ran: %v\n%s", next, live, &errs)
	}
}

// Lines of one event stay together, and a task whose options can't be honoured
// says so.
func TestLogOptionsAreHonouredOrNamed(t *testing.T) {
	t.Parallel()
	s := probeSite(t)
	s.must("logs", "create-log-group", "--log-group-name", "g")
	arn := s.run(t, s.logged(map[string]string{"awslogs-multiline-pattern": `^line \d*0$`}, "count", "20", "1s"), ecs.RunTaskInput{})
	s.stopped(t, arn)
	stream := "p/probe/" + arn[strings.LastIndex(arn, "/")+1:]
	until(t, "both events", func() bool {
		return s.must("logs", "filter-log-events", "--log-group-name", "g", "--log-stream-names", stream, "--query", "length(events)") == "2"
	})
	if got := s.must("logs", "filter-log-events", "--log-group-name", "g", "--filter-pattern", `"line 19"`, "--query", "events[].message"); !strings.HasPrefix(got, "line 10\nline 11\n") {
		t.Errorf("the second event: %q", got)
	}
	task := s.stopped(t, s.run(t, s.logged(map[string]string{"tag": "x"}, "count", "1", "1s"), ecs.RunTaskInput{}))
	if got := aws.ToString(task.StoppedReason); !strings.Contains(got, "log opt 'tag' for awslogs log driver is not served by this engine") {
		t.Errorf("the stop reason: %q", got)
	}
}
