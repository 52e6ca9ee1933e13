"""Measures how many calls at a time suit a file system that is far away.

    distant.py TREE [--delay MICROSECONDS] [--jobs N [N ...]] [--rounds ROUNDS]

TREE is shown by a file system that takes half a millisecond for each answer (``distant.c``), which is what
a packet takes there and back within one data centre (J. Dean, Designs, Lessons and Advice from Building
Large Distributed Systems, LADIS 2009). It simulates nothing else of a network and its server: whatever
those have to do comes on top. Each run has a mount of its own, so nothing is known before. Needs root, Linux, a C compiler, and libfuse 3.12 or
newer with its headers (Debian: libfuse3-dev, pkg-config).
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Final

import machine
import places

_SOURCE: Final = os.path.join(places.SCRIPTS, "distant.c")

_AT_A_TIME: Final = 128
"""Threads of the file system: more answers at a time than anybody asks for."""


def build(directory: str) -> str:
    """Compile the file system; return the program's path. Raises UnableError where that cannot be."""
    program = os.path.join(directory, "distant")
    try:
        flags = subprocess.run(
            ("pkg-config", "--cflags", "--libs", "fuse3 >= 3.12"),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.split()
        subprocess.run(
            ("cc", "-O2", "-Wall", "-Wextra", _SOURCE, "-o", program, *flags), check=True
        )
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise machine.UnableError(f"a distant file system: {error}") from error
    return program


@contextlib.contextmanager
def shown(program: str, tree: str, delay: int) -> Iterator[str]:
    """Show *tree* from afar; yields where. Each answer takes *delay* microseconds."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(
            (program, tree, str(delay), directory, "-o", f"ro,max_threads={_AT_A_TIME}"), check=True
        )
        try:
            yield directory
        finally:
            subprocess.run(("umount", directory), check=True)


def commands(jobs: list[int]) -> dict[str, tuple[str, ...]]:
    """Return what takes turns, by the name it has in the table; the tree's path is to be added."""
    tool = (places.TOOL, "--json", "--timeout", "3600")
    native = (*tool, "--engine", "native")
    python = (*tool, "--engine", "python")
    named: dict[str, tuple[str, ...]] = {
        f"native engine, `--jobs {number}`": (*native, "--jobs", str(number), "-p")
        for number in jobs
    }
    named["native engine, its own choice"] = (*native, "-p")
    named["Python engine, its own choice"] = (*python, "-p")
    for program in ("du", "diskus"):
        found = shutil.which(program) or os.path.join(places.peers(), "bin", program)
        if os.path.exists(found):
            named[f"`{program}`"] = (found, "-s") if program == "du" else (found,)
    return named


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tree")
    parser.add_argument("--delay", type=int, default=500, help="microseconds (default: 500)")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 4, 8, 16, 32, 64])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    tree = os.path.abspath(options.tree)
    turns = commands(options.jobs)
    taken: dict[str, list[float]] = {name: [] for name in turns}
    with tempfile.TemporaryDirectory() as directory:
        try:
            program = build(directory)
        except machine.UnableError as error:
            print(f"distant: {error}", file=sys.stderr)
            return 1
        names = list(turns)
        sizes: set[int] = set()
        for number in range(options.rounds):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                with shown(program, tree, options.delay) as place:
                    start = time.perf_counter()
                    done = subprocess.run((*turns[name], place), stdout=subprocess.PIPE, check=True)
                    taken[name].append(time.perf_counter() - start)
                if done.stdout.startswith(b"{"):
                    sizes.add(json.loads(done.stdout)["totals"]["allocated_bytes"])
    print(*machine.describe(), sep="\n")
    print(f"\n**Far away**, {options.delay} microseconds an answer ({options.rounds} rounds)\n")
    print("|  | median | fastest to slowest |\n|---|---:|---:|")
    for name, seconds in taken.items():
        print(
            f"| {name} | {statistics.median(seconds):.2f} s | {min(seconds):.2f} to {max(seconds):.2f} s |"
        )
    if len(sizes) > 1:
        print(f"distant: not the same sum each time: {sorted(sizes)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
