"""Measures deleting: the tool beside what else deletes, on several file systems.

Each time a fresh copy is deleted of a project that was made here, in a directory that was made here,
and nothing else ever is. Copying is not timed, and what was copied has reached the disk before the
clock starts. Needs root for all but the machine's own disk.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import build_tree
import disks
import floor
import machine
import peers
import places
import race
import removal
import source_tree
from race import Row, Subject, Target, Times

ENTRIES: Final = 500_000
"""Of the project with many directories, at least, unless fewer are asked for."""

FLAT: Final = 200_000
"""Files in the one directory of the other project."""

_ARTIFACT: Final = "node_modules"

_LOOK_EVERY: Final = 0.0005
"""Seconds between two looks at whether the project is clean."""

_ENOUGH: Final = 0.9
"""The share of the space that has to be back; others may write meanwhile."""

_SOME: Final = 1 << 20
"""Bytes that are free once some of an artifact has been deleted."""

_TELLING: Final = 1 << 20
"""Bytes an artifact has to take for what is free to say when they are back: tmpfs keeps that count for each
processor, and adds up only now and then. A directory of empty files takes next to nothing there."""

_PATIENCE: Final = 30.0
"""Seconds to wait for the space after a program has ended."""

_HEADS: Final = (
    "",
    "median",
    "fastest to slowest",
    "CPU",
    "ratio",
    "lowest to highest",
    "project clean after",
    "space back after",
    "target",
)


class _NeverSeenError(Exception):
    """Nothing outside a program told that it was deleting."""


class Case(NamedTuple):
    """Something to delete."""

    title: str
    project: str
    """Its original, that is copied."""
    most: float
    """Most times the time of rm that the native engine may take."""


class Deletion(NamedTuple):
    """What deleting a copy took, in seconds from the start of the program."""

    done: Times
    """To the end of the program, or the removal alone where the program says what that took."""
    clean: float
    """Until nothing has the artifact's name any more."""
    space: float | None
    """Until the file system had its space back; None if it was never seen to have."""


@dataclass(slots=True)
class _Runner:
    """A program, and what it took by now."""

    subject: Subject
    taken: list[Deletion] = field(default_factory=list)


def many(installed: str, directory: str, wanted: int) -> Case:
    """Make a project of *wanted* real entries or some more, in many directories, in *directory*."""
    project = os.path.join(directory, "many")
    artifact = _project(project)
    entries = 0
    for place in _denser_first(installed):
        if entries >= wanted:
            break
        copy = os.path.join(artifact, os.path.basename(place))
        build_tree.duplicate(os.path.join(place, _ARTIFACT), copy)
        entries += build_tree.count(copy)
    return Case("many directories", project, 0.75)


def _denser_first(installed: str) -> list[str]:
    """Return the installed projects, those with the most directories for their entries first."""
    projects = [
        entry.path
        for entry in os.scandir(installed)
        if os.path.isdir(os.path.join(entry.path, _ARTIFACT))
    ]
    return sorted(
        projects, key=lambda path: source_tree.count(path) / build_tree.count(path), reverse=True
    )


def flat(_installed: str, directory: str, _wanted: int) -> Case:
    """Make a project in *directory* with all its files in one directory."""
    project = os.path.join(directory, "flat")
    inner = os.path.join(_project(project), "flat")
    os.mkdir(inner)
    for number in range(FLAT):
        os.mknod(os.path.join(inner, f"file-{number:06}.js"))
    return Case("one directory", project, 1.05)


_CASES: Final[dict[str, Callable[[str, str, int], Case]]] = {"many": many, "flat": flat}
"""What is deleted: each is made of the tree of installed packages, in a directory."""


def _project(project: str) -> str:
    """Make a project with an artifact that npm seems to have made; return the artifact's path."""
    artifact = os.path.join(project, _ARTIFACT)
    os.makedirs(artifact)
    for path in (
        os.path.join(project, "package.json"),
        os.path.join(project, "package-lock.json"),
        os.path.join(artifact, ".package-lock.json"),
    ):
        with open(path, "w", encoding="utf-8") as file:
            file.write("{}\n")
    return artifact


