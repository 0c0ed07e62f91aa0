"""Compare trailhunt's ingest with other tools on the same archive. Prints ratios of medians.

    pip install duckdb chdb
    cargo build --release
    python benches/peers/run.py --trailhunt target/release/trailhunt --peers ../shared/peers --events 1000000

The script of a peer takes a glob of `.json.gz` files and the Parquet file to write. It prints
`name version key=value ...` with events, seconds, bytes and peak_rss_mb. `trailhunt sample` makes the archive, once; it
stays beside the results. Absolute figures depend on the machine; compare the ratios of one run. Not part of CI.
"""

import argparse
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time


def sample(trailhunt, folder, args):
    """An archive of about `events` events in objects of at most `per_object` events. CloudTrail writes one object per
    account, region and five minutes, so one account and one day give the largest objects."""
    archive = folder / f"archive-{args.events}-{args.per_object}-{args.days}-{args.accounts}"
    if not archive.exists():
        made = folder / "making"
        shutil.rmtree(made, ignore_errors=True)
        command = [trailhunt, "sample", "--out", made, "--days", args.days, "--accounts", args.accounts]
        command += ["--events-per-day", args.events // args.days, "--events-per-object", args.per_object, "--attacks", 0]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        made.rename(archive)
    return archive


def ours(trailhunt, archive, folder):
    lake = folder / "lake"
    shutil.rmtree(lake, ignore_errors=True)
    started = time.monotonic()
    process = subprocess.Popen([trailhunt, "ingest", archive, "--lake", lake], stdout=subprocess.PIPE, text=True)
    out = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    if status != 0:
        sys.exit(f"trailhunt failed with status {status}: {out}")
    kept = int(re.search(r"([\d,]+) kept", out)[1].replace(",", ""))
    size = sum(file.stat().st_size for file in lake.glob("event_date=*/*.parquet"))
    return {"events": kept, "seconds": seconds, "bytes": size, "peak_rss_mb": used.ru_maxrss / 1024}


def peer(script, archive, folder):
    target = folder / "peer.parquet"
    target.unlink(missing_ok=True)
    command = [sys.executable, script, f"{archive}/**/*.json.gz", target]
    # A peer may spill to its working directory.
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout
    figures = dict(re.findall(r"(\w+)=([\d.]+)", out))
    return {key: float(figures[key]) for key in ("events", "seconds", "bytes", "peak_rss_mb")}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--trailhunt", required=True, help="the binary, a release build")
    arguments.add_argument("--peers", type=pathlib.Path, required=True, help="folder of <name>_ingest.py scripts")
    arguments.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("target/peers"), help="working folder")
    arguments.add_argument("--events", type=int, default=1_000_000, help="events in the archive, about")
    arguments.add_argument("--per-object", type=int, default=5_000, help="events per object, at most")
    arguments.add_argument("--days", type=int, default=20, help="days in the archive")
    arguments.add_argument("--accounts", type=int, default=4, help="accounts in the archive")
    arguments.add_argument("--rounds", type=int, default=3, help="how often each tool runs")
    args = arguments.parse_args()
    args.folder = args.folder.resolve()
    args.folder.mkdir(parents=True, exist_ok=True)
    archive = sample(args.trailhunt, args.folder, args)
    scripts = {path.name.removesuffix("_ingest.py"): path for path in sorted(args.peers.resolve().glob("*_ingest.py"))}
    rounds = {name: [] for name in ["trailhunt", *scripts]}
    for _ in range(args.rounds):
        rounds["trailhunt"].append(ours(args.trailhunt, archive, args.folder))
        for name, script in scripts.items():
            rounds[name].append(peer(script, archive, args.folder))

    def median(name, key):
        return statistics.median(figures[key] for figures in rounds[name])

    print(f"{'':12} {'events':>10} {'seconds':>8} {'events/s':>9} {'MB':>7} {'RSS MB':>7}   trailhunt is")
    for name in rounds:
        speed = median(name, "events") / median(name, "seconds")
        line = f"{name:12} {median(name, 'events'):10.0f} {median(name, 'seconds'):8.2f} {speed:9.0f}"
        line += f" {median(name, 'bytes') / 1e6:7.1f} {median(name, 'peak_rss_mb'):7.0f}"
        if name != "trailhunt":
            faster = median("trailhunt", "events") / median("trailhunt", "seconds") / speed
            smaller = median("trailhunt", "bytes") / median(name, "bytes")
            line += f"   {faster:.2f} x as fast, {smaller:.2f} x the bytes"
        print(line)


if __name__ == "__main__":
    main()
