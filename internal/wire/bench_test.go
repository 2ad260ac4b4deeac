package wire_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/wire"
)

func BenchmarkDecodeDescribeServices(b *testing.B) {
	services := wire.NewServices(ecs.API)
	body := []byte(`{"cluster":"shared-docker-cluster-t3","services":["playground-wt-demo-app","production-wt-demo-app"],"include":["TAGS"]}`)
	r := httptest.NewRequest("POST", "/", strings.NewReader(string(body)))
	r.Header.Set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.DescribeServices")
	b.ReportAllocs()
	for b.Loop() {
		req, err := services.Route(r, body, "ecs")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := req.Decode(); err != nil {
			b.Fatal(err)
		}
	}
}

func described() *ecs.DescribeServicesResponse {
	at := time.UnixMilli(1546300800123)
	s := ecs.Service{
		ServiceArn: new("arn:aws:ecs:eu-west-1:000000000000:service/c/playground-wt-demo-app"), ServiceName: new("playground-wt-demo-app"),
		ClusterArn: new("arn:aws:ecs:eu-west-1:000000000000:cluster/c"), Status: new("ACTIVE"), DesiredCount: new(3), RunningCount: new(3), PendingCount: new(0),
		LaunchType: ecs.LaunchTypeEc2, TaskDefinition: new("arn:aws:ecs:eu-west-1:000000000000:task-definition/playground-wt-demo-app:7"), CreatedAt: &at,
		LoadBalancers: []ecs.LoadBalancer{{TargetGroupArn: new("arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/x/1234"), ContainerName: new("app"), ContainerPort: new(8000)}},
		Deployments: []ecs.Deployment{{Id: new("ecs-svc/123"), Status: new("PRIMARY"), DesiredCount: new(3), RunningCount: new(3), PendingCount: new(0), FailedTasks: new(0), CreatedAt: &at, UpdatedAt: &at,
			RolloutState: ecs.DeploymentRolloutStateCompleted, RolloutStateReason: new("ECS deployment ecs-svc/123 completed.")}},
		Tags: []ecs.Tag{{Key: new("app"), Value: new("wt-demo-app")}},
	}
	for range 20 {
		s.Events = append(s.Events, ecs.ServiceEvent{Id: new("0d6e4ec4-6a6b-4d4c-9a4f-000000000000"), CreatedAt: &at, Message: new("(service playground-wt-demo-app) has reached a steady state.")})
	}
	return &ecs.DescribeServicesResponse{Services: []ecs.Service{s}, Failures: []ecs.Failure{}}
}

func BenchmarkEncodeDescribeServices(b *testing.B) {
	op, _ := ecs.API.Operation("DescribeServices")
	out := described()
	b.ReportAllocs()
	for b.Loop() {
		wire.Encode(ecs.API, op, out, "id")
	}
}

func BenchmarkDecodeRegisterTaskDefinition(b *testing.B) {
	services := wire.NewServices(ecs.API)
	body := []byte(`{"family":"playground-wt-demo-app","containerDefinitions":[{"name":"app","image":"wt-demo-app:v1.2.0-playground","cpu":128,"memoryReservation":128,"essential":true,"portMappings":[{"containerPort":8000,"hostPort":0,"protocol":"tcp"}],"environment":[{"name":"A","value":"b"},{"name":"C","value":"d"}],"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"g","awslogs-region":"eu-west-1","awslogs-stream-prefix":"p"}}}]}`)
	r := httptest.NewRequest("POST", "/", strings.NewReader(string(body)))
	r.Header.Set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition")
	b.ReportAllocs()
	for b.Loop() {
		req, err := services.Route(r, body, "ecs")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := req.Decode(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeDescribeTargetHealth(b *testing.B) {
	services := wire.NewServices(elbv2.API)
	body := []byte("Action=DescribeTargetHealth&Version=2015-12-01&TargetGroupArn=arn%3Aaws%3Aelasticloadbalancing%3Aeu-west-1%3A000000000000%3Atargetgroup%2Fx%2F1234&Targets.member.1.Id=i-0123456789&Targets.member.1.Port=32768")
	r := httptest.NewRequest("POST", "/", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	b.ReportAllocs()
	for b.Loop() {
		req, err := services.Route(r, body, "elasticloadbalancing")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := req.Decode(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeDescribeTargetHealth(b *testing.B) {
	op, _ := elbv2.API.Operation("DescribeTargetHealth")
	out := &elbv2.DescribeTargetHealthOutput{}
	for range 5 {
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, elbv2.TargetHealthDescription{
			Target: &elbv2.TargetDescription{Id: new("i-0123456789"), Port: new(32768)}, HealthCheckPort: new("32768"), TargetHealth: &elbv2.TargetHealth{State: elbv2.TargetHealthStateEnumHealthy}})
	}
	b.ReportAllocs()
	for b.Loop() {
		wire.Encode(elbv2.API, op, out, "id")
	}
}