def subjects(project: str, found: dict[str, peers.Found], most: float) -> Iterator[Subject]:
    """Yield the programs, each to delete the artifact of the copy *project*."""
    artifact = os.path.join(project, _ARTIFACT)
    theirs = tuple(name for name in ("rimraf", "rmz") if isinstance(found[name], peers.Peer))
    targets = (Target(most, ("rm",)), Target(1.0, ("rm", *theirs, "shutil")))
    rm = found["rm"]
    if isinstance(rm, peers.Peer):
        yield Subject("rm", f"`rm -rf ARTIFACT` {rm.version}", (rm.path, "-rf", "--", artifact))
    for engine in ("native", "python"):
        script = os.path.join(places.SCRIPTS, "removal.py")
        yield Subject(
            engine,
            f"the removal alone, {engine} engine",
            (sys.executable, script, project, "--engine", engine),
            targets if engine == "native" else (),
            process="counts itself",
        )
    for engine in ("native", "python"):
        command = (places.TOOL, "--engine", engine, "-p", project, "--no-dry-run", "-y", "-q")
        label = f"`cleanup-nodemodule --engine {engine} -p PROJECT --no-dry-run -y`"
        yield Subject(f"whole-{engine}", label, command)
    for name in ("rimraf", "rmz"):
        peer = found[name]
        if isinstance(peer, peers.Peer):
            yield Subject(name, f"`{name} ARTIFACT` {peer.version}", (peer.path, artifact))
    code = "import shutil, sys; shutil.rmtree(sys.argv[1])"
    python = (sys.executable, "-I", "-c", code, artifact)
    yield Subject("shutil", "`shutil.rmtree(ARTIFACT)`", python)


def run(
    case: Case,
    directory: str,
    found: dict[str, peers.Found],
    rounds: int,
    programs: Sequence[str] | None,
) -> list[_Runner]:
    """Have *programs*, or all, take turns at deleting a copy in *directory*, while there are rounds.

    Raises WrongError if one does not delete it.
    """
    copies = os.path.join(directory, "copies")
    os.mkdir(copies)
    # Each copy into other groups of inodes (chattr(1)): ext4 without a journal passes by what was deleted
    # there in the last minutes, one by one, which takes longer than all the rest of copying.
    subprocess.run(("chattr", "+T", copies), stderr=subprocess.DEVNULL, check=False)
    with open(os.path.join(copies, removal.MARK), "w", encoding="utf-8"):
        pass
    project = os.path.join(copies, "project")
    runners = [
        _Runner(subject)
        for subject in subjects(project, found, case.most)
        if programs is None or subject.key in programs
    ]
    size = floor.sums(case.project).allocated
    # So that the first round finds every program loaded.
    for runner in runners:
        _project(project)
        delete(runner.subject, project, 0)
        shutil.rmtree(project)
    for number in range(rounds):
        for turn in range(len(runners)):
            runner = runners[(number + turn) % len(runners)]
            build_tree.duplicate(case.project, project)
            subprocess.run(("sync", "-f", project), check=True)
            runner.taken.append(delete(runner.subject, project, size))
            # What is left: the project without its artifact.
            shutil.rmtree(project)
    shutil.rmtree(copies)
    return runners


def stop(case: Case, directory: str, rounds: int) -> list[str]:
    """Stop the tool while it deletes a copy, as often as there are rounds; return the rows of a table.

    Raises WrongError if the summary is not true.
    """
    copies = os.path.join(directory, "copies")
    os.mkdir(copies)
    project = os.path.join(copies, "project")
    lines = []
    for engine in ("native", "python"):
        for number in (signal.SIGINT, signal.SIGTERM):
            taken = []
            for _ in range(rounds):
                build_tree.duplicate(case.project, project)
                subprocess.run(("sync", "-f", project), check=True)
                with contextlib.suppress(_NeverSeenError):
                    taken.append(_stopped(project, engine, number))
                shutil.rmtree(project)
            if not taken:
                lines.append(f"| {engine} engine, {number.name} | not seen | | |")
                continue
            cells = (
                f"{engine} engine, {number.name}",
                f"{statistics.median(taken):.3f} s",
                f"{max(taken):.3f} s",
                race.judgement([race.Verdict(f"{max(taken):.2f} s (at most 1)", max(taken) <= 1)]),
            )
            lines.append(f"| {' | '.join(cells)} |")
    shutil.rmtree(copies)
    return lines


