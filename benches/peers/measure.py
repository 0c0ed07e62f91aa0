"""What the benches in this folder share: the archive, one run of trailhunt or a peer, and ratios of medians."""

import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time


def arguments(parser):
    """Adds the options of every bench."""
    parser.add_argument("--trailhunt", required=True, help="the binary, a release build")
    parser.add_argument("--peers", type=pathlib.Path, required=True, help="folder of <name>_ingest.py scripts")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("target/peers"), help="working folder")
    parser.add_argument("--rounds", type=int, default=3, help="how often each tool runs")
    return parser


def archive_arguments(parser):
    """Adds the options that say how large the archive is."""
    parser.add_argument("--events", type=int, default=1_000_000, help="events in the archive, about")
    parser.add_argument("--per-object", type=int, default=5_000, help="events per object, at most")
    parser.add_argument("--days", type=int, default=20, help="days in the archive")
    parser.add_argument("--accounts", type=int, default=4, help="accounts in the archive")
    return parser


def sample(args):
    """An archive of about `events` events in objects of at most `per_object` events. CloudTrail writes one object per
    account, region and five minutes, so one account and one day give the largest objects."""
    args.folder = args.folder.resolve()
    args.folder.mkdir(parents=True, exist_ok=True)
    archive = args.folder / f"archive-{args.events}-{args.per_object}-{args.days}-{args.accounts}"
    if not archive.exists():
        made = args.folder / "making"
        shutil.rmtree(made, ignore_errors=True)
        command = [args.trailhunt, "sample", "--out", made, "--days", args.days, "--accounts", args.accounts]
        command += ["--events-per-day", args.events // args.days, "--events-per-object", args.per_object, "--attacks", 0]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        made.rename(archive)
    return archive


def run(*command):
    """Runs trailhunt. Seconds, peak memory in MB, and what it printed."""
    started = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    out = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))} failed with status {status}: {out}")
    return time.monotonic() - started, used.ru_maxrss / 1024, out


def ingest(trailhunt, archive, folder):
    """Ingests into a new lake, `folder`/lake."""
    lake = folder / "lake"
    shutil.rmtree(lake, ignore_errors=True)
    seconds, peak, out = run(trailhunt, "ingest", archive, "--lake", lake)
    kept = int(re.search(r"([\d,]+) kept", out)[1].replace(",", ""))
    size = sum(file.stat().st_size for file in lake.glob("event_date=*/*.parquet"))
    return {"events": kept, "seconds": seconds, "bytes": size, "peak_rss_mb": peak}


def peers(folder):
    """The peers' scripts, by name."""
    scripts = {path.name.removesuffix("_ingest.py"): path for path in sorted(folder.resolve().glob("*_ingest.py"))}
    return scripts or sys.exit(f"no *_ingest.py in {folder}")


def peer_ingest(script, archive, folder):
    """Ingests into `folder`/peer.parquet."""
    target = folder / "peer.parquet"
    target.unlink(missing_ok=True)
    command = [sys.executable, script, f"{archive}/**/*.json.gz", target]
    # A peer may spill to its working directory.
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout
    figures = dict(re.findall(r"(\w+)=([\d.]+)", out))
    return {key: float(figures[key]) for key in ("events", "seconds", "bytes", "peak_rss_mb")}


def median(rounds, key):
    return statistics.median(figures[key] for figures in rounds)
