"""Every waiter and every paginator of the operations that the engine serves, as boto3 has them.

A paginator is asked for the smallest pages that its model allows; together they have to be what
one large page says. A waiter has to come to its end. Arguments: the coverage page.
"""
import json
import re
import sys
import time

import boto3
from botocore import xform_name

import strict

strict.watch()
REGION = "eu-west-1"
clients = {}


def api(name):
    if name not in clients:
        clients[name] = boto3.client(name, region_name=REGION)
    return clients[name]


def served(page):
    for section in re.split(r"^## ", page, flags=re.M)[1:]:
        name, _, body = section.partition("\n")
        line = re.search(r"^Served: (.*)$", body, re.M)
        if line and name.strip() != "Cloudflare":
            yield name.strip(), set(re.findall(r"`(\w+)`", line.group(1)))


def trust(service):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]})


ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
six = range(6)
f = {}  # what the fixtures made, by name


def network():
    ec2 = api("ec2")
    vpc = f["vpc"] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    f["subnets"] = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]]
    for i in range(3):
        other = ec2.create_vpc(CidrBlock=f"10.{i}.0.0/16")["Vpc"]["VpcId"]
        for j in six:
            ec2.create_subnet(VpcId=other, CidrBlock=f"10.{i}.{j}.0/24")
        f["other"] = other
    for i in six:
        f["group"] = ec2.create_security_group(GroupName=f"g{i}", Description="d", VpcId=vpc)["GroupId"]
        f["gateway"] = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.create_key_pair(KeyName=f"k{i}")
        ec2.create_route_table(VpcId=vpc)
        f["interface"] = ec2.create_network_interface(SubnetId=f["subnets"][0])["NetworkInterface"]["NetworkInterfaceId"]
        f["template"] = ec2.create_launch_template(LaunchTemplateName=f"template{i}", LaunchTemplateData={"InstanceType": "t3.small"})["LaunchTemplate"]["LaunchTemplateId"]
        ec2.create_launch_template_version(LaunchTemplateId=f["template"], LaunchTemplateData={"InstanceType": "t3.micro"})
    f["image"] = api("ssm").get_parameter(Name="/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id")["Parameter"]["Value"]
    f["disk"] = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    f["nat"] = ec2.create_nat_gateway(SubnetId=f["subnets"][0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    f["instances"] = [i["InstanceId"] for i in ec2.run_instances(ImageId=f["image"], InstanceType="t3.small", MinCount=6, MaxCount=6, SubnetId=f["subnets"][0])["Instances"]]


def identity():
    iam = api("iam")
    f["account"] = api("sts").get_caller_identity()["Account"]
    for i in range(3):
        iam.create_user(UserName=f"u{i}", Tags=[{"Key": f"k{j}", "Value": "v"} for j in range(3)])
        iam.create_group(GroupName=f"g{i}")
        iam.create_role(RoleName=f"r{i}", AssumeRolePolicyDocument=trust("ecs-tasks.amazonaws.com"), Tags=[{"Key": f"k{j}", "Value": "v"} for j in range(3)])
        iam.create_instance_profile(InstanceProfileName=f"p{i}", Tags=[{"Key": f"k{j}", "Value": "v"} for j in range(3)])
        iam.add_role_to_instance_profile(InstanceProfileName=f"p{i}", RoleName="r0")
        f["policy"] = iam.create_policy(PolicyName=f"pol{i}", PolicyDocument=ALLOW, Tags=[{"Key": f"k{j}", "Value": "v"} for j in range(3)])["Policy"]["Arn"]
        for kind, name in (("user", "u0"), ("group", "g0"), ("role", "r0")):
            getattr(iam, f"attach_{kind}_policy")(**{f"{kind.title()}Name": name, "PolicyArn": f["policy"]})
            getattr(iam, f"put_{kind}_policy")(**{f"{kind.title()}Name": name, "PolicyName": f"in{i}", "PolicyDocument": ALLOW})
    for i in range(3):
        iam.add_user_to_group(GroupName="g0", UserName=f"u{i}")
        iam.add_user_to_group(GroupName=f"g{i}", UserName="u0")
        iam.create_policy_version(PolicyArn=f["policy"], PolicyDocument=ALLOW)
    for _ in range(2):
        iam.create_access_key(UserName="u0")
    f["oidc"] = iam.create_open_id_connect_provider(Url="https://token.example.test", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40], Tags=[{"Key": f"k{j}", "Value": "v"} for j in range(3)])["OpenIDConnectProviderArn"]


def balancing():
    elb, acm = api("elbv2"), api("acm")
    for i in range(3):
        lb = f["balancer"] = elb.create_load_balancer(Name=f"lb{i}", Subnets=f["subnets"][:2])["LoadBalancers"][0]["LoadBalancerArn"]
        f["targets"] = elb.create_target_group(Name=f"tg{i}", Protocol="HTTP", Port=80, VpcId=f["vpc"])["TargetGroups"][0]["TargetGroupArn"]
    forward = [{"Type": "forward", "TargetGroupArn": f["targets"]}]
    for port in (80, 81, 82):
        f["listener"] = elb.create_listener(LoadBalancerArn=lb, Protocol="HTTP", Port=port, DefaultActions=forward)["Listeners"][0]["ListenerArn"]
    for i in range(3):
        elb.create_rule(ListenerArn=f["listener"], Priority=i + 1, Conditions=[{"Field": "host-header", "Values": [f"h{i}.test"]}], Actions=forward)
    f["gone"] = elb.create_load_balancer(Name="gone", Subnets=f["subnets"][:2])["LoadBalancers"][0]["LoadBalancerArn"]
    elb.delete_load_balancer(LoadBalancerArn=f["gone"])
    for i in range(3):
        f["certificate"] = acm.request_certificate(DomainName=f"c{i}.example.test", ValidationMethod="DNS")["CertificateArn"]


def containers():
    ecs, ecr, scaling, groups = api("ecs"), api("ecr"), api("application-autoscaling"), api("autoscaling")
    for i in range(3):
        ecs.create_cluster(clusterName=f"c{i}")
        ecr.create_repository(repositoryName=f"repo{i}")
        ecs.put_account_setting(name=("serviceLongArnFormat", "taskLongArnFormat", "containerInsights")[i], value="enabled")
        for _ in range(2):
            ecs.register_task_definition(family=f"family{i}", networkMode="awsvpc", cpu="256", memory="512", requiresCompatibilities=["FARGATE"], containerDefinitions=[{"name": "a", "image": "a"}])
        ecr.put_image(repositoryName="repo0", imageTag=f"t{i}", imageManifest=manifest(i))
    vpc = {"awsvpcConfiguration": {"subnets": f["subnets"][:1]}}
    for i in range(3):
        ecs.create_service(cluster="c0", serviceName=f"s{i}", taskDefinition="family0", desiredCount=1, launchType="FARGATE", networkConfiguration=vpc)
        scaling.register_scalable_target(ServiceNamespace="ecs", ResourceId=f"service/c0/s{i}", ScalableDimension="ecs:service:DesiredCount", MinCapacity=1, MaxCapacity=3)
        scaling.put_scaling_policy(PolicyName=f"p{i}", ServiceNamespace="ecs", ResourceId=f"service/c0/s{i}", ScalableDimension="ecs:service:DesiredCount", PolicyType="TargetTrackingScaling",
                                   TargetTrackingScalingPolicyConfiguration={"TargetValue": 50, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}})
        scaling.put_scheduled_action(ServiceNamespace="ecs", Schedule="cron(0 3 * * ? *)", ScheduledActionName=f"a{i}", ResourceId=f"service/c0/s{i}", ScalableDimension="ecs:service:DesiredCount", ScalableTargetAction={"MinCapacity": 1})
        groups.create_auto_scaling_group(AutoScalingGroupName=f"asg{i}", MinSize=1, MaxSize=2, VPCZoneIdentifier=f["subnets"][0], LaunchTemplate={"LaunchTemplateId": image_template()},
                                         Tags=[{"Key": "k", "Value": "v", "PropagateAtLaunch": True}])
        groups.put_scaling_policy(AutoScalingGroupName="asg0", PolicyName=f"p{i}", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1)
        groups.put_scheduled_update_group_action(AutoScalingGroupName="asg0", ScheduledActionName=f"a{i}", Recurrence="0 3 * * *", MinSize=1)
    ecr.put_lifecycle_policy(repositoryName="repo0", lifecyclePolicyText=json.dumps({"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}, "action": {"type": "expire"}}]}))
    ecr.start_lifecycle_policy_preview(repositoryName="repo0")
    ecs.create_service(cluster="c0", serviceName="ended", taskDefinition="family0", desiredCount=0, launchType="FARGATE", networkConfiguration=vpc)
    ecs.delete_service(cluster="c0", service="ended", force=True)
    f["target"] = ecs.describe_clusters(clusters=["c0"])["clusters"][0]["clusterArn"]
    role = api("iam").create_role(RoleName="events", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))["Role"]["Arn"]
    definition = ecs.describe_task_definition(taskDefinition="family0")["taskDefinition"]["taskDefinitionArn"]
    events = api("events")
    for i in range(3):
        events.put_rule(Name=f"rule{i}", ScheduleExpression="rate(1 day)")
        events.put_targets(Rule=f"rule{i}", Targets=[{"Id": f"t{j}", "Arn": f["target"], "RoleArn": role, "EcsParameters": {"TaskDefinitionArn": definition}} for j in range(3)])
    f["task"] = ecs.run_task(cluster="c0", taskDefinition="family0", launchType="FARGATE", networkConfiguration=vpc)["tasks"][0]["taskArn"]


def image_template():
    if "bootable" not in f:
        f["bootable"] = api("ec2").create_launch_template(LaunchTemplateName="bootable", LaunchTemplateData={"InstanceType": "t3.small", "ImageId": f["image"]})["LaunchTemplate"]["LaunchTemplateId"]
    return f["bootable"]


def manifest(i):
    """An image whose layers went up by the API."""
    import hashlib
    ecr = api("ecr")

    def blob(data):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        upload = ecr.initiate_layer_upload(repositoryName="repo0")["uploadId"]
        ecr.upload_layer_part(repositoryName="repo0", uploadId=upload, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data)
        ecr.complete_layer_upload(repositoryName="repo0", uploadId=upload, layerDigests=[digest])
        return {"size": len(data), "digest": digest}
    config = blob(json.dumps({"architecture": "amd64", "os": "linux", "n": i, "rootfs": {"type": "layers", "diff_ids": []}}).encode())
    layer = blob(f"layer {i}".encode() * 100)
    return json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                       "config": dict(config, mediaType="application/vnd.docker.container.image.v1+json"), "layers": [dict(layer, mediaType="application/vnd.docker.image.rootfs.diff.tar.gzip")]})