def _stopped(project: str, engine: str, number: signal.Signals) -> float:
    """Return the seconds from the signal to the end of the program.

    Raises _NeverSeenError if the program was through with it before anybody could tell that it had begun.
    """
    command = (places.TOOL, "--engine", engine, "-p", project, "--no-dry-run", "-y", "--json")
    artifact = os.path.join(project, _ARTIFACT)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        free = _free(project)
        # In the midst of it, when it has been renamed and looked through and is being emptied.
        while process.poll() is None and (
            os.path.lexists(artifact) or _free(project) < free + _SOME
        ):
            time.sleep(_LOOK_EVERY)
        if process.poll() is not None:
            raise _NeverSeenError
        start = time.perf_counter()
        process.send_signal(number)
        output, _ = process.communicate()
        taken = time.perf_counter() - start
    [row] = json.loads(output)["artifacts"]
    left = row["left_at"]
    # XFS gives back by itself what it had set aside for growing files, which looks like the emptying;
    # a signal that comes before that finds the artifact put back, whole.
    as_it_was = row["outcome"] is None and left is None and os.path.lexists(artifact)
    partly = not os.path.lexists(artifact) and left is not None and os.path.isdir(left)
    if row["outcome"] != "deleted" and (
        process.returncode != 128 + number or not (as_it_was or partly)
    ):
        raise race.WrongError(f"stopped by {number.name}, it said {process.returncode}: {row}")
    return taken


