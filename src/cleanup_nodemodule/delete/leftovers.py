"""Deletes what interrupted runs had taken out of projects."""

import errno
from collections.abc import Callable, Sequence
from dataclasses import replace

from cleanup_nodemodule.delete import durable, empty, rename_away
from cleanup_nodemodule.delete.rename_away import Held
from cleanup_nodemodule.delete.turn import hold, not_answered
from cleanup_nodemodule.model import Leftover, Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record import identity
from cleanup_nodemodule.record.entries import Ending, Intent, JournalError
from cleanup_nodemodule.record.write import Journal
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped


async def delete_leftovers(
    leftovers: Sequence[Leftover],
    scheduler: Scheduler,
    journal: Journal,
    *,
    freed: Callable[[int], None],
    include_foreign: bool = False,
) -> tuple[Leftover, ...]:
    """Delete what the journal has told to be left by interrupted runs; return what came of it.

    What only somebody else may delete, by the sticky bit of a directory, stays, unless *include_foreign*.
    """
    return tuple(
        [
            await _delete_leftover(
                leftover, scheduler, journal, freed, include_foreign=include_foreign
            )
            for leftover in leftovers
        ]
    )


async def _delete_leftover(
    leftover: Leftover,
    scheduler: Scheduler,
    journal: Journal,
    freed: Callable[[int], None],
    *,
    include_foreign: bool,
) -> Leftover:
    root, path = leftover.candidate.root, leftover.candidate.path
    held: Held | None = None
    if scheduler.finishing:
        return replace(leftover, interrupted=True)
    try:
        with scheduler.silence.asking(root):
            if leftover.run is None or leftover.number is None:
                return leftover
            held = await hold(replace(leftover.candidate, changed=0), scheduler)
            return await _delete_recognised(
                leftover, held, scheduler, journal, freed, include_foreign=include_foreign
            )
    except Stopped:
        return replace(leftover, interrupted=True)
    except (OSError, rename_away.ChangedError) as error:
        number = error.errno if isinstance(error, OSError) else None
        return replace(leftover, problems=(Problem(path, ProblemCode.RECOGNISE, number),))
    except Unanswered:
        return replace(leftover, problems=(not_answered(path),))
    finally:
        if held is not None:
            held.close()


async def _delete_recognised(
    leftover: Leftover,
    held: Held | None,
    scheduler: Scheduler,
    journal: Journal,
    freed: Callable[[int], None],
    *,
    include_foreign: bool,
) -> Leftover:
    candidate = leftover.candidate
    if leftover.run is None or leftover.number is None:
        return leftover
    try:
        being, around = await scheduler.call(identity.seen, candidate.path)
    except Stopped:
        return replace(leftover, interrupted=True)
    except OSError:
        being = around = None
    # ext4 gives an inode number to the next directory that is made, be it somebody else's.
    ours = being is not None and leftover.owner in {None, being.owner}
    if being is None or around is None or not ours or being.identity != candidate.identity:
        return replace(leftover, problems=(Problem(candidate.path, ProblemCode.RECOGNISE),))
    problems = await empty.find_obstacles(candidate.path, candidate.identity, scheduler)
    if problems:
        return replace(leftover, problems=tuple(problems))
    run, entry = leftover.run, leftover.number
    if leftover.unrecorded and leftover.original is not None:
        fact = f"the mark of run {run}, which the journal has no record of"
        intent = Intent.to_finish(leftover.original, candidate.path, being, around, fact)
        try:
            [entry] = await scheduler.aside(journal.begin, [intent])
        except JournalError as failure:
            problem = Problem(journal.path, ProblemCode.RECORD_DELETION, failure.errno)
            return replace(leftover, problems=(problem,))
        run = journal.run.id
        journal.turn(entry)
    emptied = await empty.empty(
        *(candidate.path, candidate.identity, None, scheduler, freed, held),
        include_foreign=include_foreign,
    )
    problems = emptied.problems
    if (
        not problems
        and not emptied.stopped
        and (number := await _kept(held, scheduler)) is not None
    ):
        problems[Problem(candidate.path, ProblemCode.KEEP_ON_DISK, number)] = None
    result = replace(
        leftover,
        freed_bytes=emptied.freed,
        problems=tuple(problems),
        interrupted=emptied.stopped,
        finished=not problems and not emptied.stopped,
    )
    ending = Ending.DELETED if result.finished else Ending.FAILED
    if emptied.stopped:
        ending = Ending.INTERRUPTED
    error = next((problem.sentence for problem in problems), None)
    journal.end(entry, ending, freed_bytes=emptied.freed, error=error, run=run)
    return result


async def _kept(held: Held | None, scheduler: Scheduler) -> int | None:
    """Return the error number if its disk did not keep what was done with what is held."""
    around = None if held is None else held.take_around()
    try:
        return None if around is None else await scheduler.ask_aside(durable.keep, [around])
    except TimeoutError:
        return errno.ETIMEDOUT