def keeping():
    logs, ssm, secrets = api("logs"), api("ssm"), api("secretsmanager")
    now = int(time.time() * 1000)
    for i in range(3):
        logs.create_log_group(logGroupName=f"l{i}")
        logs.create_log_stream(logGroupName="l0", logStreamName=f"s{i}")
        logs.put_log_events(logGroupName="l0", logStreamName=f"s{i}", logEvents=[{"timestamp": now + j, "message": f"line {j}"} for j in range(3)])
        ssm.put_parameter(Name=f"/p/{i}", Value="v", Type="String")
        ssm.put_parameter(Name="/p/0", Value=f"v{i}", Type="String", Overwrite=True)
        secrets.create_secret(Name=f"secret{i}", SecretString="v")


PARAMETERS = {
    "DescribeImages": lambda s: {"repositoryName": "repo0"} if s == "ecr" else {"ImageIds": [f["image"]]},
    "DescribeScalableTargets": {"ServiceNamespace": "ecs"}, "DescribeScalingActivities": lambda s: {"ServiceNamespace": "ecs"} if s != "autoscaling" else {},
    "DescribeScalingPolicies": {"ServiceNamespace": "ecs"}, "DescribeScheduledActions": lambda s: {"ServiceNamespace": "ecs"} if s != "autoscaling" else {},
    "DescribeLoadBalancerTargetGroups": {"AutoScalingGroupName": "asg0"}, "DescribeLaunchTemplateVersions": lambda s: {"LaunchTemplateId": f["template"]},
    "DescribeStaleSecurityGroups": lambda s: {"VpcId": f["vpc"]}, "GetSecurityGroupsForVpc": lambda s: {"VpcId": f["vpc"]},
    "DescribeAddressesAttribute": {"Attribute": "domain-name"}, "GetMetricData": lambda s: metrics(),
    "DescribeInstanceCreditSpecifications": {}, "GetManagedPrefixListAssociations": lambda s: {"PrefixListId": prefix_list()}, "GetManagedPrefixListEntries": lambda s: {"PrefixListId": prefix_list()},
    "GetLifecyclePolicyPreview": {"repositoryName": "repo0"}, "ListImages": {"repositoryName": "repo0"},
    "ListAttributes": {"targetType": "container-instance", "cluster": "c0"}, "ListContainerInstances": {"cluster": "c0"}, "ListServices": {"cluster": "c0"}, "ListTasks": {"cluster": "c0"},
    "ListServicesByNamespace": {"namespace": "none"}, "ListAccountSettings": {"effectiveSettings": True},
    "DescribeListenerCertificates": lambda s: {"ListenerArn": f["listener"]}, "DescribeListeners": lambda s: {"LoadBalancerArn": f["balancer"]}, "DescribeRules": lambda s: {"ListenerArn": f["listener"]},
    "GetGroup": {"GroupName": "g0"}, "ListAccessKeys": {"UserName": "u0"}, "ListAttachedGroupPolicies": {"GroupName": "g0"}, "ListAttachedRolePolicies": {"RoleName": "r0"},
    "ListAttachedUserPolicies": {"UserName": "u0"}, "ListEntitiesForPolicy": lambda s: {"PolicyArn": f["policy"]}, "ListGroupPolicies": {"GroupName": "g0"}, "ListGroupsForUser": {"UserName": "u0"},
    "ListInstanceProfileTags": {"InstanceProfileName": "p0"}, "ListInstanceProfilesForRole": {"RoleName": "r0"}, "ListOpenIDConnectProviderTags": lambda s: {"OpenIDConnectProviderArn": f["oidc"]},
    "ListPolicyTags": lambda s: {"PolicyArn": f["policy"]}, "ListPolicyVersions": lambda s: {"PolicyArn": f["policy"]}, "ListRolePolicies": {"RoleName": "r0"}, "ListRoleTags": {"RoleName": "r0"},
    "ListUserPolicies": {"UserName": "u0"}, "ListUserTags": {"UserName": "u0"}, "ListMFADevices": {"UserName": "u0"}, "ListSSHPublicKeys": {"UserName": "u0"}, "ListSigningCertificates": {"UserName": "u0"},
    "SimulateCustomPolicy": {"PolicyInputList": [ALLOW], "ActionNames": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]},
    "SimulatePrincipalPolicy": lambda s: {"PolicySourceArn": f"arn:aws:iam::{f['account']}:user/u0", "ActionNames": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]},
    "ListRuleNamesByTarget": lambda s: {"TargetArn": f["target"]}, "ListTargetsByRule": {"Rule": "rule0"},
    "ListPolicies": {"Scope": "Local"}, "DescribeLogStreams": {"logGroupName": "l0"}, "FilterLogEvents": {"logGroupName": "l0"}, "GetParameterHistory": {"Name": "/p/0"}, "GetParametersByPath": {"Path": "/p"},
}


