"""CloudTrail records that touch the fields of Sigma rules: a sample of real archives, and mutations per rule.

In: rules as parsed YAML, the folder of real archives. Out: records with unique event ids. The same input gives the same
records. Reads the rules on its own, with no Sigma library, so that a mistake in one cannot hide.
"""

import base64
import copy
import gzip
import ipaddress
import json
import random
import re
import re._parser as regex_parser
import sys
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import yaml

ACCOUNT, REGION = "111122223333", "us-east-1"
USER = f"arn:aws:iam::{ACCOUNT}:user/tester"
FIRST_TIME = datetime(2024, 3, 1, tzinfo=timezone.utc)
CORRELATION_TIME = datetime(2024, 5, 1, tzinfo=timezone.utc)
ALTERNATIVES_MAX = 4  # values of one list that get a record of their own
FULL_RULES_PER_SHAPE = 8  # rules of the same form beyond these get a part of the mutations
PART = 6
FIXTURE_PART = 18  # mutations per rule in tests/sigma/events.jsonl
# Members that the fixture's correlated records leave out.
USUAL_ONLY = ("eventVersion", "eventType", "eventCategory", "managementEvent", "recipientAccountId", "awsRegion")
MISSING = object()
REMOVED = ""  # a member with the names of the members that were removed on purpose


@dataclass
class Item:
    """One line of a selection: `field|modifier|modifier: values`."""

    field: str
    modifiers: list[str]
    values: list


def sample(shared_data: Path) -> list[dict]:
    """One record per combination of service, API, success and caller's type."""
    kept = {}
    for path in sorted(shared_data.rglob("*.json.gz")):
        if "odd" in path.parts:
            continue  # damaged on purpose
        for record in json.loads(gzip.decompress(path.read_bytes())).get("Records", []):
            caller = record.get("userIdentity") or {}
            what = (record.get("eventSource"), record.get("eventName"), "errorCode" in record, caller.get("type"))
            if record.get("eventID"):
                kept.setdefault(what, record)
    by_id = {record["eventID"]: record for record in kept.values()}
    return list(by_id.values())


def mutations(rules: list[tuple[str, dict]]) -> list[dict]:
    """Records that satisfy, or nearly satisfy, the rules."""
    records, shapes, seen = [], {}, {}
    for key, rule in rules:
        # Packs contain the same rules, some of them in other versions.
        versions = seen.setdefault(key, [])
        if rule["detection"] in versions:
            continue
        versions.append(rule["detection"])
        dice = random.Random(key)
        variants = list(rule_variants(rule["detection"]))
        shape = json.dumps(shape_of(rule["detection"]))
        shapes[shape] = shapes.get(shape, 0) + 1
        if shapes[shape] > FULL_RULES_PER_SHAPE and len(variants) > PART:
            variants = variants[:2] + dice.sample(variants[2:], PART - 2)
        records += [finished(variant, f"{key}/{len(versions)}", number) for number, variant in enumerate(variants)]
    for number, record in enumerate(records):
        record.setdefault("eventTime", stamp(FIRST_TIME + timedelta(seconds=7 * number)))
    return records


def correlated(rules: list[tuple[str, dict]]) -> list[dict]:
    """For each correlation: a series that completes it, one that is too short, too slow, or in another order."""
    detections = {name: rule for key, rule in rules if "detection" in rule for name in names_of(key, rule)}
    records = []
    correlations = [(key, rule["correlation"]) for key, rule in rules if "correlation" in rule]
    for position, (key, correlation) in enumerate(correlations):
        referenced = [detections[name] for name in correlation["rules"] if name in detections]
        if len(referenced) < len(correlation["rules"]):
            continue
        start = CORRELATION_TIME + timedelta(days=position)
        span = seconds(correlation["timespan"])
        count = threshold(correlation)
        # Twice the needed number, to see whether an engine reports every later event too.
        series = [("complete", 2 * count, 1), ("short", count - 1, 1), ("slow", count, span + 1), ("edge", count, 0)]
        for group, (name, length, gap) in enumerate(series):
            gap = gap or span / max(length * len(referenced) - 1, 1)
            rows = [rule for _ in range(length) for rule in referenced]
            if name == "short" and len(referenced) > 1:
                rows = list(reversed(referenced))
            for number, rule in enumerate(rows):
                record = positive(rule["detection"], number)
                put_group(record, correlation, rule, f"{name}-{group}")
                count_field(record, correlation, number)
                at = start + timedelta(hours=4 * group, seconds=int(number * gap))
                record["eventTime"] = stamp(at)
                records.append(finished(record, key, f"{name}-{number}"))
    return records


