#!/usr/bin/env python3
"""An archive that eight shards read, each of them killed once, gives the lake and the findings of one process.

In: `--trailhunt BINARY`, optionally `--events N` (total, 91 days) for a larger archive than CI's. Out: one line per scenario,
then `N passed, N failed`; exit code 1 if one failed. The examples in `examples/job_array` run as eight processes with the
variables that each scheduler sets; the models of the AWS SDK check the JSON for AWS Batch.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import boto3
import yaml
from botocore.validate import ParamValidator

from kills import DETECTORS, expect_same, hunt
from s3 import Trailhunt, finish, run_scenarios

SHARDS = 8
SEED = 23
SAMPLE = ["--days", "12", "--accounts", "2", "--events-per-day", "300", "--attacks", "2", "--events-per-object", "10"]
# So little memory that a shard commits several times.
SMALL = ["--memory-limit", "4MB"]
LARGE_DAYS = 91
EXAMPLES = Path(__file__).parents[2] / "examples" / "job_array"

# A digest of digests, because the texts of all events do not fit into memory.
EVENTS = (
    "SELECT event_date, count(*) AS events, count(DISTINCT event_id) AS ids, md5(string_agg(md5(concat_ws('|', event_id, "
    "event_time, event_name, account_id, aws_region, source_ip_address, user_agent, request_parameters, response_elements, extra)), ' ' "
    "ORDER BY event_time, event_id, event_name)) AS digest FROM events GROUP BY 1 ORDER BY 1"
)
LEDGER = (
    "SELECT count(*) AS objects, count(DISTINCT object) AS distinct_objects, sum(records) AS records, sum(kept) AS kept, "
    "sum(duplicates) AS duplicates, sum(id_conflicts) AS id_conflicts, sum(rejects) AS rejects FROM objects"
)


@dataclass
class World:
    trailhunt: Trailhunt
    folder: Path
    archive: Path
    detectors: list[str]
    memory: list[str]
    chance: random.Random = field(default_factory=partial(random.Random, SEED))
    expected: dict | None = None
    seconds: dict[str, float] = field(default_factory=dict)  # how long one process takes for all
    kills: int = 0

    def ingest(self, lake: Path, *options: str) -> list[object]:
        return ["ingest", self.archive, "--lake", lake, *self.memory, *options]

    def prepare(self, lake: Path, *options: str) -> list[object]:
        return ["hunt", "--lake", lake, "--prepare", *options]

    def contents(self, lake: Path) -> dict:
        """What must not depend on how the work was divided."""
        findings, _ = hunt(self.trailhunt, lake, self.folder / "report.json", *self.detectors)
        query = partial(self.trailhunt.query, lake)
        return {"ledger": query(LEDGER), "days": query(EVENTS, "--memory-limit", "8GB"), "findings": findings}

    def kill_once(self, commands: list[list[object]], within: float) -> list[subprocess.Popen]:
        """Starts the commands at the same time, kills each at a random moment, and starts each again at once."""
        running = [self.trailhunt.start(*command) for command in commands]
        started = time.monotonic()
        moments = sorted((self.chance.random() * within, number) for number in range(len(running)))
        for moment, number in moments:
            time.sleep(max(0.0, started + moment - time.monotonic()))
            running[number].kill()
            running[number].communicate()
            self.kills += running[number].returncode < 0
            running[number] = self.trailhunt.start(*commands[number])
        return running


def one_process_makes_the_lake(world: World) -> None:
    lake = world.folder / "whole"
    for name, command in [("ingest", world.ingest(lake)), ("prepare", world.prepare(lake))]:
        started = time.monotonic()
        world.trailhunt.run(*command)
        world.seconds[name] = time.monotonic() - started
    world.expected = world.contents(lake)
    days, findings = world.expected["days"], world.expected["findings"]
    counts = (sum(day["events"] for day in days), len(days), len(findings))
    print(f"     {counts[0]} events on {counts[1]} days, {counts[2]} findings; seconds {world.seconds}", flush=True)
    assert counts[0] > 2000 and counts[1] > SHARDS and counts[2] > 0, counts


def shards_that_are_killed_and_run_again_at_the_same_time_give_the_same_lake(world: World) -> None:
    lake = world.folder / "together"
    for command, seconds in [(world.ingest, world.seconds["ingest"]), (world.prepare, world.seconds["prepare"])]:
        numbers = world.chance.sample(range(1, SHARDS + 1), SHARDS)
        commands = [command(lake, "--shard", f"{number}/{SHARDS}") for number in numbers]
        for process in world.kill_once(commands, within=seconds):
            finish(process)
    assert world.kills >= SHARDS, f"only {world.kills} of {2 * SHARDS} processes were killed before their end"
    expect_same(world.contents(lake), world.expected)


def shards_one_after_the_other_in_any_order_give_the_same_lake(world: World) -> None:
    lake = world.folder / "in turn"
    for command, seconds in [(world.ingest, world.seconds["ingest"]), (world.prepare, world.seconds["prepare"])]:
        for number in world.chance.sample(range(1, SHARDS + 1), SHARDS):
            for process in world.kill_once([command(lake, "--shard", f"{number}/{SHARDS}")], within=seconds / SHARDS):
                finish(process)
    expect_same(world.contents(lake), world.expected)


def array_of(world: World, commands: list[list[object]], environments: list[dict[str, str]]) -> None:
    """Runs one process of a job array per environment, all at the same time."""
    running = []
    for command, environment in zip(commands, environments, strict=True):
        with_array = {**world.trailhunt.environment(), **environment}
        running.append(subprocess.Popen([str(part) for part in command], env=with_array, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True))
    for process in running:
        finish(process)


def local(world: World, lake: Path, arguments: list[str]) -> list[object]:
    """The command of an example with our archive and lake instead of buckets."""
    places = {"s3://acme-trail/AWSLogs": world.archive, "s3://acme-lake/cloudtrail": lake}
    return [world.trailhunt.binary, *(places.get(argument, argument) for argument in arguments)]


def the_array_of_aws_batch_makes_the_same_lake(world: World) -> None:
    lake = world.folder / "aws batch"
    model = boto3.client("batch", region_name="eu-west-1").meta.service_model
    for file, operation in [
        ("job-definition.json", "RegisterJobDefinition"), ("ingest.json", "SubmitJob"), ("prepare.json", "SubmitJob"),
    ]:
        request = json.loads((EXAMPLES / file).read_text())
        problems = ParamValidator().validate(request, model.operation_model(operation).input_shape)
        assert not problems.has_errors(), f"{file}: {problems.generate_report()}"
        if operation == "SubmitJob":
            size = request["arrayProperties"]["size"]
            command = local(world, lake, request["containerOverrides"]["command"])
            of_each = [{"AWS_BATCH_JOB_ARRAY_INDEX": str(n), "AWS_BATCH_JOB_ARRAY_SIZE": str(size)} for n in range(size)]
            array_of(world, [command] * size, of_each)
    expect_same(world.contents(lake), world.expected)


def the_indexed_job_of_kubernetes_makes_the_same_lake(world: World) -> None:
    lake = world.folder / "kubernetes"
    job = yaml.safe_load((EXAMPLES / "kubernetes.yaml").read_text())["spec"]
    [container] = job["template"]["spec"]["containers"]
    command, size = local(world, lake, container["args"]), job["completions"]
    array_of(world, [command] * size, [{"JOB_COMPLETION_INDEX": str(n)} for n in range(size)])
    expect_same(world.contents(lake), world.expected)


def the_array_of_slurm_makes_the_same_lake(world: World) -> None:
    lake, script = world.folder / "slurm", EXAMPLES / "slurm.sh"
    [array] = [line.removeprefix("#SBATCH --array=") for line in script.read_text().splitlines() if "--array=" in line]
    first, last = map(int, array.split("-"))
    shared = {
        "ARCHIVE": str(world.archive), "LAKE": str(lake), "SLURM_ARRAY_TASK_MIN": str(first),
        "SLURM_ARRAY_TASK_MAX": str(last), "SLURM_ARRAY_TASK_COUNT": str(last - first + 1),
        "PATH": f"{Path(world.trailhunt.binary).resolve().parent}{os.pathsep}{os.environ['PATH']}",
    }
    of_each = [{**shared, "SLURM_ARRAY_TASK_ID": str(number)} for number in range(first, last + 1)]
    array_of(world, [["bash", script]] * len(of_each), of_each)
    expect_same(world.contents(lake), world.expected)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trailhunt", required=True)
    parser.add_argument("--events", type=int)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trailhunt, archive = Trailhunt(asked.trailhunt), Path(folder) / "archive"
        sample, detectors, memory = SAMPLE, [option for name in DETECTORS for option in ("--detector", name)], SMALL
        if asked.events:
            sample = ["--days", str(LARGE_DAYS), "--events-per-day", str(asked.events // LARGE_DAYS)]
            detectors, memory = [], []
        trailhunt.run("sample", "--out", archive, *sample)
        world = World(trailhunt, Path(folder), archive, detectors, memory)
        scenarios = [
            one_process_makes_the_lake,
            shards_that_are_killed_and_run_again_at_the_same_time_give_the_same_lake,
            shards_one_after_the_other_in_any_order_give_the_same_lake,
        ]
        if not asked.events:
            scenarios += [
                the_array_of_aws_batch_makes_the_same_lake,
                the_indexed_job_of_kubernetes_makes_the_same_lake,
                the_array_of_slurm_makes_the_same_lake,
            ]
        return run_scenarios([(scenario.__name__, partial(scenario, world)) for scenario in scenarios])


if __name__ == "__main__":
    sys.exit(main())
