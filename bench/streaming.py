"""Times the first row of an NDJSON audit over very many small artifacts, and measures the memory of the whole.

Both are to be the same however many artifacts there are. The tree is one of small ``node_modules``, 500 projects in a
directory, as a build server has them.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import candidates
import machine
from places import TOOL
from race import megabytes

COUNTS: Final = (20_000, 200_000)

FIRST: Final = 1.0
"""Seconds after which the first row is to be there."""

MORE: Final = 0.1
"""How much more memory the larger tree may take, as a part of what the smaller one takes."""

_IN_ONE: Final = 500
_OFTEN: Final = 1000
"""Rows after which the memory is looked at."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What one run took: seconds, and bytes of memory at the most."""

    first: float
    """From the first record, which is written when the search begins, to the first row."""
    whole: float
    rows: int
    peak: int


def build(directory: str, count: int) -> str:
    """Make a tree of so many projects in a new *directory*, and return that; one that is there stays as it is."""
    done = os.path.join(directory, "complete")
    if os.path.exists(done):
        return directory
    for number in range(count):
        team, place = divmod(number, _IN_ONE)
        project = os.path.join(directory, f"team-{team:03}", f"project-{place:03}")
        os.makedirs(project)
        candidates.installed(project)
    with open(done, "x", encoding="utf-8"):
        return directory


def audit(tree: str) -> Audit:
    """Run an audit of *tree*, and read its rows as they come."""
    start = time.monotonic()
    command = (TOOL, "--path", tree, "--format", "ndjson")
    begun = first = 0.0
    rows = peak = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        for line in process.stdout or ():
            if line.startswith(b'{"record":"artifact"'):
                first = first or time.monotonic() - begun
                rows += 1
            elif line.startswith(b'{"record":"run"'):
                begun = time.monotonic()
            if rows % _OFTEN == 0 or line.startswith(b'{"record":"totals"'):
                peak = max(peak, _most_memory(process.pid))
    if process.returncode:
        sys.exit(f"streaming: the audit ended with {process.returncode}")
    return Audit(first, time.monotonic() - start, rows, peak)


def _most_memory(process: int) -> int:
    """Return the most memory that a process has had by now, in bytes (VmHWM, proc_pid_status(5)); 0 if it has ended.

    What getrusage(2) says of it counts the memory of the process that started it, too.
    """
    with contextlib.suppress(OSError), open(f"/proc/{process}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def main(arguments: Iterable[str]) -> int:
    """Print the table; return 1 if a target is missed and that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", help="where the trees are, or are to be made and kept")
    parser.add_argument("--counts", type=int, nargs=2, default=COUNTS)
    parser.add_argument("--check", action="store_true", help="fail if a target is missed")
    given = parser.parse_args([*arguments])
    for line in machine.describe():
        print(line)
    print(
        "\n| artifacts | first row | all rows | memory | an artifact more |\n|---:|---:|---:|---:|---:|"
    )
    with tempfile.TemporaryDirectory(prefix="bench-streaming-") as temporary:
        audits: list[Audit] = []
        for count in given.counts:
            tree = build(os.path.join(given.directory or temporary, str(count)), count)
            audits.append(audit(tree))
            taken, before = audits[-1], audits[0]
            more = (taken.peak - before.peak) / max(taken.rows - before.rows, 1)
            cells = (
                f"{taken.rows:,}",
                f"{taken.first:.2f} s",
                f"{taken.whole:.0f} s",
                megabytes(taken.peak),
                f"{more:.0f} bytes" if len(audits) > 1 else "",
            )
            print(f"| {' | '.join(cells)} |", flush=True)
    missed = any(one.first > FIRST for one in audits)
    missed |= audits[1].peak > (1 + MORE) * audits[0].peak
    print(f"\nTargets: the first row within {FIRST:g} s, and at most {MORE:.0%} more memory.")
    return int(missed and given.check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
