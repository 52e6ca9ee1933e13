"""Times what is shown while a search goes on: what it costs, and how soon an artifact is to be seen.

    live.py [--tree DIRECTORY] [--rounds N]

Makes two trees of 500,000 entries in DIRECTORY, in memory unless another is given, and removes them in the end: one
with few large artifacts, all of which the list has room for, and one with many small ones. In each it runs the
command at a terminal, with and without ``--no-progress`` in turn, and compares the processor time of both. Then it
runs it once more, and takes the time from the moment when the engine has found an artifact to the moment when the
terminal is told its path: of all of the few, and of the first of the many.
"""

import argparse
import fcntl
import os
import pty
import re
import select
import shutil
import statistics
import struct
import sys
import tempfile
import termios
import time
from typing import Final

import machine
import synthetic
from places import TOOL

KINDS: Final = {"10 artifacts of 50,000 entries": (10, 50_000), "5,000 of 100": (5_000, 100)}

MOST: Final = 1.02
"""What the processor may take, where it takes 1 without."""

SOON: Final = 0.3
"""Seconds from being found to being seen."""

_SIZE: Final = struct.pack("HHHH", 40, 120, 0, 0)
"""See ioctl_tty(2), TIOCSWINSZ."""

_WATCHED: Final = """
import os, sys, time
from cleanup_nodemodule.survey import search
candidate = search._candidate
into = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_APPEND)
def _candidate(root, hit):
    one = candidate(root, hit)
    os.write(into, f"{time.monotonic()} {one.path}\\n".encode())
    return one
search._candidate = _candidate
from cleanup_nodemodule.__main__ import main
sys.exit(main())
"""
"""The command, which writes down when it found what. Both processes have the same clock (clock_gettime(2))."""


def build(tree: str, artifacts: int, entries: int) -> None:
    """Make a tree with so many artifacts of so many entries each, some larger than others."""
    for number in range(artifacts):
        project = os.path.join(tree, f"group-{number % 7}", f"project-{number}")
        artifact = synthetic.build(project, entries)
        with open(os.path.join(artifact, "index.js"), "wb") as file:
            file.write(bytes(entries * 10 * (1 + number % 10)))


def run(command: list[str], tree: str) -> tuple[float, list[tuple[float, bytes]]]:
    """Run *command* in *tree* at a terminal; return its processor time, and what was shown when."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, _SIZE)
        os.chdir(tree)
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    shown: list[tuple[float, bytes]] = []
    while True:
        select.select([terminal], [], [])
        try:
            read = os.read(terminal, 1 << 16)
        except OSError:  # EIO: nobody has the terminal open any more.
            break
        shown.append((time.monotonic(), read))
    os.close(terminal)
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"live: {command[0]} failed: {shown[-1][1].decode()}")
    return usage.ru_utime + usage.ru_stime, shown


def delays(tree: str) -> list[float]:
    """Return the seconds from being found to being seen, of all that was seen before the end."""
    with tempfile.NamedTemporaryFile(prefix="found-") as into:
        _, shown = run([sys.executable, "-c", _WATCHED, into.name, "--color=never"], tree)
        told = [line.decode().split() for line in into]
    found = {path: float(when) for when, path in reversed(told)}
    seen: dict[str, float] = {}
    for when, text in shown:
        for path in re.findall(rb"  (/\S+/node_modules)", text):
            seen.setdefault(os.fsdecode(path), when)
    return [when - found[path] for path, when in seen.items() if path in found]


def main() -> int:
    """Print what was measured; exit with 1 if it is more than it may be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", default="/dev/shm", help="where (default: %(default)s)")  # noqa: S108 - in memory
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    options = parser.parse_args()
    for line in machine.describe():
        print(line)
    print()
    print("| | without | live | times as much | seen after |")
    print("|---|---:|---:|---:|---:|")
    missed = False
    for label, (artifacts, entries) in KINDS.items():
        tree = tempfile.mkdtemp(prefix="live-", dir=options.tree)
        try:
            build(tree, artifacts, entries)
            without, live = processor(tree, options.rounds)
            waited = delays(tree)
        finally:
            shutil.rmtree(tree)
        last = max(waited) if artifacts <= len(waited) else min(waited)
        ratio = statistics.median(b / a for a, b in zip(without, live, strict=True))
        print(f"| {label} | {spread(without)} | {spread(live)} | {ratio:.3f} | {last:.2f} s |")
        missed |= ratio > MOST or last > SOON
    print()
    print(f"Processor time: medians of {options.rounds} rounds, at most {MOST} times as much.")
    print(f"Seen after: the last of the few, the first of the many, at most {SOON} s.")
    return int(missed)


def processor(tree: str, rounds: int) -> tuple[list[float], list[float]]:
    """Return the processor time of each round, without the list and with it."""
    took: dict[str, list[float]] = {"--no-progress": [], "--color=auto": []}
    for one in range(rounds + 1):
        for option, times in took.items():
            seconds, _ = run([TOOL, option], tree)
            if one:  # The first of each warms up.
                times.append(seconds)
    without, live = took.values()
    return without, live


def spread(times: list[float]) -> str:
    """Return the median of some times, and between what they lie."""
    return f"{statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f})"


if __name__ == "__main__":
    sys.exit(main())
