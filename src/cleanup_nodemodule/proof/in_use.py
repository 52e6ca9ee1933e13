"""Whether a process is at work in a project."""

import bisect
import functools
import os
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from cleanup_nodemodule.model import Identity, Reason
from cleanup_nodemodule.proof import homes
from cleanup_nodemodule.proof.installed import Protection
from cleanup_nodemodule.proof.stat_cache import ancestors
from cleanup_nodemodule.system import accounts, at_work, mounts

_FEW: Final = 100
"""Questions that are answered by searching. For more of them it pays to write down first what lies around
each place."""


class Whose(NamedTuple):
    """What an artifact and its project are besides their paths."""

    identities: Collection[Identity] = ()
    """Device and inode of both."""
    owners: frozenset[int] = frozenset()
    """User ids of the owners of both."""
    owner: str | None = None
    """What the owner of the last path is called, or the number where nobody is called so; None if that is not known."""


def whose(paths: Iterable[str], known: "homes.Known | None" = None) -> Whose:
    """Ask the disk what the directories at *paths* are: those of a project and its artifact.

    *known* is as :func:`~cleanup_nodemodule.proof.installed.vital` takes it.
    """
    known = known or homes.Known()
    asked = list(map(known.standing, paths))
    standings = [one for one in asked if one is not None]
    last = asked[-1] if asked else None
    return Whose(
        tuple(one.identity for one in standings),
        _set_of(*(one.owner for one in standings)),
        None if last is None else accounts.owner_name(last.owner),
    )


@functools.lru_cache(maxsize=1024)
def _set_of(*owners: int) -> frozenset[int]:
    """Return the set of some user ids, which is the same for many artifacts."""
    return frozenset(owners)


class Processes:
    """Where other processes were at work when one look was taken, and what it could not see.

    Asking takes some microseconds; it is the look that takes time.
    """

    def __init__(self, work: at_work.Work, *, assume_unused: bool = False) -> None:
        """With *assume_unused* nobody works where nobody can say who does."""
        self.unseen: Final = work.unseen
        """Processes that could not be looked at; None if nobody can say how many."""
        self.known: Final = work.known
        """Those that the next look need not look at, if they are where they were."""
        self._places = _Places(work.places)
        self._directories = work.directories
        self._mounts = _Places(work.mounts)
        self._assume_unused = assume_unused

    def at_work_in(
        self, project: str, artifact: str, whose: Whose | None = None
    ) -> Protection | None:
        """Tell what is done in the *project* or the *artifact* that keeps the latter, None if nothing.

        A process at work there; something that is mounted on or in the artifact in another mount
        namespace; and for what does not belong to the user, that some processes could not be looked at.
        """
        for directory in (artifact, project):
            if (found := self._places.first_within(directory)) is not None:
                return Protection(Reason.IN_USE, f"{found[1]} is at work in {found[0]}")
        if (mounted := self._mounts.first_within(artifact)) is not None:
            point, how = mounted
            return Protection(Reason.MOUNT_POINT, f"something is mounted on {point}, {how}")
        if whose is None:
            return None
        for identity in whose.identities if self._directories else ():
            if (who_is_there := self._directories.get(identity)) is not None:
                where = f"{who_is_there} is at work in it, in another mount namespace"
                return Protection(Reason.IN_USE, where)
        if self.unseen == 0 or self._assume_unused or not hasattr(os, "geteuid"):
            return None
        if whose.owners == {os.geteuid()}:
            return None
        return Protection(
            Reason.IN_USE,
            f"it or its project belongs to somebody else, and {describe_unseen(self.unseen)}; {OVERRIDE}",
        )


OVERRIDE: Final = "--assume-unused takes it for unused"
"""How the words end for what is kept only as nobody can say whether it is in use."""


def describe_unseen(count: int | None) -> str:
    """Say how many processes could not be looked at; None is any number."""
    if count is None:
        return "the system hides the processes of other users"
    number = "1 process" if count == 1 else f"{count} processes"
    return f"{number} could not be looked at (no permission)"


class _Places:
    """Paths, each with what is to be said of it."""

    def __init__(self, places: Iterable[tuple[str, str]]) -> None:
        self._sorted: Final = sorted(places)
        self._asked = 0
        self._around: dict[str, tuple[str, str]] | None = None

    def first_within(self, directory: str) -> tuple[str, str] | None:
        """Return the first of the places, in order, that is the *directory* or lies in it."""
        if self._around is None:
            self._asked += 1
            if self._asked <= _FEW:
                return self._searched(directory)
            self._around = {}
            for place in self._sorted:
                for around in ancestors(place[0], None):
                    self._around.setdefault(around, place)
        return self._around.get(directory)

    def _searched(self, directory: str) -> tuple[str, str] | None:
        places = self._sorted
        for start in (directory, os.path.join(directory, "")):
            position = bisect.bisect_left(places, (start, ""))
            if position < len(places) and mounts.within(places[position][0], directory):
                return places[position]
        return None