def delete(subject: Subject, project: str, size: int) -> Deletion:
    """Run a program that deletes the artifact, of *size* bytes, of the copy *project*."""
    artifact = os.path.join(project, _ARTIFACT)
    parent = os.path.dirname(project)
    free = _free(parent)
    start = time.perf_counter()
    clean: float | None = None
    with subprocess.Popen(
        subject.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        ended = 0
        while not ended:
            # Whatever the program writes is far less than a pipe holds.
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if clean is None and not os.path.lexists(artifact):
                clean = time.perf_counter() - start
            if not ended:
                time.sleep(_LOOK_EVERY)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output = process.stdout.read().decode() if process.stdout else ""
    if process.returncode or clean is None:
        raise race.WrongError(f"{subject.label} left {artifact}, or said {process.returncode}")
    done = Times(wall, usage.ru_utime + usage.ru_stime)
    space = _space_back(parent, free + int(_ENOUGH * size), start) if size >= _TELLING else None
    return Deletion(race.stage_times(output) if subject.process else done, clean, space)


def _space_back(directory: str, wanted: int, start: float) -> float | None:
    """Wait until so many bytes are free; return the seconds from *start*, None if it takes too long."""
    end = time.perf_counter() + _PATIENCE
    while (now := time.perf_counter()) < end:
        if _free(directory) >= wanted:
            return now - start
        time.sleep(_LOOK_EVERY)
    return None


def _free(directory: str) -> int:
    status = os.statvfs(directory)
    return status.f_bfree * status.f_frsize


def rows(runners: Sequence[_Runner]) -> list[Row]:
    """Return what each program took, and whether that meets its targets."""
    plain = {
        runner.subject.key: Row(
            runner.subject.key, runner.subject.label, tuple(taken.done for taken in runner.taken)
        )
        for runner in runners
    }
    return [
        Row(row.key, row.label, row.times, None, tuple(race.judge(row, plain, listed)))
        for listed in ([runner.subject for runner in runners],)
        for row in plain.values()
    ]


def table(title: str, runners: Sequence[_Runner], judged: Sequence[Row]) -> list[str]:
    """Return what was measured as a table in Markdown."""
    first = judged[0]
    lines = [
        f"**{title}** ({race.rounds(len(first.times))})",
        "",
        *race.header(_HEADS, judged=True),
    ]
    for runner, row in zip(runners, judged, strict=True):
        ratios = row.ratios(first)
        walls = [times.wall for times in row.times]
        spaces = [taken.space for taken in runner.taken if taken.space is not None]
        # The removal alone begins when nobody outside can know.
        whole = not runner.subject.process
        cells = (
            row.label,
            f"{row.median:.3f} s",
            f"{min(walls):.3f} to {max(walls):.3f} s",
            f"{statistics.median(times.cpu for times in row.times):.3f} s",
            "1" if row is first else f"**{statistics.median(ratios):.2f}**",
            "" if row is first else f"{min(ratios):.2f} to {max(ratios):.2f}",
            f"{statistics.median(taken.clean for taken in runner.taken):.3f} s" if whole else "",
            (f"{statistics.median(spaces):.3f} s" if spaces else "not seen") if whole else "",
            race.judgement(row.verdicts),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def missing(found: dict[str, peers.Found]) -> list[str]:
    """Return the rows of the programs that cannot be had."""
    absent = (found[name] for name in ("rm", "rimraf", "rmz"))
    return [
        f"| missing: {peer.name}: {peer.reason} |{' |' * (len(_HEADS) - 1)}"
        for peer in absent
        if isinstance(peer, peers.Missing)
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measures deleting on several file systems.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--tree", default=places.tree(), help="to copy packages from")
    parser.add_argument(
        "--entries", type=int, default=build_tree.ENTRIES, help="the tree must have"
    )
    parser.add_argument(
        "--project", type=int, default=ENTRIES, metavar="ENTRIES", help="to delete at a time"
    )
    parser.add_argument("--peers", default=places.peers(), help="got if there are none")
    # Not in a cache: what lies there is kept, as somebody's installed software.
    parser.add_argument("--scratch", default="/var/tmp", help="where to make what is deleted")  # noqa: S108 - only a directory of its own in it is used
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--on", nargs="+", choices=disks.KINDS, default=disks.KINDS, metavar="KIND", help="disks"
    )
    parser.add_argument(
        "--cases", nargs="+", choices=list(_CASES), default=list(_CASES), help="what to delete"
    )
    parser.add_argument(
        "--programs",
        nargs="+",
        metavar="KEY",
        help="only these: rm, native, whole-native, rmz, ...",
    )
    parser.add_argument(
        "--stops",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="stop the tool while it deletes, too",
    )
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    return parser.parse_args()


def measure(kind: str, options: argparse.Namespace, found: dict[str, peers.Found]) -> bool:
    """Measure on one kind of file system and print the tables; return whether a target was missed."""
    missed = False
    with disks.disk(kind, options.scratch) as directory:
        for name in options.cases:
            case = _CASES[name](options.tree, directory, options.project)
            sums = floor.sums(case.project)
            runners = run(case, directory, found, options.rounds, options.programs)
            judged = rows(runners)
            missed |= any(not verdict.met for row in judged for verdict in row.verdicts)
            counted = f"{sums.entries:,} entries in {sums.directories:,} directories"
            head = f"Deleting {case.title}, {kind}: {counted}"
            print("", *table(head, runners, judged), *missing(found), sep="\n", flush=True)
            if options.stops:
                title = f"**Stopped while deleting {case.title}, {kind}**"
                heads = race.header(("", "median", "slowest", "target"), judged=True)
                stops = stop(case, directory, options.rounds)
                rounds = race.rounds(options.rounds)
                print("", f"{title} ({rounds})", "", *heads, *stops, sep="\n", flush=True)
            shutil.rmtree(case.project)
    return missed


def main() -> int:
    """Make the file systems one after the other, measure, and print."""
    options = _options()
    machine.end_tidily()
    machine.compile_tool()
    os.makedirs(options.scratch, exist_ok=True)
    print("\n".join(machine.describe()), flush=True)
    missed = False
    with tempfile.TemporaryDirectory(prefix="bench-state-") as state:
        # The tool's journal is part of what it does, but not the user's.
        os.environ["XDG_STATE_HOME"] = state
        try:
            build_tree.build(options.tree, options.entries)
            found = peers.load(os.path.abspath(options.peers))
            for kind in options.on:
                try:
                    missed |= measure(kind, options, found)
                except machine.UnableError as error:
                    print(f"\nmissing: deleting on {kind}: {error}", flush=True)
        except (build_tree.TooSmallError, race.WrongError, subprocess.CalledProcessError) as error:
            print(f"deleting: {error}", file=sys.stderr)
            return 1
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
