"""Measures the tool beside what it is compared with, and prints the tables.

Everything is measured in this one run, the programs of a race taking turns: each round runs every
program once, and each starts with the next one, so that whatever else the machine is doing hits all
of them alike. A ratio is the median of the ratios of the rounds. The first round warms the cache,
measures memory, and is not timed.
"""

import argparse
import ctypes
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import build_tree
import phases

TOOL: Final = os.path.join(os.path.dirname(sys.executable), "cleanup-nodemodule")
"""The installed command that belongs to the Python running this."""

NAMES: Final = ("node_modules", ".next", "dist", ".turbo", ".cache")
"""Directories that the tool looks for, unless told otherwise."""

_PR_SET_CHILD_SUBREAPER: Final = 36
"""prctl(2)."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A program to be measured."""

    label: str
    command: tuple[str, ...]
    target: float | None = None
    """Most times the time of the race's reference that it may take; None: no promise."""


@dataclass(frozen=True, slots=True)
class Race:
    """Programs that take turns. The first is what the others are compared with."""

    title: str
    subjects: tuple[Subject, ...]
    rounds: int


@dataclass(frozen=True, slots=True)
class Times:
    """What a run of a program took, in seconds."""

    wall: float
    cpu: float
    """Of all its threads and children, in the kernel too."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a program took, round by round."""

    subject: Subject
    times: tuple[Times, ...]
    ratios: tuple[float, ...]
    """Its time by that of the reference in the same round; none for the reference."""
    peak_bytes: int | None
    """The most memory it had at once; None where nobody can say."""

    @property
    def missed(self) -> bool:
        """Whether it took longer than it may."""
        target = self.subject.target
        return target is not None and statistics.median(self.ratios) > target


class WrongError(Exception):
    """The numbers are wrong, so how fast they came does not matter. The message says which."""


def races(tree: str, rounds: int, short_rounds: int) -> tuple[Race, ...]:
    """Return what is measured."""
    return (
        Race(
            "Whole run, start-up included, warm cache",
            (
                Subject("`du -s TREE`", ("du", "-s", tree)),
                Subject(
                    "`cleanup-nodemodule -p TREE --json`", (TOOL, "-p", tree, "--json"), target=2.2
                ),
            ),
            rounds,
        ),
        Race(
            "Start-up",
            (
                Subject('`python -c "import typer"`', (sys.executable, "-c", "import typer")),
                Subject("`cleanup-nodemodule --version`", (TOOL, "--version"), target=1.3),
            ),
            short_rounds,
        ),
    )


def run(race: Race) -> tuple[Result, ...]:
    """Have all programs take turns for as many rounds as the race has."""
    peaks = [peak_memory(subject.command) for subject in race.subjects]
    taken: list[list[Times]] = [[] for _ in race.subjects]
    runners = len(race.subjects)
    for number in range(race.rounds):
        for turn in range(runners):
            place = (number + turn) % runners
            taken[place].append(measure(race.subjects[place].command))
    reference = taken[0]
    return tuple(
        Result(
            subject,
            tuple(times),
            tuple(
                mine.wall / theirs.wall
                for mine, theirs in zip(times, reference, strict=True)
                if times is not reference
            ),
            peak,
        )
        for subject, times, peak in zip(race.subjects, taken, peaks, strict=True)
    )