def metrics():
    now = int(time.time()) // 60 * 60
    return {"StartTime": now - 600, "EndTime": now, "MetricDataQueries": [{"Id": name, "MetricStat": {"Stat": "Sum", "Period": 60, "Metric": {
        "Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Dimensions": [{"Name": "LoadBalancer", "Value": f["balancer"].split(":loadbalancer/")[1]}]}}} for name in ("a", "b")]}


def prefix_list():
    return api("ec2").describe_managed_prefix_lists()["PrefixLists"][0]["PrefixListId"]


def stopped():
    api("ecs").stop_task(cluster="c0", task=f["task"])
    return {"cluster": "c0", "tasks": [f["task"]]}


def ended(state):
    one = f["instances"].pop()
    getattr(api("ec2"), f"{state}_instances")(InstanceIds=[one])
    return {"InstanceIds": [one]}


def registered():
    elb = api("elbv2")
    elb.register_targets(TargetGroupArn=f["targets"], Targets=[{"Id": f["instances"][0], "Port": 80}])
    return {"TargetGroupArn": f["targets"], "Targets": [{"Id": f["instances"][0], "Port": 80}]}


def deregistered():
    elb = api("elbv2")
    elb.modify_target_group_attributes(TargetGroupArn=f["targets"], Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}])
    elb.deregister_targets(TargetGroupArn=f["targets"], Targets=[{"Id": f["instances"][0], "Port": 80}])
    return {"TargetGroupArn": f["targets"], "Targets": [{"Id": f["instances"][0], "Port": 80}]}



