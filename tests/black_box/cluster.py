#!/usr/bin/env python3
"""Two workers give the same summaries, findings and answers as one process; also when one of them is killed.

In: `--trailhunt BINARY`, and the archive of an organisation if `--organisation FOLDER` names one. Out: one line per scenario,
then `N passed, N failed`; exit code 1 if one failed. Workers listen at ports of this machine; with `--task-size 1` every
query is divided that can be.
"""

import argparse
import contextlib
import datetime
import ipaddress
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kills import hunt
from s3 import Trailhunt, run_scenarios

SAMPLE = ["--days", "9", "--accounts", "2", "--events-per-day", "400", "--attacks", "3"]
LISTENING = re.compile(r"listening at (\S+),")
START_SECONDS_MAX = 60
# A query that does nothing but start its process uses less processor time of a worker.
WORKED_SECONDS_MIN = 0.5
DIVIDED = ["--task-size", "1"]
# As a share of the time that one process takes for a hunt.
KILLED_AFTER = 0.4
# Half of its days.
ORGANISATION_UNTIL = "2024-01-23"
QUESTIONS = [
    "SELECT event_source, count(*) AS n, count(DISTINCT actor) AS actors FROM events GROUP BY 1 ORDER BY 1",
    "SELECT actor, event_date, row_number() OVER (PARTITION BY actor ORDER BY event_time, event_id) AS n FROM events "
    "ORDER BY event_time, event_id LIMIT 500",
    "SELECT e.event_id FROM events e JOIN (SELECT actor FROM events GROUP BY actor HAVING count(*) < 40) few "
    "ON few.actor = e.actor ORDER BY 1",
    "SELECT actor FROM events WHERE actor NOT IN (SELECT actor FROM events WHERE error_code IS NOT NULL AND actor IS NOT "
    "NULL) GROUP BY 1 ORDER BY 1",
    "WITH busy AS MATERIALIZED (SELECT actor, count(*) AS n FROM events GROUP BY 1) "
    "SELECT b.actor, b.n, c.n AS others FROM busy b LEFT JOIN busy c ON c.n = b.n AND c.actor <> b.actor ORDER BY 1, 3, 2",
    "SELECT ip_country(source_ip_address) AS country, entropy(event_name) AS spread FROM events GROUP BY 1 ORDER BY 1",
]
# They run in the process that was started.
KEPT = [
    "SELECT max(n) AS most, (SELECT count(*) FROM objects) AS objects FROM (SELECT count(*) AS n FROM events GROUP BY actor)",
    "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) "
    "SELECT i, (SELECT min(event_date) FROM events) AS first FROM n ORDER BY 1",
    "SELECT event_id, row_number() OVER (PARTITION BY actor ORDER BY event_time DESC, event_id DESC) AS b, "
    "lag(event_id) OVER (PARTITION BY actor ORDER BY event_time, event_id) AS a FROM events ORDER BY event_id",
    "SELECT count(*) AS n FROM (SELECT event_id FROM events WHERE length(event_name) > 3 LIMIT 4294967297)",
    # Three times the objects, whichever events are taken.
    "SELECT count(*) AS n FROM objects a CROSS JOIN (SELECT event_id FROM events LIMIT 3) b",
]


@dataclass
class Process:
    """A worker."""

    process: subprocess.Popen
    address: str

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class World:
    trailhunt: Trailhunt
    folder: Path
    ingested: Path
    expected: dict = field(default_factory=dict)
    seconds: float = 0.0
    lakes: int = 0

    def lake(self, of: Path | None = None) -> Path:
        """A copy of the lake as it is after the ingest."""
        self.lakes += 1
        lake = self.folder / f"lake{self.lakes}"
        shutil.copytree(of or self.ingested, lake)
        return lake

    def hunt(self, lake: Path, *options: object) -> dict:
        """The findings, and the summaries by their names, which contain the hashes of their bytes."""
        findings, errors = hunt(self.trailhunt, lake, self.folder / "report.json", *options)
        # Where the copy of the lake is.
        findings = json.loads(json.dumps(findings).replace(str(lake), "LAKE"))
        summaries = sorted(str(path.relative_to(lake)) for path in (lake / "_trailhunt/rollups").rglob("*.*"))
        return {"findings": findings, "summaries": summaries, "errors": errors}

    @contextlib.contextmanager
    def workers(self, count: int, *options: object) -> Iterator[list[Process]]:
        started = [self.worker(*options) for _ in range(count)]
        try:
            yield started
        finally:
            for worker in started:
                worker.process.kill()
                worker.process.communicate()

    def worker(self, *options: object) -> Process:
        process = self.trailhunt.start("worker", "--listen", "127.0.0.1:0", *options)
        watchdog = threading.Timer(START_SECONDS_MAX, process.kill)
        watchdog.start()
        line = process.stdout.readline()
        watchdog.cancel()
        listening = LISTENING.match(line)
        if listening is None:
            process.kill()
            raise AssertionError(f"the worker does not listen: {line}{process.communicate()}")
        return Process(process, listening[1])


