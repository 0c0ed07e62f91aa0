#!/usr/bin/env python3
"""Compares which events Sigma rules match in trailhunt, in rsigma-eval (row by row) and in pySigma's SQL on DuckDB.

In: `--trailhunt BINARY`, `--rsigma BINARY` (examples/rsigma_rows.rs), `--rules FOLDER` (default: tests/sigma, and
../shared/sigma if it is there), `--limit N` rules. Each engine may be left out, but not all. Out: counts per engine,
each difference that `tests/sigma_differences.tsv` does not explain, each line of it that explains nothing; exit code 1
if there is one.

pySigma's SQLite backend writes the SQL; the class DuckDb below changes only what DuckDB spells differently and how a
field is read. The events come from the Parquet files of the lake; without trailhunt, from the archive.
"""

import argparse
import csv
import ipaddress
import json
import re
import subprocess
import sys
import tempfile
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import yaml
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from s3 import ROOT, SHARED_DATA, Trailhunt
from sigma_events import alternatives, correlated, mutations, names_of, sample, selections, write_object

OWN_RULES = ROOT / "tests" / "sigma"
SHARED_RULES = ROOT.parent / "shared" / "sigma"
DIFFERENCES = ROOT / "tests" / "sigma_differences.tsv"
EXAMPLES_MAX = 5
KEYWORDS = "every text"  # a column with all texts of a record
# DuckDB alone would also read a text with spaces around the number.
NUMBER = r"CASE WHEN {field} NOT SIMILAR TO '.*\s.*' THEN TRY_CAST({field} AS DOUBLE) END"

# Columns of `events` that hold a member of the record as it is.
SCALARS = {
    "aws_region": "awsRegion",
    "event_source": "eventSource",
    "event_name": "eventName",
    "source_ip_address": "sourceIPAddress",
    "user_agent": "userAgent",
    "error_code": "errorCode",
    "error_message": "errorMessage",
    "read_only": "readOnly",
    "management_event": "managementEvent",
    "event_category": "eventCategory",
    "event_type": "eventType",
    "event_version": "eventVersion",
    "event_id": "eventID",
    "request_id": "requestID",
    "shared_event_id": "sharedEventID",
    "recipient_account_id": "recipientAccountId",
    "api_version": "apiVersion",
    "vpc_endpoint_id": "vpcEndpointId",
    "vpc_endpoint_account_id": "vpcEndpointAccountId",
    "session_credential_from_console": "sessionCredentialFromConsole",
}
# Columns that hold a member as JSON text.
OBJECTS = {
    "user_identity": "userIdentity",
    "request_parameters": "requestParameters",
    "response_elements": "responseElements",
    "additional_event_data": "additionalEventData",
    "resources": "resources",
    "service_event_details": "serviceEventDetails",
    "insight_details": "insightDetails",
    "tls_details": "tlsDetails",
    "edge_device_details": "edgeDeviceDetails",
    "addendum": "addendum",
    "event_context": "eventContext",
}

Match = tuple[str, str]  # rule, event id


@dataclass
class Engine:
    """What one engine says: its matches, and the rules that it rejects with the reason."""

    name: str
    matches: set[Match] = field(default_factory=set)
    rejected: dict[str, str] = field(default_factory=dict)

    def seen(self) -> set[str]:
        return {rule for rule, _ in self.matches}


@dataclass
class World:
    rules: list[tuple[str, dict]]
    rule_paths: list[Path]
    records: dict[str, dict]
    object_path: Path
    archive: Path
    typed_path: Path
    typed_archive: Path
    lake: Path

    def correlations(self) -> set[str]:
        return {key for key, rule in self.rules if "correlation" in rule}


class DuckDb(sqliteBackend):
    """pySigma's SQLite backend in DuckDB's words. A field is a column of a list of texts; one of them must match."""

    wildcard_match_expression = "{field} ILIKE '{value}' ESCAPE '\\'"
    contains_expression = "{field} ILIKE '%{value}%' ESCAPE '\\'"
    re_expression = "regexp_matches({field}, '{regex}')"
    compare_op_expression = NUMBER + " {operator} {value}"
    bool_expression = "lower({field}) = {value}"
    null_safe_expression = "COALESCE({expr}, FALSE)"
    field_timestamp_part_expression = "date_part('{timestamp_part}', TRY_CAST({field} AS TIMESTAMP))"
    timestamp_part_mapping = {part: part.name.lower() for part in sqliteBackend.timestamp_part_mapping}
    collate_nocase = True
    fulltext_field = KEYWORDS

    def __init__(self) -> None:
        super().__init__()
        self.fields = {KEYWORDS}
        self.inside_list = False

    def escape_and_quote_field(self, name):
        self.fields.add(name)
        return "value" if self.inside_list else quoted(name)

    def convert_condition_field_eq_val(self, cond, state):
        whole = type(cond.value).__name__ in ("SigmaNull", "SigmaExists", "SigmaExpansion", "SigmaFieldReference")
        if whole or self.inside_list:
            return super().convert_condition_field_eq_val(cond, state)
        return self.any_value(cond.field, lambda: super(DuckDb, self).convert_condition_field_eq_val(cond, state))

    def convert_condition_field_eq_field(self, cond, state):
        one, other = quoted(cond.field), quoted(cond.value.field)
        self.fields |= {cond.field, cond.value.field}
        test = super().convert_condition_field_eq_field(cond, state)
        return f"list_bool_or([list_bool_or([{test} FOR other IN {other}]) FOR value IN {one}])"

    def convert_condition_field_eq_field_escape_and_quote(self, field1, field2):
        return "value", "other"

    def convert_condition_field_eq_val_num(self, cond, state):
        return NUMBER.format(field=self.escape_and_quote_field(cond.field)) + f" = {cond.value}"

    def convert_condition_val(self, cond, state):
        if self.inside_list or type(cond.value).__name__ == "SigmaExpansion":
            return super().convert_condition_val(cond, state)
        return self.any_value(KEYWORDS, lambda: super(DuckDb, self).convert_condition_val(cond, state))

    def any_value(self, name: str, convert: Callable[[], str]) -> str:
        self.fields.add(name)
        self.inside_list = True
        try:
            return f"list_bool_or([({convert()}) FOR value IN {quoted(name)}])"
        finally:
            self.inside_list = False


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def run_pysigma(world: World, records: dict[str, dict]) -> Engine:
    engine, backend, queries = Engine("pysigma"), DuckDb(), []
    for key, rule in world.rules:
        if "detection" not in rule:
            continue
        try:
            parsed = SigmaRule.from_dict(for_pysigma(rule))
            queries += [(key, query) for query in backend.convert_rule(parsed)]
        except (SigmaError, NotImplementedError) as error:
            engine.rejected[key] = str(error).splitlines()[0]
    connection = flat_table(records, sorted(backend.fields))
    for key, query in queries:
        where = query.split(" WHERE ", 1)[1]
        try:
            rows = connection.execute(f"SELECT event_id FROM logs WHERE {where}").fetchall()
        except duckdb.Error as error:
            engine.rejected[key] = f"DuckDB: {str(error).splitlines()[0]}"
            continue
        engine.matches |= {(key, event_id) for (event_id,) in rows}
    return engine


def for_pysigma(rule: dict) -> dict:
    """The rule without the members that pySigma checks more strictly than this comparison needs."""
    kept = {name: rule[name] for name in ("title", "logsource", "detection")}
    return kept | {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(rule["detection"], default=str)))}


def flat_table(records: dict[str, dict], fields: list[str]) -> duckdb.DuckDBPyConnection:
    """The table `logs`: a column per field with its texts; null for a field that is missing or null."""
    connection = duckdb.connect()
    columns = {"event_id": "VARCHAR"} | {name: "VARCHAR[]" for name in fields}
    with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
        for event_id, record in records.items():
            row = {name: texts(record) if name == KEYWORDS else values_at(record, name.split(".")) for name in fields}
            file.write(json.dumps(row | {"event_id": event_id}) + "\n")
        file.flush()
        connection.execute(
            f"CREATE TABLE logs AS SELECT * FROM read_json('{file.name}', format = 'newline_delimited', columns = "
            + "{" + ", ".join(f"{quoted(name)}: '{kind}'" for name, kind in columns.items()) + "})"
        )
    return connection


def values_at(value: object, path: list[str]) -> list[str] | None:
    """The texts at the path. Lists on the way and at the end stand for each of their members."""
    if value is None:
        return None
    if isinstance(value, list):
        found = [values_at(member, path) for member in value]
        if path and all(texts is None for texts in found):
            return None
        return [text for texts in found for text in texts or []]
    if path:
        return values_at(value.get(path[0]), path[1:]) if isinstance(value, dict) else None
    return [value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)]