def deleted(kind, **named):
    getattr(api("ec2"), f"delete_{kind}")(**named)
    return {k + "s": [v] for k, v in named.items()}


# None is a waiter for something that no operation of the model brings about.
WAIT = {
    "nat_gateway_available": lambda: {"NatGatewayIds": [f["nat"]]}, "nat_gateway_deleted": lambda: deleted("nat_gateway", NatGatewayId=f["nat"]),
    "volume_available": lambda: {"VolumeIds": [f["disk"]]}, "volume_deleted": lambda: deleted("volume", VolumeId=f["disk"]),
    "password_data_available": None, "security_group_vpc_association_associated": None, "security_group_vpc_association_disassociated": None,
    "vpc_peering_connection_deleted": None, "vpc_peering_connection_exists": None,
    "certificate_validated": None,  # e2e/stack_test.go waits for one that DNS proves
    "instance_exists": lambda: {"InstanceIds": f["instances"]}, "instance_running": lambda: {"InstanceIds": f["instances"]}, "instance_status_ok": lambda: {"InstanceIds": f["instances"]},
    "system_status_ok": lambda: {"InstanceIds": f["instances"]}, "instance_stopped": lambda: ended("stop"), "instance_terminated": lambda: ended("terminate"),
    "image_available": lambda: {"ImageIds": [f["image"]]}, "image_exists": lambda: {"ImageIds": [f["image"]]}, "internet_gateway_exists": lambda: {"InternetGatewayIds": [f["gateway"]]},
    "key_pair_exists": lambda: {"KeyNames": ["k0"]}, "network_interface_available": lambda: {"NetworkInterfaceIds": [f["interface"]]}, "security_group_exists": lambda: {"GroupIds": [f["group"]]},
    "subnet_available": lambda: {"SubnetIds": f["subnets"]}, "vpc_available": lambda: {"VpcIds": [f["vpc"]]}, "vpc_exists": lambda: {"VpcIds": [f["vpc"]]},
    "volume_in_use": lambda: {"VolumeIds": [v["VolumeId"] for v in api("ec2").describe_volumes()["Volumes"][:2]]},
    "lifecycle_policy_preview_complete": lambda: {"repositoryName": "repo0"},
    "services_stable": lambda: {"cluster": "c0", "services": ["s0", "s1", "s2"]}, "services_inactive": lambda: {"cluster": "c0", "services": ["ended"]},
    "tasks_running": lambda: {"cluster": "c0", "tasks": [f["task"]]}, "tasks_stopped": stopped,
    "load_balancer_available": lambda: {"LoadBalancerArns": [f["balancer"]]}, "load_balancer_exists": lambda: {"LoadBalancerArns": [f["balancer"]]}, "load_balancers_deleted": lambda: {"LoadBalancerArns": [f["gone"]]},
    "target_in_service": registered, "target_deregistered": deregistered,
    "instance_profile_exists": lambda: {"InstanceProfileName": "p0"}, "policy_exists": lambda: {"PolicyArn": f["policy"]}, "role_exists": lambda: {"RoleName": "r0"}, "user_exists": lambda: {"UserName": "u0"},
}


