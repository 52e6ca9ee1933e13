"""Times `history` and what it costs a run, on a history of 10,000 runs that found 1,000 projects each.

Once as it usually is: each night some of the projects have changed. Once at its worst: in each run every size is another
one, all of it is deleted, and comes back. And once with other projects in each run, which fills it with names. It says how
large the file is, how long a run takes to be written into it, and how long each answer takes, from the start of the command
to the end of its output. Then: how much longer a dry run takes that is written down, against one that is not. With
``--check`` the exit code is 1 if an answer takes longer than 0.3 s, or the file is larger than 200 MB.
"""

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import machine
from cleanup_nodemodule.record.history import files
from cleanup_nodemodule.record.history.database import opened
from cleanup_nodemodule.record.history.entry import Entry
from cleanup_nodemodule.record.history.listener import Limits
from cleanup_nodemodule.record.history.pruning import prune
from cleanup_nodemodule.record.history.store import store
from cleanup_nodemodule.report.digest import Portion
from cleanup_nodemodule.report.finished import FinishedRun, RootSpace
from cleanup_nodemodule.report.rows import Totals

RUNS: Final = 10_000
PROJECTS: Final = 1_000
MEASURED: Final = 100
ROUNDS: Final = 7
SECONDS: Final = 0.3
BYTES: Final = 200_000_000
LIMITS: Final = Limits(10**10, BYTES)

ANSWERS: Final = {
    "`history`": (),
    "`history --since 1y`": ("--since", "1y"),
    "`history --by project`": ("--by", "project"),
    "`history --by ecosystem`": ("--by", "ecosystem"),
    "`history PROJECT`": ("/home/me/work/team-1/project-1",),
    "`history /home/me/work`": ("/home/me/work",),
}

Sizes = Callable[[int, random.Random], Sequence[Portion]]


def _name(number: int) -> str:
    return f"/home/me/work/team-{number % 7}/project-{number}"


def _portion(name: str, size: int, *, goes: bool) -> Portion:
    gone = size if goes else 0
    return Portion("/home/me/work", name, "js", 1, 1, size, size, int(goes), gone, gone, 0)


