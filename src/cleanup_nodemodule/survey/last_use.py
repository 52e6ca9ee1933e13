"""When the projects of the rows were last used."""

from collections.abc import Container, MutableMapping, Sequence
from typing import Final

from cleanup_nodemodule.model import Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof import use
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.survey.rows import Row
from cleanup_nodemodule.work.containment import each, passes, problem_of
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered

_AT_ONCE: Final = 1024
"""Rows that one call is asked about at most. It comes back with those it came to in the time it has: so that a
call which does not come back for long is one that waits for a disk."""


async def last_used(
    rows: Sequence[Row],
    passed: Container[str],
    known: MutableMapping[str, int],
    scheduler: Scheduler,
    cache: StatCache,
) -> dict[str, int]:
    """Return when the project of each path was last used, as far as anybody answers.

    The times are seconds since the epoch. What is *passed* is no source: what is mounted, and everything that was
    found in these projects. *known* has what is known of projects by now, and takes more. A root that does not
    answer becomes silent; another failure is a problem of its row.
    """
    times: dict[str, int] = {}

    async def ask(some: Sequence[Row]) -> list[int | Problem]:
        sightings = [row.sighting for row in some]
        used, more = await scheduler.call(use.last_used, sightings, passed, known, cache)
        known.update(more)
        return used

    async def ask_first(some: Sequence[Row]) -> list[int | Problem]:
        """Ask about as many of *some* as one call comes to, or about one at least."""
        try:
            return await ask(some)
        except Exception as error:
            if passes(error):
                raise
        return await each(some[:1], ask, _unknown)

    # The innermost projects first, as those around them build on what is known of these.
    ordered = sorted(rows, key=lambda row: len(row.sighting.project), reverse=True)
    by_root: dict[str, list[Row]] = {}
    for row in ordered:
        by_root.setdefault(row.candidate.root, []).append(row)
    for root, there in by_root.items():
        done = 0
        while done < len(there):
            some = there[done : done + _AT_ONCE]
            try:
                with scheduler.silence.asking(root):
                    used = await ask_first(some)
            except Unanswered:
                break
            done += len(used)
            for row, time in zip(some, used, strict=False):
                if isinstance(time, Problem):
                    row.keep_for(time)
                else:
                    times[row.candidate.path] = time
    return times


def _unknown(row: Row, error: Exception) -> Problem:
    return problem_of(error, row.candidate.path, ProblemCode.LAST_USE)
