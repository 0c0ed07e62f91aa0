#!/usr/bin/env python3
"""trailhunt query with SQL that tries to leave the lake or to use up the machine.

In: `--trailhunt BINARY`. Out: one line per scenario, then `N passed, N failed`; exit code 1 if one failed.
Every statement must end with exit code 0 or 2 within its time limit and two seconds. Statements of the sandbox must not
show the secret file or change any file; attacks on resources must stay within twice the memory limit.
"""

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from s3 import Trailhunt, binary_from_arguments, run_scenarios

MEMORY_LIMIT_MB = 256
TIME_LIMIT_SECONDS = 5
GRACE_SECONDS = 2
SECRET = "the content of a file outside the lake"


@dataclass
class Ended:
    exit_code: int
    seconds: float
    memory_mb: int
    output: str
    errors: str


def run_sql(trailhunt: Trailhunt, folder: Path, sql: str, *, interrupt_after: float | None = None) -> Ended:
    """Runs one statement in `folder`; a program that does not end by itself is killed and has exit code -9."""
    (folder.parent / "statement.sql").write_text(sql)
    command = [trailhunt.binary, "query", "--file", "../statement.sql", "--lake", "lake"]
    command += ["--memory-limit", f"{MEMORY_LIMIT_MB}MB", "--timeout", str(TIME_LIMIT_SECONDS if interrupt_after is None else 60)]
    out, err = folder.parent / "stdout", folder.parent / "stderr"
    with out.open("w") as stdout, err.open("w") as stderr:
        started = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=trailhunt.environment(), stdout=stdout, stderr=stderr)
        if interrupt_after is not None:
            time.sleep(interrupt_after)
            started = time.monotonic()
            process.send_signal(signal.SIGINT)
        kill = threading.Timer(30, process.kill)
        kill.start()
        _, status, usage = os.wait4(process.pid, 0)
        kill.cancel()
        seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(process.returncode, seconds, usage.ru_maxrss >> 10, out.read_text()[:20_000], err.read_text())


def contents(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


def sandbox(secret: Path) -> list[str]:
    """Statements that read or change something outside the lake, or the lake itself."""
    return [
        f"SELECT * FROM '{secret}'",
        f'SELECT * FROM "{secret}"',
        f"SELECT * FROM 'file://{secret}'",
        "SELECT * FROM '../secret.csv'",
        'SELECT * FROM "../secret.csv"',
        "SELECT * FROM `../secret.csv`",
        "SELECT * FROM '../*.csv'",
        "SELECT * FROM '/proc/self/environ'",
        "SELECT * FROM '/dev/zero'",
        "SELECT * FROM 'http://127.0.0.1:9/x.csv'",
        "SELECT * FROM 's3://other-bucket/x.parquet'",
        f"SELECT * FROM read_csv('{secret}')",
        f"SELECT * FROM read_parquet('{secret}')",
        f"SELECT * FROM parquet_metadata('{secret}')",
        f"SELECT * FROM csv('{secret}')",
        f"SELECT pg_read_file('{secret}')",
        f"SELECT load_file('{secret}')",
        "SELECT getenv('HOME')",
        "SELECT * FROM metadata_cache()",
        "SELECT * FROM statistics_cache()",
        f"WITH x AS (SELECT * FROM '{secret}') SELECT * FROM x",
        f"SELECT (SELECT count(*) FROM '{secret}')",
        f"SELECT 1 WHERE EXISTS (SELECT * FROM '{secret}')",
        f"EXPLAIN SELECT * FROM '{secret}'",
        f"EXPLAIN ANALYZE SELECT * FROM '{secret}'",
        f"DESCRIBE '{secret}'",
        f"CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{secret}'",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW events AS SELECT 1",
        "CREATE OR REPLACE VIEW calls AS SELECT 1",
        "CREATE SCHEMA s",
        "CREATE DATABASE d",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "DROP TABLE events",
        "DROP VIEW calls",
        "DROP FUNCTION abs",
        "INSERT INTO events SELECT * FROM events",
        "INSERT OVERWRITE events SELECT * FROM events",
        "UPDATE events SET actor = 'nobody'",
        "DELETE FROM events",
        "MERGE INTO events USING events AS e ON TRUE WHEN MATCHED THEN DELETE",
        "TRUNCATE TABLE events",
        "ALTER TABLE events RENAME TO e",
        "COPY events TO 'copy.parquet'",
        "COPY (SELECT 1) TO '../copy.csv' STORED AS CSV",
        "SELECT * INTO copied FROM events",
        "SET datafusion.execution.target_partitions = 10000",
        "SET datafusion.runtime.memory_limit = '100G'",
        "RESET datafusion.runtime.memory_limit",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "DEALLOCATE p",
        "BEGIN; DELETE FROM events; COMMIT",
        "SELECT 1; DROP TABLE events",
        "SELECT 1 /* ; */; COPY events TO 'copy.parquet' -- ",
        "EXPLAIN ANALYZE INSERT INTO events SELECT * FROM events",
        "EXPLAIN COPY events TO 'copy.parquet'",
        "WITH x AS (DELETE FROM events RETURNING *) SELECT * FROM x",
    ]


def doubling(first: str, columns: str, begin: str = "p, ", rest: str = " q") -> str:
    """25 subqueries, each of which reads the one before twice."""
    later = (f", a{n} AS (SELECT {columns} FROM a{n - 1} {begin}a{n - 1}{rest})" for n in range(1, 26))
    return f"WITH a0 AS ({first}){''.join(later)} SELECT count(*) FROM a25"


def resources() -> list[str]:
    """Statements that need far more time, memory or stack than they may use."""
    longer = "".join(f", a{n} AS (SELECT x || x AS x FROM a{n - 1})" for n in range(1, 26))
    chain = "".join(f", a{n} AS (SELECT x + 1 AS x FROM a{n - 1})" for n in range(1, 450))
    return [
        "SELECT length(repeat('x', 2000000000))",
        "SELECT length(repeat(event_name, 100000)) FROM events",
        "SELECT length(lpad('x', 2000000000, 'y'))",
        "SELECT length(rpad(event_name, 1000000)) FROM events",
        "SELECT length(replace(repeat('a', 1000000), 'a', repeat('b', 10000)))",
        "SELECT length(regexp_replace(repeat('a', 1000000), 'a', repeat('b', 10000), 'g'))",
        f"WITH a0 AS (SELECT repeat('x', 1000000) AS x){longer} SELECT length(x) FROM a25",
        "SELECT array_length(generate_series(1, 1000000000))",
        "SELECT array_length(array_repeat(1, 1000000000))",
        "SELECT count(*) FROM range(1, 1000000000000)",
        "SELECT array_length(array_agg(a.event_id || b.event_id)) FROM events a, events b",
        "SELECT length(string_agg(a.event_id || b.event_id, ',')) FROM events a, events b",
        "SELECT count(DISTINCT a.event_id || b.event_id) FROM events a, events b",
        "SELECT count(*) FROM events a, events b, events c, events d, events e",
        "WITH x AS MATERIALIZED (SELECT a.* FROM events a, events b) SELECT count(*) FROM x",
        doubling("SELECT 1 AS x", "p.x"),
        doubling("SELECT 1 AS x", "*"),
        doubling("SELECT 1 AS x", "x", "UNION ALL SELECT x FROM ", ""),
        f"WITH a0 AS (SELECT 1 AS x){chain} SELECT * FROM a449",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t, events) SELECT count(*) FROM t",
        "SELECT event_name ~ '((a{1000}){1000}){1000}' FROM events",
        "SELECT regexp_count(repeat('a', 50000000), '(a|a)*b')",
        f"SELECT 1{' + 1' * 5_000}",
        f"SELECT 1{' + 1' * 1_900}",
        f"SELECT 1 FROM events WHERE FALSE{' OR TRUE' * 5_000}",
        f"SELECT 1{' UNION ALL SELECT 1' * 20_000}",
        f"SELECT {'(' * 20_000}1{')' * 20_000}",
        f"SELECT {'CASE WHEN TRUE THEN ' * 2_000}1{' END' * 2_000}",
        f"SELECT 1 FROM events e0{''.join(f', events e{n}' for n in range(1, 450))}",
        f"SELECT {', '.join(f'{n} AS c{n}' for n in range(20_000))}",
        f"SELECT 1 IN ({', '.join(map(str, range(100_000)))})",
    ]


