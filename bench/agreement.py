"""Holds what the tool finds and measures against what ``find`` and ``du`` say, byte for byte."""

import json
import os
import subprocess
from collections.abc import Sequence
from typing import Any

import floor
import source_tree
from places import TOOL
from race import WrongError


def check_artifacts(tree: str, engine: str) -> dict[str, Any]:
    """Compare all artifacts in *tree*, and all their sizes; return the tool's report.

    Raises WrongError if an artifact is missing, or at the first size that is a byte off.
    """
    said = _output(TOOL, "--engine", engine, "-p", tree, "--json")
    report: dict[str, Any] = json.loads(said)
    artifacts = sorted(report["artifacts"], key=lambda row: os.fsencode(row["path"]))
    expected = _find(report["roots"][0])
    if not expected or {row["path"] for row in artifacts} != expected:
        raise WrongError(f"the tool finds {len(artifacts)} artifacts, but find {len(expected)}")
    for field, options in (
        ("allocated_bytes", ("--block-size=1",)),
        ("apparent_bytes", ("--block-size=1", "--apparent-size")),
    ):
        theirs = _du(options, [row["path"] for row in artifacts])
        for row in artifacts:
            path, mine = row["path"], row[field]
            if mine != theirs.get(path):
                raise WrongError(f"{path}: {field} is {mine}, but du says {theirs.get(path)}")
    return report


def check_floor(tree: str) -> floor.Sums:
    """Compare what the floor counts in *tree* with what du says; return it."""
    sums = floor.sums(tree)
    theirs = _du(("--block-size=1",), [tree])[tree]
    if sums.allocated != theirs:
        raise WrongError(f"{tree}: the floor counts {sums.allocated} bytes, but du {theirs}")
    return sums


def check_source(tree: str) -> None:
    """Make sure that there is nothing to be found in *tree*."""
    found = _find(tree)
    if found:
        raise WrongError(f"{tree} is to have no artifacts, but has {min(found)}")


def _find(root: str) -> set[str]:
    """Return the artifacts that find(1) finds."""
    listed = _output(*find_command("find", root), "-print0")
    return {os.fsdecode(path) for path in listed.split(b"\0") if path}


def find_command(find: str, root: str) -> tuple[str, ...]:
    """Return how find(1) looks for the default names, without the action."""
    names = [word for name in source_tree.names() for word in ("-o", "-name", name)][1:]
    skipped = ("-name", ".git", "-prune", "-o")
    return (find, root, "-mindepth", "1", *skipped, "-type", "d", "(", *names, ")", "-prune")


def _du(options: Sequence[str], paths: Sequence[str]) -> dict[str, int]:
    """Return what du says of each path; a file with links in several of them counts in the first."""
    names = b"\0".join(os.fsencode(path) for path in paths)
    listed = _output("du", "-s", "-0", *options, "--files0-from=-", given=names)
    sizes: dict[str, int] = {}
    for line in listed.rstrip(b"\0").split(b"\0"):
        size, _, path = line.partition(b"\t")
        sizes[os.fsdecode(path)] = int(size)
    return sizes


def _output(*command: str, given: bytes = b"") -> bytes:
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout
