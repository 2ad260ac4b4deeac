package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	"github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/wire"
)

func TestJSONDecode(t *testing.T) {
	type in = ecs.DescribeServicesRequest
	for name, c := range map[string]struct {
		body string
		want in
	}{
		"plain":                              {`{"cluster":"c","services":["a","b"]}`, in{Cluster: new("c"), Services: []string{"a", "b"}}},
		"spaces":                             {" {\t\"cluster\" :\r\n\"c\" , \"services\" : [ \"a\" ] } \n", in{Cluster: new("c"), Services: []string{"a"}}},
		"escapes":                            {`{"cluster":"\u0041\n\ud83d\udea2\/\"","services":["\ud800x"]}`, in{Cluster: new("A\n🚢/\""), Services: []string{"\ufffdx"}}},
		"an escaped name":                    {`{"clus\u0074er":"c","services":[]}`, in{Cluster: new("c"), Services: []string{}}},
		"null is absent":                     {`{"cluster":null,"services":["a",null]}`, in{Services: []string{"a"}}},
		"empty is there":                     {`{"cluster":"","services":[]}`, in{Cluster: new(""), Services: []string{}}},
		"the last of two counts":             {`{"cluster":"a","services":["x","y"],"cluster":"b","services":["z"]}`, in{Cluster: new("b"), Services: []string{"z"}}},
		"null after a value takes it away":   {`{"cluster":"a","services":[],"cluster":null}`, in{Services: []string{}}},
		"unknown members are skipped":        {`{"x":{"y":[1,-2.5e+3,true,false,null,"\u0000",{}]},"services":[],"z":[]}`, in{Services: []string{}}},
		"an enum in a list":                  {`{"services":[],"include":["TAGS"]}`, in{Services: []string{}, Include: []ecs.ServiceField{ecs.ServiceFieldTags}}},
		"names are told apart by their case": {`{"Cluster":"c","services":[]}`, in{Services: []string{}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(&c.want, decode[in](t, ecs.API, "DescribeServices", c.body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestJSONDecodeKinds(t *testing.T) {
	got := decode[ecs.CreateServiceRequest](t, ecs.API, "CreateService", `{"serviceName":"s","desiredCount":3.0,"healthCheckGracePeriodSeconds":6e1,"enableECSManagedTags":true,
		"deploymentConfiguration":{"minimumHealthyPercent":0,"alarms":{"alarmNames":[],"enable":false,"rollback":false},"canaryConfiguration":{"canaryPercent":2.5}},
		"networkConfiguration":{"awsvpcConfiguration":{"subnets":["subnet-1"],"assignPublicIp":"ENABLED"}},"tags":[{"key":"a"},{}]}`)
	want := &ecs.CreateServiceRequest{ServiceName: new("s"), DesiredCount: new(3), HealthCheckGracePeriodSeconds: new(60), EnableECSManagedTags: new(true),
		DeploymentConfiguration: &ecs.DeploymentConfiguration{MinimumHealthyPercent: new(0), Alarms: &ecs.DeploymentAlarms{AlarmNames: []string{}, Enable: new(false), Rollback: new(false)}, CanaryConfiguration: &ecs.CanaryConfiguration{CanaryPercent: new(2.5)}},
		NetworkConfiguration:    &ecs.NetworkConfiguration{AwsvpcConfiguration: &ecs.AwsVpcConfiguration{Subnets: []string{"subnet-1"}, AssignPublicIp: ecs.AssignPublicIpEnabled}},
		Tags:                    []ecs.Tag{{Key: new("a")}, {}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	def := decode[ecs.RegisterTaskDefinitionRequest](t, ecs.API, "RegisterTaskDefinition", `{"family":"f","containerDefinitions":[{"dockerLabels":{"b":"2","a":"1","c":null}}]}`)
	if diff := cmp.Diff(map[string]string{"a": "1", "b": "2"}, def.ContainerDefinitions[0].DockerLabels); diff != "" {
		t.Errorf("map (-want +got):\n%s", diff)
	}
	secret := decode[secretsmanager.CreateSecretRequest](t, secretsmanager.API, "CreateSecret", `{"Name":"n","SecretBinary":"AAH/"}`)
	if diff := cmp.Diff([]byte{0, 1, 255}, secret.SecretBinary); diff != "" {
		t.Errorf("blob (-want +got):\n%s", diff)
	}
}

func TestJSONTimestamps(t *testing.T) {
	for text, want := range map[string]string{
		`1546300800`: "2019-01-01T00:00:00Z", `1546300800.123`: "2019-01-01T00:00:00.123Z", `1.5463008E9`: "2019-01-01T00:00:00Z", `-1`: "1969-12-31T23:59:59Z",
		`"2019-01-01T01:00:00+01:00"`: "2019-01-01T00:00:00Z", `"1546300800"`: "2019-01-01T00:00:00Z",
	} {
		in := decode[ecs.ListServiceDeploymentsRequest](t, ecs.API, "ListServiceDeployments", `{"service":"s","createdAt":{"after":`+text+`}}`)
		if got := in.CreatedAt.After.Format(time.RFC3339Nano); got != want {
			t.Errorf("%s was read as %s, want %s", text, got, want)
		}
	}
}

func TestJSONRefused(t *testing.T) {
	for body, want := range map[string]string{
		`[]`:                            "Start of list found where not expected",
		`"x"`:                           "STRING_VALUE cannot be converted to Structure",
		`null`:                          "NULL_VALUE cannot be converted to Structure",
		`{"desiredCount":"3"}`:          "STRING_VALUE cannot be converted to Integer",
		`{"desiredCount":3.5}`:          "NUMBER_VALUE cannot be converted to Integer",
		`{"desiredCount":3000000000}`:   "NUMBER_VALUE cannot be converted to Integer",
		`{"desiredCount":true}`:         "TRUE_VALUE cannot be converted to Integer",
		`{"desiredCount":[]}`:           "Start of list found where not expected",
		`{"serviceName":3}`:             "NUMBER_VALUE cannot be converted to String",
		`{"serviceName":{}}`:            "Start of structure or map found where not expected.",
		`{"enableExecuteCommand":"a"}`:  "STRING_VALUE cannot be converted to Boolean",
		`{"enableExecuteCommand":tru}`:  "TRUE_VALUE cannot be converted to Boolean",
		`{"loadBalancers":{}}`:          "Start of structure or map found where not expected.",
		`{"loadBalancers":["a"]}`:       "STRING_VALUE cannot be converted to Structure",
		`{"deploymentConfiguration":1}`: "NUMBER_VALUE cannot be converted to Structure",
		`{"launchType":false}`:          "FALSE_VALUE cannot be converted to String",
		`{`:                             "a string", `{"a"}`: "':'", `{"a":}`: "a value", `{"a":1,}`: "a value", `{"a":1 "b":2}`: "','", `{a:1}`: `'"'`, `{"a":01}`: "','", `{"a":1.}`: "digits", `{"a":1e}`: "digits",
		`{"a":nul}`: "a value", `{"a":+1}`: "a value", `{"a":"\x"}`: "unknown escape", `{"a":"\u12g4"}`: "four digits", `{"a":"\u12`: "does not end", `{"a":"`: "does not end", `{"a":"\`: "does not end",
		"{\"a\":\"\n\"}": "control character", "{\"a\":\"\xff\"}": "not UTF-8", `{}{}`: "something follows", `{} x`: "something follows", "{}\x00": "something follows", `{"a":[1,]}`: "a value", `{"a":[1 2]}`: "','",
		"\x00":                           "a value",
		strings.Repeat(`{"a":`, 100_000): "nested too deeply", `{"a":` + strings.Repeat(`[`, 100_000): "nested too deeply",
	} {
		e := refused(t, ecs.API, "CreateService", body)
		if e.Code != "SerializationException" || e.Status != 400 || !strings.Contains(e.Message, want) && !(want == "a string" && strings.Contains(e.Message, `'"'`)) {
			t.Errorf("%.60s: %d %v, want SerializationException with %q", body, e.Status, e, want)
		}
	}
}

func TestJSONNumbersWithoutADigitSequence(t *testing.T) {
	for text, want := range map[string]string{`"NaN"`: "NaN", `"Infinity"`: "+Inf", `"-Infinity"`: "-Inf", `1`: "1"} {
		in := decode[ecs.CreateTaskSetRequest](t, ecs.API, "CreateTaskSet", `{"service":"s","cluster":"c","taskDefinition":"t","scale":{"value":`+text+`}}`)
		if got := strings.TrimSpace(formatFloat(*in.Scale.Value)); got != want {
			t.Errorf("%s was read as %s, want %s", text, got, want)
		}
	}
}

// A certificate filter may hold filters, without end.
func TestJSONRecursiveShape(t *testing.T) {
	in := decode[acm.SearchCertificatesRequest](t, acm.API, "SearchCertificates", `{"FilterStatement":{"Not":{"And":[{"Not":{}},{}]}}}`)
	if n := len(in.FilterStatement.Not.And); n != 2 || in.FilterStatement.Not.And[0].Not == nil {
		t.Errorf("got %+v", in.FilterStatement)
	}
}

func TestJSONEncode(t *testing.T) {
	at := time.Date(2019, 1, 1, 0, 0, 0, 123456789, time.UTC)
	for name, c := range map[string]struct {
		op   string
		out  any
		want string
	}{
		"absent and empty": {"DescribeServices", &ecs.DescribeServicesResponse{Failures: []ecs.Failure{}, Services: []ecs.Service{{Tags: []ecs.Tag{}, Events: nil, Status: new(""), DesiredCount: new(0)}}},
			`{"failures":[],"services":[{"desiredCount":0,"status":"","tags":[]}]}`},
		"nothing": {"DescribeServices", &ecs.DescribeServicesResponse{}, `{}`},
		"milliseconds, an enum": {"DescribeServices", &ecs.DescribeServicesResponse{Services: []ecs.Service{{CreatedAt: &at, LaunchType: ecs.LaunchTypeEc2}}},
			`{"services":[{"createdAt":1546300800.123,"launchType":"EC2"}]}`},
		"a float shows its point": {"CreateTaskSet", &ecs.CreateTaskSetResponse{TaskSet: &ecs.TaskSet{Scale: &ecs.Scale{Value: new(100.0)}}}, `{"taskSet":{"scale":{"value":100.0}}}`},
		"a map, sorted": {"DescribeTaskDefinition", &ecs.DescribeTaskDefinitionResponse{TaskDefinition: &ecs.TaskDefinition{ContainerDefinitions: []ecs.ContainerDefinition{{DockerLabels: map[string]string{"b": "2", "a": "1"}}, {DockerLabels: map[string]string{}}}}},
			`{"taskDefinition":{"containerDefinitions":[{"dockerLabels":{"a":"1","b":"2"}},{"dockerLabels":{}}]}}`},
		"a string": {"DeleteCluster", &ecs.DeleteClusterResponse{Cluster: &ecs.Cluster{ClusterName: new("\"\\\n\x01\xff<🚢\u2028")}}, `{"cluster":{"clusterName":"\"\\\n\u0001\ufffd<🚢` + "\u2028" + `"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			op, _ := ecs.API.Operation(c.op)
			got := wire.Encode(ecs.API, op, c.out, "the-id")
			if string(got.Body) != c.want || got.Status != 200 || got.Header["Content-Type"] != "application/x-amz-json-1.1" || got.Header["X-Amzn-Requestid"] != "the-id" {
				t.Errorf("got %+v %s, want %s", got, got.Body, c.want)
			}
		})
	}
}

func TestEpochs(t *testing.T) {
	for want, ms := range map[string]int64{"0": 0, "1546300800": 1546300800000, "1546300800.1": 1546300800100, "1546300800.12": 1546300800120, "1546300800.005": 1546300800005, "-0.5": -500, "-1": -1000} {
		op, _ := ecs.API.Operation("DescribeServices")
		at := time.UnixMilli(ms)
		got := string(wire.Encode(ecs.API, op, &ecs.DescribeServicesResponse{Services: []ecs.Service{{CreatedAt: &at}}}, "").Body)
		if got != `{"services":[{"createdAt":`+want+`}]}` {
			t.Errorf("%d ms were written as %s, want %s", ms, got, want)
		}
	}
}

// An operation without an output answers an empty body in JSON.
func TestJSONWithoutOutput(t *testing.T) {
	op, _ := acm.API.Operation("DeleteCertificate")
	if got := wire.Encode(acm.API, op, &awsapi.Empty{}, "id"); len(got.Body) != 0 || got.Status != 200 {
		t.Errorf("got %+v", got)
	}
}

func TestNilOutput(t *testing.T) {
	op, _ := ecs.API.Operation("DeleteCluster")
	if got := wire.Encode(ecs.API, op, (*ecs.DeleteClusterResponse)(nil), "id"); string(got.Body) != "{}" {
		t.Errorf("got %s", got.Body)
	}
}
