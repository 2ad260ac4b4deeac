"""Signs requests with botocore and prints them, one JSON object a line.

The Go test beside it verifies them: botocore is the judge of what a client sends.
"""

import base64
import json
import sys

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

LONG = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SESSION = Credentials("ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/sessionEXAMPLEKEY",
                      "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEU+/=" * 4)
JSON = {"Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.UpdateService"}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
HOST = "http://127.0.0.1:4566"


def emit(name, auth, method, url, headers=None, body=b"", payload=None):
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers or {}))
    if payload is not None:
        request.context["payload_signing_enabled"] = payload
    auth.add_auth(request)
    prepared = request.prepare()
    sent = {}
    for key, value in prepared.headers.items():
        sent[key] = value.decode() if isinstance(value, bytes) else str(value)
    print(json.dumps({
        "name": name, "method": method, "url": prepared.url, "headers": sent,
        "body": base64.b64encode(body).decode(),
    }))


def headers_of(creds, service, region="eu-west-1"):
    return SigV4Auth(creds, service, region)


def query_of(creds, service, region="eu-west-1", expires=900):
    return SigV4QueryAuth(creds, service, region, expires=expires)


for kind, creds in (("key", LONG), ("session", SESSION)):
    emit(f"{kind}: json", headers_of(creds, "ecs"), "POST", HOST + "/", JSON, b'{"cluster":"web"}')
    emit(f"{kind}: json, no body", headers_of(creds, "ecs"), "POST", HOST + "/", JSON)
    emit(f"{kind}: query", headers_of(creds, "iam", "us-east-1"), "POST", HOST + "/", FORM,
         b"Action=ListUsers&Version=2010-05-08")
    emit(f"{kind}: get with a query", headers_of(creds, "sts"), "GET",
         HOST + "/?Action=GetCallerIdentity&Version=2011-06-15")
    emit(f"{kind}: no port", headers_of(creds, "ecs"), "POST", "http://ecs.eu-west-1.amazonaws.com/", JSON, b"{}")
    emit(f"{kind}: port 80", headers_of(creds, "ecs"), "POST", "http://ecs.local:80/", JSON, b"{}")
    emit(f"{kind}: port 443", headers_of(creds, "ecs"), "POST", "https://ecs.local:443/", JSON, b"{}")
    emit(f"{kind}: ipv6", headers_of(creds, "ecs"), "POST", "http://[::1]:4566/", JSON, b"{}")
    emit(f"{kind}: binary body", headers_of(creds, "ecr"), "POST", HOST + "/", JSON, bytes(range(256)))
    emit(f"{kind}: presigned", query_of(creds, "sts"), "GET",
         HOST + "/?Action=GetCallerIdentity&Version=2011-06-15")
    emit(f"{kind}: presigned, one second", query_of(creds, "sts", expires=1), "GET", HOST + "/?Action=GetCallerIdentity")
    emit(f"{kind}: presigned, a week", query_of(creds, "sts", expires=604800), "GET", HOST + "/?Action=GetCallerIdentity")
    emit(f"{kind}: presigned with a header", query_of(creds, "sts"), "GET",
         HOST + "/?Action=GetCallerIdentity", {"x-k8s-aws-id": "web"})
    emit(f"{kind}: s3", S3SigV4Auth(creds, "s3", "eu-west-1"), "PUT", HOST + "/bucket/a%20key/%E2%82%AC//x/../y", {}, b"data")
    emit(f"{kind}: s3, payload not signed", S3SigV4Auth(creds, "s3", "eu-west-1"), "PUT",
         "https://127.0.0.1:4566/bucket/key", {}, b"data", payload=False)
    emit(f"{kind}: s3 presigned", S3SigV4QueryAuth(creds, "s3", "eu-west-1", expires=60), "GET",
         HOST + "/bucket/a%20key/%E2%82%AC")

for path in ("/a", "/a/", "//a//b", "/a/../b", "/a/./b/", "/a/b/..", "/..", "/./", "/a%20b", "/%E2%82%AC", "/a%2Fb",
             "/a%2fb", "/a%25b", "/~user/-_.", "/(a)!*'", "/a:b@c", "/a+b", "/a;b=c,d", "/$x&y", "/%7Euser",
             "/clusters/web/services/api%3Fx", "/a%2F%2e%2e%2Fb"):
    emit(f"path {path}", headers_of(LONG, "lambda"), "GET", HOST + path)

for query in ("a=1&b=2", "b=2&a=1", "a=2&a=1", "a=1&a=1", "A=1&a=1&B=2", "a", "a=", "a&b=", "a=%20", "a=%2B", "a=b%3Dc", "%E2%82%AC=%C3%A9",
              "a=%2F&b=%3A", "a=1&a-b=1&a.b=1&aB=1&a_b=1", "a=~-_.", "a%20b=c%20d", "x=%25", "list=1%2C2%2C3", "a=b=c"):
    emit(f"query {query}", headers_of(LONG, "sts"), "GET", HOST + "/?" + query)
    emit(f"presigned query {query}", query_of(LONG, "sts"), "GET", HOST + "/?" + query)

for name, headers in (
    ("spaces around", {"X-Amz-Meta": "  a  "}),
    ("spaces within", {"X-Amz-Meta": "a   b \t c"}),
    ("empty", {"X-Amz-Meta": ""}),
    ("quotes", {"X-Amz-Meta": '"a   b"'}),
    ("commas", {"X-Amz-Meta": "a, b,c"}),
    ("order", {"Zebra": "1", "apple": "2", "Mango": "3", "X-Amz-Meta-9": "4", "X-Amz-Meta-10": "5"}),
    ("unsigned ones", {"User-Agent": "Boto3/1.43", "X-Amzn-Trace-Id": "Root=1-2-3", "Expect": "100-continue"}),
    ("content hash", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}),
):
    emit(f"header: {name}", headers_of(LONG, "ecs"), "POST", HOST + "/", {**JSON, **headers}, b"{}")

for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
    emit(f"method {method}", headers_of(LONG, "lambda"), method, HOST + "/2015-03-31/functions", {}, b"x" if method in ("PUT", "PATCH") else b"")

sys.stdout.flush()
