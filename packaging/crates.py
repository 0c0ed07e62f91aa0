"""The crates that a program contains."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "trailhunt"


def built_in(target):
    """Name and version of each crate that cargo builds into the program for `target`, without the program itself."""
    command = ["cargo", "tree", "--locked", "--edges", "normal", "--target", target, "--prefix", "none"]
    tree = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {crate for crate in re.findall(r"^(\S+) v(\S+)", tree, re.MULTILINE) if crate[0] != PROGRAM}
