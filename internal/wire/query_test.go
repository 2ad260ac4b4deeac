package wire_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	"github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/wire"
)

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func TestQueryDecode(t *testing.T) {
	type in = elbv2.CreateTargetGroupInput
	for name, c := range map[string]struct {
		form string
		want in
	}{
		"scalars":                       {"Name=a+b%26&Port=80&HealthCheckEnabled=true", in{Name: new("a b&"), Port: new(80), HealthCheckEnabled: new(true)}},
		"a structure":                   {"Name=a&Matcher.HttpCode=200-299", in{Name: new("a"), Matcher: &elbv2.Matcher{HttpCode: new("200-299")}}},
		"a list, by number":             {"Name=a&Tags.member.10.Key=j&Tags.member.2.Key=b&Tags.member.1.Key=a&Tags.member.1.Value=", in{Name: new("a"), Tags: []elbv2.Tag{{Key: new("a"), Value: new("")}, {Key: new("b")}, {Key: new("j")}}}},
		"the first of two counts":       {"Name=a&Name=b", in{Name: new("a")}},
		"unknown ones are skipped":      {"Name=a&Dance=1&Matcher.X.Y=1&Matcher.HttpCode=200", in{Name: new("a"), Matcher: &elbv2.Matcher{HttpCode: new("200")}}},
		"a name between a list's":       {"Name=a&Tags.member.1.Key=a&Tags-x=1&Tags.member.1.Value=b", in{Name: new("a"), Tags: []elbv2.Tag{{Key: new("a"), Value: new("b")}}}},
		"booleans in other spellings":   {"Name=a&HealthCheckEnabled=0", in{Name: new("a"), HealthCheckEnabled: new(false)}},
		"an enum, empty ampersands":     {"Name=a&&&Protocol=HTTP&", in{Name: new("a"), Protocol: elbv2.ProtocolEnumHttp}},
		"a member that no one mentions": {"Name=a", in{Name: new("a")}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(&c.want, decode[in](t, elbv2.API, "CreateTargetGroup", c.form)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestQueryEmptyList(t *testing.T) {
	in := decode[elbv2.DescribeRulesInput](t, elbv2.API, "DescribeRules", "RuleArns=")
	if in.RuleArns == nil || len(in.RuleArns) != 0 {
		t.Errorf("RuleArns is %#v, want an empty list", in.RuleArns)
	}
}

func TestQueryTimestamps(t *testing.T) {
	for text, want := range map[string]string{"2019-01-01T00%3A00%3A00Z": "2019-01-01T00:00:00Z", "2019-01-01T00:00:00.120Z": "2019-01-01T00:00:00.12Z", "2019-01-01": "2019-01-01T00:00:00Z", "1546300800": "2019-01-01T00:00:00Z"} {
		in := decode[autoscaling.PutScheduledUpdateGroupActionType](t, autoscaling.API, "PutScheduledUpdateGroupAction", "AutoScalingGroupName=g&ScheduledActionName=s&StartTime="+text)
		if got := in.StartTime.Format(time.RFC3339Nano); got != want {
			t.Errorf("%s was read as %s, want %s", text, got, want)
		}
	}
}

func TestQueryRefused(t *testing.T) {
	for form, want := range map[string]string{
		"Name=a&Port=http":              "integer must follow xsd1.1 definition",
		"Name=a&Port=3000000000":        "integer must follow xsd1.1 definition",
		"Name=a&Port=":                  "integer must follow xsd1.1 definition",
		"Name=a&HealthCheckEnabled=yes": "boolean must follow xsd1.1 definition",
		"Name=a&Matcher=200":            "Unexpected complex element termination",
		"Name=a&Tags=x":                 "Unexpected complex element termination",
		"Name=a&Tags.member=x":          "Unexpected complex element termination",
		"Name=a&Tags.1.Key=x":           "Top level element may not be treated as a list",
		"Name=a&Tags.member.one.Key=x":  "one is not a valid index",
		"Name=a&Tags.member.-1.Key=x":   "-1 is not a valid index",
		"Name.First=a":                  "Start of structure or map found where not expected.",
		"Name=a&Name.First=a":           "Start of structure or map found where not expected.",
	} {
		if e := refused(t, elbv2.API, "CreateTargetGroup", form); e.Code != "MalformedInput" || e.Message != want {
			t.Errorf("%s: %v, want MalformedInput: %s", form, e, want)
		}
	}
}

func TestEC2Decode(t *testing.T) {
	got := decode[ec2.RunInstancesRequest](t, ec2.API, "RunInstances", "ImageId=ami-1&MinCount=1&MaxCount=2&SecurityGroupId.1=sg-1&SecurityGroupId.2=sg-2&NetworkInterface.1.PrivateIpAddresses.1.PrivateIpAddress=10.0.0.1"+
		"&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x&IamInstanceProfile.Name=p&EbsOptimized=true&ClientToken=t&DryRun=False&X-Amz-Date=now&Timestamp=now")
	want := &ec2.RunInstancesRequest{ImageId: new("ami-1"), MinCount: new(1), MaxCount: new(2), SecurityGroupIds: []string{"sg-1", "sg-2"}, EbsOptimized: new(true), ClientToken: new("t"), DryRun: new(false),
		NetworkInterfaces:  []ec2.InstanceNetworkInterfaceSpecification{{PrivateIpAddresses: []ec2.PrivateIpAddressSpecification{{PrivateIpAddress: new("10.0.0.1")}}}},
		IamInstanceProfile: &ec2.IamInstanceProfileSpecification{Name: new("p")},
		TagSpecifications:  []ec2.TagSpecification{{ResourceType: ec2.ResourceTypeInstance, Tags: []ec2.Tag{{Key: new("Name"), Value: new("x")}}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEC2Refused(t *testing.T) {
	for form, want := range map[string]string{
		"ImageId=a&MinCount=1&MaxCount=1&Dance=1":                   "UnknownParameter: The parameter Dance is not recognized",
		"ImageId=a&MinCount=1&MaxCount=1&IamInstanceProfile.Item=1": "UnknownParameter: The parameter Item is not recognized",
		"ImageId=a&MinCount=1&MaxCount=1&SecurityGroupId.member.1=": "UnknownParameter: The parameter member is not recognized",
		"ImageId=a&MinCount=x&MaxCount=1":                           "InvalidParameterValue: Value (x) for parameter MinCount is invalid. integer must follow xsd1.1 definition",
		"ImageId=a&MinCount=1":                                      "MissingParameter: The request must contain the parameter MaxCount",
		"ImageId=a&MinCount=1&MaxCount=1&InstanceType=t99.nano":     "InvalidParameterValue: Invalid value 't99.nano' for InstanceType.",
		"ImageId=a&MinCount=1&MaxCount=1&NetworkInterface.1.Ipv4Prefix.1.Ipv4Prefix=a&ElasticInferenceAccelerator.1.Count=1": "MissingParameter: The request must contain the parameter ElasticInferenceAccelerator.1.Type",
	} {
		if e := refused(t, ec2.API, "RunInstances", form); e.Error() != want {
			t.Errorf("%s:\n%v, want\n%s", form, e, want)
		}
	}
}

func TestXMLEncode(t *testing.T) {
	at := time.Date(2019, 1, 1, 0, 0, 0, 120456789, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		svc  *awsapi.Service
		op   string
		out  any
		want string
	}{
		"query": {elbv2.API, "DescribeTargetHealth", &elbv2.DescribeTargetHealthOutput{TargetHealthDescriptions: []elbv2.TargetHealthDescription{{Target: &elbv2.TargetDescription{Id: new("i-1"), Port: new(80)}, TargetHealth: &elbv2.TargetHealth{State: elbv2.TargetHealthStateEnumHealthy}}}},
			`<DescribeTargetHealthResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DescribeTargetHealthResult><TargetHealthDescriptions><member><Target><Id>i-1</Id><Port>80</Port></Target><TargetHealth><State>healthy</State></TargetHealth></member></TargetHealthDescriptions></DescribeTargetHealthResult><ResponseMetadata><RequestId>the-id</RequestId></ResponseMetadata></DescribeTargetHealthResponse>` + "\n"},
		"query, an empty list": {elbv2.API, "DescribeTargetHealth", &elbv2.DescribeTargetHealthOutput{TargetHealthDescriptions: []elbv2.TargetHealthDescription{}},
			`<DescribeTargetHealthResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DescribeTargetHealthResult><TargetHealthDescriptions></TargetHealthDescriptions></DescribeTargetHealthResult><ResponseMetadata><RequestId>the-id</RequestId></ResponseMetadata></DescribeTargetHealthResponse>` + "\n"},
		"query, no members": {elbv2.API, "DeleteRule", &elbv2.DeleteRuleOutput{},
			`<DeleteRuleResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DeleteRuleResult></DeleteRuleResult><ResponseMetadata><RequestId>the-id</RequestId></ResponseMetadata></DeleteRuleResponse>` + "\n"},
		"query, no output": {iam.API, "DeleteUser", &awsapi.Empty{},
			`<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata><RequestId>the-id</RequestId></ResponseMetadata></DeleteUserResponse>` + "\n"},
		"query, milliseconds": {elbv2.API, "CreateLoadBalancer", &elbv2.CreateLoadBalancerOutput{LoadBalancers: []elbv2.LoadBalancer{{CreatedTime: &at}}},
			`<CreateLoadBalancerResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><CreateLoadBalancerResult><LoadBalancers><member><CreatedTime>2018-12-31T23:00:00.120Z</CreatedTime></member></LoadBalancers></CreateLoadBalancerResult><ResponseMetadata><RequestId>the-id</RequestId></ResponseMetadata></CreateLoadBalancerResponse>` + "\n"},
		"iam, whole seconds; text": {iam.API, "GetUser", &iam.GetUserResponse{User: &iam.User{UserName: new("<&>\"'\r\n\x00é"), CreateDate: &at}},
			`<GetUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetUserResult><User><CreateDate>2018-12-31T23:00:00Z</CreateDate><UserName>&lt;&amp;&gt;"'&#xD;` + "\n\ufffd" + `é</UserName></User></GetUserResult><ResponseMetadata><RequestId>the-id</RequestId></ResponseMetadata></GetUserResponse>` + "\n"},
		"iam, a map": {iam.API, "GetAccountSummary", &iam.GetAccountSummaryResponse{SummaryMap: map[string]int{"Users": 1, "Groups": 0}},
			`<GetAccountSummaryResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetAccountSummaryResult><SummaryMap><entry><key>Groups</key><value>0</value></entry><entry><key>Users</key><value>1</value></entry></SummaryMap></GetAccountSummaryResult><ResponseMetadata><RequestId>the-id</RequestId></ResponseMetadata></GetAccountSummaryResponse>` + "\n"},
		"ec2": {ec2.API, "DescribeVpcs", &ec2.DescribeVpcsResult{Vpcs: []ec2.Vpc{{VpcId: new("vpc-1"), IsDefault: new(true), State: ec2.VpcStateAvailable, Tags: []ec2.Tag{{Key: new("a"), Value: new("b")}}}}},
			`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>the-id</requestId><vpcSet><item><isDefault>true</isDefault><state>available</state><tagSet><item><key>a</key><value>b</value></item></tagSet><vpcId>vpc-1</vpcId></item></vpcSet></DescribeVpcsResponse>` + "\n"},
		"ec2, no output": {ec2.API, "DeleteVpc", &awsapi.Empty{},
			`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<DeleteVpcResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>the-id</requestId><return>true</return></DeleteVpcResponse>` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			op, ok := c.svc.Operation(c.op)
			if !ok {
				t.Fatal("no such operation")
			}
			got := wire.Encode(c.svc, op, c.out, "the-id")
			if string(got.Body) != c.want {
				t.Errorf("got\n%s\nwant\n%s", got.Body, c.want)
			}
		})
	}
}
