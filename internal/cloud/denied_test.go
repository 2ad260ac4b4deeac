package cloud

import (
	"errors"
	"testing"
)

func TestIAMsSentenceIsRead(t *testing.T) {
	for text, want := range map[string]string{
		"User: arn:aws:iam::1:user/travis is not authorized to perform: ecs:UpdateService on resource: arn:aws:ecs:eu-west-1:1:service/yard/app because no identity-based policy allows the ecs:UpdateService action": "arn:aws:iam::1:user/travis may not ecs:UpdateService on arn:aws:ecs:eu-west-1:1:service/yard/app",
		"You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:eu-west-1:1:vpc/* because …":                    "arn:aws:sts::1:assumed-role/r/s may not ec2:CreateVpc on arn:aws:ec2:eu-west-1:1:vpc/*",
		"User: arn:aws:iam::1:user/travis is not authorized to perform: acm:ListCertificates":                                                                                                                         "arn:aws:iam::1:user/travis may not acm:ListCertificates",
		"denied: User: arn:aws:iam::1:user/travis is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:eu-west-1:1:repository/app because no …":                                             "arn:aws:iam::1:user/travis may not ecr:InitiateLayerUpload on arn:aws:ecr:eu-west-1:1:repository/app",
	} {
		if d := Refusal(text, errors.New(text)); d == nil || d.Error() != want {
			t.Errorf("%s\n is read as %v", text, d)
		}
	}
	if d := Refusal("You are not authorized to perform this operation.", nil); d != nil {
		t.Errorf("a sentence without an action is read as %v", d)
	}
}
