#!/usr/bin/env python3
"""Requests and time of a nightly run on a lake in S3, with a delay for each request.

python benches/requests.py --trailhunt BINARY [--days 90 --events-per-day 22000]

A moto server is the bucket; a proxy in front of it counts and delays requests. The lake has all days but the last, and a
run for them; then the last day arrives. In: the binary. Out: a table of requests by kind and part of the lake.
"""

import argparse
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "black_box"))

import s3
from faulty_s3 import Exchange, Fault, Proxy
from s3 import Archive, Trailhunt, days_of, moto_server, upload

DELAY_SECONDS = 0.03


class Counted:
    """A rule of the proxy, which calls it for one request at a time: counts every request and delays it."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()

    def __call__(self, exchange: Exchange) -> Fault:
        # sample/events/event_date=2024-03-05/x.parquet, sample/events/_trailhunt/rollups/x.zip
        part = re.sub(r"^[^/]*/", "", exchange.key) or "listing"
        part = re.sub(r"event_date=.*", "events", part)
        part = "/".join(part.split("/")[:2])
        self.requests[f"{exchange.command} {part}"] += 1
        return self.delayed

    @staticmethod
    def delayed(exchange: Exchange) -> bool:
        time.sleep(DELAY_SECONDS)
        exchange.send(*exchange.forward())
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trailhunt", required=True, metavar="BINARY")
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--events-per-day", type=int, default=22_000)
    options = parser.parse_args()
    s3.COMMAND_SECONDS_MAX = 1800
    with tempfile.TemporaryDirectory() as temporary, moto_server(Path(temporary, "moto.log")) as endpoint, Proxy(endpoint) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        aws = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "invented", "AWS_SECRET_ACCESS_KEY": "invented"}
        direct = Trailhunt(options.trailhunt, aws | {"AWS_ENDPOINT_URL": endpoint})
        counted = Trailhunt(options.trailhunt, aws | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.server_port}"})
        archive = Archive("sample", Path(temporary, "sample"))
        sample = ["sample", "--out", archive.folder, "--days", options.days, "--events-per-day", options.events_per_day]
        direct.run(*sample, "--events-per-object", 2000)
        upload(endpoint, direct.aws, [archive])
        last = days_of(archive.folder)[-2]  # late events of the last day are in the next day's folder
        direct.run("ingest", archive.source, "--lake", archive.lake, "--to", last)
        started = time.monotonic()
        direct.run("hunt", "--lake", archive.lake, "--report", Path(temporary, "first.json"))
        print(f"first hunt, without a delay: {time.monotonic() - started:.1f} s")
        for what, command in [
            ("ingest of a day", ["ingest", archive.source, "--lake", archive.lake, "--from", last]),
            ("nightly hunt", ["hunt", "--lake", archive.lake, "--from", last, "--report", Path(temporary, "night.json")]),
            ("the same hunt again", ["hunt", "--lake", archive.lake, "--from", last, "--report", Path(temporary, "night.json")]),
        ]:
            proxy.rule, started = Counted(), time.monotonic()
            counted.run(*command)
            print(f"\n{what}: {proxy.rule.requests.total()} requests, {time.monotonic() - started:.1f} s")
            for kind, requests in proxy.rule.requests.most_common(16):
                print(f"{requests:7} {kind}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