def smallest(client, operation, limit):
    shape = client.meta.service_model.operation_model(operation).input_shape
    return max(int(shape.members[limit].metadata.get("min", 1)), 1) if limit else None


def items(operation, key, page):
    found = key.search(page) or []
    if operation == "DescribeInstances":  # a page cuts a reservation in two
        found = [i for r in found for i in r["Instances"]]
    if operation == "DescribeVpcEndpointServices" and "ServiceNames" in str(key.expression):  # a name of two services stands once on a page
        found = []
    return [json.dumps(x, default=str, sort_keys=True) for x in found]


def paginate(service, client, operation):
    given = PARAMETERS.get(operation, {})
    given = given(service) if callable(given) else given
    pages = client.get_paginator(xform_name(operation))
    limit = pages._pagination_cfg.get("limit_key")
    config = {"PageSize": smallest(client, operation, limit)} if limit else {}
    count, together = 0, []
    for page in pages.paginate(**given, PaginationConfig=config):
        count += 1
        for key in pages.result_keys:
            together += items(operation, key, page)
    whole = []
    for page in pages.paginate(**given):
        for key in pages.result_keys:
            whole += items(operation, key, page)
    if sorted(together) != sorted(whole):
        failures.append(f"{service} {operation}: {len(together)} in pages, {len(whole)} at once")
    return count, len(whole)


