package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const trustTasks = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}}`

// withSecrets runs a task of the test application whose variables come from
// valueFrom and files, and gives its ARN.
func (s *site) withSecrets(role string, secrets map[string]string, files ...string) string {
	s.t.Helper()
	c := types.ContainerDefinition{Name: aws.String("web"), Image: aws.String(s.image), MemoryReservation: aws.Int32(32), StopTimeout: aws.Int32(5)}
	for name, from := range secrets {
		c.Secrets = append(c.Secrets, types.Secret{Name: aws.String(name), ValueFrom: aws.String(from)})
	}
	for _, file := range files {
		c.EnvironmentFiles = append(c.EnvironmentFiles, types.EnvironmentFile{Type: types.EnvironmentFileTypeS3, Value: &file})
	}
	def, err := s.ecs.RegisterTaskDefinition(context.Background(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("secrets"), ExecutionRoleArn: &role, ContainerDefinitions: []types.ContainerDefinition{c},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := s.ecs.RunTask(context.Background(), &ecs.RunTaskInput{Cluster: &s.cluster, TaskDefinition: def.TaskDefinition.TaskDefinitionArn})
	if err != nil || len(out.Tasks) != 1 {
		s.t.Fatal(err, out)
	}
	return *out.Tasks[0].TaskArn
}

func TestATasksSecretsAreItsExecutionRoles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.push()
	secret := s.must("secretsmanager", "create-secret", "--name", "app/db", "--secret-string", `{"password":"first"}`, "--query", "ARN")
	s.must("secretsmanager", "put-secret-value", "--secret-id", secret, "--secret-string", `{"password":"hunter2"}`)
	s.must("ssm", "put-parameter", "--name", "/app/key", "--type", "SecureString", "--value", "abc")
	role := s.must("iam", "create-role", "--role-name", "execution", "--assume-role-policy-document", trustTasks, "--query", "Role.Arn")
	references := map[string]string{"VERSION": secret + ":password::", "OLD": secret + ":password:AWSPREVIOUS:", "KEY": "/app/key"}

	described := &ecs.DescribeTasksInput{Cluster: &s.cluster, Tasks: []string{s.withSecrets(role, references)}}
	stopped, err := ecs.NewTasksStoppedWaiter(s.ecs, func(o *ecs.TasksStoppedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, 200*time.Millisecond
	}).WaitForOutput(context.Background(), described, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	reason := aws.ToString(stopped.Tasks[0].StoppedReason)
	if !strings.HasPrefix(reason, "ResourceInitializationError: unable to pull secrets or registry auth: ") || !strings.Contains(reason, "assumed-role/execution/") ||
		stopped.Tasks[0].StopCode != types.TaskStopCodeTaskFailedToStart {
		t.Errorf("a role that may nothing: %s: %s", stopped.Tasks[0].StopCode, reason)
	}

	s.must("iam", "attach-role-policy", "--role-name", "execution", "--policy-arn", "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
	s.must("iam", "put-role-policy", "--role-name", "execution", "--policy-name", "secrets", "--policy-document",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ssm:GetParameters","secretsmanager:GetSecretValue","s3:GetObject","s3:GetBucketLocation"],"Resource":"*"}}`)
	bucket := filepath.Join(s.data, "s3", "settings") // the engine's stand-in for S3
	if err := errors.Join(os.MkdirAll(bucket, 0o700), os.WriteFile(filepath.Join(bucket, "app.env"), []byte("# settings\nKEY=file\nAWS_REGION=eu-north-1\nMODE=live\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	described.Tasks = []string{s.withSecrets(role, references, "arn:aws:s3:::settings/app.env")}
	running, err := ecs.NewTasksRunningWaiter(s.ecs, func(o *ecs.TasksRunningWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, 200*time.Millisecond
	}).WaitForOutput(context.Background(), described, time.Minute)
	if err != nil {
		t.Fatal(err, s.log())
	}
	id := aws.ToString(running.Tasks[0].Containers[0].RuntimeId)
	env := s.runs(exec.Command("docker", "inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", id))
	for _, want := range []string{"VERSION=hunter2", "OLD=first", "KEY=abc", "AWS_REGION=eu-north-1", "MODE=live"} {
		if !strings.Contains(env, want) {
			t.Errorf("%s is not in the container's environment:\n%s", want, env)
		}
	}
	if strings.Contains(s.log(), "hunter2") {
		t.Error("the engine's log shows a secret")
	}
}

func TestAnImageIsPulledAsTheExecutionRole(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.push()
	s.runs(exec.Command("docker", "rmi", s.image)) // the agent falls back on an image that is there
	role := s.must("iam", "create-role", "--role-name", "puller", "--assume-role-policy-document", trustTasks, "--query", "Role.Arn")
	s.must("iam", "put-role-policy", "--role-name", "puller", "--policy-name", "login", "--policy-document",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}}`)
	described := &ecs.DescribeTasksInput{Cluster: &s.cluster, Tasks: []string{s.withSecrets(role, nil)}}
	stopped, err := ecs.NewTasksStoppedWaiter(s.ecs, func(o *ecs.TasksStoppedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, 200*time.Millisecond
	}).WaitForOutput(context.Background(), described, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	reason := aws.ToString(stopped.Tasks[0].StoppedReason)
	for _, want := range []string{"CannotPullContainerError: ", "Check that the role has the permissions to pull images from the registry.", "assumed-role/puller/", "ecr:BatchGetImage"} {
		if !strings.Contains(reason, want) {
			t.Errorf("%q is not in the reason: %s", want, reason)
		}
	}
	s.must("iam", "attach-role-policy", "--role-name", "puller", "--policy-arn", "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
	described.Tasks = []string{s.withSecrets(role, nil)}
	err = ecs.NewTasksRunningWaiter(s.ecs, func(o *ecs.TasksRunningWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, 200*time.Millisecond
	}).Wait(context.Background(), described, time.Minute)
	if err != nil {
		t.Error(err, s.log())
	}
}

func TestASecretsOwnPolicyLetsAUserRead(t *testing.T) {
	t.Parallel()
	e := start(t, "--simulate")
	secret := e.must("secretsmanager", "create-secret", "--name", "s", "--secret-string", "v", "--query", "ARN")
	user := e.must("iam", "create-user", "--user-name", "reader", "--query", "User.Arn")
	key := strings.Fields(e.must("iam", "create-access-key", "--user-name", "reader", "--query", "AccessKey.[AccessKeyId,SecretAccessKey]"))
	reader := *e
	reader.cli = nil // it has root's keys
	reader.env = append(e.env[:len(e.env):len(e.env)], "AWS_ACCESS_KEY_ID="+key[0], "AWS_SECRET_ACCESS_KEY="+key[1])
	get := []string{"secretsmanager", "get-secret-value", "--secret-id", secret, "--query", "SecretString"}
	if got := reader.aws(get...); !strings.Contains(got, "AccessDeniedException") {
		t.Errorf("nobody allowed it: %s", got)
	}
	e.must("secretsmanager", "put-resource-policy", "--secret-id", "s", "--block-public-policy", "--resource-policy",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"`+user+`"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}}`)
	if got := reader.aws(get...); got != "v" {
		t.Errorf("the secret's policy allows it: %s", got)
	}
}
