"""Holds what programs say that a directory takes against what ``df`` says came back when it was deleted.

Each case is made anew on a file system of its own, on a loop device. What goes is in ``goes``, what stays beside it.
This tool says first what would come back, then the others say what it takes, and then this tool deletes it.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import machine
import peers
import places
import race
import races
from cleanup_nodemodule.words import bound

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import pytest

from support import given_back
from support.filesystems import Mounts
from support.needs import unable

PROGRAMS: Final = ("du", "gdu", "dust", "ncdu", "npkill")
"""What is compared with."""

_CLONING: Final = ("xfs", "btrfs")
_ON_DISKS: Final = ("ext4", *_CLONING)

CASES: Final[dict[str, tuple[str, ...]]] = {
    "npm": (*_ON_DISKS, "btrfs, zstd", "tmpfs", "overlay, upper", "overlay, lower"),
    "files below 100 B": (*_ON_DISKS, "ext4, inline data"),
    "directories": _ON_DISKS,
    "text, 20 MB": (*_ON_DISKS, "btrfs, zstd"),
    "one attribute on all files": ("ext4",),
    "pnpm, the store stays": _ON_DISKS,
    "pnpm, the store goes": _ON_DISKS,
    "reflinks of a store that stays": _CLONING,
    "reflinks between two that both go": _CLONING,
    "clones, overwritten in part": _CLONING,
    "a snapshot, and a project after it": ("btrfs", "btrfs, zstd"),
    "npm install, and `cp -r` of it: the copy goes": _ON_DISKS,
    "pnpm install, twice: both go": _ON_DISKS,
    "uv, two environments: both go": _ON_DISKS,
}
"""On which file systems each of the shapes is made."""

_INSTALLED: Final = (
    '{"private": true, "dependencies": {"express": "4", "typescript": "5", "date-fns": "4"}}'
)
_QUIET: Final = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")


class Said(NamedTuple):
    """What one program says, in bytes."""

    least: int
    most: int


class Line(NamedTuple):
    """One case on one file system, in bytes."""

    case: str
    kind: str
    ours: Said
    others: dict[str, int]
    """By program."""
    freed: int
    """By so much grew what ``df`` calls free."""


def _run(*command: str | Path, where: Path) -> None:
    if shutil.which(command[0]) is None:
        unable(f"there is no {command[0]}")
    subprocess.run(command, cwd=where, check=True, stdout=subprocess.DEVNULL)


def _npm_copied(making: given_back.Making) -> None:
    original = making.stays / "original"
    original.mkdir()
    (original / "package.json").write_text(_INSTALLED)
    _run("npm", "install", *_QUIET, where=original)
    making.sync()
    # As cp does it without being told: it clones where the file system can.
    _run("cp", "-r", original, making.goes / "copy", where=making.goes)


def _pnpm_twice(making: given_back.Making) -> None:
    store = making.stays / "store"
    for name in "ab":
        modules = making.project(name)
        (modules.parent / "package.json").write_text(_INSTALLED)
        pnpm = [
            "npm",
            "exec",
            "--yes",
            "--package=pnpm",
            "--",
            "pnpm",
            "install",
            "--ignore-scripts",
        ]
        _run(*pnpm, f"--store-dir={store}", "--silent", where=modules.parent)


def _uv_twice(making: given_back.Making) -> None:
    uv = os.path.join(os.path.dirname(sys.executable), "uv")
    for name in "ab":
        project = making.goes / name
        project.mkdir()
        (project / "requirements.txt").write_text("numpy\n")
        _run(uv, "venv", "--quiet", "--python", sys.executable, ".venv", where=project)
        cache = f"--cache-dir={making.stays / 'cache'}"
        _run(uv, "pip", "install", "--quiet", cache, "--python=.venv", "numpy", where=project)


_INSTALLS: Final[dict[str, given_back.Shape]] = {
    "npm install, and `cp -r` of it: the copy goes": _npm_copied,
    "pnpm install, twice: both go": _pnpm_twice,
    "uv, two environments: both go": _uv_twice,
}
"""Shapes that package managers make."""


def made(case: str, kind: str, mounts: Mounts, top: Path) -> Path:
    """Make a case on a new file system, and return the directory of what goes."""
    shape = _INSTALLS.get(case) or given_back.SHAPES[case]
    name, _, layer = kind.partition(", ")
    if name != "overlay":
        making = given_back.Making(given_back.disk(mounts, kind, top) / "made")
        shape(making)
        making.sync()
        return making.goes
    disk = given_back.disk(mounts, "ext4", top / "disk")
    lower, upper, work = (disk / place for place in ("lower", "upper", "work"))
    for directory in (lower, upper, work):
        directory.mkdir()
    merged = top / "merged"
    if layer == "lower":
        shape(given_back.Making(lower / "made"))
    mounts.overlay(merged, lower, upper, work)
    if layer == "upper":
        shape(given_back.Making(merged / "made"))
    given_back.synchronize(disk)
    return merged / "made" / "goes"


def artifacts(goes: Path) -> list[Path]:
    """Return what goes: one directory of each project."""
    return sorted(one for one in goes.glob("*/*") if one.name in {"node_modules", ".venv"})


def ours(goes: Path, *more: str) -> Said:
    """Return what this tool says of all that goes; with *more* options it may be deleted, too."""
    chosen = [word for path in artifacts(goes) for word in ("--include-unproven", str(path))]
    command = (places.TOOL, str(goes), "--json", "--profile", "js", "--profile", "python", *chosen)
    done = subprocess.run((*command, *more), capture_output=True, text=True, check=False)
    if done.returncode:
        raise race.WrongError(f"the tool ends with {done.returncode}: {done.stderr}{done.stdout}")
    totals = json.loads(done.stdout)["totals"]
    if totals["selected"] != len(artifacts(goes)) and not more:
        raise race.WrongError(f"the tool selects {totals['selected']} of {artifacts(goes)}")
    least = totals["reclaimable_bytes"]
    return Said(least, totals.get("reclaimable_at_most_bytes", least))


def others(found: dict[str, peers.Found], goes: Path) -> dict[str, int]:
    """Return what each of the other programs says of all that goes.

    One artifact is looked at itself, several with the directory that they are in, so that each program can count
    once what they have in common.
    """
    going = artifacts(goes)
    place = str(going[0] if len(going) == 1 else goes)
    field = races.Field(*("",) * 3, found, *(0,) * 3)
    said: dict[str, int] = {}
    for subject in races.sizers(field, place):
        if subject.key in PROGRAMS:
            text = subprocess.run(subject.command, capture_output=True, text=True, check=True)
            total = re.search(subject.total, text.stdout, re.MULTILINE)
            if total is None:
                raise race.WrongError(f"{subject.label} prints no sum: {text.stdout[:200]!r}")
            said[subject.key] = int(total[1])
    if isinstance(ncdu := found["ncdu"], peers.Peer):
        said["ncdu"] = _by_ncdu(ncdu.path, place)
    if isinstance(npkill := found["npkill"], peers.Peer) and going[0].name == "node_modules":
        # Of several projects in one directory it may find one only, and call its search complete.
        said["npkill"] = sum(
            sum(races.sizes_by_npkill(races.npkill_command(npkill, str(path.parent))))
            for path in going
        )
    return said


def _by_ncdu(ncdu: str, place: str) -> int:
    """Return what ncdu shows of a directory: what it exports is what it knows (ncdu(1), -o)."""
    text = subprocess.run((ncdu, "-0", "-e", "-o", "-", place), capture_output=True, check=True)
    seen: set[int] = set()

    def taken(entry: object) -> int:
        if isinstance(entry, list):
            return sum(taken(one) for one in entry)
        if not isinstance(entry, dict) or "name" not in entry:
            raise race.WrongError(f"ncdu exports {entry!r}")
        # A file with several links counts once.
        if entry.get("hlnkc"):
            if entry["ino"] in seen:
                return 0
            seen.add(entry["ino"])
        return int(entry.get("dsize", 0))

    return taken(json.loads(text.stdout)[3])


def measure(case: str, kind: str, found: dict[str, peers.Found]) -> Line:
    """Make a case, ask everybody, delete it, and see what came back."""
    with tempfile.TemporaryDirectory(prefix="bench-numbers-", dir=_SCRATCH) as directory:
        images = Path(directory, "images")
        images.mkdir()
        mounts = Mounts(images)
        try:
            goes = made(case, kind, mounts, Path(directory, "top"))
            said = ours(goes)
            theirs = others(found, goes)
            before = given_back.free_bytes(goes)
            ours(goes, "--no-dry-run", "--yes")
            if left := artifacts(goes):
                raise race.WrongError(f"the tool has left {left}")
            freed = given_back.free_bytes(goes) - before
        finally:
            mounts.close()
    return Line(case, kind, said, theirs, freed)


_SCRATCH: Final = os.environ.get("BENCH_SCRATCH")
"""Where the images are; nothing: in the directory for temporary files."""


_NONE: Final = "–"  # noqa: RUF001 - a dash, as in any text
"""What did not say anything."""


def table(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the table, in megabytes."""
    heads = ("case", "file system", "**cleanup-nodemodule**", *PROGRAMS, "`df`: came back")
    yield f"| {' | '.join(heads)} |"
    yield f"|---|---|{'---:|' * (len(heads) - 2)}"
    last = ""
    for line in lines:
        cells = [
            _megabytes(line.others[name]) if name in line.others else _NONE for name in PROGRAMS
        ]
        case = "" if line.case == last else line.case
        last = line.case
        said = f"**{_range(line.ours)}**"
        yield f"| {' | '.join((case, line.kind, said, *cells, _megabytes(line.freed)))} |"


def _range(said: Said) -> str:
    """Return what a run shows of both numbers."""
    least, most = _megabytes(said.least), _megabytes(said.most)
    return f"{least}, up to {most}" if bound(*said) else least


def _megabytes(count: int) -> str:
    return f"{count / race.MEGABYTE:.2f}".replace("-0.00", "0.00")


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", default=places.peers(), help="got if there are none")
    parser.add_argument(
        "--cases", nargs="+", choices=tuple(CASES), default=CASES, help="only these"
    )
    options = parser.parse_args()
    machine.end_tidily()
    machine.own_namespace()
    found = peers.load(os.path.abspath(options.peers), PROGRAMS)
    for line in (
        f"- Peers: {', '.join(peers.described({n: found[n] for n in PROGRAMS}))}",
        *machine.describe(),
    ):
        print(line, flush=True)
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="bench-state-") as state:
        os.environ["XDG_STATE_HOME"] = state
        for case, kind in ((one, kind) for one in options.cases for kind in CASES[one]):
            try:
                lines.append(measure(case, kind, found))
            except pytest.skip.Exception as error:
                print(f"missing: {case} on {kind}: {error}", file=sys.stderr)
            else:
                print(lines[-1], file=sys.stderr, flush=True)
    print("", *table(lines), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