def texts(value: object) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for member in value for text in texts(member)]
    return [value] if isinstance(value, str) else []


def records_of_lake(lake: Path) -> dict[str, dict]:
    """The records, put together again from the Parquet files."""
    rows = duckdb.connect().execute(
        f"SELECT strftime(event_time AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ') AS event_time, "
        f"{', '.join([*SCALARS, *OBJECTS, 'extra'])} FROM read_parquet('{lake}/event_date=*/*.parquet')"
    )
    names = [column[0] for column in rows.description]
    records = {}
    for row in rows.fetchall():
        row = dict(zip(names, row))
        record = json.loads(row["extra"] or "{}")
        record |= {member: row[column] for column, member in SCALARS.items() if row[column] is not None}
        record |= {member: json.loads(row[column]) for column, member in OBJECTS.items() if row[column] is not None}
        record["eventTime"] = row["event_time"]
        records[record["eventID"]] = record
    return records


def run_rsigma(world: World, binary: str) -> Engine:
    engine = Engine("rsigma")
    for folder in world.rule_paths:
        for path, of_correlations in ((world.object_path, False), (world.typed_path, True)):
            output = subprocess.run([binary, folder, path], check=True, text=True, capture_output=True).stdout
            for line in map(json.loads, output.splitlines()):
                if "rejected" in line:
                    engine.rejected[line["rule"]] = line["rejected"]
                elif (line["rule"] in world.correlations()) == of_correlations:
                    engine.matches.add((line["rule"], line["event_id"]))
    return engine


def run_trailhunt(world: World, trailhunt: Trailhunt) -> Engine:
    engine = Engine("trailhunt")
    typed = world.lake.with_name("typed_lake")
    trailhunt.run("ingest", world.archive, "--lake", world.lake)
    trailhunt.run("ingest", world.typed_archive, "--lake", typed)
    questions = [
        (world.lake, "SELECT rule, event_id FROM sigma_matches"),
        (typed, "SELECT rule, event_id FROM sigma_correlated WHERE completes"),
    ]
    for folder in world.rule_paths:
        for lake, sql in questions:
            output = trailhunt.run("query", "--lake", lake, "--sigma", folder, "--format", "ndjson", sql).stdout
            engine.matches |= {(row["rule"], row["event_id"]) for row in map(json.loads, output.splitlines())}
    return engine


def values_of(rule: dict, record: dict):
    """Each item of the rule with the raw value of its field, absent as null."""
    for name in selections(rule.get("detection", {})):
        for items in alternatives(rule["detection"][name]):
            for item in items:
                yield item, raw_value(record, item.field.split("."))


def raw_value(value: object, path: list[str]) -> object:
    if path and isinstance(value, list):
        return [raw_value(member, path) for member in value]
    if path:
        return raw_value(value.get(path[0]), path[1:]) if isinstance(value, dict) else None
    return value


def has_object(value: object) -> bool:
    return isinstance(value, dict) or isinstance(value, list) and any(map(has_object, value))


def leaves(value: object) -> list:
    return [leaf for member in value for leaf in leaves(member)] if isinstance(value, list) else [value]


def is_address(text: object) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def is_object(rule: dict, record: dict) -> bool:
    return any(has_object(value) for _, value in values_of(rule, record))


def has_line_break(rule: dict, record: dict) -> bool:
    breaks = (isinstance(leaf, str) and "\n" in leaf for _, value in values_of(rule, record) for leaf in leaves(value))
    return any(breaks)


def missing_for_neq(rule: dict, record: dict) -> bool:
    return any("neq" in item.modifiers and value is None for item, value in values_of(rule, record))


def no_address(rule: dict, record: dict) -> bool:
    values = ((item, leaf) for item, value in values_of(rule, record) for leaf in leaves(value))
    return any("cidr" in item.modifiers and not is_address(leaf) for item, leaf in values)


# Members that are no JSON objects: CloudTrail writes a text, or a truth value.
TRUTH_VALUES = {"readOnly", "managementEvent", "sessionCredentialFromConsole"}

TEXTS_OF_IDENTITY = {f"userIdentity.{name}" for name in (
    "type", "arn", "principalId", "accountId", "userName", "invokedBy", "accessKeyId", "sessionContext.sourceIdentity",
    "sessionContext.sessionIssuer.type", "sessionContext.sessionIssuer.arn",
    "sessionContext.webIdFederationData.federatedProvider")}


