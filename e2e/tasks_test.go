package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// probeSite is a site with the probe, which does in a container what its
// arguments say.
func probeSite(t *testing.T) *site {
	s := newSite(t)
	s.image = s.pushed("probe", "ENTRYPOINT [\"/probe\"]\n")
	return s
}

// probe is a container of the probe.
func (s *site) probe(args ...string) types.ContainerDefinition {
	return types.ContainerDefinition{Name: aws.String("probe"), Image: &s.image, Memory: aws.Int32(64), Command: args, StopTimeout: aws.Int32(2)}
}

// run runs one task and gives its ARN.
func (s *site) run(t *testing.T, def *ecs.RegisterTaskDefinitionInput, in ecs.RunTaskInput) string {
	t.Helper()
	if def.Family == nil {
		def.Family = aws.String("probe")
	}
	d, err := s.ecs.RegisterTaskDefinition(context.Background(), def)
	if err != nil {
		t.Fatal(err)
	}
	in.Cluster, in.TaskDefinition = &s.cluster, d.TaskDefinition.TaskDefinitionArn
	out, err := s.ecs.RunTask(context.Background(), &in)
	if err != nil || len(out.Tasks) != 1 {
		t.Fatal(err, out)
	}
	return *out.Tasks[0].TaskArn
}

// task is a task as DescribeTasks shows it.
func (s *site) task(t *testing.T, arn string) types.Task {
	t.Helper()
	out, err := s.ecs.DescribeTasks(context.Background(), &ecs.DescribeTasksInput{Cluster: &s.cluster, Tasks: []string{arn}, Include: []types.TaskField{types.TaskFieldTags}})
	if err != nil || len(out.Tasks) != 1 {
		t.Fatal(err, out)
	}
	return out.Tasks[0]
}

// until looks at a task until it is as wanted.
func (s *site) until(t *testing.T, arn, what string, ok func(types.Task) bool) types.Task {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		got := s.task(t, arn)
		if ok(got) {
			return got
		}
		if time.Now().After(end) || aws.ToString(got.LastStatus) == "STOPPED" {
			t.Fatalf("the task isn't %s: %s %s: %s %s\n%s", what, aws.ToString(got.LastStatus), got.StopCode, aws.ToString(got.StoppedReason), reasons(got), s.log())
		}
	}
}

func reasons(task types.Task) string {
	var all []string
	for _, c := range task.Containers {
		all = append(all, aws.ToString(c.Name)+": "+aws.ToString(c.Reason))
	}
	return strings.Join(all, "; ")
}

func (s *site) running(t *testing.T, arn string) types.Task {
	t.Helper()
	return s.until(t, arn, "running", func(t types.Task) bool { return aws.ToString(t.LastStatus) == "RUNNING" })
}

// stopped waits for the end of a task.
func (s *site) stopped(t *testing.T, arn string) types.Task {
	t.Helper()
	out, err := ecs.NewTasksStoppedWaiter(s.ecs, func(o *ecs.TasksStoppedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 100*time.Millisecond
	}).WaitForOutput(context.Background(), &ecs.DescribeTasksInput{Cluster: &s.cluster, Tasks: []string{arn}}, 2*time.Minute)
	if err != nil {
		t.Fatal(err, s.log())
	}
	return out.Tasks[0]
}

// stop has a task stopped and waits for its end.
func (s *site) stop(t *testing.T, arn string) types.Task {
	t.Helper()
	if _, err := s.ecs.StopTask(context.Background(), &ecs.StopTaskInput{Cluster: &s.cluster, Task: &arn}); err != nil {
		t.Fatal(err)
	}
	return s.stopped(t, arn)
}

// said is what a container has said, once it has said so much.
func (s *site) said(t *testing.T, task types.Task, until string) string {
	t.Helper()
	id := aws.ToString(task.Containers[0].RuntimeId)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		out, err := exec.Command("docker", "logs", id).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if strings.Contains(string(out), until) {
			return string(out)
		}
		if time.Now().After(end) {
			t.Fatalf("the container has not said %q: %s", until, out)
		}
	}
}

