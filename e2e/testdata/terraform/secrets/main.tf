resource "aws_secretsmanager_secret" "database" {
  name        = "app/database"
  description = "where the orders are"
  tags        = { env = "production" }
}

resource "aws_secretsmanager_secret_version" "database" {
  secret_id     = aws_secretsmanager_secret.database.id
  secret_string = jsonencode({ username = "app", password = "hunter2" })
}

resource "aws_secretsmanager_secret_policy" "database" {
  secret_arn          = aws_secretsmanager_secret.database.arn
  block_public_policy = true
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::111111111111:root" }
      Action    = "secretsmanager:GetSecretValue"
      Resource  = "*"
    }]
  })
}

resource "aws_secretsmanager_secret" "key" {
  name_prefix             = "key-"
  recovery_window_in_days = 0

  replica {
    region = "eu-west-2"
  }
}

resource "aws_secretsmanager_secret_version" "key" {
  secret_id      = aws_secretsmanager_secret.key.id
  secret_binary  = base64encode("not text")
  version_stages = ["AWSCURRENT", "blue"]
}

data "aws_secretsmanager_secret_version" "database" {
  secret_id  = aws_secretsmanager_secret.database.name
  depends_on = [aws_secretsmanager_secret_version.database]
}

resource "aws_ssm_parameter" "key" {
  name  = "/app/key"
  type  = "SecureString"
  value = jsondecode(data.aws_secretsmanager_secret_version.database.secret_string).password
}