def is_mistyped(field: str, value: object) -> bool:
    if value is None or (field.split(".")[0] in OBJECTS.values() and field not in TEXTS_OF_IDENTITY):
        return False
    return not isinstance(value, bool if field in TRUTH_VALUES else str)


def has_mistyped(record: dict) -> bool:
    identity = record.get("userIdentity")
    if identity is not None and not isinstance(identity, dict):
        return True
    members = {**record, **{f"userIdentity.{name}": value for name, value in (identity or {}).items()}}
    return any(is_mistyped(name, value) for name, value in members.items())


def mistyped(rule: dict, record: dict) -> bool:
    """A member of the record that has another type than CloudTrail gives it is in the column `extra`."""
    return any(is_mistyped(item.field, value) for item, value in values_of(rule, record) if item.field)


def unknown_field(rule: dict, record: dict) -> bool:
    members = {*SCALARS.values(), *OBJECTS.values(), "eventTime", "annotation", "metadata"}
    fields = (item.field.split(".")[0] for item, _ in values_of(rule, record) if item.field)
    return any(member not in members for member in fields)


def list_for_fieldref(rule: dict, record: dict) -> bool:
    return any("fieldref" in item.modifiers and isinstance(value, list) for item, value in values_of(rule, record))


def base64_offset(rule: dict, record: dict) -> bool:
    return any("base64offset" in item.modifiers for item, _ in values_of(rule, record))


def all_keywords(rule: dict, record: dict) -> bool:
    named = (rule.get("detection", {})[name] for name in selections(rule.get("detection", {})))
    return any(isinstance(selection, dict) and "|all" in selection for selection in named)


def boolean_word(rule: dict, record: dict) -> bool:
    values = ((item, leaf) for item, value in values_of(rule, record) for leaf in leaves(value))
    return any(True in item.values or False in item.values for item, leaf in values if str(leaf).lower() in WORDS)


WORDS = ("0", "1", "yes", "no")
PREDICATES: dict[str, Callable[[dict, dict], bool]] = {
    predicate.__name__: predicate
    for predicate in (
        all_keywords,
        base64_offset,
        boolean_word,
        has_line_break,
        is_object,
        list_for_fieldref,
        missing_for_neq,
        mistyped,
        no_address,
        unknown_field,
    )
}


@dataclass
class Difference:
    """A line of the table: this engine deviates from the others for the rule, on events that the predicate accepts."""

    engine: str
    rule: str
    predicate: str
    why: str
    explains: int = 0

    def covers(self, engine: str, key: str, rule: dict, record: dict) -> bool:
        return self.engine == engine and self.rule in ("*", key) and PREDICATES[self.predicate](rule, record)


def read_differences() -> list[Difference]:
    with DIFFERENCES.open() as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [Difference(row["engine"], row["rule"], row["predicate"], row["why"]) for row in rows]


def unexplained(engines: list[Engine], rules: dict[str, list[dict]], records: dict, table: list[Difference]) -> list:
    """The pairs of rule and event on which the engines differ, although none of those that differ is excused."""
    found = []
    for key, event_id in sorted(set().union(*(engine.matches for engine in engines))):
        running = [engine for engine in engines if key not in engine.rejected]
        verdicts = {engine.name: (key, event_id) in engine.matches for engine in running}
        if len(set(verdicts.values())) < 2:
            continue
        lines = {
            name: [line for line in table for rule in rules[key] if line.covers(name, key, rule, records[event_id])]
            for name in verdicts
        }
        agreed = {verdict for name, verdict in verdicts.items() if not lines[name]}
        if len(agreed) > 1:
            found.append((key, event_id, verdicts))
            continue
        for name, verdict in verdicts.items():
            for line in lines[name]:
                line.explains += verdict not in agreed
    return found