def write_object(records: list[dict], archive: Path) -> Path:
    """Writes the records as one object of an archive."""
    folder = archive / "AWSLogs" / ACCOUNT / "CloudTrail" / REGION / f"{FIRST_TIME:%Y/%m/%d}"
    folder.mkdir(parents=True)
    path = folder / f"{ACCOUNT}_CloudTrail_{REGION}_{FIRST_TIME:%Y%m%dT%H%MZ}_sigmaMutations00.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"Records": records}).encode(), mtime=0))
    return path


def rule_variants(detection: dict):
    """Records without the usual members. The first one satisfies all positive selections."""
    base = positive(detection)
    yield base
    negative = negated(detection)
    for name in negative:
        yield with_items(base, alternatives(detection[name])[0])
    for name in selections(detection):
        for items in alternatives(detection[name])[1:]:
            yield with_items(base, items)
        if name not in negative and len(selections(detection)) > 1:
            yield without_items(base, alternatives(detection[name])[0])
    seen = set()
    for name in selections(detection):
        for items in alternatives(detection[name]):
            start = with_items(base, items)
            for item in items:
                identity = (item.field, *item.modifiers, repr(item.values))
                if identity not in seen:
                    seen.add(identity)
                    yield from item_variants(start, item)


def item_variants(base: dict, item: Item):
    """The record with other values of one field."""
    good = get(base, item.field)
    good = "Client.Unknown" if good is MISSING else good
    for value in item.values[1 : 1 + ALTERNATIVES_MAX]:
        yield changed(base, item.field, good_value(Item(item.field, item.modifiers, [value])))
    if item.field == "eventTime":
        return  # a record needs a valid time
    for value in near_values(good):
        yield changed(base, item.field, value)
    head, _, last = item.field.rpartition(".")
    if head:  # the object around the field is a list, missing, null or text
        yield changed(base, head, [{last: good}])
        yield changed(base, head, [{last: "other"}, {last: good}])
        yield changed(base, head, [{last: "other"}, {}])
        for value in (MISSING, None, f"{last}={good}", []):
            yield changed(base, head, value)
    if "cidr" in item.modifiers:
        addresses = ("192.0.2.77", "2001:db8::1", "::ffff:203.0.113.9")
        for value in (*addresses, "203.0.113", "s3.amazonaws.com", "AWS Internal"):
            yield changed(base, item.field, value)
    if {"re", "contains", "startswith", "endswith"} & set(item.modifiers) or "*" in str(item.values):
        yield changed(base, item.field, f"first\n{good}\nlast")
    if "fieldref" in item.modifiers:
        yield changed(base, str(item.values[0]), MISSING)


def near_values(good: object) -> list:
    """The value in another case, type or surrounding; nothing; something else."""
    text = good if isinstance(good, str) else json.dumps(good)
    near = [MISSING, None, "", " ", "null", "other", 7, True]
    near += [[], {}, [good], ["other", good], ["other"], {"value": good}]
    near += [text.upper(), text.lower(), text.swapcase()]
    near += [f"x{text}", f"{text}x", f"{text}, and more", f"{text} ", f"{text}\n"]
    if isinstance(good, bool):
        near += [not good, str(good), str(good).upper(), "1", 1, "yes", "0", 0]
    elif isinstance(good, (int, float)):
        near += [good + 1, good - 1, good * 10, str(good), f"{good}.0", float(good), f"0{good}", f" {good}", -good]
    elif "%" in text or "_" in text:
        near += [text.replace("%", "X").replace("_", "X")]
    return near


def positive(detection: dict, alternative: int = 0) -> dict:
    """A record that satisfies every selection that is not negated."""
    record = {}
    for name in selections(detection):
        if name not in negated(detection):
            for item in alternatives(detection[name])[0]:
                values = item.values
                if "all" not in item.modifiers and values:
                    values = [values[alternative % len(values)]]
                put(record, item.field, good_value(Item(item.field, item.modifiers, values)), record)
    return record


def selections(detection: dict) -> list[str]:
    return [name for name in detection if name not in ("condition", "timeframe")]


def negated(detection: dict) -> list[str]:
    """The selections that the condition negates, as far as their names tell."""
    condition = detection["condition"]
    text = " ".join(condition) if isinstance(condition, list) else str(condition)
    found = set()
    for words in re.findall(r"\bnot\s+(\([^)]*\)|(?:1|all) of \S+|\S+)", text):
        found.update(re.findall(r"[\w*]+", words))
    return [name for name in selections(detection) if any(re.fullmatch(p.replace("*", ".*"), name) for p in found)]


def alternatives(selection: object) -> list[list[Item]]:
    """A selection as a list of alternatives, each a list of items that must all hold."""
    if isinstance(selection, dict):
        return [[item_of(key, value) for key, value in selection.items()]]
    if not isinstance(selection, list):
        selection = [selection]
    found = []
    for entry in selection:
        found += alternatives(entry) if isinstance(entry, dict) else [[Item("userAgent", ["contains"], [entry])]]
    return found


def item_of(key: str, value: object) -> Item:
    field, *modifiers = str(key).split("|")
    values = value if isinstance(value, list) else [value]
    if not field:  # keywords
        return Item("userAgent", [*modifiers, "contains"], values)
    return Item(field, modifiers, values)


def good_value(item: Item) -> object:
    """A value of the field that satisfies the item."""
    modifiers = set(item.modifiers)
    value = item.values[0] if item.values else None
    if "exists" in modifiers:
        return "Client.Unknown" if value else MISSING
    if "fieldref" in modifiers:
        return ("same as", str(value))
    if "re" in modifiers:
        return example_of_regex(str(value))
    if "cidr" in modifiers:
        return str(ipaddress.ip_network(value)[1])
    if modifiers & {"hour", "minute", "day", "month", "year", "week"}:
        return time_with(item)
    if "neq" in modifiers:
        return f"{value}-not"
    for modifier, step in (("gt", 1), ("gte", 0), ("lt", -1), ("lte", 0)):
        if modifier in modifiers:
            return value + step
    if value is None or not isinstance(value, str):
        return value
    if "all" in modifiers:
        return " ".join(filled(str(one)) for one in item.values)
    text = filled(value)
    if "windash" in modifiers:
        text = text.replace("-", "/", 1)
    return encoded(text, item.modifiers)


def encoded(text: str, modifiers: list[str]) -> str:
    data = text.encode()
    for name, codec in (("wide", "utf-16-le"), ("utf16le", "utf-16-le"), ("utf16be", "utf-16-be"), ("utf16", "utf-16")):
        if name in modifiers:
            data = text.encode(codec)
    if "base64offset" in modifiers:
        return base64.b64encode(b"ab" + data + b"tail").decode()
    if "base64" in modifiers:
        return base64.b64encode(data).decode()
    return f"head {text} tail" if "contains" in modifiers else text


def filled(pattern: str) -> str:
    """A text that the pattern with Sigma's wildcards matches."""
    parts = re.findall(r"\\\\|\\\*|\\\?|.", pattern, re.DOTALL)
    fill = {"*": "any", "?": "x", "\\\\": "\\", "\\*": "*", "\\?": "?"}
    return "".join(fill.get(part, part) for part in parts)


def example_of_regex(pattern: str) -> str:
    """A short text that the regular expression matches."""
    def write(node) -> str:
        kind, value = str(node[0]), node[1]
        match kind:
            case "LITERAL":
                return chr(value)
            case "ANY":
                return "a"
            case "IN":
                return write(value[0])
            case "RANGE":
                return chr(value[0])
            case "BRANCH":
                return "".join(map(write, value[1][0]))
            case "SUBPATTERN":
                return "".join(map(write, value[3]))
            case "MAX_REPEAT" | "MIN_REPEAT":
                return "".join(map(write, value[2])) * max(value[0], 1)
            case "CATEGORY":
                return "7" if "DIGIT" in str(value) else "w"
        return ""

    return "".join(map(write, regex_parser.parse(pattern)))


def time_with(item: Item) -> str:
    at = datetime(2024, 3, 1, 3, 15, 20, tzinfo=timezone.utc)
    part = next(name for name in item.modifiers if name in ("hour", "minute", "day", "month", "year", "week"))
    if part == "week":
        return stamp(datetime.fromisocalendar(2024, int(item.values[0]), 3).replace(tzinfo=timezone.utc))
    return stamp(at.replace(**{part: int(item.values[0])}))


def put(record: dict, path: str, value: object, root: dict) -> None:
    """Sets or removes the member at the path. An object on the way that is something else is replaced."""
    if isinstance(value, tuple):  # ("same as", other field)
        other = get(root, value[1])
        if other is MISSING:
            other = "111122223333"
            put(root, value[1], other, root)
        value = other
    head, _, rest = path.partition(".")
    if rest:
        if not isinstance(record.get(head), dict):
            if value is MISSING:
                return
            record[head] = {}
        put(record[head], rest, value, root)
    elif value is MISSING:
        record.pop(head, None)
    else:
        record[head] = copy.deepcopy(value)


