#!/usr/bin/env python3
"""trailhunt on a faulty S3: a proxy in front of a moto server injects faults; the lake must be the same as without faults.

In: `--trailhunt BINARY`. Out: for each scenario the number of injected faults and one line, then `N passed, N failed`;
exit code 1 if one failed. A scenario also fails when no fault was injected or when it takes longer than
SCENARIO_SECONDS_MAX.
"""

import contextlib
import hashlib
import itertools
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import s3
from faulty_s3 import Exchange, Fault, Proxy, Rule, answer_lost, body_cut, first_byte_slow, refused, vanished
from s3 import Archive, Trailhunt, binary_from_arguments, days_of, moto_server, run_scenarios, s3_client, upload

SCENARIO_SECONDS_MAX = 180
LEDGER_SUMS = "SELECT sum(records), sum(kept) AS kept, sum(duplicates), sum(rejects), count(*) AS objects FROM objects"


@dataclass
class World:
    proxy: Proxy
    direct: Trailhunt
    archive: Archive
    undisturbed: dict | None = None  # contents of a lake made without faults
    requests: int = 0  # requests of the ingest that made it

    @contextlib.contextmanager
    def faulty(self, rule: Rule) -> Iterator[Trailhunt]:
        """trailhunt behind the proxy while `rule` applies."""
        self.proxy.rule = rule
        try:
            yield Trailhunt(self.direct.binary, self.direct.aws | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.proxy.server_port}"})
        finally:
            self.proxy.rule = lambda _: None

    def ingest(self, trailhunt: Trailhunt, lake: str, *options: str, exit_code: int = 0):
        return trailhunt.run("ingest", self.archive.source, "--lake", lake, *options, exit_code=exit_code)

    def expect_undisturbed(self, lake: str, trailhunt: Trailhunt | None = None) -> None:
        found = contents(trailhunt or self.direct, lake)
        assert found == self.undisturbed, f"{lake}: {found}, undisturbed: {self.undisturbed}"

    def client(self):
        return s3_client(self.direct.aws["AWS_ENDPOINT_URL"], self.direct.aws)


def contents(trailhunt: Trailhunt, lake: str) -> dict:
    """Count and checksum of the events, independent of their order, and the sums of the ledger."""
    ids = sorted(row["event_id"] for row in trailhunt.query(lake, "SELECT event_id FROM events"))
    checksum = hashlib.sha256("\n".join(ids).encode()).hexdigest()
    return {"events": len(ids), "checksum": checksum, **trailhunt.query(lake, LEDGER_SUMS)[0]}


def survived(world: World, name: str, rule: Rule) -> None:
    """Two ingests into one lake, and the queries after them, succeed in spite of the faults."""
    lake = f"s3://lake/{name}"
    with world.faulty(rule) as trailhunt:
        world.ingest(trailhunt, lake, "--to", days_of(world.archive.folder)[1])
        world.ingest(trailhunt, lake)
        world.expect_undisturbed(lake, trailhunt)
    world.expect_undisturbed(lake)


def slow_down_for_the_first_of_every_kind_and_a_fifth_of_all(world: World) -> None:
    seen, chance, slow_down = Counter(), random.Random(20), partial(refused, 503, "SlowDown")

    def rule(exchange: Exchange) -> Fault | None:
        seen[exchange.kind] += 1
        return slow_down if seen[exchange.kind] <= 3 or chance.random() < 0.2 else None

    survived(world, "slow-down", rule)


def commits_whose_answer_is_an_internal_error(world: World) -> None:
    survived(world, "internal-error", lambda exchange: partial(answer_lost, "refused") if exchange.is_commit else None)


def commits_whose_answer_is_a_dropped_connection(world: World) -> None:
    survived(world, "dropped", lambda exchange: partial(answer_lost, "dropped") if exchange.is_commit else None)


def bodies_cut_twice_per_object(world: World) -> None:
    seen = Counter()

    def rule(exchange: Exchange) -> Fault | None:
        seen[exchange.key] += exchange.kind in ("GET source", "GET parquet")
        return body_cut if exchange.command == "GET" and 1 <= seen[exchange.key] <= 2 else None

    survived(world, "cut", rule)


def first_bytes_two_seconds_late(world: World) -> None:
    number = itertools.count(1)
    survived(world, "slow", lambda _: first_byte_slow if next(number) % 40 == 0 else None)


def keys_that_vanish_before_they_are_read(world: World) -> None:
    lake, rows = "s3://lake/vanish", "SELECT object, records, rejects FROM objects ORDER BY object"
    all_rows = world.direct.query(world.archive.lake, rows)
    gone = [row["object"] for row in all_rows[::40]]
    with world.faulty(lambda exchange: vanished if f"s3://{exchange.bucket}/{exchange.key}" in gone else None) as trailhunt:
        output = world.ingest(trailhunt, lake, exit_code=2).stdout
    assert all(url in output for url in gone), f"not all of {gone} are named:\n{output}"
    assert world.direct.query(lake, rows) == [row for row in all_rows if row["object"] not in gone], "other objects changed"
    world.ingest(world.direct, lake)
    for key in (url.removeprefix(world.archive.source) for url in gone):
        world.client().put_object(Bucket="trail-sample", Key=key, Body=(world.archive.folder / key).read_bytes())
    world.ingest(world.direct, lake)
    world.expect_undisturbed(lake)


