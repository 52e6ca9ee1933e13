"""Times a dry run over very many small artifacts, beside a search by ``fd`` that has ``du`` add them up.

A home directory with thousands of ``__pycache__`` is nothing special. There the time goes into what is asked about
each artifact, and hardly into what is in it. The trees are in memory, so that no disk has a part in it.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import machine
import peers
import places
from peers import Peer
from places import TOOL
from race import Race, Subject, header, megabytes, peak_memory, rounds, run

FEW: Final = 10_000
MANY: Final = 100_000

MICROSECONDS: Final = 100
"""That the whole run may take for each artifact, its start included."""

BYTES: Final = 1000
"""Of memory that the run may take for each artifact."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Small artifacts of one kind."""

    label: str
    name: str
    profile: str
    make: Callable[[str], None]
    """Makes a project with one in a directory that is there."""


def _compiled(project: str) -> None:
    os.mkdir(os.path.join(project, "__pycache__"))
    _write(os.path.join(project, "x.py"), "x = 1\n")
    _write(os.path.join(project, "__pycache__", "x.cpython-311.pyc"), "\0" * 100)


def installed(project: str) -> None:
    """Make what npm makes of two packages without any others."""
    packages = {}
    for name in ("first", "second"):
        directory = os.path.join(project, "node_modules", name)
        os.makedirs(directory)
        manifest = {"name": name, "version": "1.0.0"}
        _write(os.path.join(directory, "package.json"), json.dumps(manifest))
        _write(os.path.join(directory, "index.js"), "module.exports = 1\n")
        packages[f"node_modules/{name}"] = {"version": "1.0.0"}
    wanted = dict.fromkeys(("first", "second"), "1.0.0")
    top = {"name": "project", "version": "1.0.0", "dependencies": wanted}
    lock = {"name": "project", "version": "1.0.0", "lockfileVersion": 3, "requires": True}
    whole = {**lock, "packages": {"": top, **packages}}
    _write(os.path.join(project, "package.json"), json.dumps(top))
    _write(os.path.join(project, "package-lock.json"), json.dumps(whole))
    hidden = os.path.join(project, "node_modules", ".package-lock.json")
    _write(hidden, json.dumps({**lock, "packages": packages}))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


KINDS: Final = (
    Kind("`__pycache__` with one file", "__pycache__", "python", _compiled),
    Kind("`node_modules` with two packages", "node_modules", "js", installed),
)


def build(directory: str, kind: Kind, count: int) -> str:
    """Make so many projects in a new *directory*, and return that."""
    for number in range(count):
        project = os.path.join(directory, f"project-{number}")
        os.makedirs(project)
        kind.make(project)
    return directory


def _race(kind: Kind, tree: str, count: int, turns: int, found: dict[str, peers.Found]) -> Race:
    command = (TOOL, "--path", tree, "--profile", kind.profile, "--json")
    subjects = [Subject("whole", f"`--profile {kind.profile} --json`", command)]
    missing: list[str] = []
    for name in ("fd", "fdfind"):
        peer = found.get(name)
        if not isinstance(peer, Peer):
            missing += [f"{name}: {peer.reason}"] if peer is not None else []
            continue
        options = ("--unrestricted", "--type", "d", "--prune", "--glob", kind.name, tree)
        # In as few calls as the length of a command line allows.
        theirs = (peer.path, *options, "--exec-batch", "du", "-s")
        shown = f"`fd -u -td --prune -g {kind.name} TREE -X du -s`, fd {peer.version}"
        subjects.append(Subject(name, shown, theirs))
    title = f"{count:,} {kind.label}"
    return Race(title, tuple(subjects), turns, tuple(missing))


def main(arguments: Iterable[str]) -> int:
    """Print the table; return 1 if a target is missed and that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=places.peers())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--counts", type=int, nargs="*", default=[FEW, MANY])
    parser.add_argument("--check", action="store_true", help="fail if a target is missed")
    given = parser.parse_args([*arguments])
    for line in machine.describe():
        print(line)
    found = peers.load(given.peers)
    heads = ("", "median", "fastest to slowest", "CPU", "an artifact", "memory", "an artifact")
    print(f"\n**Many small artifacts, in memory** ({rounds(given.rounds)})\n")
    print(*header(heads, judged=False), sep="\n", flush=True)
    missed = False
    with machine.memory_disk("75%") as disk:
        for kind in KINDS:
            for count in given.counts:
                tree = build(os.path.join(disk, f"{kind.profile}-{count}"), kind, count)
                missed |= _print(_race(kind, tree, count, given.rounds, found), count, disk)
    print(f"\nTargets: {MICROSECONDS} µs and {BYTES:,} bytes an artifact.")
    return int(missed and given.check)


def _print(race: Race, count: int, disk: str) -> bool:
    """Print the rows of a race; return whether a target was missed."""
    missed = False
    empty = os.path.join(disk, "empty")
    os.makedirs(empty, exist_ok=True)
    for row in run(race).rows:
        walls = [times.wall for times in row.times]
        memory = more = ""
        if row.key == "whole" and row.peak_bytes is not None:
            # What the program itself takes is no artifact's.
            alone, _ = peak_memory(Subject("empty", "", (TOOL, "--path", empty, "--json")))
            each = (row.peak_bytes - (alone or 0)) / count
            memory, more = megabytes(row.peak_bytes), f"{each:,.0f} bytes"
            missed = each > BYTES or row.median / count * 1e6 > MICROSECONDS
        cells = (
            f"{race.title}: {row.label}",
            f"{row.median:.2f} s",
            f"{min(walls):.2f} to {max(walls):.2f} s",
            f"{statistics.median(times.cpu for times in row.times):.2f} s",
            f"{row.median / count * 1e6:.0f} µs",
            memory,
            more,
        )
        print(f"| {' | '.join(cells)} |", flush=True)
    for reason in race.missing:
        print(f"| missing: {reason} |{' |' * 6}", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
