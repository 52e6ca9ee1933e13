"""Programs that take turns, and the table of what each of them took.

Whatever else the machine is doing hits all programs of a race alike: each round runs every one of them
once, and each round starts with the next one. A ratio is the median of the ratios of the rounds.
"""

import ctypes
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

MEGABYTE: Final = 10**6

_PR_SET_CHILD_SUBREAPER: Final = 36
"""prctl(2)."""


class WrongError(Exception):
    """The numbers are wrong, so how fast they came does not matter. The message says which."""


@dataclass(frozen=True, slots=True)
class Target:
    """Most times the time of another program that one may take."""

    at_most: float
    of: tuple[str, ...]
    """Keys of that program; of several, the fastest is meant."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A program to be measured."""

    key: str
    """What it is called where others are compared with it; its own in its race."""
    label: str
    command: tuple[str, ...]
    targets: tuple[Target, ...] = ()
    most_memory: int | None = None
    """Bytes it may have at once; None: no promise."""
    process: str = ""
    """Its last line of output says what the part took that is of interest (see ``stage.py``), and
    that is what is compared. This is the label of a second row, with the whole process; empty: the
    process is all there is."""
    total: str = ""
    """Expression for the allocated bytes in its output."""
    exact: bool = True
    """The run ends if its total is not everybody's; otherwise that is said below the table."""
    codes: frozenset[int] = frozenset({0})
    """Exit codes that mean success."""


@dataclass(frozen=True, slots=True)
class Race:
    """Programs that take turns. The first is what the others are compared with."""

    title: str
    subjects: tuple[Subject, ...]
    rounds: int
    missing: tuple[str, ...] = ()
    """What should run as well but cannot: which, and why."""
    prepare: Callable[[], None] | None = None
    """Called before each program starts, such as to empty caches; None: the first run of each warms
    them, says how much memory it takes, and is not timed."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Times:
    """What a run of a program, or a part of it, took, in seconds."""

    wall: float
    cpu: float
    """Of all its threads and children, in the kernel too."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a target was met, and by how much."""

    text: str
    met: bool


