package iam

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/policy"
)

func TestAWSsPoliciesAreWhole(t *testing.T) {
	for _, p := range managedAll() {
		d, err := policy.Parse([]byte(p.document()))
		if err == nil {
			err = d.ValidateManaged()
		}
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if !strings.HasPrefix(p.Path, "/") || !strings.HasSuffix(p.Path, "/") || p.Created.IsZero() || p.Updated.Before(p.Created) || p.Default < 1 {
			t.Errorf("%s: path %s, v%d, made %v, changed %v", p.Name, p.Path, p.Default, p.Created, p.Updated)
		}
		if got, ok := managedByARN(p.ARN()); !ok || got != p {
			t.Errorf("%s is not found by its name", p.ARN())
		}
	}
}

// What setups around ECS attach.
func TestAWSsPoliciesThatECSNeeds(t *testing.T) {
	for _, arn := range []string{
		"service-role/AmazonEC2ContainerServiceforEC2Role", "service-role/AmazonECSTaskExecutionRolePolicy", "AmazonECS_FullAccess",
		"AmazonEC2ContainerRegistryReadOnly", "AmazonEC2ContainerRegistryPowerUser", "AmazonEC2ContainerRegistryFullAccess", "AmazonEC2ContainerRegistryPullOnly",
		"AdministratorAccess", "ReadOnlyAccess", "PowerUserAccess", "CloudWatchLogsFullAccess", "AmazonSSMManagedInstanceCore", "AmazonSSMReadOnlyAccess",
		"SecretsManagerReadWrite", "IAMFullAccess", "AmazonEC2FullAccess", "ElasticLoadBalancingFullAccess",
		"service-role/AmazonEC2ContainerServiceAutoscaleRole", "service-role/AmazonEC2ContainerServiceEventsRole", "service-role/AmazonEC2ContainerServiceRole",
		"service-role/AutoScalingNotificationAccessRole",
	} {
		if _, ok := managedByARN(managedPrefix + arn); !ok {
			t.Errorf("%s is missing", arn)
		}
	}
	for _, k := range linkedKinds {
		if _, ok := managedByARN(managedPrefix + "aws-service-role/" + k.policy); !ok {
			t.Errorf("%s, which %s has, is missing", k.policy, k.role)
		}
	}
}

func TestAWSsPolicyAsItIsTold(t *testing.T) {
	r := newRig(t)
	const arn = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
	got := ok[api.GetPolicyResponse](t)(r.GetPolicy(t.Context(), r.root, &api.GetPolicyRequest{PolicyArn: new(arn)})).Policy
	want := &api.Policy{
		Arn: new(arn), PolicyName: new("AmazonEC2ContainerServiceforEC2Role"), Path: new("/service-role/"), PolicyId: new("ANPAJLYJCVHC7TQHCSQDS"),
		Description: new("Default policy for the Amazon EC2 Role for Amazon EC2 Container Service."), DefaultVersionId: new("v10"),
		AttachmentCount: new(0), PermissionsBoundaryUsageCount: new(0), IsAttachable: new(true), Tags: []api.Tag{},
		CreateDate: got.CreateDate, UpdateDate: got.UpdateDate,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, wrong := range []string{"arn:aws:iam::aws:policy/AmazonEC2ContainerServiceforEC2Role", "arn:aws:iam::aws:policy/NoSuchPolicy"} {
		_, err := r.GetPolicy(t.Context(), r.root, &api.GetPolicyRequest{PolicyArn: &wrong})
		refused(t, err, "NoSuchEntity", 404, "Policy "+wrong+" was not found.")
	}
	aws := ok[api.ListPoliciesResponse](t)(r.ListPolicies(t.Context(), r.root, &api.ListPoliciesRequest{Scope: api.PolicyScopeTypeAws, MaxItems: new(1000)})).Policies
	if len(aws) != len(managedAll()) {
		t.Errorf("%d of %d are listed", len(aws), len(managedAll()))
	}
}
