"""One listing of a directory answers for all the names that are looked for in it.

Most of them are not there, and each costs a system call to find that out. So a directory is listed once, and
of what is there lstat(2) is asked where more than its name and kind is wanted. A listing says the same as
lstat does, but for this:

* Where names differ by their case alone, or by how an accent is written, a file system may take one for the
  other, and only it knows. What could be meant so is not ruled out.
* Something mounted on a name is not seen in a listing. Who asks knows what is mounted.
* It is as old as it is. It serves for a search; right before a deletion each name is asked for.

A directory with very many names is not read to its end: there each name is asked for by itself.
"""

import functools
import itertools
import os
from collections.abc import Iterator
from typing import Any, Final

WILD: Final = frozenset("*?[")
"""What makes a name one for many (fnmatch(3))."""

_LONGEST: Final = 1000
"""Names of a directory that are read at most: about as many as one call of getdents64(2) gives the C library,
which asks for 32 KiB at a time (opendir in glibc)."""

_MAX_NAMES: Final = 4000
"""Names that are remembered, of all directories together."""


def above(place: str) -> str:
    """Return the directory around the absolute path *place*, the top for itself."""
    if os.sep != "/":
        return os.path.dirname(place)
    # As dirname does with a path that has no slash at its end, which is asked for very often.
    return place.rpartition("/")[0] or "/"


def ancestors(directory: str, last: str | None) -> Iterator[str]:
    """Give *directory* and those above it, up to *last* or to the top."""
    while True:
        yield directory
        around = above(directory)
        if directory in {last, around}:
            return
        directory = around


_UNLISTED: Final = object()
"""What is remembered of a directory that was not listed."""


class Listing:
    """What was in a directory."""

    __slots__ = ("entries", "folded")

    def __init__(self, entries: list["os.DirEntry[str]"]) -> None:
        self.entries: Final = {entry.name: entry for entry in entries}
        self.folded: Final = {entry.name.casefold() for entry in entries}
        """The names as they are compared where case does not count."""

    def rules_out(self, name: str) -> bool:
        """Whether nothing is there that any file system could take for *name*."""
        return name not in self.entries and name.isascii() and name.casefold() not in self.folded


class Listings:
    """The directories that were listed last."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._names = 0

    def of(self, directory: str) -> Listing | None:
        """Return what is in *directory*.

        None where it has too many names for that, or nothing that can be listed is there: then each name is
        to be asked for.
        """
        known = self._known.get(directory, _UNLISTED)
        if known is not _UNLISTED:
            return known  # type: ignore[no-any-return]
        listing = _listed(directory)
        size = 1 if listing is None else 1 + len(listing.entries)
        self._names += size
        if self._names > _MAX_NAMES:
            self._known, self._names = {}, size
        self._known[directory] = listing
        return listing


def _listed(directory: str) -> Listing | None:
    try:
        with os.scandir(directory) as entries:
            found = list(itertools.islice(entries, _LONGEST + 1))
    except (OSError, ValueError):
        return None
    return None if len(found) > _LONGEST else Listing(found)


@functools.lru_cache(maxsize=1024)
def plain(names: tuple[str, ...]) -> frozenset[str] | None:
    """Return the first components of *names* as a listing compares them.

    None if one of them is a wildcard, or what a listing does not rule out.
    """
    firsts = {name.partition("/")[0] for name in names}
    if any(
        not first.isascii() or first in {"", os.curdir, os.pardir} or WILD.intersection(first)
        for first in firsts
    ):
        return None
    return frozenset(first.casefold() for first in firsts)
