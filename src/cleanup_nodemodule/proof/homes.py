"""Whose home directory a directory is, by whatever path it was found.

Homes are those that the system's list of accounts names, those of the owners of what is found (a directory
service need not list its accounts, but tells each of them when it is asked; getpwent(3), getpwuid(3)), the one
of whoever runs the tool, and what lies where homes usually do. They are compared by device and inode, as a
symlink or a bind mount leads to one by another name. A home on a disk that may not answer is compared by its
names alone, all that the mount table gives it.
"""

import functools
import os
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from cleanup_nodemodule.model import Identity
from cleanup_nodemodule.proof.memory import UNASKED, Standing
from cleanup_nodemodule.proof.stat_cache import StatCache, ancestors
from cleanup_nodemodule.system import mounts

_USUAL: Final = re.compile(
    r"(?:/root|(?:/var|/export|/mnt/[a-z]|/media/[^/]+/[^/]+)?/(?:home|Users)/[^/]+)$"
)
"""Where homes are on most systems: also those of accounts that are not there any more."""


class Homes(NamedTuple):
    """Some home directories."""

    paths: frozenset[str]
    """All their absolute paths."""
    identities: frozenset[Identity]
    around: frozenset[str]
    """Paths of the directories that lie around them."""
    identities_around: frozenset[Identity]

    def has(self, path: str, standing: Standing | None) -> bool:
        """Whether a directory is one of them."""
        return path in self.paths or (standing is not None and standing.identity in self.identities)

    def lie_in(self, path: str, standing: Standing | None) -> bool:
        """Whether one of them lies in a directory."""
        return path in self.around or (
            standing is not None and standing.identity in self.identities_around
        )


class Known:
    """What is known of the directories around what was found: each is asked about once."""

    def __init__(self, home: str | None = None, cache: StatCache | None = None) -> None:
        """*home* is that of whoever runs the tool, *cache* one of this run's."""
        self._home = home
        self._cache = cache or StatCache()
        self.names: Final = mounts.names()
        """Returns all paths by which a place can be reached: a part of a home may be mounted elsewhere."""

    def standing(self, path: str) -> Standing | None:
        """Return what the directory *path* is; None if that cannot be said."""
        try:
            return self._cache.standing(path)
        except (OSError, ValueError):
            return None

    def is_home(self, path: str) -> bool:
        """Whether the directory *path* is the home of an account."""
        standing = self.standing(path)
        return bool(_USUAL.match(path)) or any(
            homes.has(path, standing) for homes in self._sets_for(path)
        )

    def is_around_home(self, path: str) -> bool:
        """Whether the directory *path* is a home, or one lies in it."""
        if _USUAL.match(path):
            return True
        standing = self.standing(path)
        return any(
            homes.has(path, standing) or homes.lie_in(path, standing)
            for homes in self._sets_for(path)
        )

    def _sets_for(self, path: str) -> tuple[Homes, ...]:
        """Return the homes of all accounts, and of the owners of *path* and of what lies around it."""
        way: list[str] = []
        for place in ancestors(path, None):
            sets: tuple[Homes, ...] = self._cache.known.get(("homes", self._home, place))
            if sets is not UNASKED:
                break
            way.append(place)
        else:
            sets = (_of_everybody(), *((_at(self._home),) if self._home else ()))
        # Not by a function that calls itself: there may be more directories than it may do that.
        for place in reversed(way):
            standing = self.standing(place)
            own = None if standing is None else _of_account(standing.owner)
            if own is not None and not any(own is one for one in sets):
                sets = (*sets, own)
            self._cache.known.put(("homes", self._home, place), place, sets)
        return sets


@functools.cache
def _of_everybody() -> Homes:
    """Return the homes of all accounts that the system lists."""
    try:
        import pwd  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return _homes(())
    return _homes({account.pw_dir for account in pwd.getpwall()})


@functools.cache
def _of_account(owner: int) -> Homes:
    """Return the home of one account, which the system need not list to know it."""
    try:
        import pwd  # noqa: PLC0415 - there is none on Windows

        return _homes((pwd.getpwuid(owner).pw_dir,))
    except (ImportError, KeyError, OverflowError, OSError):
        return _homes(())


@functools.cache
def _at(home: str) -> Homes:
    return _homes((home,))


def _homes(directories: Iterable[str]) -> Homes:
    """Return what there is to know of some home directories, by no disk that may not answer."""
    kinds = mounts.mounted()
    names = mounts.names()
    paths: set[str] = set()
    identities: set[Identity] = set()
    around: set[str] = set()
    identities_around: set[Identity] = set()
    for directory in directories:
        if not os.path.isabs(directory):
            continue
        resolved, silent = mounts.resolve(directory, kinds)
        own = {os.path.normpath(directory), *names(resolved)}
        paths |= own
        for path in own:
            around.update(_above(path))
        for number, path in enumerate((resolved, *_above(resolved))):
            if silent and mounts.resolve(path, kinds)[1]:
                continue
            try:
                status = os.stat(path)
            except (OSError, ValueError):
                continue
            (identities_around if number else identities).add(
                Identity(status.st_dev, status.st_ino)
            )
    return Homes(
        frozenset(paths), frozenset(identities), frozenset(around), frozenset(identities_around)
    )


def _above(path: str) -> Iterator[str]:
    """Yield the directories above *path*."""
    while (above := os.path.dirname(path)) != path:
        yield above
        path = above