def named(workers: list[Process]) -> list[str]:
    return ["--workers", ",".join(worker.address for worker in workers)]


def one_process_hunts(world: World) -> None:
    started = time.monotonic()
    world.expected = world.hunt(world.lake())
    world.seconds = time.monotonic() - started
    counts = {name: len(values) for name, values in world.expected.items()}
    assert counts["findings"] > 0 and counts["summaries"] > 5, counts
    print(f"     {counts}, {world.seconds:.1f} s", flush=True)


def expect_same(found: dict, expected: dict) -> None:
    for name in ("summaries", "findings"):
        assert found[name] == expected[name], f"{name}: {found[name][:2]} instead of {expected[name][:2]}"


def two_workers_give_the_same_summaries_and_findings(world: World) -> None:
    with world.workers(2) as workers:
        idle = [worker.cpu_seconds() for worker in workers]
        found = world.hunt(world.lake(), *named(workers), *DIVIDED)
        worked = [worker.cpu_seconds() - before for worker, before in zip(workers, idle, strict=True)]
    print(f"     processor seconds of the workers: {[round(seconds, 1) for seconds in worked]}", flush=True)
    assert min(worked) > WORKED_SECONDS_MIN, worked
    assert "workers:" not in found["errors"], found["errors"]
    expect_same(found, world.expected)


def a_worker_that_is_killed_is_replaced_by_the_others(world: World) -> None:
    with world.workers(2) as workers:
        killer = threading.Timer(KILLED_AFTER * world.seconds, workers[0].process.kill)
        killer.start()
        found = world.hunt(world.lake(), *named(workers), *DIVIDED)
        killer.cancel()
        assert workers[0].process.poll() is not None, "it was not killed before the end"
    expect_same(found, world.expected)
    assert f"workers: http://{workers[0].address}/ does not answer" in found["errors"], found["errors"]


def without_a_worker_the_work_is_done_here(world: World) -> None:
    with world.workers(2) as workers:
        killer = threading.Timer(KILLED_AFTER * world.seconds, lambda: [worker.process.kill() for worker in workers])
        killer.start()
        found = world.hunt(world.lake(), *named(workers), *DIVIDED)
        killer.cancel()
        assert all(worker.process.poll() is not None for worker in workers), "they were not killed before the end"
    expect_same(found, world.expected)


def answers_are_the_same(world: World) -> None:
    lake = world.lake()
    with world.workers(2) as workers:
        divided = [*named(workers), *DIVIDED]
        for question in QUESTIONS:
            here, before = world.trailhunt.query(lake, question), [worker.cpu_seconds() for worker in workers]
            assert here and world.trailhunt.query(lake, question, *divided) == here, question
            assert any(worker.cpu_seconds() > old for worker, old in zip(workers, before, strict=True)), question
        for question in KEPT:
            here = world.trailhunt.query(lake, question)
            assert here and world.trailhunt.query(lake, question, *divided) == here, question


