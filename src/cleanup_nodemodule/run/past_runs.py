"""Find in the journal which runs deleted anything, and how much: the list that ``log`` begins with."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cleanup_nodemodule.record.entries import Ending, Entry, Fault, Run
from cleanup_nodemodule.record.read import read
from cleanup_nodemodule.run.deletions import running_of
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.words import bound

_GONE_AS_WANTED: Final = frozenset({Ending.DELETED, Ending.TRASHED})

_LIKE_A_RUN: Final = re.compile(r"[0-9a-fA-F]{4,12}")
"""A beginning of a run's id that is long enough to be one."""


@dataclass(slots=True)
class PastRun:
    """A run, and what came of it."""

    run: Run
    deleted: int = 0
    """Artifacts that it deleted, or moved to the trash."""
    failed: int = 0
    total: int = 0
    """Artifacts that it was to delete."""
    freed_bytes: int = 0
    """What surely came back."""
    freed_at_most_bytes: int = 0
    """What may have come back at most; never less."""
    unfinished: bool = False
    """Something was begun and has no end."""
    running: bool = False
    """It is at work."""

    @property
    def came_back(self) -> tuple[int, int]:
        """The bytes that came back, at least and at most: what free space says, where it says one of those in between."""
        least, most = self.freed_bytes, self.freed_at_most_bytes
        seen = self.run.observed_freed_bytes
        if seen is not None and bound(least, most) and least <= seen <= most:
            return seen, seen
        return least, most

    @property
    def outcome(self) -> str:
        """What came of it, in a word: ``done``, ``failed``, ``interrupted``, ``unfinished`` or ``running``."""
        if self.running:
            return "running"
        if self.unfinished:
            return "unfinished"
        if self.run.interrupted:
            return "interrupted"
        return "failed" if self.failed else "done"


@dataclass(frozen=True, slots=True)
class PastRuns:
    """What the journal has of runs."""

    runs: tuple[PastRun, ...]
    """Those that deleted anything or were to, in the order they began."""
    faults: tuple[Fault, ...]
    left_out: int
    """Older runs, where only the latest were asked for."""


@dataclass(slots=True)
class _Sum:
    deleted: int = 0
    failed: int = 0
    total: int = 0
    freed: int = 0
    at_most: int = 0
    unfinished: bool = False
    waiting: bool = False

    def add(self, entry: Entry) -> None:
        ending = None if entry.end is None else entry.end.ending
        self.total += 1
        self.deleted += ending in _GONE_AS_WANTED
        self.failed += ending is Ending.FAILED
        freed = 0 if entry.end is None else entry.end.freed_bytes
        self.freed += freed
        whole = ending is Ending.DELETED
        # A file with links in several of them is predicted of one, and counted with the last that goes. So the run has a
        # bound, and its entries have none.
        self.at_most += entry.intent.reclaimable_at_most_bytes if whole else freed
        self.waiting |= entry.waiting
        self.unfinished |= entry.unfinished and not entry.waiting


@dataclass(slots=True)
class _Sums:
    of: dict[str, _Sum] = field(default_factory=dict)

    def take(self, entry: Entry) -> bool:
        self.of.setdefault(entry.run, _Sum()).add(entry)
        return False  # Nothing of it is to be remembered.


async def find_runs(directory: str, last: int | None, runtime: Runtime) -> PastRuns:
    """Return the *last* so many runs in the journal of a state directory, or with None all of them.

    Raises StateError.
    """
    sums = _Sums()
    with runtime.interruptible():
        history = read(directory, wanted=sums.take)
        open_runs = [run for run, each in sums.of.items() if each.unfinished or each.waiting]
        running = running_of(directory, open_runs)
    found = [
        PastRun(
            run,
            deleted=(each := sums.of[run.id]).deleted,
            failed=each.failed,
            total=each.total,
            freed_bytes=each.freed,
            freed_at_most_bytes=max(each.freed, each.at_most),
            unfinished=each.unfinished,
            running=run.id in running,
        )
        for run in history.runs.values()
        if run.id in sums.of
    ]
    shown = found if last is None else found[-last:]
    return PastRuns(tuple(shown), history.faults, len(found) - len(shown))


async def runs_among(directory: str, words: Iterable[str], runtime: Runtime) -> dict[str, str]:
    """Return which of the words are beginnings of the id of a run, each with the whole id.

    A beginning of several is none. Raises StateError.
    """
    likely = {word for word in words if _LIKE_A_RUN.fullmatch(word)}
    if not likely:
        return {}
    with runtime.interruptible():
        known = read(directory, last=0).runs
    found: dict[str, str] = {}
    for word in likely:
        fitting = [run for run in known if run.startswith(word.lower())]
        if len(fitting) == 1:
            found[word] = fitting[0]
    return found
