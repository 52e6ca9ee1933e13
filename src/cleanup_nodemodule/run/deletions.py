"""Find in the journal what was deleted somewhere: the run that ``log`` is for."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cleanup_nodemodule.record import trust
from cleanup_nodemodule.record.entries import Entry
from cleanup_nodemodule.record.read import History, read
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.work.conversion import everywhere


@dataclass(frozen=True, slots=True)
class Deletions:
    """What the journal has of deletions."""

    history: History
    running: frozenset[str]
    """Ids of the runs that are at work, of those that something unfinished is from."""
    unfinished: frozenset[str]
    """Ids of the runs that something unfinished is from, whether it is among these or not."""


async def find_deletions(
    directory: str,
    paths: Sequence[str],
    last: int | None,
    runtime: Runtime,
    *,
    runs: Collection[str] = (),
) -> Deletions:
    """Return what was deleted at, beneath or around one of *paths*, or by one of *runs*, or everything if there are none.

    *directory* is the state directory. It is the *last* so many, or with None all of them: only then also
    what was written down before its turn came, which it never did. Raises StateError, and OSError for a
    path that nobody can resolve.
    """
    places: list[str] = []
    for path in map(everywhere, paths):
        places += await runtime.call(_places, path)
    unfinished: set[str] = set()
    waiting: set[str] = set()
    """Runs that something is from whose turn has not come."""

    def wanted(entry: Entry) -> bool:
        asked = entry.run in runs or (_concerns(entry.intent.path, places) if places else not runs)
        if not asked:
            return False
        if entry.waiting:
            waiting.add(entry.run)
        elif entry.unfinished:
            unfinished.add(entry.run)
        return entry.happened or last is None

    with runtime.interruptible():
        history = read(directory, wanted=wanted, last=last)
        running = running_of(directory, unfinished | waiting)
    return Deletions(history, running, frozenset(unfinished))


def running_of(directory: str, unfinished: Collection[str]) -> frozenset[str]:
    """Return the ids of the runs that are at work, if any of the *unfinished* may be."""
    if not unfinished:
        return frozenset()
    from cleanup_nodemodule.record.unfinished import at_work

    try:
        return at_work(directory, unfinished)
    except trust.StateError:
        return frozenset()  # As on a disk that may only be read, where none can be.


def _places(path: str) -> tuple[str, ...]:
    """Return what an absolute path is in the journal, which has them without symlinks.

    The last name may have been an artifact's, and be a symlink by now.
    """
    above, name = os.path.split(path.rstrip(os.sep))
    places = [os.path.realpath(path)]
    if name not in {"", os.curdir, os.pardir}:
        places.append(os.path.join(os.path.realpath(above), name))
    return tuple(os.path.join(place, "") for place in dict.fromkeys(places))


def _concerns(path: str, places: Sequence[str]) -> bool:
    whole = os.path.join(path, "")
    return any(whole.startswith(place) or place.startswith(whole) for place in places)
