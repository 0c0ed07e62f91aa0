"""Compares a whole backfill with what people use without trailhunt: ingest, and then questions in SQL.

    pip install duckdb chdb
    cargo build --release
    python benches/peers/backfill.py --trailhunt target/release/trailhunt --peers DIR --events 10000000 --days 90

trailhunt ingests, hunts through all days with every detector, and writes the report. ClickHouse and DuckDB ingest with
the scripts of ingest.py and answer questions.sql from their Parquet file, on two threads. The questions are fewer than
the detectors and have no evidence, peers, places or policies, so the comparison favours the peers. It ends with an error
when the two peers give different numbers of rows. Not part of CI.
"""

import argparse
import pathlib
import re
import sys
import time

import chdb.session
import duckdb

from measure import archive_arguments, arguments, ingest, median, peer_ingest, peers, run, sample

QUESTIONS = pathlib.Path(__file__).with_name("questions.sql")

CALLS = r"""
CREATE VIEW calls AS
SELECT
  {day} AS day, {hour} AS hour, recipientAccountId AS account, awsRegion AS region, eventSource AS source,
  eventName AS api, sourceIPAddress AS address, errorCode AS error, NOT readOnly AS changes, identity_type AS kind,
  identity_accountId AS own_account, identity_accessKeyId AS access_key,
  errorCode IN ('AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation', 'Client.UnauthorizedOperation') AS denied,
  regexp_replace(identity_arn, ':assumed-role/([^/]+)/.*', {role_of_session}) AS actor,
  {extract}(userAgent, '^[^ ]*') AS client, {extract}(sourceIPAddress, '^[0-9]+[.][0-9]+') AS network,
  {bucket} AS bucket, coalesce({secret}, {parameter}) AS secret, {role} AS role, {mfa} AS used_mfa
FROM {file}
WHERE identity_arn IS NOT NULL AND identity_invokedBy IS NULL
"""
# Members of the JSON columns that the questions read.
MEMBERS = {
    "bucket": ("requestParameters", "bucketName"), "secret": ("requestParameters", "secretId"),
    "parameter": ("requestParameters", "name"), "role": ("requestParameters", "roleArn"),
    "mfa": ("additionalEventData", "MFAUsed"),
}


def questions():
    """The questions, by name."""
    parts = re.split(r"^-- (\w+):$", QUESTIONS.read_text(), flags=re.M)[1:]
    return {name: sql.strip().rstrip(";") for name, sql in zip(parts[::2], parts[1::2])}


def in_duckdb(file):
    """A function that answers a question with the number of rows."""
    connection = duckdb.connect(config={"threads": 2})
    members = {name: f"json_extract_string({column}, '$.{member}')" for name, (column, member) in MEMBERS.items()}
    connection.execute(CALLS.format(
        day="CAST(eventTime AS DATE)", hour="date_trunc('hour', eventTime)", extract="regexp_extract",
        role_of_session=r"':assumed-role/\1'", file=f"'{file}'", **members))
    return lambda sql: connection.execute(f"SELECT count(*) FROM ({sql}) AS answer").fetchone()[0]


def in_clickhouse(file):
    """A function that answers a question with the number of rows."""
    session = chdb.session.Session()
    session.query("SET max_threads = 2")
    members = {
        name: f"nullIf(JSONExtractString(coalesce({column}, ''), '{member}'), '')"
        for name, (column, member) in MEMBERS.items()
    }
    session.query(CALLS.format(
        day="toDate(eventTime)", hour="toStartOfHour(eventTime)", extract="extract",
        role_of_session=r"':assumed-role/\\1'", file=f"file('{file}', 'Parquet')", **members))
    return lambda sql: int(str(session.query(f"SELECT count() FROM ({sql}) AS answer")))


ENGINES = {"duckdb": in_duckdb, "clickhouse": in_clickhouse}


def ours(args, archive):
    """Seconds of the ingest and of the hunt."""
    ingested = ingest(args.trailhunt, archive, args.folder)["seconds"]
    hunted, _, _ = run(
        args.trailhunt, "hunt", "--lake", args.folder / "lake", "--report", args.folder / "report.json", "--quiet")
    return {"ingest": ingested, "questions": hunted, "all": ingested + hunted}


def theirs(name, script, args, archive):
    """Seconds of the ingest and of all questions, and the number of rows of each answer."""
    ingested = peer_ingest(script, archive, args.folder)["seconds"]
    started = time.monotonic()
    answer = ENGINES[name](args.folder / "peer.parquet")
    answers = {question: answer(sql) for question, sql in questions().items()}
    asked = time.monotonic() - started
    return {"ingest": ingested, "questions": asked, "all": ingested + asked, "answers": answers}


def measure(args):
    """All rounds of each tool, by name."""
    archive = sample(args)
    scripts = {name: script for name, script in peers(args.peers).items() if name in ENGINES}
    rounds = {name: [] for name in ["trailhunt", *scripts]}
    for _ in range(args.rounds):
        rounds["trailhunt"].append(ours(args, archive))
        for name, script in scripts.items():
            rounds[name].append(theirs(name, script, args, archive))
    answers = {name: rounds[name][0]["answers"] for name in scripts}
    if any(given != next(iter(answers.values())) for given in answers.values()):
        sys.exit(f"the peers do not agree: {answers}")
    return rounds


def ratios(rounds):
    """For each peer: how many times as fast trailhunt's backfill is. For itself: the backfill divided by its ingest."""
    seconds = {name: median(figures, "all") for name, figures in rounds.items()}
    compared = {name: peer / seconds["trailhunt"] for name, peer in seconds.items() if name != "trailhunt"}
    return compared | {"trailhunt": seconds["trailhunt"] / median(rounds["trailhunt"], "ingest")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    rounds = measure(archive_arguments(arguments(parser)).parse_args())
    compared = ratios(rounds)
    print(f"{'':12} {'ingest':>8} {'questions':>10} {'all':>8}   trailhunt is")
    for name, figures in rounds.items():
        line = "{:12} {:8.1f} {:10.1f} {:8.1f}".format(name, *(median(figures, key) for key in ("ingest", "questions", "all")))
        print(line if name == "trailhunt" else f"{line}   {compared[name]:.2f} x as fast")
    print(f"trailhunt's backfill takes {compared['trailhunt']:.2f} x its ingest")


if __name__ == "__main__":
    main()
