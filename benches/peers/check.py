"""Fails when a ratio of the benches has become worse by more than a tenth. It takes twenty minutes: for a night,
not for CI.

    python benches/peers/check.py --trailhunt target/release/trailhunt --peers DIR
    python benches/peers/check.py --trailhunt target/release/trailhunt --peers DIR --update

expected.tsv has the archive, the tool to compare with, and what was measured. `--update` writes it anew.
"""

import argparse
import csv
import pathlib
import sys

import backfill
import ingest
from measure import arguments

EXPECTED = pathlib.Path(__file__).with_name("expected.tsv")
# Events, events per object, days, accounts.
INGESTS = [(500_000, 3_000, 1, 1), (200_000, 24, 10, 4), (60_000, 6, 10, 4)]
BACKFILL = (1_000_000, 5_000, 90, 4)
TOLERANCE = 0.1
# Of these, less is better.
LESS_IS_BETTER = ("bytes", "memory", "of its ingest")


def measured(args):
    """Every ratio, by archive, tool and kind."""
    found = {}
    for shape in INGESTS:
        args.events, args.per_object, args.days, args.accounts = shape
        archive = f"{args.events} events, {args.per_object} per object"
        for name, figures in ingest.ratios(ingest.measure(args)).items():
            found |= {(archive, name, kind): value for kind, value in zip(("ingest", "bytes", "memory"), figures)}
    args.events, args.per_object, args.days, args.accounts = BACKFILL
    archive = f"{args.events} events, {args.days} days"
    for name, ratio in backfill.ratios(backfill.measure(args)).items():
        found[archive, name, "of its ingest" if name == "trailhunt" else "backfill"] = ratio
    return found


def main():
    parser = arguments(argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter))
    parser.add_argument("--update", action="store_true", help="write expected.tsv anew")
    args = parser.parse_args()
    found = measured(args)
    if args.update:
        with EXPECTED.open("w", newline="") as file:
            table = csv.writer(file, delimiter="\t", lineterminator="\n")
            table.writerow(["archive", "compared with", "ratio of", "value"])
            table.writerows([*key, f"{value:.2f}"] for key, value in found.items())
        return 0
    with EXPECTED.open(newline="") as file:
        expected = {tuple(row[:3]): float(row[3]) for row in list(csv.reader(file, delimiter="\t"))[1:]}
    worse = set(expected) ^ set(found)
    for key in expected.keys() & found.keys():
        change = found[key] / expected[key]
        is_worse = change > 1 + TOLERANCE if key[2] in LESS_IS_BETTER else change < 1 - TOLERANCE
        worse |= {key} if is_worse else set()
    for key in sorted(expected.keys() | found.keys()):
        line = f"{key[0]:32} {key[1]:12} {key[2]:14} expected {expected.get(key, float('nan')):6.2f}, "
        print(line + f"measured {found.get(key, float('nan')):6.2f}{'   WORSE' if key in worse else ''}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
