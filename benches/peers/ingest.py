"""Compares trailhunt's ingest with other tools on the same archive. Prints ratios of medians.

    pip install duckdb chdb
    cargo build --release
    python benches/peers/ingest.py --trailhunt target/release/trailhunt --peers DIR --events 1000000

The script of a peer takes a glob of `.json.gz` files and the Parquet file to write. It prints
`name version key=value ...` with events, seconds, bytes and peak_rss_mb. `trailhunt sample` makes the archive, once; it
stays beside the results. Absolute figures depend on the machine; compare the ratios of one run. Not part of CI.
"""

import argparse

from measure import archive_arguments, arguments, ingest, median, peer_ingest, peers, sample


def measure(args):
    """All rounds of each tool, by name."""
    archive = sample(args)
    scripts = peers(args.peers)
    rounds = {name: [] for name in ["trailhunt", *scripts]}
    for _ in range(args.rounds):
        rounds["trailhunt"].append(ingest(args.trailhunt, archive, args.folder))
        for name, script in scripts.items():
            rounds[name].append(peer_ingest(script, archive, args.folder))
    return rounds


def ratios(rounds):
    """For each peer: how many times as fast trailhunt is, its bytes and its peak memory divided by the peer's."""

    def speed(name):
        return median(rounds[name], "events") / median(rounds[name], "seconds")

    def share(name, key):
        return median(rounds["trailhunt"], key) / median(rounds[name], key)

    names = [name for name in rounds if name != "trailhunt"]
    return {name: (speed("trailhunt") / speed(name), share(name, "bytes"), share(name, "peak_rss_mb")) for name in names}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    rounds = measure(archive_arguments(arguments(parser)).parse_args())
    compared = ratios(rounds)
    print(f"{'':12} {'events':>10} {'seconds':>8} {'events/s':>9} {'MB':>7} {'RSS MB':>7}   trailhunt is")
    for name, figures in rounds.items():
        events, seconds = median(figures, "events"), median(figures, "seconds")
        line = f"{name:12} {events:10.0f} {seconds:8.2f} {events / seconds:9.0f}"
        line += f" {median(figures, 'bytes') / 1e6:7.1f} {median(figures, 'peak_rss_mb'):7.0f}"
        if name in compared:
            line += "   {:.2f} x as fast, {:.2f} x the bytes, {:.2f} x the memory".format(*compared[name])
        print(line)


if __name__ == "__main__":
    main()
