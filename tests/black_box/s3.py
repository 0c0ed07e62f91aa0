#!/usr/bin/env python3
"""trailhunt on S3: archive and lake are in buckets of a moto server; the program is run from the command line.

In: `--trailhunt BINARY`. Out: one line per scenario, then `N passed, N failed`; exit code 1 if one failed.
Never connects to AWS: the server listens on loopback and the credentials are invented.
"""

import argparse
import base64
import contextlib
import gzip
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
# These tests check ingests; two detectors are enough to show that a hunt works on S3 too.
HUNT = ["--detector", "call_rate", "--detector", "trail_tampering"]
COMMAND_SECONDS_MAX = 1200

EVENTS_BY_DAY = """
SELECT CAST(event_date AS VARCHAR) AS day, count(*) AS events, min(event_id) AS first_id, max(event_id) AS last_id
FROM events GROUP BY event_date ORDER BY event_date
"""


@dataclass
class Trailhunt:
    """The binary under test, in an environment without AWS settings other than the given ones."""

    binary: str
    aws: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return inherited | {"NO_PROXY": "127.0.0.1"} | self.aws

    def start(self, *args: object) -> subprocess.Popen:
        command = [self.binary, *map(str, args)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        return subprocess.Popen(command, env=self.environment(), text=True, **pipes)

    def run(self, *args: object, exit_code: int = 0) -> subprocess.CompletedProcess:
        return finish(self.start(*args), exit_code)

    def query(self, lake: object, sql: str, *options: str) -> list[dict]:
        return json.loads(self.run("query", "--lake", lake, "--format", "json", *options, sql).stdout)

    def count(self, lake: object, *options: str) -> int:
        return self.query(lake, "SELECT count(*) AS n FROM events", *options)[0]["n"]


def finish(process: subprocess.Popen, exit_code: int = 0) -> subprocess.CompletedProcess:
    try:
        stdout, stderr = process.communicate(timeout=COMMAND_SECONDS_MAX)
    finally:
        process.kill()
    output = f"{' '.join(process.args)}\nexit code {process.returncode}, expected {exit_code}\n{stdout[-2000:]}{stderr[-2000:]}"
    assert process.returncode == exit_code, output
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def run_scenarios(scenarios: list[tuple[str, Callable[[], None]]]) -> int:
    """Runs the scenarios in order and prints one line for each. Returns the exit code."""
    failed = 0
    for name, scenario in scenarios:
        started = time.monotonic()
        try:
            scenario()
            verdict = "ok  "
        except Exception:
            traceback.print_exc(file=sys.stdout)
            verdict = "FAIL"
            failed += 1
        print(f"{verdict} {name} ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"{len(scenarios) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def days_of(archive: Path) -> list[str]:
    """The days of the archive's object keys (`.../YYYY/MM/DD/...`), as YYYY-MM-DD, in order."""
    found = (re.search(r"/(\d{4})/(\d{2})/(\d{2})/", path.as_posix()) for path in archive.rglob("*.json.gz"))
    return sorted({"-".join(day.groups()) for day in found if day})


def binary_from_arguments(description: str) -> str:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--trailhunt", required=True, metavar="BINARY", help="the binary to test")
    return str(Path(parser.parse_args().trailhunt).resolve(strict=True))


@dataclass
class Archive:
    """A folder of CloudTrail objects, and its copy in a bucket of its own."""

    name: str
    folder: Path
    options: list[str] = field(default_factory=list)  # for ingest and run
    events: int | None = None  # where the number is known

    @property
    def source(self) -> str:
        return f"s3://trail-{self.name}/"

    @property
    def lake(self) -> str:
        return f"s3://lake/{self.name}/events"


@dataclass
class World:
    folder: Path
    endpoint: str
    trailhunt: Trailhunt
    sample: Archive

    def coverage_of_run(self, archive: Archive, exit_code: int = 0) -> dict:
        report = self.folder / f"{archive.name}.json"
        run = ["run", archive.source, "--lake", archive.lake, "--report", report, *HUNT]
        self.trailhunt.run(*run, *archive.options, exit_code=exit_code)
        return json.loads(report.read_text())["coverage"]

    def local_days(self, archive: Archive, *options: str) -> list[dict]:
        """The events per day of a local lake after an ingest of the same archive."""
        lake = Path(tempfile.mkdtemp(dir=self.folder)) / "events"
        self.trailhunt.run("ingest", archive.folder, "--lake", lake, *options)
        return self.trailhunt.query(lake, EVENTS_BY_DAY)


def run_on_s3_keeps_what_a_local_ingest_keeps(world: World, archive: Archive) -> None:
    coverage = world.coverage_of_run(archive)
    days = world.trailhunt.query(archive.lake, EVENTS_BY_DAY)
    events = sum(day["events"] for day in days)
    assert events == (archive.events or events) > 0, f"{events} events, expected {archive.events}"
    assert coverage["events_kept"] == events, coverage
    assert coverage["events_read"] == events + coverage["duplicates"], coverage
    assert coverage["rejects"] == 0 and coverage["objects_read"] > 0, coverage
    assert days == world.local_days(archive, *archive.options)


def second_run_reads_no_object_and_adds_no_event(world: World, archive: Archive) -> None:
    events = world.trailhunt.count(archive.lake)
    coverage = world.coverage_of_run(archive, exit_code=2)
    assert coverage["stale_reasons"] == ["the sources had no new objects"], coverage
    assert coverage["objects_read"] == coverage["events_read"] == coverage["events_kept"] == 0, coverage
    assert coverage["objects_skipped"] > 0, coverage
    assert world.trailhunt.count(archive.lake) == events


def from_and_to_select_the_same_days_as_locally(world: World) -> None:
    days = days_of(world.sample.folder)
    middle = ["--from", days[1], "--to", days[2]]
    world.trailhunt.run("ingest", world.sample.source, "--lake", "s3://lake/middle", *middle)
    selected = world.trailhunt.query("s3://lake/middle", EVENTS_BY_DAY)
    assert selected == world.local_days(world.sample, *middle)
    assert 0 < sum(day["events"] for day in selected) < world.trailhunt.count(world.sample.lake)


def endpoint_can_be_an_option(world: World) -> None:
    without_endpoint = {name: value for name, value in world.trailhunt.aws.items() if name != "AWS_ENDPOINT_URL"}
    count = Trailhunt(world.trailhunt.binary, without_endpoint).count(world.sample.lake, "--endpoint-url", world.endpoint)
    assert count == world.trailhunt.count(world.sample.lake)


def profiles_of_the_shared_files_need_no_aws_cli(world: World) -> None:
    config, credentials = world.folder / "config", world.folder / "credentials"
    keys = {"Version": 1, "AccessKeyId": "invented", "SecretAccessKey": "invented"}
    settings = f"region = us-east-1\nendpoint_url = {world.endpoint}\n"
    config.write_text(
        f"[default]\n{settings}[profile keys]\n{settings}[profile process]\n{settings}"
        f"credential_process = echo '{json.dumps(keys)}'\n[profile people]\n{settings}sso_session = acme\n"
    )
    pair = "aws_access_key_id = invented\naws_secret_access_key = invented\n"
    credentials.write_text(f"[default]\n{pair}[keys]\n{pair}")
    files = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(credentials), "PATH": "/usr/bin:/bin"}
    expected = world.trailhunt.count(world.sample.lake)
    for profile in ({}, {"AWS_PROFILE": "keys"}, {"AWS_PROFILE": "process"}):
        assert Trailhunt(world.trailhunt.binary, files | profile).count(world.sample.lake) == expected, profile
    for profile, reason in (("people", "(SSO), which needs the AWS CLI v2"), ("nobody", "neither in the AWS config file nor")):
        without = Trailhunt(world.trailhunt.binary, files | {"AWS_PROFILE": profile, "AWS_ENDPOINT_URL": world.endpoint})
        error = without.run("query", "--lake", world.sample.lake, "SELECT 1", exit_code=2).stderr
        assert reason in error and error.count("\n") == 1, error


def missing_bucket_is_one_clear_line_and_exit_code_2(world: World) -> None:
    lake = world.folder / "never made"
    for command in (
        ["ingest", "s3://no-such-bucket/", "--lake", lake],
        ["ingest", world.sample.folder, "--lake", "s3://no-such-bucket/events"],
        ["query", "--lake", "s3://no-such-bucket/events", "SELECT 1 FROM events"],
    ):
        lines = world.trailhunt.run(*command, exit_code=2).stderr.strip().splitlines()
        assert len(lines) == 1 and "no-such-bucket" in lines[0], lines


def two_ingests_of_the_same_days_at_once_keep_each_event_once(world: World) -> None:
    ingest_at_once(world, "s3://lake/same", [], [])


def two_ingests_of_different_days_at_once_keep_each_event_once(world: World) -> None:
    middle = days_of(world.sample.folder)[2]
    ingest_at_once(world, "s3://lake/different", ["--to", middle], ["--from", middle])


def ingest_at_once(world: World, lake: str, *options_of_each: list[str]) -> None:
    ingest = partial(world.trailhunt.start, "ingest", world.sample.source, "--lake", lake)
    processes = [ingest(*options) for options in options_of_each]
    try:
        for process in processes:
            finish(process)
    finally:
        for process in processes:
            process.kill()
    assert world.trailhunt.query(lake, EVENTS_BY_DAY) == world.local_days(world.sample)


def a_digest_is_verified_by_the_signature_in_its_metadata(world: World) -> None:
    """The digest is signed by another implementation than the one under test, and stored where AWS delivers it."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding

    pem = (ROOT / "tests" / "fixtures" / "digest_test_key.pem").read_text()
    private = serialization.load_pem_private_key(pem[pem.index("-----BEGIN") :].encode(), password=None)
    public = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    fingerprint = hashlib.md5(public).hexdigest()
    keys = world.folder / "keys.json"
    validity = {"ValidityStartTime": 1703030400.0, "ValidityEndTime": 1705708800.0}
    key_of_region = validity | {"Value": base64.b64encode(public).decode(), "Fingerprint": fingerprint}
    keys.write_text(json.dumps({"PublicKeyList": [key_of_region]}))

    s3 = s3_client(world.endpoint, world.trailhunt.aws)
    bucket, account, day = "digested", "111122223333", "us-east-1/2024/01/01"
    s3.create_bucket(Bucket=bucket)
    log = f"AWSLogs/{account}/CloudTrail/{day}/{account}_CloudTrail_us-east-1_20240101T0005Z_aaaaaaaaaaaaaaaa.json.gz"
    records = b'{"Records":[]}'
    s3.put_object(Bucket=bucket, Key=log, Body=gzip.compress(records))
    name = f"{account}_CloudTrail-Digest_us-east-1_trail_us-east-1_20240101T010000Z.json.gz"
    digest = f"AWSLogs/{account}/CloudTrail-Digest/{day}/{name}"
    end = "2024-01-01T01:00:00Z"
    content = {
        "awsAccountId": account,
        "digestStartTime": "2024-01-01T00:00:00Z",
        "digestEndTime": end,
        "digestS3Bucket": bucket,
        "digestS3Object": digest,
        "digestPublicKeyFingerprint": fingerprint,
        "digestSignatureAlgorithm": "SHA256withRSA",
        "previousDigestS3Bucket": None,
        "previousDigestS3Object": None,
        "previousDigestHashValue": None,
        "previousDigestHashAlgorithm": None,
        "previousDigestSignature": None,
        "logFiles": [
            {
                "s3Bucket": bucket,
                "s3Object": log,
                "hashValue": hashlib.sha256(records).hexdigest(),
                "hashAlgorithm": "SHA-256",
            }
        ],
    }
    text = json.dumps(content).encode()
    signed = f"{end}\n{bucket}/{digest}\n{hashlib.sha256(text).hexdigest()}\nnull".encode()
    metadata = {
        "signature": private.sign(signed, padding.PKCS1v15(), hashes.SHA256()).hex(),
        "signature-algorithm": "SHA256withRSA",
    }
    s3.put_object(Bucket=bucket, Key=digest, Body=gzip.compress(text), Metadata=metadata)

    verify = ["lake", "verify-digests", f"s3://{bucket}", "--public-keys", keys, "--format", "json"]
    answer = json.loads(world.trailhunt.run(*verify).stdout)
    assert answer["digests"]["verified"] == answer["logs"]["verified"] == 1, answer
    assert answer["digests"]["copied"] == answer["digests"]["signed_by_successor"] == 0, answer

    s3.put_object(Bucket=bucket, Key=log, Body=gzip.compress(b'{"Records":[{}]}'))
    altered = json.loads(world.trailhunt.run(*verify, exit_code=2).stdout)["problems"]
    assert [(p["kind"], p["object"]) for p in altered] == [("log_altered", f"s3://{bucket}/{log}")], altered


@contextlib.contextmanager
def moto_server(log: Path) -> Iterator[str]:
    """Runs an S3 server on a free loopback port until the block ends. Yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_for(address, server, log)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for(address: str, server: subprocess.Popen, log: Path, seconds_max: float = 60) -> None:
    without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds_max
    while True:
        try:
            without_proxy.open(f"{address}/moto-api/", timeout=5).close()
            return
        except OSError:
            assert server.poll() is None and time.monotonic() < deadline, f"moto did not start:\n{log.read_text()}"
            time.sleep(0.1)


def s3_client(endpoint: str, aws: dict[str, str]):
    import boto3  # imported here, because other black-box tests use only the runner of this file
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=aws["AWS_REGION"],
        aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}),
    )


