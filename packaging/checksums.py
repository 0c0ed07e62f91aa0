"""Writes SHA256SUMS: the SHA-256 of each file in a folder, in the format that `sha256sum --check` reads.

    python3 packaging/checksums.py release
"""

import argparse
import hashlib
from pathlib import Path

NAME = "SHA256SUMS"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder

    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != NAME)
    if not files:
        parser.error(f"{folder} has no files")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / NAME).write_bytes("".join(lines).encode())
    print(f"{folder / NAME}: {len(files)} files")


if __name__ == "__main__":
    main()
