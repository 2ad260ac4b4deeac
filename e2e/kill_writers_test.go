package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/enginetest"
)

// writerKinds are all kinds that are written while the engine is killed.
var writerKinds = []func() resources{
	func() resources { return parameters{} },
	func() resources { return users{} },
	func() resources { return definitions{} },
	func() resources { return clusters{} },
	func() resources { return &services{} },
	func() resources { return &instances{} },
	func() resources { return &balancers{} },
	func() resources { return &records{} },
	func() resources { return repositories{} },
}

// few is for kinds that stand on nothing.
type few struct{}

func (few) prepare(context.Context, *enginetest.Client) error { return nil }
func (few) keep() int                                         { return 15 }

// parameters are SSM's: put, overwritten, deleted.
type parameters struct{ few }

func (parameters) name() string { return "parameters" }

func (parameters) step(ctx context.Context, c *enginetest.Client, l *ledger, n int) error {
	put := func(n int, value, word string) error {
		key := fmt.Sprint("/kill/", n)
		return l.write(key, word, func() error {
			return c.JSON(ctx, "ssm", "AmazonSSM.PutParameter", map[string]any{"Name": key, "Value": value, "Type": "SecureString", "Overwrite": true}, nil)
		})
	}
	if err := put(n, "one", "one 1"); err != nil {
		return err
	}
	if l.at(fmt.Sprint("/kill/", n-5)) == "one 1" {
		if err := put(n-5, "two", "two 2"); err != nil {
			return err
		}
	}
	return nil
}

func (parameters) remove(ctx context.Context, c *enginetest.Client, l *ledger, old string) error {
	return l.write(old, "", func() error {
		return c.JSON(ctx, "ssm", "AmazonSSM.DeleteParameter", map[string]any{"Name": old}, nil)
	})
}

func (parameters) read(ctx context.Context, c *enginetest.Client) (map[string]string, error) {
	there, token := map[string]string{}, ""
	for {
		in := map[string]any{"Path": "/kill", "WithDecryption": true}
		if token != "" {
			in["NextToken"] = token
		}
		var out struct {
			Parameters []struct {
				Name, Value string
				Version     int
			}
			NextToken string
		}
		if err := c.JSON(ctx, "ssm", "AmazonSSM.GetParametersByPath", in, &out); err != nil {
			return nil, err
		}
		for _, p := range out.Parameters {
			there[p.Name] = fmt.Sprint(p.Value, " ", p.Version)
		}
		if token = out.NextToken; token == "" {
			return there, nil
		}
	}
}

// users are IAM's, with an inline policy.
type users struct{ few }

func (users) name() string { return "users" }

const iamVersion = "2010-05-08"

