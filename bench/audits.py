"""Times `merge` and `diff` of large audits: whole commands, from their start to the end of their output.

`merge` joins 100 documents of 2,000 artifacts each. `diff` compares 200,000 artifacts with those of another day, once
with a tenth of them changed and once with all: a row that has not changed is read only once. What is printed goes
nowhere. With ``--check`` the exit code is 1 where a command takes longer than three seconds.
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import machine
from cleanup_nodemodule.report import document, rows

DOCUMENTS: Final = 100
ROWS: Final = 2_000
TARGET: Final = 3.0
"""Seconds."""
ROUNDS: Final = 5

_TOOL: Final = rows.Tool("cleanup-nodemodule", "0", "native")


def _row(number: int, host: str, chance: random.Random) -> rows.ArtifactRow:
    kept = number % 3 == 0
    project = f"/home/user-{number % 100}/work/team-{number % 7}/project-{number}"
    taken = 4096 * chance.randrange(1, 100_000)
    return rows.ArtifactRow(
        path=f"{project}/node_modules",
        name="node_modules",
        rule="js/node_modules",
        ecosystem="js",
        project=project,
        root="/home",
        host=host,
        owner=f"user-{number % 100}",
        file_system="uuid:7c0f4a2e-2f59-4c6b-9d3e-0f6f5d0f9a11",
        inode=1_000_000 + number,
        evidence=rows.EvidenceRow(
            ["npm: .package-lock.json inside", "package.json beside it"],
            [f"{number % 900} packages, all declared by package-lock.json"],
            [],
            ["git tracks files in it"] if kept else [],
        ),
        decision="keep" if kept else "delete",
        reason="tracked" if kept else None,
        reason_detail="git tracks 3 files in it" if kept else None,
        apparent_bytes=taken - 100,
        allocated_bytes=taken,
        reclaimable_bytes=0 if kept else taken,
        files=chance.randrange(100_000),
        directories=chance.randrange(10_000),
        inside=0,
        complete=True,
        last_used_at="2026-05-01T12:00:00+00:00",
        regenerate="npm ci",
        regenerate_in=project,
        warnings=[],
        outcome=None,
        error=None,
        left_at=None,
        reclaimable_at_most_bytes=0 if kept else taken,
        shared_bytes=0,
    )


def _report(found: Sequence[rows.ArtifactRow], host: str, day: int) -> rows.Report:
    totals = rows.Totals(
        found=len(found),
        selected=sum(row.decision == "delete" for row in found),
        allocated_bytes=sum(row.allocated_bytes for row in found),
        reclaimable_bytes=sum(row.reclaimable_bytes for row in found),
        deleted=0,
        failed=0,
        trashed=0,
        freed_bytes=0,
        observed_freed_bytes=None,
        reclaimable_at_most_bytes=sum(row.reclaimable_at_most_bytes for row in found),
        shared_bytes=sum(row.shared_bytes for row in found),
        counted_bytes=0,
    )
    return rows.Report(
        schema_version=rows.SCHEMA_VERSION,
        tool=_TOOL,
        host=host,
        started_at=f"2026-05-{day:02}T03:00:00+00:00",
        duration_s=60.0,
        mode="dry-run",
        roots=["/home"],
        complete=True,
        artifacts=list(found),
        problems=[],
        totals=totals,
        leftovers=[],
        unseen_processes=0,
        unmatched_patterns=[],
        other_ecosystems=[],
        gates=[],
    )


def _changed(
    found: Sequence[rows.ArtifactRow], share: float, chance: random.Random
) -> Iterator[rows.ArtifactRow]:
    for row in found:
        if chance.random() < share:
            taken = row.allocated_bytes + 4096 * chance.randrange(-50, 1000)
            yield replace(
                row, allocated_bytes=max(0, taken), last_used_at="2026-05-02T09:00:00+00:00"
            )
        else:
            yield row


def write(path: str, report: rows.Report) -> None:
    """Write the document of a report as a run does."""
    with open(path, "w", encoding="ascii") as file:
        file.writelines(document.json_lines(report))
        file.write("\n")


class Taken(NamedTuple):
    """What a command took."""

    seconds: float
    processor: float
    """Seconds that a processor worked for it."""
    memory: int
    """Bytes, at most."""


def run(words: Sequence[str], where: str) -> Taken:
    """Run the program once. Its output goes nowhere."""
    command = os.path.join(os.path.dirname(sys.executable), "cleanup-nodemodule")
    start = time.monotonic()
    # It goes to a process that reads it, as a pipe is what it most often goes to.
    with subprocess.Popen(
        [command, *words], cwd=where, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        while os.read(process.stdout.fileno(), 1 << 20):
            pass
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"{' '.join(words)} ended with exit code {process.returncode}"
        raise machine.UnableError(message)
    worked = usage.ru_utime + usage.ru_stime
    return Taken(time.monotonic() - start, worked, usage.ru_maxrss * 1024)


def _built(where: str) -> None:
    chance = random.Random(1)  # noqa: S311 - chance that can be repeated
    everything: list[rows.ArtifactRow] = []
    for number in range(DOCUMENTS):
        host = f"web-{number:03}"
        found = [_row(number * ROWS + at, host, chance) for at in range(ROWS)]
        write(os.path.join(where, f"{host}.json"), _report(found, host, 1))
        everything += (replace(row, host="all") for row in found)
    write(os.path.join(where, "old.json"), _report(everything, "all", 1))
    for name, share in (("tenth", 0.1), ("all", 1.0)):
        new = list(_changed(everything, share, chance))
        write(os.path.join(where, f"{name}.json"), _report(new, "all", 2))


def main() -> int:
    """Print the table."""
    for line in machine.describe():
        print(line)
    late = False
    with tempfile.TemporaryDirectory() as where:
        _built(where)
        names = [f"web-{number:03}.json" for number in range(DOCUMENTS)]
        what: dict[str, Callable[[], Taken]] = {
            "`merge --json`, 100 documents of 2,000": lambda: run(
                ("merge", *names, "--json"), where
            ),
            "`merge --format csv`, the same": lambda: run(("merge", *names, "--format=csv"), where),
            "`diff`, a tenth changed": lambda: run(("diff", "old.json", "tenth.json"), where),
            "`diff`, all changed": lambda: run(("diff", "old.json", "all.json"), where),
            "`diff --json`, all changed": lambda: run(
                ("diff", "old.json", "all.json", "--json"), where
            ),
        }
        print("\n| 200,000 artifacts | time | processor | memory |\n|---|---:|---:|---:|")
        for name, measure in what.items():
            measure()
            rounds = [measure() for _ in range(ROUNDS)]
            seconds = statistics.median(one.seconds for one in rounds)
            worked = statistics.median(one.processor for one in rounds)
            memory = max(one.memory for one in rounds)
            late |= seconds > TARGET
            print(
                f"| {name} | {seconds:.2f} s | {worked:.2f} s | {memory / 1e6:.0f} MB |", flush=True
            )
    return int(late and "--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
