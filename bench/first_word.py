"""How long it takes until a small project is told of, against Python that has loaded what every such command needs.

The project has 20 artifacts of npm and 2,000 files, and is a repository of git. The whole command prints JSON into a
file and the table to a terminal. Rounds are interleaved, and each begins with another one. Prints a table of medians;
with ``--check`` the exit code is 1 if a target is missed.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pty
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import machine

PROJECTS: Final = 20

PACKAGES: Final = 10
"""Of each project, with eight files each."""

TARGETS: Final = {"the command, JSON": 1.25, "the command, a table at a terminal": 1.45}

_SIZE: Final = struct.pack("HHHH", 40, 100, 0, 0)
"""Rows and columns; see ioctl_tty(2), TIOCSWINSZ."""


class Took(NamedTuple):
    """Seconds that a program took, and those that it and its children kept processors busy."""

    wall: float
    busy: float


def build(top: str) -> None:
    """Make the project."""
    for number in range(PROJECTS):
        _build_one(f"{top}/packages/p{number}", f"p{number}")
    _write(f"{top}/.gitignore", "node_modules\n")
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    for order in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "all")):
        subprocess.run(("git", *order), cwd=top, check=True)


def _build_one(directory: str, name: str) -> None:
    asked = {f"dep{number}": "1.0.0" for number in range(PACKAGES)}
    manifest = {"name": name, "version": "1.0.0", "dependencies": asked}
    locked: dict[str, Any] = {f"node_modules/{dep}": {"version": "1.0.0"} for dep in asked}
    lock = {"name": name, "version": "1.0.0", "lockfileVersion": 3, "packages": locked}
    modules = f"{directory}/node_modules"
    for dep in asked:
        _write(f"{modules}/{dep}/package.json", json.dumps({"name": dep, "version": "1.0.0"}))
        for number in range(7):
            _write(f"{modules}/{dep}/lib/{number}.js", "x" * 1000)
    for number in range(20):
        _write(f"{directory}/src/{number}.js", "y" * 500)
    _write(f"{directory}/package.json", json.dumps(manifest))
    _write(
        f"{directory}/package-lock.json",
        json.dumps({**lock, "packages": {"": manifest, **locked}}),
    )
    # What npm writes last, when everything else is there.
    _write(f"{modules}/.package-lock.json", json.dumps(lock))


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def into_nothing(*command: str) -> Took:
    """Run a command whose output goes nowhere."""
    nowhere = subprocess.DEVNULL
    return _timed(lambda: subprocess.run(command, stdout=nowhere, stderr=nowhere, check=True))


def at_terminal(*command: str) -> Took:
    """Run a command at a terminal of its own, which shows all that it prints."""

    def run() -> None:
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, _SIZE)
        environment = {**os.environ, "TERM": "xterm-256color"}
        with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment):
            os.close(its)
            with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more.
                while os.read(ours, 1 << 16):
                    pass
        os.close(ours)

    return _timed(run)


def _timed(run: Callable[[], object]) -> Took:
    before, start = _busy(), time.perf_counter()
    run()
    return Took(time.perf_counter() - start, _busy() - before)


def _busy() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(top: str, rounds: int) -> dict[str, list[Took]]:
    """Return what each took in each round, the first of which does not count."""
    python = sys.executable
    tool = os.path.join(os.path.dirname(python), "cleanup-nodemodule")
    programs: dict[str, Callable[[], Took]] = {
        "Python with Typer and asyncio": lambda: into_nothing(
            python, "-c", "import typer, asyncio"
        ),
        "the command, JSON": lambda: into_nothing(tool, "-p", top, "--json"),
        "the command, a table at a terminal": lambda: at_terminal(tool, "-p", top),
        "`--version`": lambda: into_nothing(tool, "--version"),
        "`--help`": lambda: into_nothing(tool, "--help"),
    }
    names = list(programs)
    taken: dict[str, list[Took]] = {name: [] for name in names}
    for number in range(rounds + 1):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            took = programs[name]()
            if number:
                taken[name].append(took)
    return taken


def show(taken: dict[str, list[Took]]) -> bool:
    """Print the table; return whether every target was met."""
    base = next(iter(taken.values()))
    met = True
    print("|  | median | ratio | processors | ratio | target |")
    print("|---|---:|---:|---:|---:|---|")
    for name, all_took in taken.items():
        wall = statistics.median(took.wall for took in all_took)
        busy = statistics.median(took.busy for took in all_took)
        pairs = list(zip(all_took, base, strict=True))
        of_wall = statistics.median(took.wall / other.wall for took, other in pairs)
        of_busy = statistics.median(took.busy / other.busy for took, other in pairs)
        target = TARGETS.get(name)
        said = ""
        if target is not None:
            met = met and of_wall <= target
            said = f"{'met' if of_wall <= target else '**missed**'} (at most {target})"
        print(f"| {name} | {wall:.3f} s | {of_wall:.2f} | {busy:.3f} s | {of_busy:.2f} | {said} |")
    return met


def main() -> int:
    """Build, measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=21)
    options.add_argument("--check", action="store_true")
    given = options.parse_args()
    # What is not compiled would be compiled anew in each round.
    machine.compile_tool()
    with tempfile.TemporaryDirectory(dir=os.path.expanduser("~")) as top:
        build(top)
        print("\n".join([*machine.describe(), ""]))
        met = show(measure(top, given.rounds))
    return 0 if met or not given.check else 1


if __name__ == "__main__":
    sys.exit(main())
