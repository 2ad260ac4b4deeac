package iam

import (
	"github.com/slipway-dev/slipway/internal/awsapi"
	"github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/awsapi/ssm"
)

// modelActions are the operations of all models, by the prefix of their actions.
func modelActions() map[string][]string {
	all := map[string][]string{}
	for prefix, s := range map[string]*awsapi.Service{
		"acm": acm.API, "autoscaling": autoscaling.API, "ec2": ec2.API, "ecr": ecr.API, "ecs": ecs.API,
		"elasticloadbalancing": elbv2.API, "iam": api.API, "logs": logs.API, "secretsmanager": secretsmanager.API, "ssm": ssm.API,
	} {
		all[prefix] = s.Names
	}
	return all
}