func (users) step(ctx context.Context, c *enginetest.Client, l *ledger, n int) error {
	user, policed := fmt.Sprint("user-", n), fmt.Sprint("user-", n-3)
	err := l.write(user, "user", func() error {
		var out struct {
			ID string `xml:"CreateUserResult>User>UserId"`
		}
		if err := c.Query(ctx, "iam", iamVersion, "CreateUser", &out, "UserName", user); err != nil {
			return err
		}
		return l.fresh(out.ID)
	})
	if err != nil {
		return err
	}
	if l.at(policed) == "user" {
		err := l.write(policed, "user with policy", func() error {
			return c.Query(ctx, "iam", iamVersion, "PutUserPolicy", nil, "UserName", policed, "PolicyName", "p",
				"PolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*"}]}`)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (users) remove(ctx context.Context, c *enginetest.Client, l *ledger, old string) error {
	if l.at(old) == "user with policy" {
		err := l.write(old, "user", func() error {
			return c.Query(ctx, "iam", iamVersion, "DeleteUserPolicy", nil, "UserName", old, "PolicyName", "p")
		})
		if err != nil {
			return err
		}
	}
	return l.write(old, "", func() error { return c.Query(ctx, "iam", iamVersion, "DeleteUser", nil, "UserName", old) })
}

func (users) read(ctx context.Context, c *enginetest.Client) (map[string]string, error) {
	var out struct {
		Names []string `xml:"ListUsersResult>Users>member>UserName"`
	}
	if err := c.Query(ctx, "iam", iamVersion, "ListUsers", &out, "MaxItems", "1000"); err != nil {
		return nil, err
	}
	there := map[string]string{}
	for _, user := range out.Names {
		var policies struct {
			Names []string `xml:"ListUserPoliciesResult>PolicyNames>member"`
		}
		if err := c.Query(ctx, "iam", iamVersion, "ListUserPolicies", &policies, "UserName", user); err != nil {
			return nil, err
		}
		there[user] = "user"
		if len(policies.Names) > 0 {
			there[user] = "user with policy"
		}
	}
	return there, nil
}

const ecsTarget = "AmazonEC2ContainerServiceV20141113."

// register makes the family's next revision.
func register(ctx context.Context, c *enginetest.Client, family string) (revision int, err error) {
	var out struct{ TaskDefinition struct{ Revision int } }
	err = c.JSON(ctx, "ecs", ecsTarget+"RegisterTaskDefinition", map[string]any{
		"family": family, "requiresCompatibilities": []string{"FARGATE"}, "networkMode": "awsvpc", "cpu": "256", "memory": "512",
		"containerDefinitions": []any{map[string]any{"name": "web", "image": "web:1"}},
	}, &out)
	return out.TaskDefinition.Revision, err
}

// definitions are a family's active revisions, whose numbers must never come twice.
type definitions struct{ few }

func (definitions) name() string { return "task definitions" }

func (definitions) step(ctx context.Context, c *enginetest.Client, l *ledger, n int) error {
	var last int
	for key := range l.may {
		revision, _ := strconv.Atoi(key)
		last = max(last, revision)
	}
	next := strconv.Itoa(last + 1)
	err := l.write(next, "active", func() error {
		got, err := register(ctx, c, "job")
		if err == nil && got != last+1 {
			return fmt.Errorf("revision %d came after %d", got, last)
		}
		return err
	})
	return err
}

func (definitions) remove(ctx context.Context, c *enginetest.Client, l *ledger, old string) error {
	return l.write(old, "", func() error {
		return c.JSON(ctx, "ecs", ecsTarget+"DeregisterTaskDefinition", map[string]any{"taskDefinition": "job:" + old}, nil)
	})
}

func (definitions) read(ctx context.Context, c *enginetest.Client) (map[string]string, error) {
	var out struct{ TaskDefinitionArns []string }
	err := c.JSON(ctx, "ecs", ecsTarget+"ListTaskDefinitions", map[string]any{"familyPrefix": "job"}, &out)
	there := map[string]string{}
	for _, arn := range out.TaskDefinitionArns {
		there[arn[strings.LastIndexByte(arn, ':')+1:]] = "active"
	}
	return there, err
}

// clusters are made and deleted.
type clusters struct{ few }

func (clusters) name() string { return "clusters" }

func (clusters) step(ctx context.Context, c *enginetest.Client, l *ledger, n int) error {
	cluster := fmt.Sprint("cluster-", n)
	err := l.write(cluster, "active", func() error {
		return c.JSON(ctx, "ecs", ecsTarget+"CreateCluster", map[string]any{"clusterName": cluster}, nil)
	})
	return err
}

func (clusters) remove(ctx context.Context, c *enginetest.Client, l *ledger, old string) error {
	return l.write(old, "", func() error {
		return c.JSON(ctx, "ecs", ecsTarget+"DeleteCluster", map[string]any{"cluster": old}, nil)
	})
}

func (clusters) read(ctx context.Context, c *enginetest.Client) (map[string]string, error) {
	var out struct{ ClusterArns []string }
	err := c.JSON(ctx, "ecs", ecsTarget+"ListClusters", map[string]any{}, &out)
	there := map[string]string{}
	for _, arn := range out.ClusterArns {
		if name := arn[strings.LastIndexByte(arn, '/')+1:]; name != servicesCluster {
			there[name] = "active"
		}
	}
	return there, err
}

// services are ECS's, each with its deployment and revision.
type services struct{ subnet string }

const servicesCluster = "services"

func (*services) name() string { return "services" }
func (*services) keep() int    { return 4 }

func (s *services) prepare(ctx context.Context, c *enginetest.Client) error {
	if err := c.JSON(ctx, "ecs", ecsTarget+"CreateCluster", map[string]any{"clusterName": servicesCluster}, nil); err != nil {
		return err
	}
	var err error
	if s.subnet, err = aSubnet(ctx, c); err != nil {
		return err
	}
	_, err = register(ctx, c, "web")
	return err
}

func aSubnet(ctx context.Context, c *enginetest.Client) (string, error) {
	all, err := subnets(ctx, c)
	if err != nil {
		return "", err
	}
	return all[0], nil
}

func subnets(ctx context.Context, c *enginetest.Client) ([]string, error) {
	var out struct {
		IDs []string `xml:"subnetSet>item>subnetId"`
	}
	err := c.Query(ctx, "ec2", ec2Version, "DescribeSubnets", &out)
	return out.IDs, err
}

func (s *services) step(ctx context.Context, c *enginetest.Client, l *ledger, n int) error {
	service := fmt.Sprint("service-", n)
	err := l.write(service, "of 1", func() error {
		return c.JSON(ctx, "ecs", ecsTarget+"CreateService", map[string]any{
			"cluster": servicesCluster, "serviceName": service, "taskDefinition": "web", "desiredCount": 1, "launchType": "FARGATE",
			"networkConfiguration": map[string]any{"awsvpcConfiguration": map[string]any{"subnets": []string{s.subnet}}},
		}, nil)
	})
	if err != nil {
		return err
	}
	err = l.write(service, "of 2", func() error {
		return c.JSON(ctx, "ecs", ecsTarget+"UpdateService", map[string]any{"cluster": servicesCluster, "service": service, "desiredCount": 2}, nil)
	})
	return err
}

func (s *services) remove(ctx context.Context, c *enginetest.Client, l *ledger, old string) error {
	return l.write(old, "", func() error {
		return c.JSON(ctx, "ecs", ecsTarget+"DeleteService", map[string]any{"cluster": servicesCluster, "service": old, "force": true}, nil)
	})
}

func (s *services) read(ctx context.Context, c *enginetest.Client) (map[string]string, error) {
	there := map[string]string{}
	var list struct {
		ServiceArns []string
		NextToken   string
	}
	for first := true; first || list.NextToken != ""; first = false {
		in := map[string]any{"cluster": servicesCluster}
		if list.NextToken != "" {
			in["nextToken"], list.NextToken = list.NextToken, ""
		}
		list.ServiceArns = nil
		err := c.JSON(ctx, "ecs", ecsTarget+"ListServices", in, &list)
		if enginetest.IsRefusal(err, "ClusterNotFoundException") || err == nil && len(list.ServiceArns) == 0 {
			return there, nil
		}
		if err != nil {
			return nil, err
		}
		var out struct {
			Services []struct {
				ServiceName, Status string
				DesiredCount        int
				Deployments         []struct{ ID string }
			}
		}
		if err := c.JSON(ctx, "ecs", ecsTarget+"DescribeServices", map[string]any{"cluster": servicesCluster, "services": list.ServiceArns}, &out); err != nil {
			return nil, err
		}
		for _, s := range out.Services {
			if s.Status != "ACTIVE" {
				continue
			}
			if len(s.Deployments) == 0 {
				return nil, fmt.Errorf("half-written: the service %s has no deployment", s.ServiceName)
			}
			there[s.ServiceName] = fmt.Sprint("of ", s.DesiredCount)
		}
	}
	return there, nil
}

// instances are launched in pairs and terminated.
type instances struct{ subnet, image string }

func (*instances) name() string { return "instances" }
func (*instances) keep() int    { return 4 }

const ec2Version = "2016-11-15"

func (i *instances) prepare(ctx context.Context, c *enginetest.Client) (err error) {
	if i.subnet, err = aSubnet(ctx, c); err != nil {
		return err
	}
	var out struct{ Parameter struct{ Value string } }
	err = c.JSON(ctx, "ssm", "AmazonSSM.GetParameter", map[string]any{"Name": "/aws/service/ecs/optimized-ami/amazon-linux-2/recommended/image_id"}, &out)
	i.image = out.Parameter.Value
	return err
}

func (i *instances) step(ctx context.Context, c *enginetest.Client, l *ledger, n int) error {
	pair := fmt.Sprint("pair-", n)
	err := l.write(pair, "2", func() error {
		var out struct {
			IDs []string `xml:"instancesSet>item>instanceId"`
		}
		err := c.Query(ctx, "ec2", ec2Version, "RunInstances", &out, "ImageId", i.image, "InstanceType", "t3.small", "MinCount", "2", "MaxCount", "2", "SubnetId", i.subnet,
			"TagSpecification.1.ResourceType", "instance", "TagSpecification.1.Tag.1.Key", "Name", "TagSpecification.1.Tag.1.Value", pair)
		for _, id := range out.IDs {
			if err := l.fresh(id); err != nil {
				return err
			}
		}
		return err
	})
	return err
}

func (i *instances) remove(ctx context.Context, c *enginetest.Client, l *ledger, old string) error {
	found, err := i.named(ctx, c)
	if err != nil {
		return unanswered(err)
	}
	return l.write(old, "", func() error {
		return c.Query(ctx, "ec2", ec2Version, "TerminateInstances", nil, "InstanceId.1", found[old][0], "InstanceId.2", found[old][1])
	})
}

// named is the ids of the instances that live, by their names.
func (i *instances) named(ctx context.Context, c *enginetest.Client) (map[string][]string, error) {
	var out struct {
		Instances []struct {
			ID   string `xml:"instanceId"`
			Tags []struct {
				Value string `xml:"value"`
			} `xml:"tagSet>item"`
		} `xml:"reservationSet>item>instancesSet>item"`
	}
	err := c.Query(ctx, "ec2", ec2Version, "DescribeInstances", &out, "Filter.1.Name", "instance-state-name", "Filter.1.Value.1", "pending", "Filter.1.Value.2", "running")
	there := map[string][]string{}
	for _, one := range out.Instances {
		if len(one.Tags) != 1 {
			return nil, fmt.Errorf("half-written: the instance %s has %d tags", one.ID, len(one.Tags))
		}
		there[one.Tags[0].Value] = append(there[one.Tags[0].Value], one.ID)
	}
	return there, err
}

func (i *instances) read(ctx context.Context, c *enginetest.Client) (map[string]string, error) {
	found, err := i.named(ctx, c)
	there := map[string]string{}
	for name, ids := range found {
		there[name] = fmt.Sprint(len(ids))
	}
	return there, err
}

// balancers are load balancers that get a listener and that a rule, and are
// deleted with both.
type balancers struct{ subnets []string }

func (*balancers) name() string { return "load balancers" }
func (*balancers) keep() int    { return 3 }

const elbVersion = "2015-12-01"

func (b *balancers) prepare(ctx context.Context, c *enginetest.Client) (err error) {
	b.subnets, err = subnets(ctx, c)
	return err
}

func (b *balancers) step(ctx context.Context, c *enginetest.Client, l *ledger, n int) error {
	name := fmt.Sprint("lb-", n)
	var lb struct {
		ARN string `xml:"CreateLoadBalancerResult>LoadBalancers>member>LoadBalancerArn"`
	}
	var listener struct {
		ARN string `xml:"CreateListenerResult>Listeners>member>ListenerArn"`
	}
	reply := []string{"Actions.member.1.Type", "fixed-response", "Actions.member.1.FixedResponseConfig.StatusCode", "200"}
	err := l.write(name, "1 0 0", func() error {
		if err := c.Query(ctx, "elasticloadbalancing", elbVersion, "CreateLoadBalancer", &lb, "Name", name, "Subnets.member.1", b.subnets[0], "Subnets.member.2", b.subnets[1]); err != nil {
			return err
		}
		return l.fresh(lb.ARN)
	})
	if err != nil {
		return err
	}
	err = l.write(name, "1 1 1", func() error { // a listener comes with its default rule
		return c.Query(ctx, "elasticloadbalancing", elbVersion, "CreateListener", &listener, "LoadBalancerArn", lb.ARN, "Protocol", "HTTP", "Port", strconv.Itoa(20000+n%20000),
			"DefaultActions.member.1.Type", "fixed-response", "DefaultActions.member.1.FixedResponseConfig.StatusCode", "404")
	})
	if err != nil {
		return err
	}
	err = l.write(name, "1 1 2", func() error {
		return c.Query(ctx, "elasticloadbalancing", elbVersion, "CreateRule", nil, append(reply, "ListenerArn", listener.ARN, "Priority", "1",
			"Conditions.member.1.Field", "host-header", "Conditions.member.1.HostHeaderConfig.Values.member.1", "a.example.com")...)
	})
	return err
}

func (b *balancers) remove(ctx context.Context, c *enginetest.Client, l *ledger, old string) error {
	arns, err := b.arns(ctx, c)
	if err != nil {
		return unanswered(err)
	}
	return l.write(old, "", func() error {
		return c.Query(ctx, "elasticloadbalancing", elbVersion, "DeleteLoadBalancer", nil, "LoadBalancerArn", arns[old])
	})
}

func (b *balancers) arns(ctx context.Context, c *enginetest.Client) (map[string]string, error) {
	var out struct {
		LoadBalancers []struct {
			ARN  string `xml:"LoadBalancerArn"`
			Name string `xml:"LoadBalancerName"`
		} `xml:"DescribeLoadBalancersResult>LoadBalancers>member"`
	}
	err := c.Query(ctx, "elasticloadbalancing", elbVersion, "DescribeLoadBalancers", &out)
	arns := map[string]string{}
	for _, lb := range out.LoadBalancers {
		arns[lb.Name] = lb.ARN
	}
	return arns, err
}

func (b *balancers) read(ctx context.Context, c *enginetest.Client) (map[string]string, error) {
	arns, err := b.arns(ctx, c)
	there := map[string]string{}
	for name, arn := range arns {
		var listeners struct {
			ARNs []string `xml:"DescribeListenersResult>Listeners>member>ListenerArn"`
		}
		var rules struct {
			ARNs []string `xml:"DescribeRulesResult>Rules>member>RuleArn"`
		}
		if err := c.Query(ctx, "elasticloadbalancing", elbVersion, "DescribeListeners", &listeners, "LoadBalancerArn", arn); err != nil {
			return nil, err
		}
		for _, listener := range listeners.ARNs {
			if err := c.Query(ctx, "elasticloadbalancing", elbVersion, "DescribeRules", &rules, "ListenerArn", listener); err != nil {
				return nil, err
			}
		}
		there[name] = fmt.Sprint(1, len(listeners.ARNs), len(rules.ARNs))
	}
	return there, err
}

// records are Cloudflare's DNS records, in one zone.
type records struct{ zone string }

func (*records) name() string { return "DNS records" }
func (*records) keep() int    { return 15 }

func (r *records) prepare(ctx context.Context, c *enginetest.Client) error {
	var zones struct{ Result []struct{ ID string } }
	if err := r.call(ctx, c, "GET", "zones?name=kill.example", nil, &zones); err != nil {
		return err
	}
	if len(zones.Result) == 1 {
		r.zone = zones.Result[0].ID
		return nil
	}
	var made struct{ Result struct{ ID string } }
	err := r.call(ctx, c, "POST", "zones", map[string]any{"name": "kill.example"}, &made)
	r.zone = made.Result.ID
	return err
}

func (r *records) step(ctx context.Context, c *enginetest.Client, l *ledger, n int) error {
	name := fmt.Sprintf("r%d.kill.example", n)
	var made struct{ Result struct{ ID string } }
	err := l.write(name, "192.0.2.1", func() error {
		if err := r.call(ctx, c, "POST", "zones/"+r.zone+"/dns_records", map[string]any{"type": "A", "name": name, "content": "192.0.2.1", "ttl": 60}, &made); err != nil {
			return err
		}
		return l.fresh(made.Result.ID)
	})
	if err != nil {
		return err
	}
	err = l.write(name, "192.0.2.2", func() error {
		return r.call(ctx, c, "PATCH", "zones/"+r.zone+"/dns_records/"+made.Result.ID, map[string]any{"content": "192.0.2.2"}, nil)
	})
	return err
}

func (r *records) remove(ctx context.Context, c *enginetest.Client, l *ledger, old string) error {
	var found struct{ Result []struct{ ID string } }
	if err := r.call(ctx, c, "GET", "zones/"+r.zone+"/dns_records?name="+old, nil, &found); err != nil {
		return unanswered(err)
	}
	return l.write(old, "", func() error {
		return r.call(ctx, c, "DELETE", "zones/"+r.zone+"/dns_records/"+found.Result[0].ID, nil, nil)
	})
}

func (r *records) read(ctx context.Context, c *enginetest.Client) (map[string]string, error) {
	there := map[string]string{}
	if r.zone == "" {
		return there, nil
	}
	var out struct {
		Result []struct{ Name, Content string }
	}
	err := r.call(ctx, c, "GET", "zones/"+r.zone+"/dns_records?per_page=100", nil, &out)
	for _, one := range out.Result {
		there[one.Name] = one.Content
	}
	return there, err
}

func (r *records) call(ctx context.Context, c *enginetest.Client, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Endpoint+"/client/v4/"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.CloudflareToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return &enginetest.Refusal{Status: resp.StatusCode, Message: string(answer)}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// repositories are ECR's.
type repositories struct{ few }

func (repositories) name() string { return "repositories" }

const ecrTarget = "AmazonEC2ContainerRegistry_V20150921."

func (repositories) step(ctx context.Context, c *enginetest.Client, l *ledger, n int) error {
	repository := fmt.Sprint("repository-", n)
	err := l.write(repository, "MUTABLE", func() error {
		return c.JSON(ctx, "ecr", ecrTarget+"CreateRepository", map[string]any{"repositoryName": repository}, nil)
	})
	if err != nil {
		return err
	}
	err = l.write(repository, "IMMUTABLE", func() error {
		return c.JSON(ctx, "ecr", ecrTarget+"PutImageTagMutability", map[string]any{"repositoryName": repository, "imageTagMutability": "IMMUTABLE"}, nil)
	})
	return err
}

func (repositories) remove(ctx context.Context, c *enginetest.Client, l *ledger, old string) error {
	return l.write(old, "", func() error {
		return c.JSON(ctx, "ecr", ecrTarget+"DeleteRepository", map[string]any{"repositoryName": old}, nil)
	})
}

func (repositories) read(ctx context.Context, c *enginetest.Client) (map[string]string, error) {
	var out struct {
		Repositories []struct{ RepositoryName, ImageTagMutability string }
	}
	err := c.JSON(ctx, "ecr", ecrTarget+"DescribeRepositories", map[string]any{"maxResults": 1000}, &out)
	there := map[string]string{}
	for _, r := range out.Repositories {
		there[r.RepositoryName] = r.ImageTagMutability
	}
	return there, err
}
