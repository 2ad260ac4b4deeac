resource "aws_ecr_repository" "web" {
  name                 = "team/web"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true
  tags                 = { env = "production" }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_repository" "plain" {
  name = "plain"
}

resource "aws_ecr_lifecycle_policy" "web" {
  repository = aws_ecr_repository.web.name
  policy = jsonencode({ rules = [
    {
      rulePriority = 1
      description  = "what lost its tag"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    },
    {
      rulePriority = 2
      selection    = { tagStatus = "tagged", tagPrefixList = ["v"], countType = "imageCountMoreThan", countNumber = 30 }
      action       = { type = "expire" }
    },
  ] })
}

data "aws_ecr_lifecycle_policy_document" "plain" {
  rule {
    priority = 1
    selection {
      tag_status       = "tagged"
      tag_pattern_list = ["prod*"]
      count_type       = "imageCountMoreThan"
      count_number     = 100
    }
  }
}

resource "aws_ecr_lifecycle_policy" "plain" {
  repository = aws_ecr_repository.plain.name
  policy     = data.aws_ecr_lifecycle_policy_document.plain.json
}

resource "aws_ecr_repository_policy" "web" {
  repository = aws_ecr_repository.web.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "pull"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::000000000000:root" }
      Action    = ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
    }]
  })
}

resource "aws_ecr_registry_policy" "all" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "replicate"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::111111111111:root" }
      Action    = ["ecr:ReplicateImage"]
      Resource  = "*"
    }]
  })
}

resource "aws_ecr_registry_scanning_configuration" "all" {
  scan_type = "BASIC"

  rule {
    scan_frequency = "SCAN_ON_PUSH"
    repository_filter {
      filter      = "*"
      filter_type = "WILDCARD"
    }
  }
}

resource "aws_ecr_account_setting" "scanning" {
  name  = "BASIC_SCAN_TYPE_VERSION"
  value = "AWS_NATIVE"
}

data "aws_ecr_authorization_token" "all" {}
