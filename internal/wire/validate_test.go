package wire_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/awsapi"
	"github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/awsapi/ssm"
	"github.com/slipway-dev/slipway/internal/awsapi/sts"
)

// The texts are AWS's as users have reported them, where a source is given; the
// others are made after the same pattern.
func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 200)
	for name, c := range map[string]struct {
		svc      *awsapi.Service
		op, body string
		want     string
	}{
		// github.com/fluent-plugins-nursery/fluent-plugin-cloudwatch-logs/issues/223
		"logs, two of one value": {logs.API, "DescribeLogGroups", `{"logGroupNamePrefix":""}`,
			`InvalidParameterException: 2 validation errors detected: Value '' at 'logGroupNamePrefix' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+; Value '' at 'logGroupNamePrefix' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		// github.com/amazon-archives/cloudwatch-logs-centralize-logs/issues/5
		"logs, in a list": {logs.API, "PutLogEvents", `{"logGroupName":"g","logStreamName":"s","logEvents":[{"message":"m"}]}`,
			`InvalidParameterException: 1 validation error detected: Value null at 'logEvents.1.member.timestamp' failed to satisfy constraint: Member must not be null`},
		// github.com/aws/aws-dotnet-deploy/issues/549
		"ecr, length": {ecr.API, "CreateRepository", `{"repositoryName":"a"}`,
			`InvalidParameterException: Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must have length greater than or equal to 2'`},
		// github.com/hashicorp/terraform-provider-aws/issues/40309, with the pattern of today
		"ecr, pattern": {ecr.API, "CreateRepository", `{"repositoryName":"My/App"}`,
			`InvalidParameterException: Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*''`},
		// github.com/aws-actions/amazon-ecs-deploy-task-definition/issues/630
		"ecs, family": {ecs.API, "RegisterTaskDefinition", `{"containerDefinitions":[]}`, `ClientException: Family can not be blank.`},
		// github.com/awsdocs/aws-cloudformation-user-guide/pull/454
		"ecs, containers": {ecs.API, "RegisterTaskDefinition", `{"family":"f"}`, `ClientException: Container list cannot be empty.`},
		// github.com/kayac/ecspresso/issues/364
		"ecs, log driver": {ecs.API, "RegisterTaskDefinition", `{"family":"f","containerDefinitions":[{"logConfiguration":{"logDriver":"awsvpc"}}]}`,
			`ClientException: awsvpc is not a valid log driver. Must be one of [json-file,syslog,journald,gelf,fluentd,awslogs,splunk,awsfirelens]`},
		// github.com/awslabs/fargatecli/issues/11
		"ecs, task definition": {ecs.API, "DescribeTaskDefinition", `{}`, `InvalidParameterException: Task Definition can not be blank.`},
		// github.com/sil-org/ecs-deploy/issues/63
		"ecs, tasks":  {ecs.API, "DescribeTasks", `{}`, `InvalidParameterException: Tasks cannot be empty.`},
		"ecs, nested": {ecs.API, "RegisterTaskDefinition", `{"family":"f","containerDefinitions":[{"secrets":[{"name":"n"}]}]}`, `ClientException: Secret.valueFrom should not be null or empty.`},
		"ecs, enum": {ecs.API, "CreateService", `{"serviceName":"s","launchType":"MOON"}`,
			`InvalidParameterException: 1 validation error detected: Value 'MOON' at 'launchType' failed to satisfy constraint: Member must satisfy enum value set: [EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES]`},
		"iam":            {iam.API, "CreateUser", "Path=x", `ValidationError: 1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must not be null`},
		"iam, a path":    {iam.API, "CreateUser", "UserName=u&Path=x", `ValidationError: The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.`},
		"iam, a name":    {iam.API, "CreateUser", "UserName=a+b", `ValidationError: The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-`},
		"iam, a version": {iam.API, "GetPolicyVersion", "PolicyArn=arn:aws:iam::000000000000:policy/p&VersionId=1", `ValidationError: 1 validation error detected: Value at 'versionId' failed to satisfy constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`},
		"iam, sensitive": {iam.API, "CreateLoginProfile", "UserName=u&Password=", `ValidationError: 1 validation error detected: Value at 'password' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		"sts":            {sts.API, "AssumeRole", "RoleArn=arn:x&RoleSessionName=a", `ValidationError: 2 validation errors detected: Value 'arn:x' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20; Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2`},
		// github.com/hashicorp/terraform-provider-aws/pull/46496
		"elbv2, a long list":   {elbv2.API, "DescribeTargetGroups", "PageSize=401", `ValidationError: 1 validation error detected: Value '401' at 'pageSize' failed to satisfy constraint: Member must have value less than or equal to 400`},
		"elbv2, an element":    {elbv2.API, "AddTags", "ResourceArns.member.1=a&Tags.member.1.Key=", `ValidationError: 1 validation error detected: Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		"elbv2, an empty list": {elbv2.API, "AddTags", "ResourceArns.member.1=a&Tags=", `ValidationError: 1 validation error detected: Value '[]' at 'tags' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		"autoscaling":          {autoscaling.API, "SetDesiredCapacity", "DesiredCapacity=1", `ValidationError: 1 validation error detected: Value null at 'autoScalingGroupName' failed to satisfy constraint: Member must not be null`},
		"secretsmanager":       {secretsmanager.API, "GetSecretValue", "{}", `ValidationException: 1 validation error detected: Value null at 'secretId' failed to satisfy constraint: Member must not be null`},
		"ssm, an enum":         {ssm.API, "PutParameter", `{"Name":"n","Value":"v","Type":"Strong"}`, `ValidationException: 1 validation error detected: Value 'Strong' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [String, StringList, SecureString]`},
		"acm, a pattern with a lookahead": {acm.API, "RequestCertificate", `{"DomainName":"-x.example"}`,
			`ValidationException: 1 validation error detected: Value '-x.example' at 'domainName' failed to satisfy constraint: Member must satisfy regular expression pattern: (\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])`},
		// github.com/getmoto/moto/issues/112
		"ec2, missing": {ec2.API, "CreateSecurityGroup", "GroupName=g", `MissingParameter: The request must contain the parameter GroupDescription`},
		"ec2, length":  {ec2.API, "CreateLaunchTemplate", "LaunchTemplateName=ab&LaunchTemplateData.ImageId=x", `InvalidParameterValue: Value (ab) for parameter LaunchTemplateName is invalid. It must have length greater than or equal to 3.`},
		"a map's key": {logs.API, "CreateLogGroup", `{"logGroupName":"g","tags":{"` + long + `":""}}`,
			`InvalidParameterException: 1 validation error detected: Value '` + long + `' at 'tags.` + long + `.member' failed to satisfy constraint: Member must have length less than or equal to 128`},
	} {
		t.Run(name, func(t *testing.T) {
			if e := refused(t, c.svc, c.op, c.body); e.Error() != c.want || e.Status != 400 {
				t.Errorf("got %d\n%v\nwant\n%s", e.Status, e, c.want)
			}
		})
	}
}

func TestTaken(t *testing.T) {
	for name, c := range map[string]struct {
		svc      *awsapi.Service
		op, body string
	}{
		"tags of all letters":                      {elbv2.API, "AddTags", "ResourceArns.member.1=a&Tags.member.1.Key=Größe+語&Tags.member.1.Value="},
		"a policy with a character beyond 16 bits": {autoscaling.API, "CreateOrUpdateTags", "Tags.member.1.Key=%F0%9F%9A%A2&Tags.member.1.Value=x%0Ay"},
		"a wildcard certificate":                   {acm.API, "RequestCertificate", `{"DomainName":"*.demo.windingtree.com"}`},
		"an account alias":                         {iam.API, "CreateAccountAlias", "AccountAlias=a-b-c1"},
		"an IAM path":                              {iam.API, "CreateRole", "RoleName=r&Path=/a/b/&AssumeRolePolicyDocument=%7B%7D"},
		"no members at all":                        {ecs.API, "DescribeClusters", ``},
		"a repository with a slash":                {ecr.API, "CreateRepository", `{"repositoryName":"team/wt-demo.app"}`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := send(t, c.svc, c.op, c.body).Decode(); err != nil {
				t.Error(err)
			}
		})
	}
}
