"""Carries out what was approved, and deletes what interrupted runs left."""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from cleanup_nodemodule.config.settings import SettingsError
from cleanup_nodemodule.delete import leftovers as unfinished
from cleanup_nodemodule.delete import remove, trash
from cleanup_nodemodule.delete.each import nobody
from cleanup_nodemodule.delete.given_back import is_asked
from cleanup_nodemodule.delete.turn import SecondProof
from cleanup_nodemodule.model import Approved, Artifact, Leftover, Outcome, Progress, Result
from cleanup_nodemodule.record.write import Journal
from cleanup_nodemodule.work.progress import Doing, Tracker, Watch, unwatched
from cleanup_nodemodule.work.scheduler import Scheduler


class ProvesAgain(SecondProof, Protocol):
    """Proves artifacts once more, each when its turn comes."""

    def close(self) -> None:
        """Let go of what it holds, when all is done."""


ProveAgain: TypeAlias = Callable[[Sequence[Artifact]], Awaitable[ProvesAgain]]
"""Prepares to prove these artifacts once more. Raises SettingsError where what the settings name has changed,
so that nobody can say what the user wants to keep."""


async def carry_out(
    approved: Approved,
    scheduler: Scheduler,
    journal: Journal,
    prove_again: ProveAgain,
    watch: Watch = unwatched,
    *,
    include_foreign: bool = False,
    told: Callable[[Result], None] = nobody,
) -> Outcome:
    """Delete what was approved, or move it to the trash, and say truthfully what came of it.

    Which of the two ``approved.mode`` says. All evidence is gathered once more when an artifact's turn has
    come, as time has passed since: what is protected by now, or not proven any more, is spared.
    :func:`cleanup_nodemodule.delete.prove_again.prepared` does that. *include_foreign* has been said of the owners of
    things in sticky directories. Calls *told* with each result when it is known.
    """
    tracker = Tracker(watch, Progress(artifacts=len(approved.artifacts)))

    # What the files took may be far more than comes back of them.
    promise = approved.plan.reclaimable_bytes if is_asked(approved.plan.accounted) else None
    counted = 0

    def freed(size: int) -> None:
        nonlocal counted
        before, counted = counted, counted + size
        if promise is not None:
            size = min(counted, promise) - min(before, promise)
        tracker.add(freed_bytes=size)

    doing = Doing.TRASHING if approved.mode == "trash" else Doing.DELETING
    tracker.at(doing)

    def begun(artifact: Artifact) -> None:
        tracker.at(doing, artifact.path)

    def deleted(_artifact: Artifact) -> None:
        tracker.add(deleted=1)

    try:
        again = await prove_again(approved.artifacts)
    except SettingsError as error:  # What a pattern names has changed since it was read.
        return remove.refused(approved, str(error))
    with contextlib.closing(again):
        if approved.mode == "trash":
            return await trash.trash(
                approved, scheduler, journal, begun=begun, deleted=deleted, again=again, told=told
            )
        return await remove.remove(
            *(approved, scheduler, journal),
            begun=begun,
            freed=freed,
            deleted=deleted,
            again=again,
            include_foreign=include_foreign,
            told=told,
        )


async def delete_leftovers(
    leftovers: Sequence[Leftover],
    scheduler: Scheduler,
    journal: Journal,
    watch: Watch = unwatched,
    *,
    include_foreign: bool = False,
) -> tuple[Leftover, ...]:
    """Delete what interrupted runs left, as :mod:`cleanup_nodemodule.record.unfinished` recognised it."""
    tracker = Tracker(watch, Progress(artifacts=len(leftovers)))
    tracker.at(Doing.DELETING)

    def freed(size: int) -> None:
        tracker.add(freed_bytes=size)

    return await unfinished.delete_leftovers(
        leftovers, scheduler, journal, freed=freed, include_foreign=include_foreign
    )
