package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	policyInstance  = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
	policyExecution = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
	policySecrets   = "slipway-secrets"
	policyExec      = "slipway-exec"
)

func (a *Account) observeProfile(ctx context.Context, env *slipway.Environment) error {
	id := plan.Of(env).Profile()
	out, err := a.iam.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &id.Name})
	if is(err, "NoSuchEntity") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the instance profile: %w", plain(err))
	}
	if len(out.InstanceProfile.Roles) > 0 { // one without a role is half-made
		a.found(id, slipway.Seen{Ref: aws.ToString(out.InstanceProfile.Arn)})
	}
	return nil
}

// applyProfile makes the instances' role and profile, or what is missing of them.
func (a *Account) applyProfile(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	if err := a.role(ctx, env, s.Name, "ec2.amazonaws.com", policyInstance); err != nil {
		return err
	}
	out, err := a.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: &s.Name, Tags: iamTags(env.Cluster.Name)})
	if err != nil && !is(err, "EntityAlreadyExists") {
		return err
	}
	if _, err := a.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &s.Name, RoleName: &s.Name}); err != nil && !is(err, "LimitExceeded") {
		return err
	}
	seen := slipway.Seen{}
	if out != nil && out.InstanceProfile != nil {
		seen.Ref = aws.ToString(out.InstanceProfile.Arn)
	}
	a.found(s.ID, seen)
	return nil
}

// trusted makes a role that a service may assume.
func (a *Account) trusted(ctx context.Context, env *slipway.Environment, name, service string) error {
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`
	_, err := a.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust, Tags: iamTags(env.Cluster.Name),
		Description: aws.String("made by slipway for " + env.Cluster.Name)})
	if is(err, "EntityAlreadyExists") {
		return nil
	}
	return err
}

// role makes a role that a service may assume, with one of AWS's policies.
func (a *Account) role(ctx context.Context, env *slipway.Environment, name, service, policy string) error {
	if err := a.trusted(ctx, env, name, service); err != nil {
		return err
	}
	if policy == "" {
		return nil
	}
	_, err := a.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: aws.String(a.partition() + strings.TrimPrefix(policy, "arn:aws"))})
	return err
}

// partition is "arn:aws" or its like, as the caller's ARN has it.
func (a *Account) partition() string {
	parts := strings.SplitN(a.Caller, ":", 3)
	if len(parts) < 3 {
		return "arn:aws"
	}
	return parts[0] + ":" + parts[1]
}

// observeRoles reads the execution roles and which secrets they may read.
func (a *Account) observeRoles(ctx context.Context, wanted []slipway.Resource) error {
	for _, w := range ofKind(wanted, slipway.KindRole) {
		role, err := a.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: &w.Name})
		if is(err, "NoSuchEntity") {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading role %s: %w", w.Name, plain(err))
		}
		seen := slipway.Seen{Ref: aws.ToString(role.Role.Arn), Settings: slipway.Settings{}}
		if w.Settings["may"] != "" {
			_, err := a.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &w.Name, PolicyName: aws.String(policyExec)})
			if err != nil && !is(err, "NoSuchEntity") {
				return fmt.Errorf("reading role %s: %w", w.Name, plain(err))
			}
			if err == nil {
				seen.Settings["may"] = w.Settings["may"]
			}
			a.found(w.ID, seen)
			continue
		}
		out, err := a.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &w.Name, PolicyName: aws.String(policySecrets)})
		if err != nil && !is(err, "NoSuchEntity") {
			return fmt.Errorf("reading role %s: %w", w.Name, plain(err))
		}
		if err == nil {
			document, err := url.QueryUnescape(aws.ToString(out.PolicyDocument))
			if err == nil && document == a.secretsPolicy(w.Settings["reads"]) {
				seen.Settings["reads"] = w.Settings["reads"]
			}
		}
		a.found(w.ID, seen)
	}
	return nil
}

func (a *Account) applyRole(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	if s.Settings["may"] != "" {
		return a.applyExecRole(ctx, env, s)
	}
	if err := a.role(ctx, env, s.Name, "ecs-tasks.amazonaws.com", policyExecution); err != nil {
		return err
	}
	if reads := s.Settings["reads"]; reads != "" {
		_, err := a.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &s.Name, PolicyName: aws.String(policySecrets), PolicyDocument: aws.String(a.secretsPolicy(reads))})
		if err != nil {
			return err
		}
	}
	a.found(s.ID, slipway.Seen{Ref: a.partition() + ":iam::" + a.ID + ":role/" + s.Name})
	return nil
}

// applyExecRole makes a task role with what the agent of ECS Exec needs
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html).
func (a *Account) applyExecRole(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	if err := a.role(ctx, env, s.Name, "ecs-tasks.amazonaws.com", ""); err != nil {
		return err
	}
	const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssmmessages:CreateControlChannel","ssmmessages:CreateDataChannel","ssmmessages:OpenControlChannel","ssmmessages:OpenDataChannel"],"Resource":"*"}]}`
	_, err := a.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &s.Name, PolicyName: aws.String(policyExec), PolicyDocument: aws.String(document)})
	if err != nil {
		return err
	}
	a.found(s.ID, slipway.Seen{Ref: a.partition() + ":iam::" + a.ID + ":role/" + s.Name})
	return nil
}

// secretsPolicy lets a role read exactly the secrets named, and nothing more.
func (a *Account) secretsPolicy(names string) string {
	type statement struct {
		Effect   string
		Action   string
		Resource []string
	}
	var parameters, secrets []string
	for _, name := range strings.Fields(names) {
		switch {
		case strings.Contains(name, ":secretsmanager:"):
			// arn:…:secret:NAME-RANDOM[:key:stage:version]; without the six random
			// characters the name has to be followed by them.
			parts := strings.SplitN(name, ":", 8)
			secrets = append(secrets, strings.Join(parts[:min(7, len(parts))], ":")+"*")
		case strings.HasPrefix(name, "arn:"):
			parameters = append(parameters, name)
		default:
			parameters = append(parameters, fmt.Sprintf("%s:ssm:%s:%s:parameter/%s", a.partition(), a.Region, a.ID, strings.TrimPrefix(name, "/")))
		}
	}
	var statements []statement
	if len(parameters) > 0 {
		statements = append(statements, statement{"Allow", "ssm:GetParameters", parameters})
	}
	if len(secrets) > 0 {
		statements = append(statements, statement{"Allow", "secretsmanager:GetSecretValue", secrets})
	}
	b, _ := json.Marshal(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", statements})
	return string(b)
}
