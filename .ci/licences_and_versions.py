#!/usr/bin/env python3
"""Hold the dependencies against deny.toml: permissive licences only, one version of each crate that must be single.

In: `cargo metadata --locked` and deny.toml. Out: one line per offender, exit code 1 if there is any.
Looks at what reaches the Linux binary through normal and build dependencies; tests may use what they like.
"""

import doctest
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    assert doctest.testmod().failed == 0, "the licence expressions are read wrongly"
    rules = tomllib.loads((ROOT / "deny.toml").read_text())
    packages = reachable_packages(cargo_metadata(target=rules["graph"]["targets"][0]))
    offences = licence_offences(packages, rules["licenses"]) + version_offences(packages, rules["bans"])
    for offence in offences:
        print(offence)
    print(f"{len(packages)} packages, {len(offences)} offences against deny.toml")
    return 1 if offences else 0


def cargo_metadata(target: str) -> dict:
    command = [os.environ.get("CARGO", "cargo"), "metadata", "--format-version=1", "--locked", f"--filter-platform={target}"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def reachable_packages(metadata: dict) -> list[dict]:
    """The workspace and what it needs to run or to be built, sorted by name and version."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    reached, waiting = set(), list(metadata["workspace_members"])
    while waiting:
        package_id = waiting.pop()
        if package_id in reached:
            continue
        reached.add(package_id)
        for dependency in nodes[package_id]["deps"]:
            if any(kind["kind"] in (None, "build") for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    packages = [package for package in metadata["packages"] if package["id"] in reached]
    return sorted(packages, key=lambda package: (package["name"], package["version"]))


def licence_offences(packages: list[dict], rules: dict) -> list[str]:
    by_name = {exception["crate"]: exception["allow"] for exception in rules["exceptions"]}
    offences = []
    for package in packages:
        name, licence = package["name"], package["license"]
        allowed = set(rules["allow"]) | set(by_name.get(name, []))
        if not licence or not is_allowed(licence, allowed):
            offences.append(f"licence: {name} {package['version']} is under {licence or 'no SPDX expression'}")
    return offences


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met with `allowed` licences. `/` is cargo's old way to write OR.

    >>> [is_allowed(e, {"MIT", "ISC", "X WITH Y"}) for e in ("MIT", "GPL-3.0", "GPL-3.0/MIT", "GPL-3.0 OR X WITH Y")]
    [True, False, True, True]
    >>> [is_allowed(e, {"MIT", "ISC"}) for e in ("MIT AND GPL-3.0", "ISC AND (GPL-3.0 OR MIT)", "X WITH Y", "MIT WITH Y")]
    [False, True, False, False]
    >>> [is_allowed(e, {"MIT"}) for e in ("MIT OR ISC AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0")]
    [True, False]
    """
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def any_of() -> bool:
        met = all_of()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            met = all_of() or met
        return met

    def all_of() -> bool:
        met = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = one() and met
        return met

    def one() -> bool:
        name = tokens.pop(0)
        if name == "(":
            met = any_of()
            tokens.pop(0)  # the closing parenthesis
            return met
        if tokens and tokens[0] == "WITH":
            name = f"{name} {tokens.pop(0)} {tokens.pop(0)}"
        return name in allowed

    return any_of()


def version_offences(packages: list[dict], rules: dict) -> list[str]:
    offences = []
    for single in (entry["crate"] for entry in rules["deny"] if entry.get("deny-multiple-versions")):
        versions = [package["version"] for package in packages if package["name"] == single]
        if len(versions) != 1:
            offences.append(f"versions: {single} should be there once, found {', '.join(versions) or 'none'}")
    return offences


if __name__ == "__main__":
    sys.exit(main())