def upload(endpoint: str, aws: dict[str, str], archives: list[Archive]) -> None:
    s3 = s3_client(endpoint, aws)
    s3.create_bucket(Bucket="lake")
    for archive in archives:
        s3.create_bucket(Bucket=f"trail-{archive.name}")
        for path in sorted(path for path in archive.folder.rglob("*") if path.is_file()):
            key = path.relative_to(archive.folder).as_posix()
            s3.put_object(Bucket=f"trail-{archive.name}", Key=key, Body=path.read_bytes())


def main() -> int:
    binary = binary_from_arguments("trailhunt on S3, against a moto server")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped in this case too
    with tempfile.TemporaryDirectory() as temporary, moto_server(Path(temporary, "moto.log")) as endpoint:
        folder = Path(temporary)
        aws = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "invented",
            "AWS_SECRET_ACCESS_KEY": "invented",
        }
        trailhunt = Trailhunt(binary, aws)
        sample = Archive("sample", folder / "sample")
        size = ["--days", 4, "--accounts", 2, "--events-per-day", 600, "--seed", 7]
        trailhunt.run("sample", "--out", sample.folder, *size)
        sample.options = ["--from", days_of(sample.folder)[0]]

        archives = [sample]
        if SHARED_DATA.is_dir():
            archives.append(Archive("invictus", SHARED_DATA / "invictus", events=2_900))
            archives.append(Archive("organisation", SHARED_DATA / "organisation", events=30_000))
        else:
            print("skipped: invictus and organisation, because ../shared/data is absent", flush=True)
        upload(endpoint, aws, archives)

        world = World(folder, endpoint, trailhunt, sample)
        of_each_archive = [run_on_s3_keeps_what_a_local_ingest_keeps, second_run_reads_no_object_and_adds_no_event]
        of_the_sample = [
            from_and_to_select_the_same_days_as_locally,
            endpoint_can_be_an_option,
            profiles_of_the_shared_files_need_no_aws_cli,
            missing_bucket_is_one_clear_line_and_exit_code_2,
            two_ingests_of_the_same_days_at_once_keep_each_event_once,
            two_ingests_of_different_days_at_once_keep_each_event_once,
            a_digest_is_verified_by_the_signature_in_its_metadata,
        ]
        return run_scenarios(
            [(f"{check.__name__} [{archive.name}]", partial(check, world, archive)) for archive in archives for check in of_each_archive]
            + [(check.__name__, partial(check, world)) for check in of_the_sample]
        )


if __name__ == "__main__":
    sys.exit(main())
