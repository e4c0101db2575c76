"""schemas/asyncapi.yaml says of every message what the tables say, and its examples are true.

The tables come from the golden test (GANTRY_REGISTRY_DUMP). The examples must be the golden
messages, and must encode to the golden bytes by the rules that the document itself gives.
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import msgpack
import yaml

SOURCE = pathlib.Path(os.environ["GANTRY_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["GANTRY_BUILD_DIR"])
GOLDEN = SOURCE / "tests" / "golden" / "messages"
DOCUMENT = yaml.safe_load((SOURCE / "schemas" / "asyncapi.yaml").read_text())
MESSAGES = DOCUMENT["components"]["messages"]
SCHEMAS = DOCUMENT["components"]["schemas"]
NOT_ON_THE_BUS = {"client_row", "past_source", "past_snapshot", "past_chunk", "past_rows"}
FRAMED = {"request", "reply", "feed"}


def tables():
    with tempfile.TemporaryDirectory() as folder:
        dump = pathlib.Path(folder) / "registry.json"
        subprocess.run(
            [BUILD / "tests" / "golden.messages"],
            env={**os.environ, "GANTRY_REGISTRY_DUMP": str(dump)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        return [e for e in json.loads(dump.read_text()) if e["name"] not in NOT_ON_THE_BUS]


TABLES = tables()
BODIES = {e["name"]: e["name"] for e in TABLES if e["use"] in ("command", "event")}


def name_of(ref):
    return ref.split("/")[3]


def resolve(ref):
    node = DOCUMENT
    for step in ref.split("/")[1:]:
        node = node[step]
    return node


def schema_of(entry):
    return SCHEMAS[entry["name"]] if entry["use"] == "part" else MESSAGES[entry["name"]]["payload"]


def described_fields(schema):
    """(name, its description, whether it is required) of each field, in order."""
    if schema["type"] == "array":
        return [(item["title"], item, item.get("x-required", False)) for item in schema["items"]]
    required = schema.get("required", [])
    return [(k, v, k in required) for k, v in schema.get("properties", {}).items()]


def type_of(field):
    """The table's word for what the document says, and the schema that it refers to."""
    if "allOf" in field:
        of = name_of(field["allOf"][0]["$ref"])
        return "raw" if of == "record" or field.get("x-raw") else "message", of
    if field.get("x-any"):
        return "raw", None
    if field["type"] == "boolean":
        return "bool", None
    if field["type"] == "integer":
        short = {"uint32": "u32", "uint64": "u64", "int32": "i32", "int64": "i64"}[field["format"]]
        return ("maybe_" + short if field.get("x-maybe") else short), None
    if field["type"] == "string":
        return field.get("format", "text"), None
    if field["type"] == "object":
        return "text_map", None
    items = field["items"]
    if "$ref" in items:
        of = name_of(items["$ref"])
        return "raws" if of == "record" or field.get("x-raw") else "messages", of
    return ("raws" if items.get("x-any") else "texts"), None


def encode_field(field, value):
    """A value of the examples as what msgpack packs, by the document alone."""
    kind, of = type_of(field)
    if kind in ("bytes", "id"):
        return bytes.fromhex(value)
    if kind in ("raws", "messages") and of is not None:
        return [encode(resolve(field["items"]["$ref"]), item) for item in value]
    if kind in ("raw", "message") and of is not None:
        return encode(resolve(field["allOf"][0]["$ref"]), value)
    if kind in ("u64", "i64"):
        return int(value)
    return value


def encode_record(schema, value):
    empty = {"boolean": False, "integer": 0}
    array = []
    for name, field, _ in described_fields(schema):
        if name not in value:
            array.append(empty.get(field.get("type")))
        elif name == "body" and value["type"] in BODIES:
            array.append(encode(MESSAGES[value["type"]]["payload"], value["body"]))
        else:
            array.append(encode_field(field, value[name]))
    return array


def encode(schema, value):
    if schema["type"] == "array":
        return encode_record(schema, value)
    fields = {name: field for name, field, _ in described_fields(schema)}
    return {key: encode_field(fields[key], item) for key, item in value.items()}


def golden_bytes(name):
    return bytes.fromhex((GOLDEN / (name + ".hex")).read_text())


def said_bytes(entry):
    part = SCHEMAS if entry["use"] == "part" else MESSAGES
    return bytes.fromhex(part[entry["name"]]["x-bytes"])


