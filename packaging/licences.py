"""Writes the licences of everything that the program contains to one text file.

    python3 packaging/licences.py x86_64-unknown-linux-gnu THIRD-PARTY-LICENCES.txt

It contains the licence of each crate, from cargo-about (`cargo install --locked cargo-about --features cli`), the
notices and the licences of bundled C libraries, from the sources of the crates, and the attribution of the data.
It fails if a crate is missing or if the text of a licence cannot be found.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from crates import PROGRAM, ROOT, built_in

# Crates that are published without the text of their licence. The file then has the standard text and the authors.
WITHOUT_TEXT = {
    "alloc-stdlib": "BSD-3-Clause",
    "clipboard-win": "BSL-1.0",
    "delegate": "Apache-2.0",
    "flatbuffers": "Apache-2.0",
    "include_dir": "MIT",
    "include_dir_macros": "MIT",
    "rsigma-ir": "MIT",
    "rsigma-parser": "MIT",
    "tonic-prost": "MIT",
}

# C libraries within crates: the crate's own licence is another one.
BUNDLED = {
    "libdeflate-sys": ["libdeflate/COPYING"],
    "ring": ["LICENSE", "LICENSE-BoringSSL", "LICENSE-other-bits"],
    "tikv-jemalloc-sys": ["jemalloc/COPYING"],
    "zstd-sys": ["zstd/LICENSE"],
}

ATTRIBUTION = ["geo/ATTRIBUTION.md", "iam/ATTRIBUTION.md"]
# This comment at the top of the file is the notice that MITRE asks for.
ATTACK = "src/detect/attack.tsv"

RULE = "=" * 100


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", help="the platform as Rust names it")
    parser.add_argument("file", type=Path)
    args = parser.parse_args()

    about = gathered(args.target)
    problems = disagreements() + missing_crates(about, args.target) + missing_texts(about)
    if problems:
        sys.exit("\n".join(problems))
    args.file.write_text(document(about, args.target), encoding="utf-8")
    print(f"{args.file}: {len(crates(about))} crates, {len(about['licenses'])} texts")


def gathered(target):
    """What cargo-about finds, as JSON. Without a network, so that nothing but the crates decides."""
    subprocess.run(["cargo", "fetch", "--locked", "--quiet"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "about.json"
        command = ["cargo", "about", "generate", "--config", "packaging/about.toml", "--frozen", "--fail"]
        subprocess.run([*command, "--target", target, "--format", "json", "--output-file", out], cwd=ROOT, check=True)
        return json.loads(out.read_text(encoding="utf-8"))


def crates(about):
    """Name and version of each crate that has a licence in the document."""
    used = (use["crate"] for licence in about["licenses"] for use in licence["used_by"])
    return {(crate["name"], crate["version"]) for crate in used if crate["name"] != PROGRAM}


def disagreements():
    """Licences that deny.toml accepts and about.toml does not, or the other way round."""
    deny = tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))["licenses"]["allow"]
    accepted = tomllib.loads((ROOT / "packaging/about.toml").read_text(encoding="utf-8"))["accepted"]
    return [f"{name}: only one of deny.toml and packaging/about.toml accepts it" for name in {*deny} ^ {*accepted}]


def missing_crates(about, target):
    """Crates that cargo builds into the program and cargo-about does not list."""
    return [f"{name} {version}: no licence" for name, version in sorted(built_in(target) - crates(about))]


def missing_texts(about):
    """Crates without the text of their licence that WITHOUT_TEXT does not name."""
    problems = []
    for licence, crate in without_text(about):
        if WITHOUT_TEXT.get(crate["name"]) != licence["id"] and not licence_files(crate):
            problems.append(f"{crate['name']}: its package has no text of {licence['id']}")
    return problems


def without_text(about):
    """Licences for which cargo-about has the standard text, because it does not recognise the one in the package."""
    for licence in about["licenses"]:
        for use in licence["used_by"]:
            if licence["source_path"] is None and use["crate"]["name"] != PROGRAM:
                yield licence, use["crate"]


def licence_files(crate):
    """Files at the top of a package, or in a folder LICENSES."""
    folder = Path(crate["manifest_path"]).parent
    names = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT")
    found = [path for path in sorted(folder.iterdir()) if path.name.upper().startswith(names)]
    return [file for path in found for file in (sorted(path.iterdir()) if path.is_dir() else [path])]


def document(about, target):
    parts = [
        f"{PROGRAM} for {target} contains the following software and data.\n"
        f"The licence of {PROGRAM} itself is in the file LICENSE.\n"
    ]
    for licence in sorted(about["licenses"], key=lambda licence: (licence["id"], users(licence))):
        used_by = users(licence)
        if used_by:
            parts.append(section(f"{licence['name']} ({licence['id']}), used by:\n{used_by}", licence["text"]))
    titles = {}
    for crate, path in other_files(about):
        text = path.read_text(encoding="utf-8", errors="replace")
        titles.setdefault(text, {})[f"{crate['name']} {crate['version']}: {path.name}"] = None
    parts += [section("\n".join(names), text) for text, names in titles.items()]
    for name in ATTRIBUTION:
        parts.append(section(name, (ROOT / name).read_text(encoding="utf-8")))
    parts.append(section("MITRE ATT&CK", attack_notice()))
    return "\n".join(parts)


def users(licence):
    """One line per crate; with the authors, if the text names nobody."""
    lines = set()
    for use in licence["used_by"]:
        crate = use["crate"]
        if crate["name"] == PROGRAM:
            continue
        line = f"  {crate['name']} {crate['version']} {crate['repository'] or ''}".rstrip()
        if licence["source_path"] is None and crate["authors"]:
            line += f", by {', '.join(crate['authors'])}"
        lines.add(line)
    return "\n".join(sorted(lines))


def section(title, text):
    return f"{RULE}\n{title}\n{RULE}\n\n{text.strip()}\n"


def other_files(about):
    """Notices, the licences of bundled C libraries, and texts that cargo-about does not recognise."""
    unrecognised = {(crate["name"], crate["version"]) for _, crate in without_text(about)}
    packages = {}
    for licence in about["licenses"]:
        for use in licence["used_by"]:
            packages[(use["crate"]["name"], use["crate"]["version"])] = use["crate"]
    for (name, version), crate in sorted(packages.items()):
        if name == PROGRAM:
            continue
        folder = Path(crate["manifest_path"]).parent
        files = [path for path in sorted(folder.iterdir()) if path.name.upper().startswith("NOTICE")]
        files += [folder / bundled for bundled in BUNDLED.get(name, [])]
        if (name, version) in unrecognised:
            files += licence_files(crate)
        for path in files:
            yield crate, path


def attack_notice():
    lines = (ROOT / ATTACK).read_text(encoding="utf-8").splitlines()
    notice = [line.removeprefix("# ") for line in lines if line.startswith("#")]
    if not any("MITRE" in line for line in notice):
        sys.exit(f"{ATTACK}: no notice of MITRE")
    return "\n".join(notice)


if __name__ == "__main__":
    main()