def get(record: object, path: str) -> object:
    for name in path.split("."):
        if not isinstance(record, dict) or name not in record:
            return MISSING
        record = record[name]
    return record


def changed(base: dict, path: str, value: object) -> dict:
    record = copy.deepcopy(base)
    put(record, path, value, record)
    if value is MISSING:
        record[REMOVED] = [*record.get(REMOVED, []), path]
    return record


def with_items(base: dict, items: list[Item]) -> dict:
    record = copy.deepcopy(base)
    for item in items:
        put(record, item.field, good_value(item), record)
    return record


def without_items(base: dict, items: list[Item]) -> dict:
    record = base
    for item in items:
        record = changed(record, item.field, MISSING)
    return record


def finished(record: dict, key: str, number: object) -> dict:
    """The record with the usual members of CloudTrail, unless it has them or they were removed on purpose."""
    usual = {
        "eventVersion": "1.09",
        "recipientAccountId": ACCOUNT,
        "awsRegion": REGION,
        "eventType": "AwsApiCall",
        "eventCategory": "Management",
        "managementEvent": True,
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "test-client/1.0",
        "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT, "arn": USER, "userName": "tester"},
    }
    record = copy.deepcopy(record)
    removed = record.pop(REMOVED, [])
    whole = {name: value for name, value in usual.items() if name not in removed} | record
    return whole | {"eventID": str(uuid.uuid5(uuid.NAMESPACE_URL, f"trailhunt/sigma/{key}/{number}"))}


def names_of(key: str, rule: dict) -> list[str]:
    return [name for name in (key, rule.get("id"), rule.get("name"), rule.get("title")) if name]


def shape_of(detection: dict) -> list:
    """What rules that differ only in their values have in common."""
    items = [item for name in selections(detection) for group in alternatives(detection[name]) for item in group]
    return [str(detection["condition"]), *map(shape_key, items)]


def shape_key(item: Item) -> str:
    return "|".join([item.field, *item.modifiers])


def put_group(record: dict, correlation: dict, rule: dict, value: str) -> None:
    for field in correlation.get("group-by", []):
        by_rule = correlation.get("aliases", {}).get(field)
        path = next((by_rule[name] for name in names_of("", rule) if name in by_rule), None) if by_rule else field
        put(record, path, value, record)


def count_field(record: dict, correlation: dict, number: int) -> None:
    """A new value of the counted field for each event, where the rules leave it free."""
    condition = correlation.get("condition")
    field = condition.get("field") if isinstance(condition, dict) else None
    if field and correlation["type"] == "value_count":
        current = get(record, field)
        free = "" if current is MISSING else str(current)
        if free.endswith("any") or free.startswith("Get"):
            put(record, field, f"{free}{number}", record)
    elif field:
        put(record, field, 100 + number, record)


def threshold(correlation: dict) -> int:
    condition = correlation.get("condition")
    if correlation["type"].startswith("temporal") or not isinstance(condition, dict):
        return 1
    bounds = {name: value for name, value in condition.items() if name in ("gte", "gt", "eq")}
    count = next(iter(bounds.values()), 1) + ("gt" in bounds)
    return count if correlation["type"].endswith("count") else 5


def seconds(timespan: str) -> int:
    return int(timespan[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[timespan[-1]]


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def fixture(folder: Path) -> list[dict]:
    """A smaller set for tests/sigma_engines.rs: short records, named after the rule's file and a number."""
    rules = [(path.stem, rule) for path in sorted(folder.glob("*.yml")) for rule in yaml.safe_load_all(path.open())]
    records = []
    for stem, rule in rules:
        variants = list(rule_variants(rule["detection"])) if "detection" in rule else []
        if len(variants) > FIXTURE_PART:
            variants = variants[:6] + random.Random(stem).sample(variants[6:], FIXTURE_PART - 6)
        if not stem.startswith("correlation_"):
            records += [{"eventID": f"{stem}-{number}"} | record for number, record in enumerate(variants)]
    # Correlations get their series of events only: they are compared by the event that completes them.
    for number, record in enumerate(correlated(rules)):
        caller = record.get("userIdentity") or {}
        if caller.get("arn") == USER:
            record.pop("userIdentity")
        short = {name: value for name, value in record.items() if name not in USUAL_ONLY}
        records.append(short | {"eventID": f"correlation-{number}"})
    for record in records:
        record.pop(REMOVED, None)
    return records


if __name__ == "__main__":
    # Writes tests/sigma/events.jsonl: python tests/black_box/sigma_events.py tests/sigma > tests/sigma/events.jsonl
    for row in fixture(Path(sys.argv[1])):
        print(json.dumps(row, ensure_ascii=False))
