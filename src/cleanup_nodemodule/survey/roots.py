"""The directories that the user gave: which of them answer, and what they are with symlinks resolved."""

import asyncio
import contextlib
import errno
from collections.abc import Mapping, Sequence
from typing import Final

from cleanup_nodemodule.model import Identity, Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.survey import search
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.work.conversion import absolute, everywhere
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped


async def answering(roots: Sequence[str], scheduler: Scheduler) -> list[str]:
    """Return those of the *roots* that answer; the others become silent."""
    silence = scheduler.silence
    paths = {root: absolute(root) for root in roots}

    async def ask(root: str) -> None:
        # That there is no such place is said when it is searched.
        with contextlib.suppress(Unanswered, OSError), silence.asking(paths[root]):
            await scheduler.call(search.answers, everywhere(root))

    with contextlib.suppress(Stopped):
        await asyncio.gather(*(ask(root) for root in paths))
    return [root for root, path in paths.items() if path not in silence]


async def check_there(roots: Sequence[str], scheduler: Scheduler) -> None:
    """Raise RootError for the first of the *roots* that is not there; one that does not answer becomes silent."""
    for root in roots:
        try:
            with scheduler.silence.asking(absolute(root)):
                await locate(root, scheduler)
        except search.RootError as error:
            if error.errno == errno.ENOENT:
                raise
        except Unanswered:
            continue


async def located(
    roots: Sequence[str], scheduler: Scheduler, problems: list[Problem]
) -> tuple[search.SearchRoot, ...]:
    """Return the roots that can be searched, each directory once.

    One that cannot be searched is added to the *problems*, one that does not answer becomes silent.
    Raises RootError if there are none.
    """
    found: dict[Identity, search.SearchRoot] = {}
    failed: search.RootError | None = None
    known = await _located_at_once(roots, scheduler) if len(roots) > _FEW else {}
    # In the order in which they were given: of several to one directory, the first counts.
    rest = {*await answering([root for root in roots if root not in known], scheduler)}
    for root in roots:
        if root in known:
            found.setdefault(known[root].identity, known[root])
            continue
        if root not in rest:
            continue
        try:
            with scheduler.silence.asking(absolute(root)):
                one = await locate(root, scheduler)
        except search.RootError as error:
            failed = failed or error
            problems.append(
                Problem(absolute(root), ProblemCode.SEARCH_ROOT, error.errno, error.advice)
            )
        except Unanswered:
            continue
        else:
            found.setdefault(one.identity, one)
    if failed is not None and not found and not scheduler.silence.roots:
        raise failed
    return tuple(found.values())


_FEW: Final = 16
"""Roots that are asked about one by one."""

_BATCH: Final = 512
"""Roots that one call is asked about, if there are many."""


def locate_local(paths: Sequence[str], kinds: Mapping[str, str]) -> list[search.SearchRoot | None]:
    """Return for each of the absolute *paths* what :func:`~cleanup_nodemodule.survey.search.locate_roots` does; None where that fails.

    None, too, for one that leads to a file system which may not answer, by the *kinds* of what is mounted: it is not
    asked.
    """
    found: list[search.SearchRoot | None] = []
    for path in paths:
        one: search.SearchRoot | None = None
        with contextlib.suppress(search.RootError, ValueError):
            if not mounts.resolve(path, kinds)[1]:
                [one] = search.locate_roots((path,))
        found.append(one)
    return found


async def _located_at_once(
    roots: Sequence[str], scheduler: Scheduler
) -> dict[str, search.SearchRoot]:
    """Return those of many *roots* that are found without asking any file system that may be silent."""
    found: dict[str, search.SearchRoot] = {}
    kinds = await scheduler.call(mounts.mounted)
    for start in range(0, len(roots), _BATCH):
        batch = roots[start : start + _BATCH]
        # What goes wrong here is said when they are asked about one by one.
        with contextlib.suppress(Unanswered, OSError):
            places = list(map(everywhere, batch))
            looked = await scheduler.call(locate_local, places, kinds)
            found |= {root: one for root, one in zip(batch, looked, strict=True) if one is not None}
    return found


async def locate(path: str, scheduler: Scheduler) -> search.SearchRoot:
    """Find a directory that the user gave. Raises RootError with the path as it was typed, and Unanswered."""
    try:
        # Whoever makes the call may be in another current directory.
        [one] = await scheduler.call(search.locate_roots, (everywhere(path),))
    except OSError as error:
        raise search.RootError(error.errno, error.strerror, path) from error
    return one
