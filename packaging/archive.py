"""Packs the program, the skill for agents and the documents that belong to it: .zip for Windows, .tar.gz for other platforms.

    python3 packaging/archive.py x86_64-unknown-linux-gnu --program target/release/trailhunt \\
        --documents THIRD-PARTY-LICENCES.txt trailhunt.cdx.json --out release

`--wheel FILE` takes the program from a wheel instead, so that both have the same one. `--program` then says where to
put it.
"""

import argparse
import io
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", help="the platform as Rust names it")
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--documents", type=Path, nargs="+", default=[])
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    if args.wheel:
        unpack(args.wheel, args.program)
    version = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["package"]["version"]
    name = f"trailhunt-{version}-{args.target}"
    files = {file: file.name for file in [args.program, ROOT / "LICENSE", ROOT / "README.md", *args.documents]}
    skill = sorted(file for file in (ROOT / "skill").rglob("*.md"))
    files |= {file: file.relative_to(ROOT).as_posix() for file in skill}
    args.out.mkdir(parents=True, exist_ok=True)
    if "windows" in args.target:
        archive = args.out / f"{name}.zip"
        write_zip(archive, name, files)
    else:
        archive = args.out / f"{name}.tar.gz"
        write_tar(archive, name, files, args.program)
    print(archive)


def unpack(wheel, program):
    """Writes the only script of a wheel to `program`."""
    with zipfile.ZipFile(wheel) as members:
        (script,) = [member for member in members.namelist() if ".data/scripts/" in member]
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_bytes(members.read(script))
    program.chmod(0o755)


def write_zip(archive, name, files):
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for file, inside in files.items():
            out.write(file, f"{name}/{inside}")


def write_tar(archive, name, files, program):
    with tarfile.open(archive, "w:gz") as out:
        for file, inside in files.items():
            content = file.read_bytes()
            member = tarfile.TarInfo(f"{name}/{inside}")
            member.size = len(content)
            member.mtime = int(file.stat().st_mtime)
            member.mode = 0o755 if file == program else 0o644
            out.addfile(member, io.BytesIO(content))


if __name__ == "__main__":
    main()
