# A load balancer as teams write it, with the attributes away from their defaults.
data "aws_vpc" "default" {
  default = true
}

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

resource "aws_security_group" "clients" {
  name   = "clients"
  vpc_id = data.aws_vpc.default.id
  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_lb" "shared" {
  name               = "shared"
  load_balancer_type = "application"
  security_groups    = [aws_security_group.clients.id]
  subnets            = data.aws_subnets.default.ids

  idle_timeout                                = 30
  client_keep_alive                           = 600
  desync_mitigation_mode                      = "strictest"
  drop_invalid_header_fields                  = true
  preserve_host_header                        = true
  xff_header_processing_mode                  = "preserve"
  enable_xff_client_port                      = true
  enable_http2                                = false
  enable_tls_version_and_cipher_suite_headers = true
  enable_waf_fail_open                        = true

  access_logs {
    bucket  = "logs"
    prefix  = "shared"
    enabled = true
  }
}

resource "aws_lb_target_group" "web" {
  count                = 2
  name                 = "web-${count.index}"
  port                 = 80
  protocol             = "HTTP"
  vpc_id               = data.aws_vpc.default.id
  deregistration_delay = 5
  slow_start           = 30

  health_check {
    path              = "/health"
    interval          = 10
    timeout           = 2
    healthy_threshold = 2
    matcher           = "200-299"
  }
  stickiness {
    type            = "app_cookie"
    cookie_name     = "sid"
    cookie_duration = 600
  }
  target_group_health {
    dns_failover { # the provider plans to remove what is not written here, on AWS too
      minimum_healthy_targets_count      = "1"
      minimum_healthy_targets_percentage = "off"
    }
    unhealthy_state_routing {
      minimum_healthy_targets_count      = 2
      minimum_healthy_targets_percentage = "50"
    }
  }
}

resource "aws_lb_target_group" "calls" {
  name                          = "calls"
  port                          = 80
  protocol                      = "HTTP"
  protocol_version              = "GRPC"
  target_type                   = "ip"
  vpc_id                        = data.aws_vpc.default.id
  load_balancing_algorithm_type = "least_outstanding_requests"
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.shared.arn
  port              = 80
  protocol          = "HTTP"

  routing_http_response_server_enabled                      = false
  routing_http_response_x_content_type_options_header_value = "nosniff"

  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = "no such service"
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener_rule" "weighted" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 10
  action {
    type = "forward"
    forward {
      target_group {
        arn    = aws_lb_target_group.web[0].arn
        weight = 90
      }
      target_group {
        arn    = aws_lb_target_group.web[1].arn
        weight = 10
      }
      stickiness {
        enabled  = true
        duration = 60
      }
    }
  }
  condition {
    host_header {
      values = ["*.example.test", "example.test"]
    }
  }
  condition {
    http_header {
      http_header_name = "X-Canary"
      values           = ["yes*"]
    }
  }
}

resource "aws_lb_listener_rule" "redirect" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 20
  action {
    type = "redirect"
    redirect {
      protocol    = "HTTPS"
      port        = "443"
      path        = "/new/#{path}"
      status_code = "HTTP_301"
    }
  }
  condition {
    path_pattern {
      values = ["/old/*"]
    }
  }
  condition {
    query_string {
      key   = "a"
      value = "b"
    }
  }
  condition {
    source_ip {
      values = ["10.0.0.0/8"]
    }
  }
  condition {
    http_request_method {
      values = ["GET", "HEAD"]
    }
  }
}
