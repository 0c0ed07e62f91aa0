#!/usr/bin/env python3
"""trailhunt is killed a hundred times; the lake, its ledger and the findings must be the same as without kills.

In: `--trailhunt BINARY`. Out: the number of kills by command, one line per scenario, then `N passed, N failed`; exit code
1 if one failed. Each round makes one lake: commands are started and killed at random moments, again and again, each on
what the one before left. Then all commands run to their end.
"""

import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from s3 import Trailhunt, binary_from_arguments, days_of, finish, run_scenarios

ROUNDS = 4
KILLS_PER_ROUND = 25
INGEST_KILLS_PER_ROUND = 12
SEED = 17
SAMPLE = ["--days", "2", "--accounts", "1", "--events-per-day", "200", "--attacks", "2", "--events-per-object", "3"]
# So little memory that a batch is a few objects, and more than a batch is in flight.
SMALL = ["--memory-limit", "512KB"]
# They read events, daily summaries and histories.
DETECTORS = ["trail_tampering", "call_rate", "new_place", "sensitive_api"]

EVENTS = "SELECT event_id, source_object, source_record FROM events ORDER BY 1, 2, 3"
LEDGER = "SELECT object, version, records, kept, duplicates, rejects, sha256 FROM objects ORDER BY 1, 2"
REJECTS = "SELECT object, byte_offset, reason FROM rejects ORDER BY 1, 2"
# What depends on other runs; a killed hunt may or may not have been recorded.
# The commands of next steps name the lake.
OF_A_RUN = ("status", "first_reported", "run", "next_steps")
# A run that is killed after it stored its report and before its record leaves the report.
LEFT_REPORT = "no record names this report"


@dataclass
class World:
    trailhunt: Trailhunt
    folder: Path
    archive: Path
    detectors: list[str]
    chance: random.Random = field(default_factory=partial(random.Random, SEED))
    seconds: dict[str, float] = field(default_factory=dict)  # how long each command takes
    expected: dict | None = None
    kills: Counter = field(default_factory=Counter)

    def commands(self, lake: Path) -> dict[str, list[list[object]]]:
        """The processes of each command. Vacuum runs without retention, so it must be alone."""
        ingest = ["ingest", self.archive, "--lake", lake, *SMALL]
        first_day = [*ingest, "--to", days_of(self.archive)[0]]
        return {
            "ingest of a day": [first_day],
            "ingest": [ingest],
            "two ingests": [ingest, ingest],
            "compact": [["lake", "compact", "--lake", lake]],
            "hunt": [["hunt", "--lake", lake, *self.detectors]],
            "run": [["run", self.archive, "--lake", lake, "--allow-empty", *self.detectors]],
            "vacuum": [["lake", "vacuum", "--lake", lake, "--retain-hours", "0"]],
        }

    def complete(self, lake: Path, measure: bool = False) -> None:
        """Runs all commands to their end."""
        for name, processes in self.commands(lake).items():
            unlock(lake)
            started = time.monotonic()
            running = [self.trailhunt.start(*process) for process in processes]
            for process in running:
                finish(process)
            if measure:
                self.seconds[name] = time.monotonic() - started

    def kill(self, lake: Path, name: str) -> None:
        """Starts a command and kills its processes at random moments. Counts those that were still running."""
        unlock(lake)
        running = [self.trailhunt.start(*process) for process in self.commands(lake)[name]]
        for process in running:
            time.sleep(self.chance.random() * self.seconds[name] / len(running))
            process.kill()
            process.communicate()
            self.kills[name] += process.returncode < 0

    def contents(self, lake: Path) -> dict:
        """What must not depend on kills."""
        findings, _ = hunt(self.trailhunt, lake, self.folder / "report.json", *self.detectors)
        query = partial(self.trailhunt.query, lake)
        return {"events": query(EVENTS), "ledger": query(LEDGER), "rejects": query(REJECTS), "findings": findings}


