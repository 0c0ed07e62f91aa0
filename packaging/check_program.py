"""Fails if a built program is too large, starts too slowly or has another version than Cargo.toml.

    python3 packaging/check_program.py target/release/trailhunt
"""

import argparse
import statistics
import subprocess
import sys
import time
import tomllib
from pathlib import Path

CARGO_TOML = Path(__file__).resolve().parent.parent / "Cargo.toml"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("--size-mb-max", type=float, default=80, help="1 MB is 1,000,000 bytes")
    parser.add_argument("--start-ms-max", type=float, default=50, help="median of --runs runs of `--version`")
    parser.add_argument("--runs", type=int, default=15)
    args = parser.parse_args()

    program = args.program.resolve()
    size_mb = program.stat().st_size / 1e6
    version = run(program)[1]  # not measured: it reads the file from the disk
    start_ms = statistics.median(run(program)[0] for _ in range(args.runs))
    print(f"{args.program}: {version}, {size_mb:.1f} MB, starts in {start_ms:.1f} ms")

    expected = tomllib.loads(CARGO_TOML.read_text(encoding="utf-8"))["package"]["version"]
    problems = []
    if version.split() != ["trailhunt", expected]:
        problems.append(f"it prints {version!r}, Cargo.toml has version {expected}")
    if size_mb > args.size_mb_max:
        problems.append(f"it is larger than {args.size_mb_max:g} MB")
    if start_ms > args.start_ms_max:
        problems.append(f"it needs more than {args.start_ms_max:g} ms to start")
    if problems:
        sys.exit("\n".join(problems))


def run(program):
    """Duration in milliseconds, and the first line of output."""
    started = time.perf_counter()
    out = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    return (time.perf_counter() - started) * 1e3, out.partition("\n")[0].strip()


if __name__ == "__main__":
    main()