def stays_in_the_sandbox(trailhunt: Trailhunt, folder: Path, sql: str) -> None:
    before = contents(folder)
    ended = run_sql(trailhunt, folder, sql)
    assert ended.exit_code in (0, 2), ended
    assert SECRET not in ended.output + ended.errors, ended
    assert ended.exit_code == 0 or ended.errors.count("\n") == 1, f"not one line: {ended.errors}"
    assert contents(folder) == before, "a file was changed"


def stays_within_the_limits(trailhunt: Trailhunt, folder: Path, sql: str) -> None:
    ended = run_sql(trailhunt, folder, sql)
    print(f"     exit code {ended.exit_code}, {ended.memory_mb} MB: {ended.errors.strip()[:120]}")
    assert ended.exit_code in (0, 2), ended
    assert ended.exit_code == 0 or ended.errors.count("\n") == 1, f"not one line: {ended.errors}"
    assert ended.seconds < TIME_LIMIT_SECONDS + GRACE_SECONDS, ended
    assert ended.memory_mb <= 2 * MEMORY_LIMIT_MB, ended


def ctrl_c_ends(trailhunt: Trailhunt, folder: Path, sql: str) -> None:
    ended = run_sql(trailhunt, folder, sql, interrupt_after=1)
    assert ended.exit_code == 2 and "interrupted" in ended.errors, ended
    assert ended.seconds < GRACE_SECONDS, ended


def main() -> int:
    trailhunt = Trailhunt(binary_from_arguments("trailhunt query with hostile SQL"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "work")
        folder.mkdir()
        secret = Path(temporary, "secret.csv")
        secret.write_text(f"a\n{SECRET}\n")
        archive = Path(temporary, "sample")
        trailhunt.run("sample", "--out", archive, "--days", 5, "--accounts", 2, "--events-per-day", 300)
        trailhunt.run("ingest", archive, "--lake", folder / "lake")
        checks = [(stays_in_the_sandbox, sandbox(secret)), (stays_within_the_limits, resources())]
        busy = ["SELECT length(lpad('x', 2000000000, 'y'))", "SELECT count(*) FROM range(1, 1000000000000)"]
        checks.append((ctrl_c_ends, busy))
        scenarios = [
            (f"{check.__name__}: {sql[:70]}", partial(check, trailhunt, folder, sql)) for check, sqls in checks for sql in sqls
        ]
        return run_scenarios(scenarios)


if __name__ == "__main__":
    sys.exit(main())
