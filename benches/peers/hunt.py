"""Run shipped detectors with trailhunt and with DuckDB on the same lake. Prints the findings and the time of each.

    pip install duckdb
    trailhunt hunt --lake LAKE --quiet      # creates the rollups
    python benches/peers/hunt.py --trailhunt target/release/trailhunt --lake LAKE

The lake must be in a folder and come from one ingest. DuckDB reads its Parquet files. The macros below replace some of our
functions; detectors that need others (statistics, locations, policies) are left out. Not part of CI.
"""

import argparse
import datetime
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time
import tomllib
import zipfile

import duckdb

# Characters of a pack's name before its checksum: a month, a week, a day, each with a hash of 16 digits.
SPAN_LENGTHS = {len("2024-03-") + 16: 0, len("2024-W10-") + 16: 1, len("2024-03-05-") + 16: 2}
SQL = pathlib.Path(__file__).resolve().parents[2] / "sql"

# Detectors that need only the macros below.
PORTABLE = [
    "account_silence", "code_replaced", "console_login_without_mfa", "cross_account_edge", "group_joined", "instance_launch",
    "new_region", "recon_then_key", "region_fan_out", "root_use", "secret_harvest",
]

MACROS = r"""
CREATE MACRO evidence(id, t) AS list(id ORDER BY t, id)[1:50];
CREATE MACRO to_unixtime(t) AS epoch(t);
CREATE MACRO make_array() AS [], (a) AS [a], (a, b) AS [a, b];
CREATE MACRO regexp_like(t, p) AS regexp_matches(t, p);
CREATE MACRO json_get_str(j, k) AS json_extract_string(j, '$."' || k || '"'),
  (j, k, l) AS json_extract_string(j, '$."' || k || '"."' || l || '"');
CREATE MACRO api_name(n) AS regexp_replace(n, '(20\d\d_?[01]\d_?[0-3]\d)(v\d+)?$', '');
CREATE MACRO is_service_caller(a) AS ends_with(a, '.amazonaws.com') OR ends_with(a, '.amazonaws.com.cn') OR starts_with(a, 'AWS Internal');
-- `calls` has columns that need these; none of these detectors reads them.
CREATE MACRO error_family(c, m) AS CAST(NULL AS VARCHAR);
CREATE MACRO user_agent_family(a) AS CAST(NULL AS VARCHAR);
CREATE MACRO operating_system(a) AS CAST(NULL AS VARCHAR);
"""


def connect(lake, spill):
    """DuckDB on two threads, with the events, rollups and views that the detectors read. It spills to the folder `spill`."""
    connection = duckdb.connect(config={"threads": 2, "temp_directory": spill})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(MACROS)
    connection.execute(
        f"CREATE VIEW events AS SELECT * FROM read_parquet('{lake}/event_date=*/*.parquet', hive_partitioning = true, "
        "hive_types = {'event_date': DATE})"
    )
    covered = set()
    packs = (lake / "_trailhunt" / "rollups").glob("*.zip")
    # A month's pack replaces those of its weeks, and a week's those of its days: the longest spans, the newest packs.
    for pack in sorted(packs, key=lambda pack: (SPAN_LENGTHS[len(pack.name.split(".")[0])], -pack.stat().st_mtime)):
        folder = pathlib.Path(spill, pack.name)
        with zipfile.ZipFile(pack) as members:
            members.extractall(folder)
        accounts = f"SELECT DISTINCT event_date FROM '{folder}/daily_account.parquet'"
        days = {day for (day,) in connection.execute(accounts).fetchall()}
        if days <= covered:
            shutil.rmtree(folder)
        covered |= days
    for table in sorted({file.stem for file in pathlib.Path(spill).glob("*.zip/*.parquet")}):
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{spill}/*.zip/{table}.parquet')")
    for view in ("calls", "own_account"):
        body = (SQL / "views" / f"{view}.sql").read_text()
        connection.execute(f"CREATE VIEW {view} AS {body}")
    return connection


def detector(name, window):
    """The SQL of a detector in DuckDB's dialect, and its parameters."""
    text = (SQL / "detectors" / f"{name}.sql").read_text()
    header, sql = re.match(r"/\*(.*?)\*/(.*)", text, re.S).groups()
    parameters = {key: value["default"] for key, value in tomllib.loads(header).get("params", {}).items()} | window
    # In DuckDB, first_value and last_value are window functions only; the aggregates are first and last.
    sql = re.sub(r"\b(first|last)_value\(((?:[^()]|\([^()]*\))*\bORDER BY\b(?:[^()]|\([^()]*\))*)\)(?!\s*OVER)", r"\1(\2)", sql)
    return sql, {key: value for key, value in parameters.items() if re.search(rf"\${key}\b", sql)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--trailhunt", required=True, help="the binary, a release build")
    arguments.add_argument("--lake", type=pathlib.Path, required=True, help="a lake in a folder, with rollups")
    arguments.add_argument("--rounds", type=int, default=3, help="how often each detector runs")
    args = arguments.parse_args()
    spill = tempfile.TemporaryDirectory()
    connection = connect(args.lake, spill.name)
    first, last = connection.execute("SELECT min(event_date), max(event_date) FROM events").fetchone()
    midnight = lambda day: datetime.datetime.combine(day, datetime.time(), datetime.UTC)
    window = {"from": midnight(first), "to": midnight(last + datetime.timedelta(days=1))}
    print(f"{'':28} {'findings':>9} {'DuckDB':>9} {'seconds':>8} {'DuckDB':>8}   trailhunt is")
    for name in PORTABLE:
        sql, parameters = detector(name, window)
        ours, theirs = [], []
        for _ in range(args.rounds):
            command = [args.trailhunt, "detectors", "explain", name, "--lake", args.lake]
            out = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout
            seconds, found = re.search(r"took\s+([\d.]+) s, ([\d,]+) findings?", out).groups()
            ours.append(float(seconds))
            started = time.monotonic()
            connection.execute(f"CREATE OR REPLACE TEMP TABLE found AS {sql}", parameters)
            theirs.append(time.monotonic() - started)
        (rows,) = connection.execute("SELECT count(*) FROM found").fetchone()
        ours, theirs = statistics.median(ours), statistics.median(theirs)
        print(f"{name:28} {found:>9} {rows:>9,} {ours:8.2f} {theirs:8.2f}   {theirs / ours:.1f} x as fast")


if __name__ == "__main__":
    main()
