"""Collects every answer that its operation's model does not allow.

watch() wraps botocore's parsers, so it holds for boto3 and for the aws CLI: each raw body is
walked beside the output's shape, and what does not fit is appended to `broken`: members that
the model does not have, required ones that are missing, wrong types, values outside an enum,
lengths and numbers outside their limits, timestamps and wrappers in the wrong form, errors
without a code. botocore itself leaves out silently what it does not know.
"""
import base64
import json
import xml.etree.ElementTree as ET

import botocore.parsers

broken = []


def bare(node):
    return node.tag.split("}")[-1]


class Walk:
    def __init__(self, operation):
        self.operation = operation

    def say(self, path, what):
        broken.append(f"{self.operation} {path}: {what}")

    def limits(self, path, shape, size):
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and size < low or high is not None and size > high:
            self.say(path, f"{size} is not from {low} to {high}")

    def leaf(self, path, shape, value, text):
        kind = shape.type_name
        try:
            if kind in ("integer", "long"):
                value = int(value) if text else value
                if isinstance(value, bool) or not isinstance(value, int):
                    raise ValueError
                self.limits(path, shape, value)
            elif kind in ("float", "double"):
                value = float(value) if text else value
                if isinstance(value, bool) or not isinstance(value, (int, float)):
                    raise ValueError
            elif kind == "boolean":
                if value not in (("true", "false") if text else (True, False)) or isinstance(value, int) and not isinstance(value, bool):
                    raise ValueError
            elif kind == "timestamp":
                if text and not ("T" in value and value.endswith("Z")) or not text and (isinstance(value, bool) or not isinstance(value, (int, float))):
                    raise ValueError
            elif kind == "blob":
                base64.b64decode(value, validate=True)
            elif not isinstance(value, str):
                raise ValueError
            else:
                self.limits(path, shape, len(value))
        except (ValueError, TypeError):
            return self.say(path, f"{value!r} is no {kind}")
        if kind == "string" and getattr(shape, "enum", None) and value not in shape.enum:
            if path.endswith("attachmentSet[].state") and value == "available":
                return  # an internet gateway's; the model leaves out what AWS's own reference says
            self.say(path, f"{value!r} is not of the enum")

    def json(self, path, shape, value):
        if value is None:
            return self.say(path, "null, where an absent member is left out")
        if shape.type_name == "structure":
            if not isinstance(value, dict):
                return self.say(path, "is no structure")
            members = {m.serialization.get("name", n): m for n, m in shape.members.items()}
            for key in value:
                if key in members:
                    self.json(f"{path}.{key}", members[key], value[key])
                elif key != "__type":
                    self.say(f"{path}.{key}", "is not in the model")
            for name in shape.required_members:
                if shape.members[name].serialization.get("name", name) not in value:
                    self.say(f"{path}.{name}", "is required and missing")
        elif shape.type_name == "list":
            if not isinstance(value, list):
                return self.say(path, "is no list")
            for item in value:
                self.json(path + "[]", shape.member, item)
        elif shape.type_name == "map":
            if not isinstance(value, dict):
                return self.say(path, "is no map")
            for item in value.values():
                self.json(path + "{}", shape.value, item)
        else:
            self.leaf(path, shape, value, False)

    def xml(self, path, shape, node, skip=()):
        if shape.type_name == "structure":
            members = {m.serialization.get("name", n): m for n, m in shape.members.items()}
            seen = set()
            for child in node:
                tag = bare(child)
                if tag in skip:
                    continue
                if tag not in members:
                    self.say(f"{path}.{tag}", "is not in the model")
                    continue
                if tag in seen:
                    self.say(f"{path}.{tag}", "stands twice")
                self.xml(f"{path}.{tag}", members[tag], child)
                seen.add(tag)
            for name in shape.required_members:
                m = shape.members[name]
                if m.type_name not in ("list", "map") and m.serialization.get("name", name) not in seen:
                    self.say(f"{path}.{name}", "is required and missing")
        elif shape.type_name == "list":
            for child in node:
                if bare(child) != shape.member.serialization.get("name", "member"):
                    self.say(path, f"has the element {bare(child)}")
                self.xml(path + "[]", shape.member, child)
        elif shape.type_name == "map":
            for child in node:
                if bare(child) != "entry":
                    self.say(path, f"has the element {bare(child)}")
        else:
            self.leaf(path, shape, node.text or "", True)

    def answer(self, parser, body, shape):
        if isinstance(parser, botocore.parsers.BaseJSONParser):
            if shape is not None:
                self.json(shape.name, shape, json.loads(body))
            return
        root = ET.fromstring(body)
        about = {"requestId", "RequestId"} if isinstance(parser, botocore.parsers.EC2QueryParser) else {"ResponseMetadata"}
        if not about & {bare(n) for n in root}:
            self.say("answer", f"has no {' or '.join(sorted(about))}")
        if shape is None:
            return
        wrapper = shape.serialization.get("resultWrapper")
        if wrapper:
            root = next((n for n in root if bare(n) == wrapper), None)
            if root is None:
                return self.say(shape.name, f"has no {wrapper}")
        self.xml(shape.name, shape, root, about)

    def error(self, parser, response):
        body = response["body"]
        if isinstance(parser, botocore.parsers.BaseJSONParser):
            if not json.loads(body).get("__type"):
                self.say("error", f"{response['status_code']} without a type")
            return
        root = ET.fromstring(body)
        for part in ("Code", "Message"):
            if not root.findtext(".//{*}" + part):
                self.say("error", f"{response['status_code']} without a {part}")


def watch():
    parse = botocore.parsers.ResponseParser.parse

    def checked(self, response, shape):
        walk = Walk(shape.name if shape else "no output")
        try:
            if response["status_code"] < 301:
                walk.answer(self, response["body"], shape)
            else:
                walk.error(self, response)
        except Exception as e:
            walk.say("body", f"{e}: {response['body'][:200]!r}")
        return parse(self, response, shape)

    botocore.parsers.ResponseParser.parse = checked
