"""Has the journal say what is about to be deleted, and what came of it."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.delete.rename_away import Held
from cleanup_nodemodule.model import Artifact, Candidate, Failed, Problem, Removed, Result, Trashed
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record import identity
from cleanup_nodemodule.record.entries import Ending, Intent, JournalError
from cleanup_nodemodule.record.identity import Being
from cleanup_nodemodule.record.mark import CAN_MARK, Mark
from cleanup_nodemodule.record.write import Journal
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped

_AT_ONCE: Final = 32
"""Artifacts that are written down by one sync, which takes some milliseconds on a disk."""


class Records:
    """Writes artifacts down before their turn comes, several at a time."""

    def __init__(
        self, journal: Journal, scheduler: Scheduler, name: Callable[[Artifact], str | None]
    ) -> None:
        self._journal = journal
        self._scheduler = scheduler
        self._name = name
        self._lock = asyncio.Lock()
        self._ready: deque[Turn] = deque()

    async def next(self, waiting: deque[Artifact]) -> "Turn | None":
        """Return the next artifact, written down; None if there are no more."""
        async with self._lock:
            if not self._ready and waiting:
                taken = [waiting.popleft() for _ in range(min(_AT_ONCE, len(waiting)))]
                turns = [Turn(one, one.candidate, self._name(one)) for one in taken]
                await self._begin(turns)
                self._ready.extend(turns)
            return self._ready.popleft() if self._ready else None

    async def in_place(self, turn: "Turn") -> None:
        """Write down that it will be deleted where it is, as it cannot be renamed."""
        if turn.number is not None:
            error = "this file system cannot rename it; it is deleted in place"
            self._journal.end(turn.number, Ending.KEPT, error=error)
        turn.staged = None
        await self._begin([turn])
        self.turn(turn)

    async def _begin(self, turns: "Sequence[Turn]") -> None:
        seen = await self._seen([turn.artifact.path for turn in turns])
        for turn, (being, around) in zip(turns, seen, strict=True):
            if being is not None and being.identity == turn.candidate.identity:
                turn.being, turn.around = being, around
        intents = [
            Intent.to_delete(turn.artifact, turn.staged, turn.being, turn.around) for turn in turns
        ]
        try:
            # Not by one of the scheduler's workers, which may be on another machine.
            numbers = await self._scheduler.aside(self._journal.begin, intents)
        except JournalError as error:
            problem = Problem(self._journal.path, ProblemCode.RECORD_DELETION, error.errno)
            for turn in turns:
                turn.number, turn.problem = None, problem
        else:
            for turn, number in zip(turns, numbers, strict=True):
                turn.number = number

    async def _seen(self, paths: list[str]) -> "list[tuple[Being | None, Being | None]]":
        """Return what makes each that very directory, by which it is known again, if anybody says."""
        try:
            found = await self._scheduler.call(identity.all_seen, paths)
        except (Stopped, Unanswered):
            found = [None] * len(paths)
        return [one or (None, None) for one in found]

    def turn(self, turn: "Turn") -> None:
        """Write down that its turn has come."""
        if turn.number is not None:
            self._journal.turn(turn.number)
        turn.begun = True

    def mark(self, turn: "Turn") -> Mark | None:
        """Return what to write on it, for where the journal cannot be written; None if too little is known."""
        if turn.number is None or turn.staged is None or turn.being is None or not CAN_MARK:
            return None
        return Mark.of(
            *(self._journal.run.id, turn.number, turn.artifact.path, turn.staged, turn.being),
            allocated_bytes=turn.artifact.size.allocated_bytes,
        )

    def end(self, turn: "Turn", result: Result | None) -> None:
        """Write down what came of it; None if it was stopped before anything happened."""
        number = turn.number
        if number is None:
            return
        match result:
            case None:
                ending = Ending.KEPT if turn.begun else Ending.NOT_BEGUN
                self._journal.end(number, ending, error="the run was stopped before its turn")
            case Removed(gone=True):
                self._journal.end(number, Ending.GONE)
            case Removed():
                self._journal.end(number, Ending.DELETED, freed_bytes=result.freed_bytes)
            case Trashed():
                self._journal.end(number, Ending.TRASHED)
            case Failed():
                ending = Ending.FAILED
                if result.untouched:
                    ending = Ending.KEPT
                elif result.interrupted:
                    ending = Ending.INTERRUPTED
                self._journal.end(
                    number, ending, freed_bytes=result.freed_bytes, error=_reason(result)
                )

    def drop(self) -> None:
        """Write down that nothing happened to what was not begun."""
        for turn in self._ready:
            self.end(turn, None)
        self._ready.clear()


@dataclass(slots=True)
class Turn:
    """An artifact whose turn it is."""

    artifact: Artifact
    candidate: Candidate
    """What has to be there."""
    staged: str | None
    """What it is renamed to, beside itself; None if it is not."""
    number: int | None = None
    """In the journal; None if it could not be written down."""
    problem: Problem | None = None
    """Why it could not."""
    freed: int = 0
    """Bytes given back by now."""
    taken: bool = False
    """It has been renamed."""
    begun: bool = False
    """Its turn has come: something may have happened to it, which its disk has to keep."""
    held: Held | None = None
    marked: int = 0
    """Bytes that its mark takes: they were free before, and come back with the directory itself."""
    being: Being | None = None
    """What makes it that very directory; None if that is not known."""
    around: Being | None = None
    """The directory around it."""


def _reason(failed: Failed) -> str | None:
    return failed.problems[0].sentence if failed.problems else None