if len(sys.argv) > 2:  # one call, for the test that breaks its answer
    api("ecs").list_clusters()
    print("\n".join(strict.broken))
    sys.exit(bool(strict.broken))
failures, single, waited, paged = [], [], 0, 0
for make in (network, identity, balancing, containers, keeping):
    make()
for service, operations in served(open(sys.argv[1]).read()):
    client = api(service)
    for operation in sorted(operations):
        if client.can_paginate(xform_name(operation)):
            try:
                count, total = paginate(service, client, operation)
            except client.exceptions.ClientError as e:
                if operation == "ListServicesByNamespace" and "NamespaceNotFound" in str(e):
                    continue  # there are no namespaces
                failures.append(f"{service} {operation}: {e}")
                continue
            except Exception as e:  # every failure is told, not only the first
                failures.append(f"{service} {operation}: {e}")
                continue
            paged += 1
            if count < 2:
                single.append(f"{service}.{operation} ({total})")
    for name in client.waiter_names:
        waiter = client.get_waiter(name)
        if waiter.config.operation not in operations:
            continue
        if name not in WAIT:
            failures.append(f"{service} waiter {name} is not tried")
        elif WAIT[name] is not None:
            try:
                waiter.wait(**WAIT[name](), WaiterConfig={"Delay": 0, "MaxAttempts": 2000})
                waited += 1
            except Exception as e:
                failures.append(f"{service} waiter {name}: {e}")
print(f"{paged} paginators, {paged - len(single)} over several pages; {waited} waiters")
print("one page:", ", ".join(single))
for line in failures + strict.broken:
    print("FAILED", line)
sys.exit(bool(failures or strict.broken))
