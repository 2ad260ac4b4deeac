"""Collects every answer that its operation's model does not allow.

watch() wraps botocore's parsers: each raw body is walked beside the output's shape, and what
does not fit is appended to `broken`. botocore itself leaves out silently what it does not know.
"""
import base64
import json
import xml.etree.ElementTree as ET

import botocore.parsers

broken = []


class Walk:
    def __init__(self, operation):
        self.operation = operation

    def say(self, path, what):
        broken.append(f"{self.operation} {path}: {what}")

    def leaf(self, path, shape, value, text):
        kind = shape.type_name
        try:
            if kind in ("integer", "long"):
                value = int(value) if text else value
                if isinstance(value, bool) or not isinstance(value, int):
                    raise ValueError
            elif kind in ("float", "double"):
                value = float(value) if text else value
                if isinstance(value, bool) or not isinstance(value, (int, float)):
                    raise ValueError
            elif kind == "boolean":
                if value not in (("true", "false") if text else (True, False)):
                    raise ValueError
            elif kind == "timestamp":
                if text and not ("T" in value and value.endswith("Z")) or not text and not isinstance(value, (int, float)):
                    raise ValueError
            elif kind == "blob":
                base64.b64decode(value, validate=True)
            elif not isinstance(value, str):
                raise ValueError
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
            for item in value.values():
                self.json(path + "{}", shape.value, item)
        else:
            self.leaf(path, shape, value, False)

    def xml(self, path, shape, node, skip=()):
        if shape.type_name == "structure":
            members = {m.serialization.get("name", n): m for n, m in shape.members.items()}
            seen = set()
            for child in node:
                tag = child.tag.split("}")[-1]
                if tag in members:
                    self.xml(f"{path}.{tag}", members[tag], child)
                    seen.add(tag)
                elif tag not in skip:
                    self.say(f"{path}.{tag}", "is not in the model")
            for name in shape.required_members:
                m = shape.members[name]
                if m.type_name not in ("list", "map") and m.serialization.get("name", name) not in seen:
                    self.say(f"{path}.{name}", "is required and missing")
        elif shape.type_name == "list":
            for child in node:
                if child.tag.split("}")[-1] != shape.member.serialization.get("name", "member"):
                    self.say(path, f"has the element {child.tag}")
                self.xml(path + "[]", shape.member, child)
        elif shape.type_name != "map":
            self.leaf(path, shape, node.text or "", True)

    def answer(self, parser, response, shape):
        body = response["body"]
        if shape is None:
            return
        if isinstance(parser, botocore.parsers.BaseJSONParser):
            return self.json(shape.name, shape, json.loads(body or b"{}"))
        root = ET.fromstring(body)
        wrapper = shape.serialization.get("resultWrapper")
        if wrapper:
            root = next((n for n in root if n.tag.split("}")[-1] == wrapper), None)
            if root is None:
                return self.say(shape.name, f"has no {wrapper}")
        self.xml(shape.name, shape, root, ("requestId", "RequestId", "ResponseMetadata"))


def watch():
    parse = botocore.parsers.ResponseParser.parse

    def checked(self, response, shape):
        if response["status_code"] < 300:
            Walk(shape.name if shape else "no output").answer(self, response, shape)
        return parse(self, response, shape)

    botocore.parsers.ResponseParser.parse = checked