// role is a role that tasks can have, with a policy.
func (s *site) role(t *testing.T, name, policy string) string {
	t.Helper()
	arn := s.must("iam", "create-role", "--role-name", name, "--assume-role-policy-document", trustTasks, "--query", "Role.Arn")
	s.must("iam", "put-role-policy", "--role-name", name, "--policy-name", "tasks", "--policy-document", policy)
	return arn
}

func (s *site) vpcConfiguration() *types.NetworkConfiguration {
	return &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: strings.Fields(s.subnets)[:1], SecurityGroups: []string{s.instanceGroup}}}
}

// A program with an AWS SDK works in a container as it stands, in every network
// mode: as its task's role, and with no more rights than that has.
func TestAProgramWithAnSDKHasItsTasksRole(t *testing.T) {
	t.Parallel()
	s := probeSite(t)
	s.must("ssm", "put-parameter", "--name", "/allowed", "--type", "String", "--value", "yes")
	s.must("ssm", "put-parameter", "--name", "/denied", "--type", "String", "--value", "no")
	role := s.role(t, "app", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ssm:GetParameter","Resource":"arn:aws:ssm:*:*:parameter/allowed"}}`)
	for _, tt := range []struct {
		name   string
		mode   types.NetworkMode
		launch types.LaunchType
	}{
		{"bridge", types.NetworkModeBridge, ""}, {"host", types.NetworkModeHost, ""}, {"awsvpc", types.NetworkModeAwsvpc, types.LaunchTypeEc2},
		{"fargate", types.NetworkModeAwsvpc, types.LaunchTypeFargate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := ecs.RunTaskInput{LaunchType: tt.launch}
			def := &ecs.RegisterTaskDefinitionInput{NetworkMode: tt.mode, TaskRoleArn: &role, ContainerDefinitions: []types.ContainerDefinition{s.probe("sdk")}}
			if tt.mode == types.NetworkModeAwsvpc {
				in.NetworkConfiguration = s.vpcConfiguration()
			}
			if tt.launch == types.LaunchTypeFargate {
				def.Cpu, def.Memory, def.RequiresCompatibilities = aws.String("256"), aws.String("512"), []types.Compatibility{types.CompatibilityFargate}
				def.ExecutionRoleArn = s.execution(t)
			}
			task := s.running(t, s.run(t, def, in))
			id := (*task.TaskArn)[strings.LastIndex(*task.TaskArn, "/")+1:]
			said := s.said(t, task, "ready")
			for _, want := range []string{"identity: arn:aws:sts::000000000000:assumed-role/app/" + id + "\n", "/allowed: yes\n", "/denied: ", "AccessDeniedException", "expires: true <nil> true"} {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not in: %s", want, said)
				}
			}
			s.stop(t, *task.TaskArn)
		})
	}
}

