"""Measures candidates concurrently, each by as many workers as have nothing else to do."""

import errno
from collections.abc import Callable

from cleanup_nodemodule import engine
from cleanup_nodemodule.links import Ledger
from cleanup_nodemodule.model import Candidate, Contents, Problem
from cleanup_nodemodule.paths import anchor, beneath, problem_at
from cleanup_nodemodule.scheduler import Scheduler

_BUDGET = 8192
"""Directory entries a call handles: at some 3 microseconds each, the fixed cost of a call (handing
over, opening the root) is well below one percent."""


async def measure(
    candidate: Candidate,
    number: int,
    scheduler: Scheduler,
    ledger: Ledger,
    *,
    problem: Callable[[Problem], None],
    measured: Callable[[int], None],
) -> Contents | None:
    """Count what lies inside *candidate*; None if it has vanished.

    Files with several links go to *ledger* under *number*. Calls *problem* for each place that could
    not be read, mount points among them, and *measured* with the bytes each call counted.
    Raises Stopped, in an ExceptionGroup, when the scheduler is told to stop.
    """
    root = anchor(candidate.path, candidate.identity)
    apparent = allocated = files = directories = newest = 0
    mounts: list[str] = []
    repositories: list[str] = []
    foreign: list[str] = []
    complete = True

    async def count(stack: list[bytes]) -> list[bytes]:
        nonlocal apparent, allocated, files, directories, newest, complete
        usage, left, faults = await scheduler.call(engine.measure, root, stack, _BUDGET)
        apparent += usage.apparent
        allocated += usage.allocated
        files += usage.files
        directories += usage.directories
        newest = max(newest, usage.newest)
        if usage.links:
            ledger.add(number, usage.links)
        repositories.extend(beneath(candidate.path, path) for path in usage.repositories)
        foreign.extend(beneath(candidate.path, path) for path in usage.foreign)
        for path in usage.mounts:
            mounts.append(beneath(candidate.path, path))
            problem(Problem(mounts[-1], errno.EXDEV, "measure what is mounted here"))
        for fault in faults:
            problem(problem_at(candidate.path, fault))
        complete = complete and not faults and not usage.mounts
        measured(usage.allocated)
        return left

    await scheduler.share([b""], count)
    if not directories and complete:
        return None
    return Contents(
        apparent,
        allocated,
        files,
        directories,
        newest,
        complete,
        tuple(sorted(mounts)),
        tuple(sorted(repositories)),
        tuple(sorted(foreign)),
    )
