"""Calls the engine for one group of inodes at a time, where a file system deletes best so (XFS)."""

import time
from typing import Final, NamedTuple

from cleanup_nodemodule import engine
from cleanup_nodemodule.engine.contract import Groups, Removal, Root

_UNBROKEN: Final = 0.25
"""Seconds for which a thread goes on with the same group of inodes, if it meets nothing for others. Being
stopped waits for that: the thread may be one of a process that nobody can tell so."""


class Part(NamedTuple):
    """What to call the engine with."""

    root: Root
    stack: list[bytes]
    budget: int
    groups: Groups | None
    group: int
    include_foreign: bool = False
    once: bool = False
    """Call it for the budget, and no more often."""


def remove_on(part: Part) -> Removal:
    """Call the engine; if it is for a group, again, until it has met something for another one.

    XFS cleans up behind a deletion on the processor it was made on: a thread that waits for its next call
    may go on with that on another one, and is then in the way of those that clean up. A directory of
    200,000 files took a seventh longer with a break after each twentieth of a second.
    """
    removal = engine.remove(*part[:-1])
    start = time.monotonic()
    while (
        part.groups is not None
        and not part.once
        and removal.left
        and not (removal.faults or removal.counts.elsewhere)
        and time.monotonic() - start < _UNBROKEN
    ):
        more = engine.remove(*part._replace(stack=removal.left)[:-1])
        counts = removal.counts.plus(more.counts)
        removal = Removal(counts, more.left, more.faults)
    return removal


class Made(NamedTuple):
    """What came of a call, and what it took."""

    removal: Removal
    seconds: float
    processor_seconds: float


def remove_timed(part: Part) -> Made:
    """Do as :func:`remove_on`, and tell how long that took, and how long of it a processor was used."""
    start, used = time.monotonic(), time.thread_time()
    removal = remove_on(part)
    return Made(removal, time.monotonic() - start, time.thread_time() - used)
