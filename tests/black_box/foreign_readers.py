#!/usr/bin/env python3
"""Reads the lake with other programs, deltalake and DuckDB's delta extension, and compares them with `trailhunt query`.

In: `--trailhunt BINARY`. Out: one line per scenario, then `N passed, N failed`; exit code 1 if one failed.
Downloads nothing: the DuckDB extension is a file of the package duckdb-ext-delta.
"""

import re
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import duckdb_ext
from deltalake import DeltaTable, QueryBuilder

from s3 import Trailhunt, binary_from_arguments, days_of, run_scenarios


@dataclass
class World:
    trailhunt: Trailhunt
    archive: Path
    lake: Path
    lake_with_a_space: Path


def two_ingests_are_two_versions_and_the_first_stays_readable(world: World) -> None:
    ingest = partial(world.trailhunt.run, "ingest", world.archive, "--lake", world.lake)
    ingest("--to", days_of(world.archive)[-1])
    first, first_count = DeltaTable(world.lake).version(), world.trailhunt.count(world.lake)
    ingest()
    assert DeltaTable(world.lake).version() > first
    assert 0 < first_count < world.trailhunt.count(world.lake)
    assert deltalake_query(world.lake, "SELECT count(*) AS n FROM events", version=first) == [{"n": first_count}]


def a_lake_path_may_contain_a_space(world: World) -> None:
    world.trailhunt.run("ingest", world.archive, "--lake", world.lake_with_a_space)
    assert world.trailhunt.count(world.lake_with_a_space) == world.trailhunt.count(world.lake)


def all_readers_count_each_event_once(world: World) -> None:
    agree(world, "SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM events")
    n, ids = deltalake_query(world.lake, "SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM events")[0].values()
    assert n == ids > 0, f"{n} events, {ids} event ids"


def all_readers_count_the_same_events_per_day(world: World) -> None:
    agree(
        world,
        """
        SELECT CAST(event_date AS VARCHAR) AS day, count(*) AS n, min(event_id) AS first_id, max(event_id) AS last_id
        FROM events GROUP BY event_date ORDER BY event_date
        """,
    )


def event_date_is_the_utc_day_of_event_time(world: World) -> None:
    types = {column.name: column.type.type for column in DeltaTable(world.lake).schema().fields}
    assert (types["event_date"], types["event_time"]) == ("date", "timestamp"), types
    assert DeltaTable(world.lake).metadata().partition_columns == ["event_date"]
    columns = duckdb_on(world.lake).execute("DESCRIBE SELECT event_date, event_time FROM events").fetchall()
    assert [column[1] for column in columns] == ["DATE", "TIMESTAMP WITH TIME ZONE"], columns
    # 86,400 seconds per day, independent of the reader's time zone.
    astray = "SELECT count(*) AS n FROM events WHERE epoch(event_date) <> floor(epoch(event_time) / 86400) * 86400"
    assert duckdb_query(world.lake, astray) == [{"n": 0}]


def a_filter_on_event_date_reads_that_days_files_only(world: World) -> None:
    last = duckdb_query(world.lake, "SELECT max(event_date) AS day FROM events")[0]["day"]
    one_day = f"event_date = DATE '{last}'"
    table = DeltaTable(world.lake)
    assert 0 < len(table.file_uris(file_pruning_predicate=one_day)) < len(table.file_uris())

    plan = duckdb_on(world.lake).execute(f"EXPLAIN ANALYZE SELECT count(*) FROM events WHERE {one_day}").fetchone()[1]
    scanned, files = map(int, re.search(r"Scanning Files: (\d+)/(\d+)", plan).groups())
    assert 0 < scanned < files, plan


def agree(world: World, sql: str) -> None:
    for lake in (world.lake, world.lake_with_a_space):
        ours = world.trailhunt.query(lake, sql)
        assert ours, "no rows to compare"
        assert deltalake_query(lake, sql) == ours, f"deltalake differs on {lake}"
        assert duckdb_query(lake, sql) == ours, f"DuckDB differs on {lake}"


def deltalake_query(lake: Path, sql: str, version: int | None = None) -> list[dict]:
    rows = QueryBuilder().register("events", DeltaTable(lake, version=version)).execute(sql).read_all()
    return as_dicts(rows.column_names, zip(*(rows[name].to_pylist() for name in rows.column_names)))


def duckdb_query(lake: Path, sql: str) -> list[dict]:
    result = duckdb_on(lake).execute(sql)
    return as_dicts([column[0] for column in result.description], result.fetchall())


def duckdb_on(lake: Path) -> duckdb.DuckDBPyConnection:
    (extension,) = Path(duckdb_ext.__path__[0]).rglob("delta.duckdb_extension")
    connection = duckdb.connect(config={"allow_unsigned_extensions": True, "autoinstall_known_extensions": False})
    connection.execute(f"LOAD '{extension}'")
    connection.execute(f"CREATE VIEW events AS SELECT * FROM delta_scan('{lake}')")
    return connection


def as_dicts(names: list[str], rows) -> list[dict]:
    return [dict(zip(names, row)) for row in rows]


def main() -> int:
    trailhunt = Trailhunt(binary_from_arguments("reads the lake with deltalake and DuckDB"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        world = World(trailhunt, folder / "sample", folder / "events", folder / "a lake" / "of events")
        size = ["--days", 4, "--accounts", 2, "--events-per-day", 600, "--seed", 7]
        trailhunt.run("sample", "--out", world.archive, *size)
        checks = [
            two_ingests_are_two_versions_and_the_first_stays_readable,  # fills one lake
            a_lake_path_may_contain_a_space,  # fills the other
            all_readers_count_each_event_once,
            all_readers_count_the_same_events_per_day,
            event_date_is_the_utc_day_of_event_time,
            a_filter_on_event_date_reads_that_days_files_only,
        ]
        return run_scenarios([(check.__name__, partial(check, world)) for check in checks])


if __name__ == "__main__":
    sys.exit(main())
