"""Runs one stage of the pipeline alone, and says what it took: what the floor is compared with.

    stage.py size TREE [--engine native|python] [--jobs N]     measures TREE as one artifact
    stage.py watch TREE [--engine native|python] [--jobs N]    the same, and watches for names and endings
    stage.py find TREE [--engine native|python] [--jobs N]     searches TREE for the default names

Prints one JSON document: ``seconds`` from the moment everything is imported to the result, ``cpu``
seconds of all threads and processes for it, and what was counted.
"""

import argparse
import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import Final, TypeAlias

from cleanup_nodemodule import engine
from cleanup_nodemodule.engine.contract import Watch
from cleanup_nodemodule.model import Accounted, Candidate, Problem
from cleanup_nodemodule.patterns.patterns import NO_PATTERNS
from cleanup_nodemodule.proof.rules import of_profiles
from cleanup_nodemodule.survey import measure
from cleanup_nodemodule.survey import search as finder
from cleanup_nodemodule.survey.accounting import Accountings
from cleanup_nodemodule.survey.giving_back import sizes
from cleanup_nodemodule.survey.ledger import Ledger
from cleanup_nodemodule.work.bound import Searchers
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.threads import Workers
from watching import WATCH

Counted: TypeAlias = dict[str, int]
Taken: TypeAlias = dict[str, float]


async def size(tree: str, scheduler: Scheduler, watch: Watch | None = None) -> Counted:
    """Measure a tree as if it went, and find out what comes back; return bytes and entries, and how many were met."""
    [root] = finder.locate_roots((tree,))
    ledger = Ledger()
    candidate = Candidate(root.path, root.path, root.identity, mounted=False)
    known: dict[int, Accounted] = {}
    accountings = Accountings(known, scheduler, exact=None)
    await accountings.know([candidate])
    [contents] = await measure.measure(
        [(0, candidate)],
        scheduler,
        ledger,
        watch=lambda _number: watch,
        accounting=accountings.told,
        problem=_fail,
        measured=lambda _path, _size: None,
    )
    if contents is None:
        raise FileNotFoundError(tree)
    [counted] = sizes([(root.identity.device, contents)], [True], ledger.by_place({0: 0}), known)
    return {
        "allocated": counted.allocated_bytes,
        "entries": contents.files + contents.directories,
        "met": len(contents.met) + len(contents.late) + contents.unlisted,
    }


async def watch(tree: str, scheduler: Scheduler) -> Counted:
    """Measure a tree, and watch for as much as a run does."""
    return await size(tree, scheduler, WATCH)


async def find(tree: str, scheduler: Scheduler) -> Counted:
    """Search a tree for the default names; return how many there are, and of how many directories."""
    found = directories = 0

    def searched(count: int, _place: str) -> None:
        nonlocal directories
        directories += count

    async def judge(candidates: Sequence[Candidate], _doubted: bool) -> Sequence[bool]:  # noqa: FBT001 - by position, as a Judge is called
        nonlocal found
        found += len(candidates)
        return [False] * len(candidates)

    search = finder.Search(
        finder.locate_roots((tree,)),
        finder.wanted_names(of_profiles(["js"]), (), 0),
        NO_PATTERNS,
        scheduler,
        judge=judge,
        leftover=lambda _candidate: None,
        problem=_fail,
        searched=searched,
    )
    await search.everything()
    return {"found": found, "directories": directories}


_STAGES: Final[dict[str, Callable[[str, Scheduler], Awaitable[Counted]]]] = {
    "size": size,
    "watch": watch,
    "find": find,
}


def _fail(problem: Problem) -> None:
    raise OSError(problem.number, f"cannot {problem.doing}", problem.path)


def run(stage: Callable[[str, Scheduler], Awaitable[Counted]], tree: str, jobs: int) -> Taken:
    """Run a stage with as many workers as *jobs*, and say what it took and counted."""

    async def counted(executor: Executor) -> Counted:
        return await stage(tree, Scheduler(executor, jobs))

    start, cpu = time.perf_counter(), _cpu()
    executor = Searchers() if jobs > 1 and engine.is_bound() else Workers()
    result = asyncio.run(counted(executor))
    seconds = time.perf_counter() - start
    # Before that, nobody knows what the processes took that helped.
    executor.shutdown()
    return {"seconds": seconds, "cpu": _cpu() - cpu, **result}


def _cpu() -> float:
    """Return the seconds of processors this process has had, and those it started that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> int:
    """Run the stage that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("stage", choices=tuple(_STAGES))
    parser.add_argument("tree")
    parser.add_argument("--engine", choices=("auto", "native", "python"), default="auto")
    parser.add_argument("--jobs", type=int, help="threads (default: what suits the engine)")
    options = parser.parse_args()
    engine.choose(options.engine)
    jobs = options.jobs or engine.default_readers()
    # As a run does, for the same reason.
    gc.freeze()
    taken = run(_STAGES[options.stage], options.tree, jobs)
    said = {**taken, "engine": engine.name(), "jobs": jobs, "tree": options.tree}
    print(json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
