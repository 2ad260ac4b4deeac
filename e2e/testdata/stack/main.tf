# A team's whole environment and one application in it, as Terraform's users write it.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region = "eu-west-1"
  default_tags { tags = { stack = "shop" } }
}

variable "image" { type = string }
variable "host" { default = "shop.example.test" }
variable "message" { default = "one" }
variable "desired" { default = 1 }
variable "maximum" { default = 2 }
variable "interval" { default = 5 }
variable "office" { default = "192.0.2.0/24" }
variable "owner" { default = "ann" }

data "aws_availability_zones" "all" { state = "available" }

resource "aws_vpc" "shop" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = "shop", owner = var.owner }
}

resource "aws_subnet" "shop" {
  count                   = 2
  vpc_id                  = aws_vpc.shop.id
  cidr_block              = cidrsubnet(aws_vpc.shop.cidr_block, 8, count.index)
  availability_zone       = data.aws_availability_zones.all.names[count.index]
  map_public_ip_on_launch = true
}

resource "aws_internet_gateway" "shop" { vpc_id = aws_vpc.shop.id }

resource "aws_route_table" "shop" {
  vpc_id = aws_vpc.shop.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.shop.id
  }
}

resource "aws_route_table_association" "shop" {
  count          = 2
  subnet_id      = aws_subnet.shop[count.index].id
  route_table_id = aws_route_table.shop.id
}

resource "aws_security_group" "balancer" {
  name_prefix = "shop-balancer-"
  vpc_id      = aws_vpc.shop.id
  dynamic "ingress" {
    for_each = [80, 443]
    content {
      protocol    = "tcp"
      from_port   = ingress.value
      to_port     = ingress.value
      cidr_blocks = ["0.0.0.0/0"]
    }
  }
  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "instances" {
  name_prefix = "shop-instances-"
  vpc_id      = aws_vpc.shop.id
}

resource "aws_vpc_security_group_ingress_rule" "from_balancer" {
  security_group_id            = aws_security_group.instances.id
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.balancer.id
}

resource "aws_vpc_security_group_ingress_rule" "office" {
  security_group_id = aws_security_group.instances.id
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_ipv4         = var.office
}

resource "aws_vpc_security_group_egress_rule" "out" {
  security_group_id = aws_security_group.instances.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_lb" "shop" {
  name            = "shop"
  subnets         = aws_subnet.shop[*].id
  security_groups = [aws_security_group.balancer.id]
  idle_timeout    = 30
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.shop.arn
  port              = 80
  protocol          = "HTTP"
  default_action {
    type = "redirect"
    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_acm_certificate" "shop" {
  domain_name               = "*.example.test"
  subject_alternative_names = ["example.test"]
  validation_method         = "DNS"
  lifecycle { create_before_destroy = true }
}

output "validation" {
  value = { for o in aws_acm_certificate.shop.domain_validation_options : o.resource_record_name => o.resource_record_value... }
}

resource "aws_acm_certificate_validation" "shop" { certificate_arn = aws_acm_certificate.shop.arn }

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.shop.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = aws_acm_certificate_validation.shop.certificate_arn
  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = "no such host"
      status_code  = "404"
    }
  }
}

resource "aws_lb_target_group" "shop" {
  name                 = "shop"
  port                 = 80
  protocol             = "HTTP"
  vpc_id               = aws_vpc.shop.id
  deregistration_delay = 1
  health_check {
    path                = "/"
    interval            = var.interval
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener_rule" "shop" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 10
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.shop.arn
  }
  condition {
    host_header { values = [var.host] }
  }
}

resource "aws_ecr_repository" "shop" {
  name                 = "shop"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true
  image_scanning_configuration { scan_on_push = true }
}

resource "aws_ecr_lifecycle_policy" "shop" {
  repository = aws_ecr_repository.shop.name
  policy = jsonencode({ rules = [{ rulePriority = 1, description = "the last twenty", selection = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 20 }, action = { type = "expire" } }] })
}