def measure(command: Sequence[str]) -> Times:
    """Run a program to its end and say what it took."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Times(wall, usage.ru_utime + usage.ru_stime)


def peak_memory(command: Sequence[str]) -> int | None:
    """Run a program to its end and return the most memory it had at once, in bytes.

    Linux counts to a program what the process that starts it has, as that is what it was for a
    moment (``exec_mmap`` in the kernel's fs/exec.c); started from here, ``du`` would seem to take
    as much as this Python. So a small shell starts it and goes away, and the orphan comes to us.
    """
    if sys.platform != "linux":
        measure(command)
        return None
    if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError("prctl(PR_SET_CHILD_SUBREAPER) failed")
    shell = ("/bin/sh", "-c", '"$@" >/dev/null & echo $!', "sh", *command)
    # The pipe is closed in the program itself, so reading ends with the shell.
    started = subprocess.run(shell, stdout=subprocess.PIPE, check=True)
    _, status, usage = os.wait4(int(started.stdout), 0)
    if status:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), command)
    return usage.ru_maxrss * 1024


def check(tree: str) -> dict[str, Any]:
    """Hold what the tool says against ``find`` and ``du``; return the tool's report.

    Raises WrongError if an artifact is missing, or at the first size that is a byte off.
    """
    report: dict[str, Any] = json.loads(_output(TOOL, "-p", tree, "--json"))
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


def _find(root: str) -> set[str]:
    """Return the artifacts that find(1) finds."""
    names = [word for name in NAMES for word in ("-o", "-name", name)][1:]
    skipped = ("-name", ".git", "-prune", "-o")
    wanted = ("-type", "d", "(", *names, ")", "-prune", "-print0")
    listed = _output("find", root, "-mindepth", "1", *skipped, *wanted)
    return {os.fsdecode(path) for path in listed.split(b"\0") if path}


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


def machine(tree: str, entries: int, report: dict[str, Any]) -> list[str]:
    """Return the lines that say what was measured, and where."""
    tool = report["tool"]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    file_system = _output("df", "--output=fstype", tree).split()[-1].decode()
    coreutils = _output("du", "--version").decode().splitlines()[0]
    found = report["totals"]["found"]
    return [
        f"- Tree: {entries:,} entries, {found} artifacts, on {file_system}",
        f"- Sizes: equal to du's, allocated and apparent, for all {found} artifacts",
        f"- Tool: {tool['name']} {tool['version']}, engine: {tool['engine']}",
        f"- Python {platform.python_version()}, {coreutils}",
        f"- Machine: {_processor()}, {os.cpu_count()} cores, {memory / 2**30:.0f} GiB memory",
        f"- Kernel: {platform.system()} {platform.release()}",
        f"- Load before: {os.getloadavg()[0]:.1f}",
    ]


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() == "model name":
                    return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def table(race: Race, results: Sequence[Result]) -> list[str]:
    """Return the results as a table in Markdown."""
    heads = ("", "median", "fastest to slowest", "CPU", "memory", "ratio", "lowest to highest", "")
    lines = [
        f"**{race.title}** ({race.rounds} rounds)",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'---|' + '---:|' * (len(heads) - 2) + '---|'}",
    ]
    for result in results:
        walls = [times.wall for times in result.times]
        ratios = result.ratios
        cells = (
            result.subject.label,
            f"{statistics.median(walls):.3f} s",
            f"{min(walls):.3f} to {max(walls):.3f} s",
            f"{statistics.median(times.cpu for times in result.times):.3f} s",
            "" if result.peak_bytes is None else f"{result.peak_bytes / 2**20:.1f} MiB",
            f"**{statistics.median(ratios):.2f}**" if ratios else "1",
            f"{min(ratios):.2f} to {max(ratios):.2f}" if ratios else "",
            _judgement(result),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def stages(taken: phases.Phases) -> list[str]:
    """Return the two stages of the pipeline as a table in Markdown."""
    ratio = statistics.median(taken.ratios)
    verdict = "met" if ratio <= 1 else "missed"
    return [
        (
            f"**Proving against sizing**, {taken.candidates:,} candidates of {taken.entries:,}"
            f" entries in {phases.REPOSITORIES} repositories ({len(taken.ratios)} rounds)"
        ),
        "",
        "|  | median | fastest to slowest | ratio | lowest to highest |  |",
        "|---|---:|---:|---:|---:|---|",
        _stage("sizing", taken.sizing, "1 | |"),
        _stage(
            "all evidence: markers, git, last use, processes",
            taken.proving,
            f"**{ratio:.2f}** | {min(taken.ratios):.2f} to {max(taken.ratios):.2f}"
            f" | {verdict}: at most 1",
        ),
    ]


def _stage(label: str, times: Sequence[float], rest: str) -> str:
    spread = f"{min(times):.3f} to {max(times):.3f} s"
    return f"| {label} | {statistics.median(times):.3f} s | {spread} | {rest} |"


def _judgement(result: Result) -> str:
    if result.subject.target is None:
        return ""
    return f"{'missed' if result.missed else 'met'}: at most {result.subject.target}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measures the tool beside what it is compared with.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--tree", default=build_tree.default_tree(), help="built if need be")
    parser.add_argument("--entries", type=int, default=build_tree.ENTRIES, help="that it must have")
    parser.add_argument("--rounds", type=int, default=9, help="of whole runs")
    parser.add_argument("--short-rounds", type=int, default=31, help="of start-ups")
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    return parser.parse_args()


def main() -> int:
    """Build the tree, check the sizes, measure, and print."""
    options = _options()
    tree = os.path.abspath(options.tree)
    try:
        entries = build_tree.build(tree, options.entries)
        report = check(tree)
    except (build_tree.TooSmallError, WrongError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print("\n".join(machine(tree, entries, report)))
    missed = False
    for race in races(tree, options.rounds, options.short_rounds):
        results = run(race)
        missed |= any(result.missed for result in results)
        print("", *table(race, results), sep="\n", flush=True)
    repositories = phases.build(tree, f"{tree}-repositories")
    taken = phases.race(repositories, options.rounds)
    missed |= statistics.median(taken.ratios) > 1
    print("", *stages(taken), sep="\n", flush=True)
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