def hunt(trailhunt: Trailhunt, lake: Path, report: Path, *options: object) -> tuple[list[dict], str]:
    """The findings without what depends on other runs, and what the hunt wrote to standard error."""
    ran = trailhunt.run("hunt", "--lake", lake, "--baseline", "none", "--report", report, *options)
    findings = json.loads(report.read_text())["findings"]
    for finding in findings:
        for member in OF_A_RUN:
            finding.pop(member, None)
    return findings, ran.stderr


def unlock(lake: Path) -> None:
    """A killed run holds the lock for ten minutes; a test does not wait for that."""
    shutil.rmtree(lake / "_trailhunt" / "locks", ignore_errors=True)


def an_undisturbed_lake_has_events_and_findings(world: World) -> None:
    lake = world.folder / "undisturbed"
    world.complete(lake, measure=True)
    world.expected = world.contents(lake)
    counts = {name: len(rows) for name, rows in world.expected.items()}
    assert counts["events"] > 500 and counts["ledger"] > 100 and counts["findings"] > 0, counts
    assert commits(lake) > 10, "an ingest is several commits"


def two_ingests_at_once_give_the_same_lake(world: World) -> None:
    lake = world.folder / "two"
    running = [world.trailhunt.start(*process) for process in world.commands(lake)["two ingests"]]
    for process in running:
        finish(process)
    expect_same(world.contents(lake), world.expected)


def commits(lake: Path) -> int:
    return len(list((lake / "_delta_log").glob("*.json")))


def a_lake_is_the_same_after_kills(world: World, number: int) -> None:
    lake = world.folder / f"lake{number}"
    before, commands = world.kills.total(), list(world.commands(lake))
    while (kills := world.kills.total() - before) < KILLS_PER_ROUND:
        # First only ingests: later there is little left to read.
        world.kill(lake, world.chance.choice(commands[:3] if kills < INGEST_KILLS_PER_ROUND else commands))
    world.complete(lake)
    expect_same(world.contents(lake), world.expected)
    everything_is_intact(world, lake)


def expect_same(found: dict, expected: dict) -> None:
    for name, rows in expected.items():
        assert found[name] == rows, f"{name}: {difference(found[name], rows)}"


def difference(found: list, expected: list) -> str:
    lines = [{json.dumps(row, sort_keys=True) for row in rows} for rows in (found, expected)]
    added, missing = sorted(lines[0] - lines[1]), sorted(lines[1] - lines[0])
    return f"{len(found)} rows instead of {len(expected)}; added {added[:3]}, missing {missing[:3]}"


def everything_is_intact(world: World, lake: Path) -> None:
    verified = world.trailhunt.start("verify", "--lake", lake)
    output, errors = verified.communicate()
    problems = output.partition("problems")[2].splitlines()[2:]
    assert all(LEFT_REPORT in problem for problem in problems), output
    assert verified.returncode == (2 if problems else 0), output + errors


def a_hundred_processes_were_killed(world: World) -> None:
    print(f"     {world.kills.total()} kills: {dict(world.kills)}", flush=True)
    assert world.kills.total() >= ROUNDS * KILLS_PER_ROUND
    assert all(world.kills[name] > 0 for name in world.seconds), "a command was never killed"


def main(binary: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        trailhunt, archive = Trailhunt(binary), Path(folder) / "archive"
        trailhunt.run("sample", "--out", archive, *SAMPLE)
        detectors = [option for name in DETECTORS for option in ("--detector", name)]
        world = World(trailhunt, Path(folder), archive, detectors)
        scenarios: list[Callable[[], None]] = [partial(an_undisturbed_lake_has_events_and_findings, world)]
        scenarios += [partial(two_ingests_at_once_give_the_same_lake, world)]
        scenarios += [partial(a_lake_is_the_same_after_kills, world, number) for number in range(1, ROUNDS + 1)]
        scenarios += [partial(a_hundred_processes_were_killed, world)]
        return run_scenarios([(scenario.func.__name__, scenario) for scenario in scenarios])


if __name__ == "__main__":
    sys.exit(main(binary_from_arguments(__doc__)))