def compare(engines: list[Engine], world: World, records: dict[str, dict], limited: bool = False) -> int:
    rules = defaultdict(list)
    for key, rule in world.rules:
        rules[key].append(rule)
    shown = rules.keys() - only_in_correlations(world.rules)
    failures = 0
    for engine in engines:
        unknown = {key for key, _ in engine.matches} - rules.keys()
        if unknown and not limited:
            print(f"{engine.name} reports rules that are not in the files: {' '.join(sorted(unknown)[:10])}")
            failures += 1
        engine.matches = {match for match in engine.matches if match[1] in records and match[0] in shown}
        counts = f"{len(engine.matches):,} matches of {len(engine.seen())} rules, {len(engine.rejected)} rejected"
        print(f"{engine.name}: {counts}")
        for key, reason in sorted(engine.rejected.items()):
            print(f"  rejected {key}: {reason}")
    table = [line for line in read_differences() if line.engine in {engine.name for engine in engines}]
    matched = set().union(*(engine.seen() for engine in engines))
    quiet = sorted(shown - matched)
    print(f"{len(quiet)} rules match no event: {' '.join(quiet[:10])}")
    correlations = world.correlations()
    for title, group, wanted in (
        ("detections", engines, rules.keys() - correlations),
        ("correlations", [engine for engine in engines if engine.name != "pysigma"], correlations),
    ):
        part = [Engine(e.name, {m for m in e.matches if m[0] in wanted}, e.rejected) for e in group]
        if len(part) < 2:
            continue
        differences = unexplained(part, rules, records, table)
        failures += len(differences)
        print(f"{title}: {len(differences)} unexplained differences")
        for key, count in Counter(key for key, _, _ in differences).most_common():
            print(f"  {key}: {count}  {rules[key][0].get('title', '')}")
            for _, event_id, verdicts in [one for one in differences if one[0] == key][:EXAMPLES_MAX]:
                print(f"    {verdicts} {json.dumps(touched(rules[key][0], records[event_id]))} {event_id}")
    for line in table:
        print(f"{line.explains:>7,} explained: {line.engine} {line.rule} {line.predicate}")
        if not line.explains and len(engines) == 3:
            print(f"  remove this line from {DIFFERENCES.name}: it explains nothing")
            failures += 1
    return 1 if failures else 0


def touched(rule: dict, record: dict) -> dict:
    return {item.field: value for item, value in values_of(rule, record)}


def only_in_correlations(rules: list[tuple[str, dict]]) -> set[str]:
    """Rules that a correlation refers to without `generate: true`: by the specification they report nothing."""
    correlations = [rule["correlation"] for _, rule in rules if "correlation" in rule]
    named = {name for one in correlations if not one.get("generate") for name in one["rules"]}
    return {key for key, rule in rules if "detection" in rule and named & set(names_of(key, rule))}


def load_rules(paths: list[Path], limit: int | None) -> list[tuple[str, dict]]:
    rules = []
    for path in sorted(file for folder in paths for file in folder.rglob("*.yml")):
        try:
            documents = list(yaml.safe_load_all(path.read_text()))
        except yaml.YAMLError as error:
            print(f"not YAML: {path.name}: {str(error).splitlines()[0]}")
            continue
        for rule in documents:
            rules.append((str(rule.get("id") or rule.get("name") or path.stem), rule))
    return rules[:limit]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="compares Sigma engines event by event")
    parser.add_argument("--trailhunt", metavar="BINARY", help="the binary to test")
    parser.add_argument("--rsigma", metavar="BINARY", help="examples/rsigma_rows.rs, built")
    parser.add_argument("--rules", type=Path, metavar="FOLDER", help="rules instead of tests/sigma and ../shared/sigma")
    parser.add_argument("--limit", type=int, metavar="N", help="mutate and compare only the first N rules")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write archive and lake here, and keep them")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    paths = [args.rules] if args.rules else [path for path in (OWN_RULES, SHARED_RULES) if path.exists()]
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        rules = load_rules(paths, args.limit)
        records = sample(SHARED_DATA) if SHARED_DATA.exists() else []
        records += mutations([(key, rule) for key, rule in rules if "detection" in rule]) + correlated(rules)
        path = write_object(records, folder / "archive")
        by_id = {record["eventID"]: record for record in records}
        print(f"{len(rules):,} rules, {len(by_id):,} events")
        # A correlation counts the matches of many events, so events with a known difference would change all others.
        typed = write_object([record for record in records if not has_mistyped(record)], folder / "typed")
        world = World(rules, paths, by_id, path, folder / "archive", typed, folder / "typed", folder / "lake")

        engines, stored = [], by_id
        if args.trailhunt:
            engines.append(run_trailhunt(world, Trailhunt(str(Path(args.trailhunt).resolve(strict=True)))))
            stored = records_of_lake(world.lake)
            print(f"{len(by_id) - len(stored):,} events are not in the lake")
        if args.rsigma:
            engines.append(run_rsigma(world, args.rsigma))
        engines.append(run_pysigma(world, stored))
        kept = {event: record for event, record in by_id.items() if event in stored}
        return compare(engines, world, kept, limited=args.limit is not None)


if __name__ == "__main__":
    sys.exit(main())
