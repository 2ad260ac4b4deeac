resource "aws_acm_certificate" "demo" {
  domain_name               = "demo.example.com"
  subject_alternative_names = ["www.example.com", "*.example.com"]
  validation_method         = "DNS"
  key_algorithm             = "EC_prime256v1"
  tags                      = { env = "production" }
}