class Document(unittest.TestCase):
    maxDiff = None

    def test_every_message_is_there_and_no_other(self):
        uses = {e["name"]: e["use"] for e in TABLES}
        said = {name: message["x-use"] for name, message in MESSAGES.items()}
        said.update({name: "part" for name in SCHEMAS})
        self.assertEqual(said, uses)

    def test_every_field_has_its_type_and_place(self):
        for entry in TABLES:
            said = [
                (name, *type_of(field), required)
                for name, field, required in described_fields(schema_of(entry))
            ]
            wanted = [
                (f["key"], f["type"], f.get("of"), f["required"]) for f in entry["fields"]
            ]
            self.assertEqual(said, wanted, entry["name"])
            form = "array" if schema_of(entry)["type"] == "array" else "map"
            self.assertEqual(form, entry["form"], entry["name"])

    def test_everything_is_described(self):
        for entry in TABLES:
            self.assertTrue(
                (SCHEMAS[entry["name"]]["description"])
                if entry["use"] == "part"
                else MESSAGES[entry["name"]]["summary"]
            )
            for name, field, _ in described_fields(schema_of(entry)):
                self.assertTrue(field.get("description"), f"{entry['name']}.{name}")

    def test_examples_are_the_golden_messages(self):
        for entry in TABLES:
            golden = json.loads((GOLDEN / (entry["name"] + ".json")).read_text())
            if entry["use"] != "part":
                example = MESSAGES[entry["name"]]["examples"][0]["payload"]
            elif entry["form"] == "map":
                example = SCHEMAS[entry["name"]]["examples"][0]
            else:
                continue
            self.assertEqual(example, golden, entry["name"])

    def test_bytes_are_the_golden_ones(self):
        for entry in TABLES:
            wanted = golden_bytes(entry["name"])
            if entry["use"] in FRAMED:
                wanted = b"\x93\x01" + msgpack.packb(entry["name"]) + wanted
            self.assertEqual(said_bytes(entry), wanted, entry["name"])

    def test_examples_encode_by_the_rules_of_the_document(self):
        for entry in TABLES:
            golden = json.loads((GOLDEN / (entry["name"] + ".json")).read_text())
            packed = msgpack.packb(encode(schema_of(entry), golden), use_bin_type=True)
            self.assertEqual(packed, golden_bytes(entry["name"]), entry["name"])

    def test_every_request_is_a_channel_with_replies(self):
        requests = [e["name"] for e in TABLES if e["use"] == "request"]
        replies = {e["name"] for e in TABLES if e["use"] == "reply"}
        answered = set()
        for name in requests:
            channel = DOCUMENT["channels"][name]
            self.assertEqual(name_of(channel["publish"]["message"]["$ref"]), name)
            answers = {name_of(m["$ref"]) for m in channel["subscribe"]["message"]["oneOf"]}
            self.assertIn("error", answers)
            self.assertLessEqual(answers, replies)
            answered |= answers
        self.assertEqual(answered, replies)

    def test_every_command_and_event_is_in_a_stream(self):
        carried = {
            name_of(m["$ref"])
            for channel in ("cmd/{host}", "evt/{host}", "sys")
            for m in DOCUMENT["channels"][channel]["subscribe"]["message"]["oneOf"]
        }
        self.assertEqual(carried, set(BODIES))

    def test_roles_are_the_brokers(self):
        text = (SOURCE / "broker" / "core" / "roles.c").read_text()
        sets = {"ALL": {"worker", "controller", "watcher", "admin"}}
        for name, roles in re.findall(r"#define (\w+)\s+(\(BIT.*)", text):
            sets[name] = {role.lower() for role in re.findall(r"BIT\(ROLE_(\w+)\)", roles)}
        table = dict(re.findall(rf'\{{ "([a-z.]+)",\s+({"|".join(sets)}) \}}', text))
        said = {
            name: set(channel["publish"]["x-roles"])
            for name, channel in DOCUMENT["channels"].items()
            if "publish" in channel
        }
        self.assertEqual(said, {name: sets[roles] for name, roles in table.items()})

    def test_every_error_code_is_explained(self):
        text = (SOURCE / "schemas" / "failure.c").read_text()
        codes = set(re.findall(r'\[FAILURE_\w+\] = "([a-z-]+)"', text)) - {"none"}
        section = DOCUMENT["info"]["description"].split("## Error codes")[1]
        self.assertEqual(set(re.findall(r"(?:^|; )`([a-z-]+)`", " ".join(section.split()))), codes)

    def test_every_reference_leads_somewhere(self):
        def walk(node):
            if isinstance(node, dict):
                if "$ref" in node:
                    resolve(node["$ref"])
                for child in node.values():
                    walk(child)
            elif isinstance(node, list):
                for child in node:
                    walk(child)

        walk(DOCUMENT)


if __name__ == "__main__":
    unittest.main()