def certificates(folder: Path) -> dict[str, Path]:
    """An authority, and a certificate for 127.0.0.1 that it signed."""
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def signed(subject: str, key, by: str, by_key, is_authority: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(name(by), name(subject), key.public_key(), x509.random_serial_number(),
                                          now - datetime.timedelta(days=1), now + datetime.timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        if not is_authority:
            local = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([local]), critical=False)
        return builder.sign(by_key, hashes.SHA256())

    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = signed("authority", authority_key, "authority", authority_key, True)
    certificate = signed("worker", key, "authority", authority_key, False)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files = {"ca": authority.public_bytes(pem), "cert": certificate.public_bytes(pem), "key": private}
    for file, content in files.items():
        (folder / file).write_bytes(content)
    for token in ("token", "other"):
        (folder / token).write_text(secrets.token_urlsafe(24))
    return {file: folder / file for file in (*files, "token", "other")}


def tls_and_the_token_protect_a_worker(world: World) -> None:
    (folder := world.folder / "tls").mkdir()
    files, lake = certificates(folder), world.lake()
    question = "SELECT count(*) AS n FROM events"
    access = ["--cluster-ca", files["ca"], "--cluster-token-file", files["token"]]
    refused = partial(world.trailhunt.run, "query", "--lake", lake, "--format", "json", question, exit_code=2)
    with world.workers(2, "--cert", files["cert"], "--key", files["key"], *access) as workers:
        assert world.trailhunt.query(lake, question, *named(workers), *access, *DIVIDED) == world.trailhunt.query(lake, question)
        for wrong, reason in [
            (["--cluster-ca", files["ca"], "--cluster-token-file", files["other"]], "wrong token"),
            (["--cluster-ca", files["ca"]], "wrong token"),
            (["--cluster-token-file", files["token"]], "it may use TLS: give --cluster-ca"),
            ([*access, "--cluster-name", "elsewhere"], "check --cluster-ca"),
        ]:
            errors = refused(*named(workers), *wrong).stderr
            assert reason in errors, errors


def nothing_listens_beyond_this_machine_without_protection(world: World) -> None:
    listen = world.trailhunt.run("worker", "--listen", "0.0.0.0:0", exit_code=2)
    assert "beyond this machine, a worker needs --cert" in listen.stderr, listen.stderr
    reach = world.trailhunt.run("query", "--lake", world.ingested, "SELECT 1", "--workers", "192.0.2.1:7411", exit_code=2)
    assert "--workers 192.0.2.1:7411: give --cluster-ca" in reach.stderr, reach.stderr
    gone = world.trailhunt.run("query", "--lake", world.ingested, "SELECT 1", "--workers", "127.0.0.1:1", exit_code=2)
    assert "http://127.0.0.1:1/ does not answer" in gone.stderr, gone.stderr
    assert "is `trailhunt worker` running there?" in gone.stderr, gone.stderr


def an_organisation_gives_the_same_findings(world: World, archive: Path) -> None:
    lake = world.folder / "organisation"
    world.trailhunt.run("ingest", archive, "--lake", lake, "--to", ORGANISATION_UNTIL)
    whole = world.hunt(world.lake(lake))
    assert len(whole["findings"]) > 5, whole["findings"]
    with world.workers(2) as workers:
        found = world.hunt(world.lake(lake), *named(workers), *DIVIDED)
    assert "workers:" not in found["errors"], found["errors"]
    expect_same(found, whole)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trailhunt", required=True)
    parser.add_argument("--organisation", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder, trailhunt = Path(temporary), Trailhunt(str(Path(asked.trailhunt).resolve(strict=True)))
        trailhunt.run("sample", "--out", folder / "archive", *SAMPLE)
        trailhunt.run("ingest", folder / "archive", "--lake", folder / "ingested")
        world = World(trailhunt, folder, folder / "ingested")
        scenarios = [
            one_process_hunts,
            answers_are_the_same,
            two_workers_give_the_same_summaries_and_findings,
            a_worker_that_is_killed_is_replaced_by_the_others,
            without_a_worker_the_work_is_done_here,
            tls_and_the_token_protect_a_worker,
            nothing_listens_beyond_this_machine_without_protection,
        ]
        steps = [(scenario.__name__, partial(scenario, world)) for scenario in scenarios]
        if asked.organisation:
            step = partial(an_organisation_gives_the_same_findings, world, asked.organisation)
            steps.append((an_organisation_gives_the_same_findings.__name__, step))
        return run_scenarios(steps)


if __name__ == "__main__":
    sys.exit(main())
