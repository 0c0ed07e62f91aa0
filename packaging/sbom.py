"""Writes the SBOM of the program, CycloneDX 1.5 as JSON, and checks it.

    python3 packaging/sbom.py x86_64-unknown-linux-gnu trailhunt.cdx.json

Needs `cargo install --locked cargo-cyclonedx` and `pip install 'cyclonedx-python-lib[json-validation]'`.
The SBOM contains the crates in the program, without those that only build or test it. This script fails if a crate is
missing, or if the SBOM does not match the schema of CycloneDX.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from crates import ROOT, built_in


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", help="the platform as Rust names it")
    parser.add_argument("file", type=Path)
    args = parser.parse_args()

    built = built_in(args.target)
    sbom = only(built, generated(args.target))
    missing = built - {(crate["name"], crate["version"]) for crate in sbom["components"]}
    if missing:
        sys.exit(f"the SBOM lacks {sorted(missing)}")
    text = json.dumps(sbom, indent=2) + "\n"
    problem = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
    if problem:
        sys.exit(f"not valid CycloneDX: {problem}")
    args.file.write_text(text, encoding="utf-8")
    print(f"{args.file}: {len(sbom['components'])} crates")


def only(built, sbom):
    """Without the other crates: cargo-cyclonedx also lists optional dependencies that are switched off."""
    kept = [crate for crate in sbom["components"] if (crate["name"], crate["version"]) in built]
    refs = {crate["bom-ref"] for crate in [*kept, sbom["metadata"]["component"]]}
    edges = [edge for edge in sbom["dependencies"] if edge["ref"] in refs]
    for edge in edges:
        if "dependsOn" in edge:
            edge["dependsOn"] = [ref for ref in edge["dependsOn"] if ref in refs]
    return {**sbom, "components": kept, "dependencies": edges}


def generated(target):
    """What cargo-cyclonedx writes, which can only be beside Cargo.toml, without the folder of this machine."""
    name = "sbom-being-made"
    file = ROOT / f"{name}.json"
    command = ["cargo", "cyclonedx", "--format", "json", "--spec-version", "1.5", "--no-build-deps", "--quiet"]
    try:
        subprocess.run([*command, "--target", target, "--override-filename", name], cwd=ROOT, check=True)
        return json.loads(file.read_text(encoding="utf-8").replace(ROOT.as_uri(), "file://."))
    finally:
        file.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
