"""The other side of TestBotocore: botocore's serializers and parsers, on the models of this repository.

Reads a JSON object a line and answers each with one:
  {"do": "requests", "service": S, "operation": O, "seed": N, "count": C}
      -> [{"method", "query", "headers", "body", "input"}, ...]: random inputs, serialized
  {"do": "parse", "service": S, "operation": O, "status": N, "headers": H, "body": B}
      -> {"output": ...} or {"error": {"code", "message", "request"}}
Values are spelled alike on both sides: members by their model's names, timestamps as milliseconds since
1970, blobs as base64.
"""
import base64
import datetime
import json
import random
import string
import sys
import urllib.parse

import botocore.model
import botocore.parsers
import botocore.serialize
from botocore.compat import HTTPHeaders

MODELS = sys.argv[1]
LETTERS = string.ascii_letters + string.digits + " .:/-_+=&%<>'\"\\;,äß€語🚢\t\n"
services = {}


def service(name):
    if name not in services:
        with open(f"{MODELS}/{name}.json", encoding="utf-8") as f:
            services[name] = botocore.model.ServiceModel(json.load(f), name)
    return services[name]


class Inputs:
    """Random values of a shape. What the protocol cannot spell (an empty structure in a form) is avoided."""

    def __init__(self, seed, protocol):
        self.random = random.Random(seed)
        self.form = protocol != "json"
        self.ec2 = protocol == "ec2"

    def value(self, shape, depth=0):
        return getattr(self, "a_" + shape.type_name, self.a_string)(shape, depth)

    def a_structure(self, shape, depth):
        if getattr(shape, "is_document_type", False):
            return {"any": [1, "two", None, {"three": True}]}
        out = {}
        for name, member in shape.members.items():
            scalar = member.type_name not in ("structure", "list", "map")
            if self.random.random() < (0.5 if scalar else 0.6 - depth * 0.12):
                value = self.value(member, depth + 1)
                if self.form and value == {}:
                    continue
                out[name] = value
        if self.form and not out:
            for name, member in shape.members.items():
                if member.type_name not in ("structure", "list", "map"):
                    out[name] = self.value(member, depth + 1)
                    break
        return out

    def a_list(self, shape, depth):
        low = 1 if self.ec2 or depth > 3 else 0
        out = [self.value(shape.member, depth + 1) for _ in range(self.random.choice([low, 1, 1, 2, 12 if depth < 2 else 2]))]
        if self.form:
            out = [v for v in out if v != {} and (v != [] or not self.ec2)]
            if not out and low:
                return {}
        return out

    def a_map(self, shape, depth):
        count = self.random.choice([0, 1, 2])
        return {self.value(shape.key, depth + 1): self.value(shape.value, depth + 1) for _ in range(count)}

    def a_string(self, shape, depth):
        if getattr(shape, "enum", None):
            return self.random.choice(shape.enum)
        return "".join(self.random.choice(LETTERS) for _ in range(self.random.choice([0, 1, 5, 20])))

    def a_integer(self, shape, depth):
        return self.random.choice([0, 1, -1, 80, 2**31 - 1, -(2**31)])

    def a_long(self, shape, depth):
        return self.random.choice([0, 1, -1, 2**53, -(2**63), 2**63 - 1])

    def a_double(self, shape, depth):
        return self.random.choice([0.0, 1.5, -2.25, 1e21, 1e-9, 100.0])

    a_float = a_double

    def a_boolean(self, shape, depth):
        return self.random.random() < 0.5

    def a_timestamp(self, shape, depth):
        ms = 0 if not self.form else self.random.choice([0, 123, 120])
        moment = datetime.datetime(2019, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=self.random.randrange(10**9))
        return moment.replace(microsecond=ms * 1000)

    def a_blob(self, shape, depth):
        return bytes(self.random.randrange(256) for _ in range(self.random.choice([0, 1, 30])))


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, datetime.datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def requests(ask):
    model = service(ask["service"])
    operation = model.operation_model(ask["operation"])
    protocol = model.resolved_protocol
    serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
    out = []
    for i in range(ask["count"]):
        value = Inputs(ask["seed"] + i, protocol).value(operation.input_shape) if operation.input_shape else {}
        request = serializer.serialize_to_request(value, operation)
        body = request["body"]
        if isinstance(body, dict):
            body = urllib.parse.urlencode(body, doseq=True)
        elif isinstance(body, bytes):
            body = body.decode()
        query = ""
        if protocol != "json" and i % 2:
            query, body, request["method"] = body, "", "GET"
        out.append({"method": request["method"], "query": query, "headers": dict(request["headers"]), "body": body, "input": plain(value)})
    return out


def parse(ask):
    model = service(ask["service"])
    operation = model.operation_model(ask["operation"])
    parser = botocore.parsers.create_parser(model.resolved_protocol)
    headers = HTTPHeaders()
    for name, value in ask["headers"].items():
        headers[name] = value
    response = {"status_code": ask["status"], "headers": headers, "body": ask["body"].encode()}
    parsed = parser.parse(response, operation.output_shape)
    metadata = parsed.pop("ResponseMetadata")
    if ask["status"] >= 300:
        error = parsed["Error"]
        return {"error": {"code": error["Code"], "message": error["Message"], "request": metadata["RequestId"]}}
    return {"output": plain(parsed), "request": metadata["RequestId"]}


for line in sys.stdin:
    ask = json.loads(line)
    print(json.dumps({"requests": requests, "parse": parse}[ask["do"]](ask)), flush=True)
