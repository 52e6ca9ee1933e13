"""When a project was last used, and which processes are at work in it."""

import os
import time
from collections import ChainMap
from collections.abc import Callable, Container, MutableMapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from cleanup_nodemodule.model import Evidence, Level, Problem, Reason
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof import protections
from cleanup_nodemodule.proof.in_use import OVERRIDE, Processes
from cleanup_nodemodule.proof.installed import Protection
from cleanup_nodemodule.proof.last_used import last_git_activity, newest_source
from cleanup_nodemodule.proof.sighting import Sighting, not_known
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.work.containment import Contained
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.tasks import Stopped

_SECONDS: Final = 1.0
"""What one call takes about at most, as long as its disk answers."""


def last_used(
    sightings: Sequence[Sighting],
    passed: Container[str],
    known: MutableMapping[str, int],
    cache: StatCache | None = None,
) -> tuple[list[int | Problem], dict[str, int]]:
    """Return for each sighting when its project was last used, seconds since the epoch.

    Or why that could not be found out. Those that it does not come to within a second are left out, but for the
    first. *passed* are paths of directories that are not gone into:
    artifacts, which are not source, and what is mounted. *known* is what is known of projects inside of
    these; what is known now of other projects is returned, too.
    """
    end = time.monotonic() + _SECONDS
    sources = ChainMap[str, int]({}, known)
    cache = cache or StatCache()
    answers: dict[str, int | Problem] = {}

    def ask(place: str, question: Callable[[], int]) -> int | Problem:
        if place not in answers:
            asked = Contained(place)
            answer = asked.ask(ProblemCode.LAST_USE, 0, question)
            answers[place] = asked.problems[0] if asked.problems else answer
        return answers[place]

    times: list[int | Problem] = []
    for sighting in sightings:
        if times and time.monotonic() > end:
            break
        project = sighting.project
        found = ask(project, partial(newest_source, project, passed.__contains__, sources))
        if (at := sighting.repository) is not None:
            git_activity = partial(last_git_activity, at, cache)
            found = _later(found, ask(os.path.join(at, ".git"), git_activity))
        times.append(
            replace(found, path=sighting.candidate.path) if isinstance(found, Problem) else found
        )
    return times, dict(sources.maps[0])


def _later(one: int | Problem, other: int | Problem) -> int | Problem:
    """Return the later of two times, or what went wrong with one of them."""
    if isinstance(one, Problem):
        return one
    return other if isinstance(other, Problem) else max(one, other)


class Uses(NamedTuple):
    """What the processes keep."""

    protections: tuple[Protection | None, ...]
    """For each sighting in turn."""
    unseen: int | None
    """Processes that could not be looked at; None if nobody can say how many, 0 if none was to be."""
    processes: Processes | None = None
    """What was seen of them, None if nobody looked."""


async def in_use(
    sightings: Sequence[Sighting],
    evidence: Sequence[Evidence],
    scheduler: Scheduler,
    *,
    assume_unused: bool = False,
    seen: Processes | None = None,
) -> Uses:
    """Ask where processes are at work, if anything that may be deleted depends on it.

    Where nobody can say, all is in use, unless the user said to *assume* it *unused*. What was *seen* a moment ago
    is taken at its word.
    """
    open_ = [item.protection is None and item.level in _DELETABLE for item in evidence]
    if not any(open_):
        return Uses((None,) * len(sightings), 0, seen)
    ask = partial(protections.running_processes, os.getpid(), assume_unused=assume_unused)
    try:
        processes = seen if seen is not None else await scheduler.call(ask)
    except Stopped:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, nobody knows
        nobody = Protection(
            Reason.IN_USE,
            f"nobody can say whether a process is at work in it; {OVERRIDE}",
        )
        kept = not assume_unused
        return Uses(tuple(nobody if asked and kept else None for asked in open_), None)

    def at_work(sighting: Sighting) -> Protection | None:
        asked = Contained(sighting.candidate.path)
        found = asked.ask(
            ProblemCode.IN_USE,
            None,
            processes.at_work_in,
            sighting.project,
            sighting.candidate.path,
            sighting.whose,
        )
        return not_known(asked.problems[0]) if asked.problems else found

    return Uses(
        tuple(
            at_work(sighting) if asked else None
            for sighting, asked in zip(sightings, open_, strict=True)
        ),
        processes.unseen,
        processes,
    )


_DELETABLE: Final = frozenset({Level.PROVEN, Level.NAMED})