// execution is a role that pulls images.
func (s *site) execution(t *testing.T) *string {
	t.Helper()
	arn := s.must("iam", "create-role", "--role-name", "execution", "--assume-role-policy-document", trustTasks, "--query", "Role.Arn")
	s.must("iam", "attach-role-policy", "--role-name", "execution", "--policy-arn", "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
	return &arn
}

func TestTheTaskMetadataEndpointTellsWhatIs(t *testing.T) {
	t.Parallel()
	s := probeSite(t)
	c := s.probe("metadata")
	c.PortMappings = []types.PortMapping{{ContainerPort: aws.Int32(8000)}}
	c.DockerLabels = map[string]string{"team": "blue"}
	task := s.running(t, s.run(t, &ecs.RegisterTaskDefinitionInput{ContainerDefinitions: []types.ContainerDefinition{c}},
		ecs.RunTaskInput{Tags: []types.Tag{{Key: aws.String("env"), Value: aws.String("test")}}}))
	answers := map[string]map[string]any{}
	for line := range strings.Lines(s.said(t, task, "ready")) {
		path, answer, ok := strings.Cut(line, ": 200 ")
		if !ok {
			continue
		}
		var v map[string]any
		if err := json.Unmarshal([]byte(answer), &v); err != nil {
			t.Fatalf("%s: %v in %s", path, err, answer)
		}
		answers[strings.TrimPrefix(path, "metadata")] = v
	}
	own := answers[""]
	if own["Name"] != "probe" || own["Image"] != s.image || own["Type"] != "NORMAL" || own["ContainerARN"] != *task.Containers[0].ContainerArn {
		t.Errorf("the container's: %v", own)
	}
	if labels, _ := own["Labels"].(map[string]any); labels["team"] != "blue" || labels["com.amazonaws.ecs.task-arn"] != *task.TaskArn {
		t.Errorf("labels: %v", own["Labels"])
	}
	all := answers["/task"]
	if all["TaskARN"] != *task.TaskArn || all["Family"] != "probe" || all["LaunchType"] != "EC2" || all["DesiredStatus"] != "RUNNING" || all["Cluster"] != s.cluster || all["TaskTags"] != nil {
		t.Errorf("the task's: %v", all)
	}
	if tags, _ := answers["/taskWithTags"]["TaskTags"].(map[string]any); tags["env"] != "test" {
		t.Errorf("with tags: %v", answers["/taskWithTags"])
	}
	if stats := answers["/task/stats"][*task.Containers[0].RuntimeId]; stats == nil {
		t.Errorf("statistics: %v", answers["/task/stats"])
	}
	s.stop(t, *task.TaskArn)
}

// The port that containers reach opens to them alone, and tells nobody anything
// without an address that cannot be guessed.
func TestAContainersDoorIsItsOwn(t *testing.T) {
	t.Parallel()
	s := probeSite(t)
	role := s.role(t, "app", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ssm:GetParameter","Resource":"*"}}`)
	c := s.probe("serve", ":8000")
	task := s.running(t, s.run(t, &ecs.RegisterTaskDefinitionInput{TaskRoleArn: &role, ContainerDefinitions: []types.ContainerDefinition{c}}, ecs.RunTaskInput{}))
	id := aws.ToString(task.Containers[0].RuntimeId)
	env := strings.Fields(s.runs(exec.Command("docker", "inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", id)))
	at := map[string]string{}
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		at[name] = value
	}
	if at["AWS_EXECUTION_ENV"] != "AWS_ECS_EC2" || at["AWS_REGION"] != "eu-west-1" || at["AWS_DEFAULT_REGION"] != "eu-west-1" {
		t.Errorf("the environment: %v", at)
	}
	credentials := at["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
	if credentials == "" {
		credentials = "http://169.254.170.2" + at["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
	}
	body, err := fetch(credentials)
	var got struct{ RoleArn, AccessKeyId, Token, Expiration string }
	if err != nil || json.Unmarshal([]byte(body), &got) != nil || got.RoleArn != role || !strings.HasPrefix(got.AccessKeyId, "ASIA") {
		t.Errorf("the credentials: %v %s", err, body)
	}
	again, _ := fetch(credentials)
	if again != body {
		t.Errorf("asked again at once, they are others: %s", again)
	}
	base := at["AWS_ENDPOINT_URL"]
	for path, want := range map[string]string{"/v2/credentials": "NoIdInRequest", "/v2/credentials/abc": "Credentials not found", "/_slipway/reset": "", "/metrics": ""} {
		if body, err := fetch(base + path); !strings.Contains(body, want) || err == nil {
			t.Errorf("%s: %v %s", path, err, body)
		}
	}
	// A metadata path opens no credentials.
	if body, err := fetch(base + "/v2/credentials/" + at["ECS_CONTAINER_METADATA_URI_V4"][strings.LastIndex(at["ECS_CONTAINER_METADATA_URI_V4"], "/")+1:]); err == nil {
		t.Errorf("with the metadata's id: %s", body)
	}
	s.stop(t, *task.TaskArn)
	if body, err := fetch(credentials); err == nil {
		t.Errorf("the task is over, and its credentials are still given out: %s", body)
	}
}

var errStatus = errors.New("refused")

func fetch(url string) (string, error) {
	out, err := exec.Command("curl", "-s", "--max-time", "10", "-w", "\n%{http_code}", url).Output()
	if err != nil {
		return "", err
	}
	body, code, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if !strings.HasPrefix(code, "2") {
		return body, errStatus
	}
	return body, nil
}