resource "aws_cloudwatch_log_group" "shop" {
  name              = "shop"
  retention_in_days = 7
}

resource "aws_ssm_parameter" "key" {
  name  = "/shop/key"
  type  = "SecureString"
  value = "not a real key"
}

resource "aws_iam_role" "instance" {
  name = "shop-instance"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }] })
}

resource "aws_iam_role_policy_attachment" "instance" {
  role       = aws_iam_role.instance.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
}

resource "aws_iam_instance_profile" "instance" {
  name = "shop-instance"
  role = aws_iam_role.instance.name
}

resource "aws_iam_role" "execution" {
  name = "shop-execution"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }] })
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_iam_role_policy" "secrets" {
  name   = "secrets"
  role   = aws_iam_role.execution.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ssm:GetParameters", Resource = aws_ssm_parameter.key.arn }] })
}

data "aws_ssm_parameter" "image" { name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id" }

resource "aws_launch_template" "shop" {
  name          = "shop"
  image_id      = data.aws_ssm_parameter.image.value
  instance_type = "t3.small"
  iam_instance_profile { name = aws_iam_instance_profile.instance.name }
  vpc_security_group_ids = [aws_security_group.instances.id]
  user_data              = base64encode("#!/bin/bash\necho ECS_CLUSTER=shop >> /etc/ecs/ecs.config\n")
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }
}

resource "aws_autoscaling_group" "shop" {
  name                  = "shop"
  min_size              = 1
  max_size              = var.maximum
  vpc_zone_identifier   = aws_subnet.shop[*].id
  protect_from_scale_in = true
  launch_template {
    id      = aws_launch_template.shop.id
    version = "$Latest"
  }
  tag {
    key                 = "AmazonECSManaged"
    value               = ""
    propagate_at_launch = true
  }
  lifecycle { ignore_changes = [desired_capacity] }
}

resource "aws_ecs_cluster" "shop" { name = "shop" }

resource "aws_ecs_capacity_provider" "shop" {
  name = "shop"
  auto_scaling_group_provider {
    auto_scaling_group_arn         = aws_autoscaling_group.shop.arn
    managed_termination_protection = "ENABLED"
    managed_scaling {
      status          = "ENABLED"
      target_capacity = 100
    }
  }
}

resource "aws_ecs_cluster_capacity_providers" "shop" {
  cluster_name       = aws_ecs_cluster.shop.name
  capacity_providers = [aws_ecs_capacity_provider.shop.name]
  default_capacity_provider_strategy {
    capacity_provider = aws_ecs_capacity_provider.shop.name
    weight            = 1
  }
}

resource "aws_ecs_task_definition" "shop" {
  family             = "shop"
  execution_role_arn = aws_iam_role.execution.arn
  container_definitions = jsonencode([{
    name              = "shop"
    image             = var.image
    memoryReservation = 64
    portMappings      = [{ containerPort = 8000 }]
    environment       = [{ name = "MESSAGE", value = var.message }]
    secrets           = [{ name = "KEY", valueFrom = aws_ssm_parameter.key.arn }]
    stopTimeout       = 2
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.shop.name
        awslogs-region        = "eu-west-1"
        awslogs-stream-prefix = "shop"
      }
    }
  }])
}

resource "aws_ecs_service" "shop" {
  name            = "shop"
  cluster         = aws_ecs_cluster.shop.id
  task_definition = aws_ecs_task_definition.shop.arn
  desired_count   = var.desired
  load_balancer {
    target_group_arn = aws_lb_target_group.shop.arn
    container_name   = "shop"
    container_port   = 8000
  }
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  wait_for_steady_state = true
  depends_on            = [aws_lb_listener_rule.shop, aws_ecs_cluster_capacity_providers.shop, aws_iam_role_policy.secrets]
}

output "balancer" { value = aws_lb.shop.dns_name }
