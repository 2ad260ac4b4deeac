resource "aws_cloudwatch_log_group" "web" {
  name              = "/ecs/web"
  retention_in_days = 14
  tags              = { team = "web" }
}

resource "aws_cloudwatch_log_group" "for_ever" {
  name_prefix = "audit-"
}

resource "aws_cloudwatch_log_stream" "cron" {
  name           = "cron"
  log_group_name = aws_cloudwatch_log_group.web.name
}

data "aws_cloudwatch_log_group" "web" {
  name = aws_cloudwatch_log_group.web.name
}

data "aws_cloudwatch_log_groups" "all" {
  log_group_name_prefix = "/ecs/"
  depends_on            = [aws_cloudwatch_log_group.web]
}

output "found" {
  value = [data.aws_cloudwatch_log_group.web.arn, data.aws_cloudwatch_log_groups.all.log_group_names]
}
