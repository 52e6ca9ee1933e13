"""Looks at single files and directories by name, and follows nothing that it finds.

What lies in a tree is somebody else's: a symlink in it may lead to a disk that does not answer, and so
may something that is mounted there. So of a name with several components each has to be a directory of
this very file system, and what the mount table names is not even looked at.
"""

import fnmatch
import functools
import itertools
import os
import stat
from collections.abc import Callable, Collection, Hashable, Iterator
from typing import Any, Final, TypeVar

from cleanup_nodemodule.proof.listing import WILD, Listing, Listings, ancestors, plain
from cleanup_nodemodule.proof.memory import (
    FILE_BYTES,
    FILES,
    MAX_ANSWERS,
    UNASKED,
    Memory,
    Standing,
    standing_of,
)
from cleanup_nodemodule.proof.version_control.around import Around, Found
from cleanup_nodemodule.proof.version_control.systems import GIT
from cleanup_nodemodule.system import accounts
from cleanup_nodemodule.system.files import ABSENT, content

__all__ = ("StatCache", "ancestors")

_LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a file that are read at most; markers are small, and a huge one proves nothing."""

_LONGEST_NAME: Final = 255
"""Bytes that a name has at most (NAME_MAX, limits.h(0p)), on every file system there is."""

_MAX_REMEMBERED: Final = 64 * 1024 * 1024
"""Characters of paths that something is remembered of."""

_T = TypeVar("_T")
_numbers = itertools.count()


def _within(directory: str, name: str) -> str:
    return os.path.dirname(directory) if name == os.pardir else os.path.join(directory, name)


class StatCache:
    """Looks for markers, beside and above candidates above all.

    Errors other than that something is not there are raised, as OSError: who asks about a candidate
    has to know that nothing is known. Remembers what directories above others say for as long as it
    lives, so that a chain of directories is looked at once and not once for each that is in it: one is
    made for a search, and a new one whenever things may have changed. Pickles, and is one with itself
    in every process it comes to.
    """

    def __init__(
        self, mounts: Collection[str] = (), number: str | None = None, *, lists: bool = False
    ) -> None:
        """*mounts* is everything that something is mounted on.

        With *lists* a directory is listed once, and what it does not show is not there: that is for many
        candidates, of which each has to be looked at again before anything is done to it.
        """
        self._mounts: Final = frozenset(mounts)
        self._around_mounts: Final = frozenset(map(os.path.dirname, self._mounts))
        self._number: Final = number or f"{os.getpid()} {next(_numbers)}"
        self._listings: Final = Listings() if lists else None
        self.known: Final = Memory(MAX_ANSWERS, _MAX_REMEMBERED)
        """What directories have answered by now, whoever asked."""
        self._around: Final = Around(self.known, self._mounts, self.rules_out)
        self._contents: Final = Memory(FILES, _MAX_REMEMBERED)
        self._made: dict[str, Any] = {}

    def __reduce__(self) -> tuple[Callable[..., "StatCache"], tuple[str, frozenset[str], bool]]:
        return _same, (self._number, self._mounts, self._listings is not None)

    def _listing(self, directory: str) -> Listing | None:
        return None if self._listings is None else self._listings.of(directory)

    def rules_out(self, directory: str, markers: tuple[str, ...]) -> bool:
        """Whether a listing of *directory* says that none of the *markers* is there.

        It may say nothing, and each of them has to be asked for. Something mounted there is no marker.
        """
        listing = self._listing(directory)
        if listing is None:
            return False
        names = plain(markers)
        return names is not None and listing.folded.isdisjoint(names)

    def _listed(self, directory: str, marker: str) -> bool | None:
        """Whether a listing says that the marker is really there; None if it does not say."""
        name = marker.rstrip("/")
        if "/" in name or (listing := self._listing(directory)) is None:
            return None
        entry = listing.entries.get(name)
        if entry is None:
            return False if name != os.pardir and listing.rules_out(name) else None
        if directory in self._around_mounts and entry.path in self._mounts:
            return False
        try:
            if marker.endswith("/"):
                return entry.is_dir(follow_symlinks=False)
            return entry.is_file(follow_symlinks=False)
        except ABSENT:  # Where the listing does not tell kinds they are asked for (readdir(3)).
            return False

    def _steps(self, directory: str, name: str) -> list[tuple[str, os.stat_result]]:
        """Return for each component of *name* the directory it is in and its status.

        Nothing if it is not there, or not to be gone to.
        """
        if self.rules_out(directory, (name,)):
            return []
        steps: list[tuple[str, os.stat_result]] = []
        for part in name.rstrip("/").split("/"):
            if steps and not stat.S_ISDIR(steps[-1][1].st_mode):
                return []
            around, directory = directory, _within(directory, part)
            if directory in self._mounts or len(os.fsencode(part)) > _LONGEST_NAME:
                return []
            try:
                steps.append((around, os.lstat(directory)))
            except ABSENT:
                return []
        return steps

    def status(self, directory: str, name: str) -> os.stat_result | None:
        """Return what lstat(2) says of *name* beneath *directory*; None if it is not there.

        So too if a symlink or a mount point is on the way to it, or it is one of the latter, or it is
        in a directory that may not be gone into. A component ``..`` is the directory around the last.
        """
        steps = self._steps(directory, name)
        return steps[-1][1] if steps else None

    def exists(self, directory: str, marker: str) -> bool:
        """Whether the marker is really there: what a symlink of that name leads to proves nothing.

        A marker is a regular file, or with a trailing slash a directory.
        """
        listed = self._listed(directory, marker)
        if listed is not None:
            return listed
        status = self.status(directory, marker)
        return status is not None and _fits(status, marker)

    def is_directory(self, directory: str, name: str) -> bool:
        """Whether *name* in *directory* is one, and nothing is mounted there. Lists nothing, remembers nothing."""
        place = os.path.join(directory, name)
        if place in self._mounts:
            return False
        try:
            return stat.S_ISDIR(os.lstat(place).st_mode)
        except ABSENT:
            return False

    def protects(self, directory: str, marker: str) -> bool:
        """Whether a marker that protects is there, or may be: what is mounted there is not looked at."""
        if directory in self._around_mounts:
            place = os.path.join(directory, marker.rstrip("/"))
            if place in self._mounts:
                return True
        return self.exists(directory, marker)

    def proves(self, directory: str, marker: str, artifact: str) -> bool:
        """Whether a marker is there that may prove something of *artifact*.

        In a directory where everybody may write, or a sticky one, a third user's does not: it has to be
        root's, or of the artifact's owner, or, where it is not sticky, of the directory's.
        """
        listed = self._listed(directory, marker)
        if listed is not None and (not listed or self._open(directory) is None):
            return listed
        steps = self._steps(directory, marker)
        return (
            bool(steps)
            and _fits(steps[-1][1], marker)
            and all(self._is_believed(around, status, artifact) for around, status in steps)
        )

    def owner(self, artifact: str) -> int | None:
        """Return whose *artifact* is, None where something is mounted on it."""
        return None if artifact in self._mounts else self.standing(artifact).owner

    def standing(self, directory: str) -> Standing:
        """Return what is remembered of *directory*. Raises OSError, as where it is not there."""
        standing: Standing = self.known.get(directory)
        if standing is UNASKED:
            standing = standing_of(os.lstat(directory))
            self.known.put(directory, directory, standing)
        return standing

    def _is_believed(self, directory: str, status: os.stat_result, artifact: str) -> bool:
        if status.st_uid == 0 or (around := self._open(directory)) is None:
            return True
        if status.st_uid == around.owner and not around.mode & stat.S_ISVTX:
            return True
        return status.st_uid == self.owner(artifact)

    def _open(self, directory: str) -> Standing | None:
        """Return the standing of *directory* if others than its owner and a group put things there."""
        standing = self.standing(directory)
        shared = standing.mode & (stat.S_IWGRP | stat.S_IWOTH)
        sticky = standing.mode & stat.S_ISVTX
        return standing if shared and (sticky or standing.mode & stat.S_IWOTH) else None

    def by_whom(self, directory: str, marker: str, artifact: str) -> str:
        """Return the words that name the third user who put *marker* there; none if nobody did.

        Whoever that is keeps what belongs to others, in a directory where everybody may write.
        """
        if self._open(directory) is None:
            return ""
        status = self.status(directory, marker)
        if status is None or self._is_believed(directory, status, artifact):
            return ""
        around = self._open(directory)
        sticky = around is not None and around.mode & stat.S_ISVTX
        where = "the sticky directory" if sticky else "a directory where everybody may write,"
        return f", which {accounts.name_of(status.st_uid)} put into {where} {directory}"

    def read(self, directory: str, name: str, largest: int = _LARGEST) -> bytes | None:
        """Return the content of a regular file of at most *largest* bytes, None for anything else.

        Never waits, should the file have become a FIFO.
        """
        listed = self._listed(directory, name)
        if listed is False:
            return None
        if listed is None:
            status = self.status(directory, name)
            if status is None or not stat.S_ISREG(status.st_mode) or status.st_size > largest:
                return None
            return content(_beneath(directory, name), largest)
        known: bytes | None = self._contents.get((directory, name, largest))
        if known is UNASKED:
            known = content(_beneath(directory, name), largest)
            if known is None or len(known) <= FILE_BYTES:
                self._contents.put((directory, name, largest), directory, known)
        return known

    def matches(self, directory: str, marker: str) -> Iterator[str]:
        """Give the names beneath *directory* that fit *marker*, in order.

        Wildcards fit within one name of the path; symlinks and mount points are not gone through.
        """
        if not WILD.intersection(marker):
            if self.exists(directory, marker):
                yield marker
            return
        parts = marker.rstrip("/").split("/")
        slash = "/" if marker.endswith("/") else ""
        stack = [(directory, "", 0)]
        while stack:
            place, done, number = stack.pop()
            names = self._named(place, parts[number])
            if number + 1 == len(parts):
                yield from (done + name for name in names if self.exists(place, name + slash))
                continue
            stack += [
                (_within(place, name), f"{done}{name}/", number + 1)
                for name in reversed(names)
                if self.exists(place, name + "/")
            ]

    def _named(self, directory: str, pattern: str) -> list[str]:
        if not WILD.intersection(pattern):
            return [pattern]
        listing = self._listing(directory)
        if listing is not None:
            return sorted(fnmatch.filter(listing.entries, pattern))
        try:
            with os.scandir(directory) as entries:
                return sorted(one.name for one in entries if fnmatch.fnmatch(one.name, pattern))
        except ABSENT:
            return []

    def nearest(
        self,
        question: Hashable,
        directory: str,
        last: str | None,
        answer: Callable[[str], _T | None],
    ) -> tuple[str, _T] | None:
        """Return the first of *directory* and those above it, up to *last*, with an answer, and that.

        The *question* stands for what *answer* asks of a directory, to remember it by.
        """
        way: list[str] = []
        found: tuple[str, _T] | None = None
        for place in ancestors(directory, last):
            known = self.known.get((question, last, place))
            if known is not UNASKED:
                found = known
                break
            way.append(place)
            given = answer(place)
            if given is not None:
                found = place, given
                break
        for place in way:
            self.known.put((question, last, place), place, found)
        return found

    def one_of(self, directory: str, file: str, other: str) -> str | None:
        """Return which of two names that protect is in *directory*: a regular *file*, or an *other* of any kind.

        What is mounted there is not looked at, and counts.
        """
        if directory not in self._around_mounts and self.rules_out(directory, (file, other)):
            return None
        if self.protects(directory, file):
            return file
        mounted = (
            directory in self._around_mounts and os.path.join(directory, other) in self._mounts
        )
        return other if mounted or self.status(directory, other) is not None else None

    def nearest_protecting(self, directory: str, *markers: str) -> tuple[str, str] | None:
        """Return the first of *directory* and all above it that one of *markers* is in, and which."""

        def answer(place: str) -> str | None:
            if place not in self._around_mounts and self.rules_out(place, markers):
                return None
            return next((one for one in markers if self.protects(place, one)), None)

        return self.nearest(markers, directory, None, answer)

    def repositories(self, directory: str) -> tuple[str, ...]:
        """Return the directories, from *directory* upwards, that hold a ``.git``, or may.

        It is a file in worktrees and submodules (gitrepository-layout(5)).
        """
        return tuple(place for place, mark in self._around.of(directory) if mark == GIT)

    def working_copies(self, directory: str) -> Found:
        """Return the directories, from *directory* upwards, with the mark of another version control."""
        return tuple(one for one in self._around.of(directory) if one[1] != GIT)

    def entries(self, directory: str, below: str = "") -> list[tuple[str, bool]]:
        """Return the names in *directory*, or in *below* in it, and whether each is a directory.

        Nothing if a symlink or a mount point is on the way, or it may not be listed.
        """
        if directory in self._mounts or (below and not self.exists(directory, below)):
            return []
        if not below and (listing := self._listing(directory)) is not None:
            return [
                (one.name, one.is_dir(follow_symlinks=False)) for one in listing.entries.values()
            ]
        place = os.path.join(directory, below)
        try:
            with os.scandir(place) as entries:
                return [(one.name, one.is_dir(follow_symlinks=False)) for one in entries]
        except ABSENT:
            return []

    def names(self, directory: str) -> Collection[str]:
        """Return the names in *directory*. Raises OSError where it cannot be listed."""
        listing = self._listing(directory)
        return os.listdir(directory) if listing is None else listing.entries.keys()

    def made(self, key: str, make: Callable[[], _T]) -> _T:
        """Return what *make* made the first time that it was asked for by this *key*."""
        if key not in self._made:
            self._made[key] = make()
        value: _T = self._made[key]
        return value

    @property
    def remembered(self) -> int:
        """Characters of paths that something is remembered of."""
        return self.known.characters


@functools.lru_cache(maxsize=4)
def _same(number: str, mounts: frozenset[str], lists: bool) -> StatCache:  # noqa: FBT001 - as it was pickled
    """Return the one cache of this process for that *number* in another one."""
    return StatCache(mounts, number, lists=lists)


def _beneath(directory: str, name: str) -> str:
    for part in name.split("/"):
        directory = _within(directory, part)
    return directory


def _fits(status: os.stat_result, marker: str) -> bool:
    return stat.S_ISDIR(status.st_mode) if marker.endswith("/") else stat.S_ISREG(status.st_mode)
