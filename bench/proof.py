"""Counts both kinds of error of the proof: what is deleted wrongly, and what is missed.

The first corpus are the shapes in ``tests/corpora/shipped.jsonl.xz``: what was published or committed.
Each is laid down twice, as a git repository and without one, and nothing of it may be selected. The
second are real installs (``installs.py``), of which everything that the tools made should be selected.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import installs
from install_list import INSTALLS
from support.shapes import SHIPPED, Shape, lay, read

_LARGEST: Final = 4096
"""Bytes of a file in a repository, as git reads all of it."""

_AGE: Final = 86400
"""Seconds since the files were written."""

_ELSEWHERE: Final = "installed"
"""Why all is kept where no projects lie, as in /dev/shm."""

_SHOWN: Final = 20
"""Lines for each kind of error."""


@dataclass(frozen=True, slots=True)
class Row:
    """One directory of a package, as the tool sees it."""

    package: str
    with_git: bool
    path: str
    rule: str | None
    selected: bool
    reason: str | None
    detail: str | None


def shipped(place: Path, shapes: Sequence[Shape]) -> Iterator[Row]:
    """Lay *shapes* down in *place*, look at all with and without git, and yield what is found."""
    for with_git in (False, True):
        top = place / ("git" if with_git else "plain")
        for shape in shapes:
            lay(
                shape,
                top / shape.name,
                now=time.time() - _AGE,
                largest=_LARGEST if with_git else None,
            )
        if with_git:
            commit(top)
        for row in installs.run_tool(place / "home", top):
            package, _, path = os.path.relpath(row["path"], top).partition(os.sep)
            selected = row["decision"] == "delete"
            yield Row(
                package,
                with_git,
                path,
                row["rule"],
                selected,
                row["reason"],
                row.get("reason_detail"),
            )
        shutil.rmtree(top)


def commit(top: Path) -> None:
    """Make *top* a repository in which everything is committed, ignored or not."""
    git = (
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.org",
        "-c",
        "gc.auto=0",
        "-c",
        "maintenance.auto=false",
        "-C",
        str(top),
    )
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for arguments in (
        ("init", "--quiet", "--template="),
        ("add", "--all", "--force"),
        ("commit", "--quiet", "--allow-empty", "--message=all"),
    ):
        subprocess.run([*git, *arguments], env=environment, check=True, stderr=subprocess.DEVNULL)


def _table(
    rows: Sequence[Row], judged: Sequence[installs.Judged], shapes: Sequence[Shape]
) -> Iterator[str]:
    yield "| corpus | git | trees | directories | selected | wrong deletions | misses |"
    yield "|---|---|---|---|---|---|---|"
    for with_git in (True, False):
        these = [row for row in rows if row.with_git == with_git]
        chosen = sum(row.selected for row in these)
        git = "yes" if with_git else "no"
        directories = sum(len(shape.artifacts) for shape in shapes)
        yield f"| published or committed | {git} | {len(shapes)} | {directories} | {chosen} | **{chosen}** | |"
    for with_git in (True, False):
        of = [one for one in judged if one.with_git == with_git]
        if not of:
            continue
        expected = [one for one in of if one.expected]
        missed = len(installs.misses(of))
        trees = len({one.install for one in of})
        yield (
            f"| installed and built here | {'yes' if with_git else 'no'} | {trees} | {len(expected)} | "
            f"{sum(one.selected for one in of)} | **{len(installs.wrong(of))}** | "
            f"**{missed}** ({100 * missed / len(expected):.1f} %) |"
        )


def main() -> None:
    """Run both corpora, and print the table and every error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path.home() / ".cache/cleanup-nodemodule-installs",
        help="where the installs are kept, several GB",
    )
    parser.add_argument("--no-installs", action="store_true", help="only what needs no network")
    parser.add_argument(
        "--only-installed", action="store_true", help="make no install that is not there yet"
    )
    parser.add_argument("--record", type=Path, help="write every row to this file")
    arguments = parser.parse_args()
    shapes = read(SHIPPED)
    with tempfile.TemporaryDirectory() as place:
        rows = list(shipped(Path(place).resolve(), shapes))
    if all(row.reason == _ELSEWHERE for row in rows):
        raise SystemExit(
            "the temporary directory is part of the system: set TMPDIR to one where projects may lie"
        )
    judged: list[installs.Judged] = []
    failures: dict[str, str] = {}
    if not arguments.no_installs:
        directory = arguments.directory.resolve()
        chosen = [
            one
            for one in INSTALLS
            if not arguments.only_installed or (directory / "state" / f"{one.name}.json").exists()
        ]
        failures = installs.make(directory, chosen)
        there = [one for one in chosen if one.name not in failures]
        judged = [
            one for git in (True, False) for one in installs.judge(directory, there, with_git=git)
        ]
    print("\n".join(_table(rows, judged, shapes)))
    for name, why in failures.items():
        print(f"not installed: {name}: {why}")
    _print_errors(rows, judged)
    if arguments.record is not None:
        everything: dict[str, Any] = {
            "shipped": [asdict(row) for row in rows],
            "installed": [asdict(one) for one in judged],
        }
        arguments.record.write_text(json.dumps(everything, indent=1))


def _print_errors(rows: Sequence[Row], judged: Sequence[installs.Judged]) -> None:
    lines = [
        *(
            (f"wrong: {row.rule}", f"{row.package} ({_git(with_git=row.with_git)}): {row.path}")
            for row in rows
            if row.selected
        ),
        *(
            (f"wrong: {one.rule}", f"{one.install} ({_git(with_git=one.with_git)}): {one.path}")
            for one in installs.wrong(judged)
        ),
        *(
            (
                f"missed: {one.rule or 'no rule'}: {one.reason}",
                f"{one.install} ({_git(with_git=one.with_git)}): {one.path}: {one.detail or ''}",
            )
            for one in installs.misses(judged)
        ),
    ]
    for kind, number in Counter(kind for kind, _ in lines).most_common():
        print(f"\n{kind}: {number}")
        for line in [line for one, line in lines if one == kind][:_SHOWN]:
            print(f"    {line}")


def _git(*, with_git: bool) -> str:
    return "git" if with_git else "no git"


if __name__ == "__main__":
    main()