def usual() -> Sizes:
    """Give projects of which some have grown since the last run."""
    sizes = [4096 * (100 + number * 7919 % 100_000) for number in range(PROJECTS)]

    def portions(_run: int, chance: random.Random) -> Sequence[Portion]:
        for _ in range(PROJECTS // 50):
            sizes[chance.randrange(PROJECTS)] += 4096 * chance.randrange(1, 1000)
        return [_portion(_name(number), size, goes=False) for number, size in enumerate(sizes)]

    return portions


def worst() -> Sizes:
    """Give projects of another size in each run, each of which is deleted."""

    def portions(_run: int, chance: random.Random) -> Sequence[Portion]:
        return [
            _portion(_name(number), 4096 * chance.randrange(1, 1_000_000), goes=True)
            for number in range(PROJECTS)
        ]

    return portions


def strangers() -> Sizes:
    """Give projects that nobody has seen before."""

    def portions(run: int, chance: random.Random) -> Sequence[Portion]:
        return [
            _portion(
                _name(run * PROJECTS + number), 4096 * chance.randrange(1, 1_000_000), goes=False
            )
            for number in range(PROJECTS)
        ]

    return portions


KINDS: Final = {
    "a fiftieth changes in each run": usual,
    "everything changes and is deleted in each run": worst,
    "other projects in each run": strangers,
}


def entries(sizes: Sizes, now: float) -> Iterator[Entry]:
    """Give runs that began an hour after each other."""
    chance = random.Random(1)  # noqa: S311 - chance that can be repeated
    question = '[["/home/me/work"],[["js"],[],[],0,null,[]]]'
    for run in range(RUNS):
        portions = sizes(run, chance)
        taken = sum(one.allocated_bytes for one in portions)
        gone = sum(one.gone_bytes for one in portions)
        free = 500_000_000_000 - run * 10_000_000
        space = RootSpace("/home/me/work", "uuid:1", "/home", "ext4", 10**12, free, free + gone)
        deleted = sum(one.deleted for one in portions)
        count = len(portions)
        totals = Totals(count, count, taken, taken, deleted, 0, 0, gone, None, taken, 0, gone)
        began = now - (RUNS - run) * 3600
        yield Entry(
            FinishedRun(
                *(f"{run:012x}", "run", "nightly", "dry-run", began, 40.0, 0, None, None),
                spaces=(space,),
            ),
            *("0.2.0", True, totals, 0, {}, question, ("/home/me/work",), (), tuple(portions)),
        )


def build(directory: str, sizes: Sizes) -> tuple[float, float]:
    """Fill a history; return how many seconds it took to write a run, in the middle and at most.

    That is measured of the last ones, which open the file as a run does. The others go in by one connection.
    """
    took: list[float] = []
    every = entries(sizes, time.time())
    with opened(directory) as connection:
        for number, entry in enumerate(islice(every, RUNS - MEASURED)):
            store(connection, entry)
            if not number % 10:
                prune(connection, LIMITS)
    for entry in every:
        begin = time.perf_counter()
        with opened(directory) as connection:
            store(connection, entry)
            prune(connection, LIMITS)
        took.append(time.perf_counter() - begin)
    return statistics.median(took), max(took)


def timed(words: Sequence[str], env: dict[str, str], cwd: str | None = None) -> tuple[float, float]:
    """Return how many seconds the command takes, and for how many of them it was on a processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    subprocess.run(
        [str(Path(sys.executable).parent / "cleanup-nodemodule"), *words],
        env=env,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    took = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def in_the_middle(times: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return the medians of both."""
    whole, busy = zip(*times, strict=True)
    return statistics.median(whole), statistics.median(busy)


def answers(state: str, name: str) -> bool:
    """Print a table of what answers take; return whether all are in time."""
    env = {**os.environ, "XDG_STATE_HOME": state}
    print(f"\n**Answers: {name}** ({ROUNDS} rounds)\n")
    print("|  | median | on a processor | target |")
    print("|---|---:|---:|---|")
    met = True
    for label, words in ANSWERS.items():
        every = [timed(("history", *words, "-n", "20"), env) for _ in range(ROUNDS)]
        took, busy = in_the_middle(every)
        met &= took <= SECONDS
        said = "met" if took <= SECONDS else "missed"
        print(
            f"| {label} | {took:.3f} s | {busy:.3f} s | {said}: {took:.2f} s (at most {SECONDS}) |"
        )
    return met


def of_runs() -> None:
    """Print what a run takes longer for being written down."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as top:
        for number in range(16):
            project = Path(top, "work", f"project-{number}")
            (project / "node_modules/a").mkdir(parents=True)
            (project / "package.json").write_text("{}")
            (project / "node_modules/a/index.js").write_text("x" * 5000)
        env = {**os.environ, "XDG_STATE_HOME": f"{top}/state", "HOME": top}
        with_it, without = [], []
        timed(("work",), env, top)
        for _ in range(ROUNDS * 3):
            with_it.append(timed(("work",), env, top))
            without.append(timed(("work", "--no-history"), env, top))
    print(f"\n**A dry run of 16 projects** ({ROUNDS * 3} rounds)\n")
    print("|  | median | on a processor |\n|---|---:|---:|")
    for label, times in (("written down", with_it), ("`--no-history`", without)):
        took, busy = in_the_middle(times)
        print(f"| {label} | {took:.3f} s | {busy:.3f} s |")


def main() -> int:
    """Measure, print the tables, and return the exit code."""
    print("\n".join(machine.describe()))
    met = True
    for name, make in KINDS.items():
        with tempfile.TemporaryDirectory(dir="/var/tmp") as state:
            directory = f"{state}/cleanup-nodemodule"
            usually, most = build(directory, make())
            size = os.path.getsize(files.path_of(directory))
            met &= size <= BYTES * 1.01
            with opened(directory) as connection:
                [(runs,)] = connection.execute("SELECT count(*) FROM run")
            print(
                f"\n{name}: {runs:,} runs in {size / 1e6:.0f} MB. A run takes {usually * 1000:.0f} ms to be",
                end=" ",
            )
            print(f"written, {most * 1000:.0f} ms at most.")
            met &= answers(state, name)
    of_runs()
    return 0 if met or "--check" not in sys.argv else 1


if __name__ == "__main__":
    sys.exit(main())
