package catalog

import (
	"slices"
	"strings"
)

// EndpointService is a service of AWS's that a VPC can have an endpoint of.
type EndpointService struct {
	ID, Name string
	// Gateway endpoints have routes, the others interfaces.
	Gateway bool
}

// EndpointServices are those that ECS setups need ("Amazon ECS interface VPC
// endpoints" and its neighbours), by id.
func EndpointServices(region string) []EndpointService {
	var all []EndpointService
	add := func(short string, gateway bool) {
		name := "com.amazonaws." + region + "." + short
		kind := "interface"
		if gateway {
			kind = "gateway"
		}
		all = append(all, EndpointService{Derive("vpce-svc-", name, kind), name, gateway})
	}
	add("s3", true)
	add("dynamodb", true)
	for short := range strings.FieldsSeq("autoscaling ec2 ec2messages ecr.api ecr.dkr ecs ecs-agent ecs-telemetry elasticloadbalancing execute-api kms logs monitoring s3 secretsmanager sns sqs ssm ssmmessages sts") {
		add(short, false)
	}
	slices.SortFunc(all, func(a, b EndpointService) int { return strings.Compare(a.ID, b.ID) })
	return all
}