def expiries(world: World) -> dict[str, Callable[[Exchange], bool]]:
    """Points in time at which the credentials expire: true for the first request that is refused."""
    numbers = {at: itertools.count() for at in (0, world.requests // 3, world.requests * 2 // 3)}
    spread = {f"after-{at}": lambda _, at=at, number=number: next(number) >= at for at, number in numbers.items()}
    commits = []
    after_commit = lambda exchange: commits.append(exchange.is_commit_of_first_batch) or any(commits[:-1])  # noqa: E731
    return spread | {"at-commit": lambda exchange: exchange.is_commit_of_first_batch, "after-commit": after_commit}


def ingest_until(world: World, begins: Callable[[Exchange], bool], lake: str) -> list[str]:
    """Runs an ingest whose credentials expire. Returns its error, or the first object it names as unread."""
    over, expired = False, partial(refused, 403, "ExpiredToken")

    def rule(exchange: Exchange) -> Fault | None:
        nonlocal over
        over = over or begins(exchange)
        return expired if over else None

    with world.faulty(rule) as trailhunt:
        ran = world.ingest(trailhunt, lake, exit_code=2)
    unread = [line for line in ran.stdout.splitlines() if line.startswith("unread ")]
    return ran.stderr.strip().splitlines() or unread[:1]


def expired_credentials_leave_nothing_half_committed(world: World) -> None:
    for name, begins in expiries(world).items():
        lake = f"s3://lake/token-{name}"
        lines = ingest_until(world, begins, lake)
        assert len(lines) == 1, lines
        if "Contents" in world.client().list_objects_v2(Bucket="lake", Prefix=f"token-{name}/_delta_log/"):
            both = "SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM objects) AS objects"
            committed = tuple(world.direct.query(lake, both)[0].values())
            assert committed in ((0, 0), (world.undisturbed["events"], world.undisturbed["objects"])), f"half committed: {committed}"
        world.ingest(world.direct, lake)
        world.expect_undisturbed(lake)


def expired_credentials_are_named(world: World) -> None:
    lines = {name: ingest_until(world, begins, f"s3://lake/named-{name}") for name, begins in expiries(world).items()}
    unclear = {name: error for name, error in lines.items() if "ExpiredToken" not in " ".join(error)}
    assert not unclear, f"{len(unclear)} of {len(lines)} expiries are not named, such as {next(iter(unclear.items()))}"


def counted(world: World, scenario: Callable[[World], None]) -> None:
    """Runs a scenario and prints how many faults it injected; fails when there were none or it took too long."""
    injected_before, started = world.proxy.injected, time.monotonic()
    try:
        scenario(world)
    finally:
        injected, seconds = world.proxy.injected - injected_before, time.monotonic() - started
        print(f"     {injected} faults injected, {world.proxy.injected} in total", flush=True)
    assert injected > 0, "no fault was injected"
    assert seconds < SCENARIO_SECONDS_MAX, f"took {seconds:.0f} s"


def main() -> int:
    binary = binary_from_arguments("trailhunt on a faulty S3")
    s3.COMMAND_SECONDS_MAX = SCENARIO_SECONDS_MAX  # a hanging command is killed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped in this case too
    with tempfile.TemporaryDirectory() as temporary, moto_server(Path(temporary, "moto.log")) as endpoint, Proxy(endpoint) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        aws = {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1"}
        aws |= {"AWS_ACCESS_KEY_ID": "invented", "AWS_SECRET_ACCESS_KEY": "invented"}
        world = World(proxy, Trailhunt(binary, aws), Archive("sample", Path(temporary, "sample")))
        world.direct.run("sample", "--out", world.archive.folder, "--days", 3, "--accounts", 2, "--events-per-day", 300)
        upload(endpoint, aws, [world.archive])
        with world.faulty(lambda _: None) as trailhunt:
            world.ingest(trailhunt, world.archive.lake)
        world.undisturbed, world.requests = contents(world.direct, world.archive.lake), proxy.requests
        assert world.undisturbed["events"] == world.undisturbed["kept"] > 0, world.undisturbed
        scenarios = [
            slow_down_for_the_first_of_every_kind_and_a_fifth_of_all,
            commits_whose_answer_is_an_internal_error,
            commits_whose_answer_is_a_dropped_connection,
            bodies_cut_twice_per_object,
            first_bytes_two_seconds_late,
            keys_that_vanish_before_they_are_read,
            expired_credentials_leave_nothing_half_committed,
            expired_credentials_are_named,
        ]
        return run_scenarios([(check.__name__, partial(counted, world, check)) for check in scenarios])


if __name__ == "__main__":
    sys.exit(main())