@dataclass(frozen=True, slots=True)
class Row:
    """What a program took, round by round."""

    key: str
    label: str
    times: tuple[Times, ...]
    peak_bytes: int | None = None
    """The most memory one of its processes had at once; None where nobody can say."""
    verdicts: tuple[Verdict, ...] = ()

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(times.wall for times in self.times)

    def ratios(self, to: "Row") -> list[float]:
        """Return its times by those of another one in the same rounds."""
        return [mine.wall / theirs.wall for mine, theirs in zip(self.times, to.times, strict=True)]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a race."""

    race: Race
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def missed(self) -> bool:
        """Whether a target was missed."""
        return any(not verdict.met for row in self.rows for verdict in row.verdicts)


@dataclass(slots=True)
class _Runner:
    """A program, and what it took by now."""

    subject: Subject
    process: list[Times] = field(default_factory=list)
    stage: list[Times] = field(default_factory=list)
    peak_bytes: int | None = None
    output: str = ""

    def turn(self) -> None:
        process, output = measure(self.subject)
        self.process.append(process)
        if self.subject.process:
            self.stage.append(stage_times(output))

    def rows(self) -> list[Row]:
        subject = self.subject
        if not subject.process:
            return [Row(subject.key, subject.label, tuple(self.process), self.peak_bytes)]
        return [
            Row(subject.key, subject.label, tuple(self.stage), self.peak_bytes),
            Row(f"{subject.key}-process", subject.process, tuple(self.process)),
        ]


def run(race: Race) -> Result:
    """Have all programs take turns for as many rounds as the race has.

    Raises WrongError if two programs that count the same come to different sums.
    """
    runners = [_Runner(subject) for subject in race.subjects]
    notes: list[str] = []
    if race.prepare is None:
        for runner in runners:
            runner.peak_bytes, runner.output = peak_memory(runner.subject)
        notes = _compare_totals(runners)
    for number in range(race.rounds):
        for turn in range(len(runners)):
            if race.prepare is not None:
                race.prepare()
            runners[(number + turn) % len(runners)].turn()
    rows = {row.key: row for runner in runners for row in runner.rows()}
    judged = [
        Row(row.key, row.label, row.times, row.peak_bytes, tuple(judge(row, rows, race.subjects)))
        for row in rows.values()
    ]
    return Result(race, tuple(judged), (*notes, *race.notes))


def measure(subject: Subject) -> tuple[Times, str]:
    """Run a program to its end; return what it took, and what it wrote if that is of interest."""
    output = subprocess.PIPE if subject.process else subprocess.DEVNULL
    start = time.perf_counter()
    with subprocess.Popen(subject.command, stdin=subprocess.DEVNULL, stdout=output) as process:
        # Reading ends when the program closes its output, which is when it ends.
        written = process.stdout.read().decode() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in subject.codes:
        raise subprocess.CalledProcessError(process.returncode, subject.command)
    return Times(wall, usage.ru_utime + usage.ru_stime), written


def peak_memory(subject: Subject) -> tuple[int | None, str]:
    """Run a program to its end; return the most memory it had at once, in bytes, and its output.

    Linux counts to a program what the process that starts it has, as that is what it was for a
    moment (``exec_mmap`` in the kernel's fs/exec.c); started from here, ``du`` would seem to take
    as much as this Python. So a small shell starts it and goes away, and the orphan comes to us.
    """
    if sys.platform != "linux":
        _, written = measure(subject)
        return None, written
    if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError("prctl(PR_SET_CHILD_SUBREAPER) failed")
    with tempfile.NamedTemporaryFile() as output:
        script = 'out=$1; shift; "$@" </dev/null >"$out" & echo $!'
        # The pipe is not handed on, so reading ends with the shell.
        shell = ("/bin/sh", "-c", script, "sh", output.name, *subject.command)
        started = subprocess.run(shell, stdout=subprocess.PIPE, check=True)
        _, status, usage = os.wait4(int(started.stdout), 0)
        code = os.waitstatus_to_exitcode(status)
        if code not in subject.codes:
            raise subprocess.CalledProcessError(code, subject.command)
        return usage.ru_maxrss * 1024, output.read().decode(errors="replace")


def stage_times(output: str) -> Times:
    """Read what a stage says of itself; see ``stage.py``."""
    said = json.loads(output.splitlines()[-1])
    return Times(float(said["seconds"]), float(said["cpu"]))


def _compare_totals(runners: Sequence[_Runner]) -> list[str]:
    """Hold the sums that programs print against that of the first one which prints any."""
    notes: list[str] = []
    expected: tuple[str, int] | None = None
    for runner in runners:
        subject = runner.subject
        if not subject.total:
            continue
        found = re.search(subject.total, runner.output, re.MULTILINE)
        if found is None:
            if subject.exact:
                raise WrongError(f"{subject.label} prints no sum: {runner.output[:200]!r}")
            notes.append(f"{subject.label} says nothing that could be compared.")
            continue
        total = int(found[1])
        if expected is None:
            expected = subject.key, total
        elif total != expected[1]:
            difference = f"{total:,} bytes, but the {expected[0]} {expected[1]:,}"
            if subject.exact:
                raise WrongError(f"{subject.label} says {difference}")
            notes.append(f"{subject.label} says {difference}.")
    return notes


def judge(row: Row, rows: Mapping[str, Row], subjects: Sequence[Subject]) -> Iterable[Verdict]:
    """Hold a program against its targets, as far as what they name took part."""
    for subject in subjects:
        if subject.key != row.key:
            continue
        for target in subject.targets:
            others = [rows[key] for key in target.of if key in rows]
            if not others:
                continue
            other = min(others, key=lambda other: other.median)
            ratio = statistics.median(row.ratios(other))
            met = ratio <= target.at_most
            yield Verdict(f"{ratio:.2f} of {other.key} (at most {target.at_most:g})", met)
        if subject.most_memory is not None and row.peak_bytes is not None:
            yield memory_verdict(row.peak_bytes, subject.most_memory)


def memory_verdict(taken: int, at_most: int) -> Verdict:
    """Judge how much memory, in bytes, a program took."""
    text = f"{taken / MEGABYTE:.0f} MB (at most {at_most / MEGABYTE:.0f})"
    return Verdict(text, taken <= at_most)


def judgement(verdicts: Iterable[Verdict]) -> str:
    """Return the last cell of a row."""
    return "; ".join(
        f"{'met' if verdict.met else '**missed**'}: {verdict.text}" for verdict in verdicts
    )


def megabytes(count: int | None) -> str:
    """Return a number of bytes as a cell."""
    return "" if count is None else f"{count / MEGABYTE:.1f} MB"


def table(result: Result) -> list[str]:
    """Return what came of a race as a table in Markdown, and what is to be said below it."""
    rows = result.rows
    first = rows[0]
    remembered = any(row.peak_bytes is not None for row in rows)
    heads = ["", "median", "fastest to slowest", "CPU", "ratio", "lowest to highest"]
    if remembered:
        heads.append("memory")
    judged = any(row.verdicts for row in rows)
    if judged:
        heads.append("target")
    lines = [f"**{result.race.title}** ({rounds(result.race.rounds)})", "", *header(heads, judged)]
    for row in rows:
        walls = [times.wall for times in row.times]
        ratios = row.ratios(first)
        cells = [
            row.label,
            f"{row.median:.3f} s",
            f"{min(walls):.3f} to {max(walls):.3f} s",
            f"{statistics.median(times.cpu for times in row.times):.3f} s",
            "1" if row is first else f"**{statistics.median(ratios):.2f}**",
            "" if row is first else f"{min(ratios):.2f} to {max(ratios):.2f}",
        ]
        if remembered:
            cells.append(megabytes(row.peak_bytes))
        if judged:
            cells.append(judgement(row.verdicts))
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"| missing: {reason} |{' |' * (len(heads) - 1)}" for reason in result.race.missing]
    for note in result.notes:
        lines += ["", note]
    return lines


def rounds(count: int) -> str:
    """Return how often something was measured, for a title."""
    return "1 round" if count == 1 else f"{count} rounds"


def header(heads: Sequence[str], judged: bool) -> list[str]:  # noqa: FBT001  # one obvious flag
    """Return the head of a table: text in the first column and, if judged, in the last one."""
    right = len(heads) - 1 - judged
    return [f"| {' | '.join(heads)} |", f"|---|{'---:|' * right}{'---|' * judged}"]
