"""Looks at what was found, a batch in one call: what proves and protects it, and what is in the small ones.

All of that takes some microseconds of the interpreter for each candidate, and only one thread of a process has the
interpreter at a time. So one call does it all, and :class:`~cleanup_nodemodule.survey.proving.Prover` makes one
such call at a time. Threads that do it beside each other wait for each other at every system call.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from cleanup_nodemodule import engine
from cleanup_nodemodule.engine.contract import Accounting, Measurement
from cleanup_nodemodule.model import Candidate, Level, Reason
from cleanup_nodemodule.proof import evidence
from cleanup_nodemodule.proof.sighting import Circumstances, Sighting
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.survey.inside import watch_for
from cleanup_nodemodule.survey.measure import entries_of
from cleanup_nodemodule.work import conversion

SMALL: Final = 64
"""Directory entries of a candidate that are measured at once. What has more is left to the other workers, which
measure it beside each other."""

_NEVER_ENTERED: Final = frozenset({Reason.INSTALLED, Reason.MOUNT_POINT})
"""Protections of what is not searched for others beneath it, whatever git says."""

_MANY_READS: Final = 4
"""Where a call read from a disk once for so many candidates, it waited for that more than it computed."""


class Look(NamedTuple):
    """What was seen of a candidate. Pickles."""

    sighting: Sighting
    entered: bool
    """What is found beneath it has rows of its own."""
    searched: bool
    """It is searched for others beneath it."""
    measurement: Measurement | None
    """What is in it, as far as one small call came; None if it was not measured."""


class Looks(NamedTuple):
    """What was seen of a batch. Pickles."""

    seen: list[Look]
    waited: bool
    """The call waited for a disk for most of its time."""


def look(
    candidates: Sequence[Candidate],
    circumstances: Circumstances,
    cache: StatCache,
    mounts: Sequence[str],
    accountings: Mapping[int, Accounting],
    doubted: bool,  # noqa: FBT001 - by position, as all that a scheduler hands on
) -> Looks:
    """Look at some candidates; *cache* is one of this run's, *mounts* what something is mounted on, in order.

    *accountings* says by the number of a device how it is found out what deleting gives back. They are *doubted* where they lie beneath what git has disproved.
    """
    before = _reads()
    sightings = evidence.gather(candidates, circumstances, cache)
    seen = [_seen(sighting, mounts, accountings, doubted=doubted) for sighting in sightings]
    return Looks(seen, (_reads() - before) * _MANY_READS > len(candidates))


def lacked(looks: Looks) -> bool:
    """Whether something could not be looked at for want of descriptors or memory."""
    return evidence.lacked([one.sighting for one in looks.seen])


def measured(looks: Looks) -> int:
    """Return how many directory entries were measured."""
    return sum(entries_of(one.measurement) for one in looks.seen if one.measurement is not None)


def unseen(candidate: Candidate, error: Exception) -> Look:
    """Return what is known of a candidate where looking at it came to nothing."""
    return Look(evidence.unseen(candidate, error), entered=True, searched=True, measurement=None)


def _seen(
    sighting: Sighting,
    mounts: Sequence[str],
    accountings: Mapping[int, Accounting],
    *,
    doubted: bool,
) -> Look:
    protection = None if sighting.protection is None else sighting.protection.reason
    level = sighting.level
    entered = level in {Level.NONE, Level.UNPROVEN} and protection is not Reason.INSTALLED
    # Where git has disproved what lies around it may disprove this, too, and what is in it: each
    # in a round of its own would be as many rounds as there are levels.
    searched = entered or (
        doubted and bool(sighting.repositories) and protection not in _NEVER_ENTERED
    )
    measured = not searched and level is not Level.NONE
    measurement = _measured(sighting, mounts, accountings) if measured else None
    return Look(sighting, entered, searched, measurement)


def _measured(
    sighting: Sighting, mounts: Sequence[str], accountings: Mapping[int, Accounting]
) -> Measurement | None:
    """Begin to measure a candidate; None if that went wrong, as whoever measures it then says."""
    candidate = sighting.candidate
    if candidate.mounted:
        return None
    closed = conversion.topmost_in(candidate.path, mounts)
    if closed:
        return None
    try:
        root = conversion.anchor(candidate.path, candidate.identity)
        accounting = accountings.get(candidate.identity.device)
        measurement = engine.measure(root, [b""], SMALL, watch_for(sighting), accounting)
    except Exception:  # noqa: BLE001 - whatever it is, it is asked for again
        return None
    return None if conversion.lacked(measurement.faults) else measurement


def _reads() -> int:
    """Return how often this thread has read from a disk by now (ru_inblock, getrusage(2))."""
    if sys.platform != "linux":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_THREAD).ru_inblock
