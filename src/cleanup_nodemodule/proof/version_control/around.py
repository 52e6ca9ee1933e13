"""Finds the working copies that a directory lies in, of git and of all others."""

import errno
import itertools
import os
from collections.abc import Callable, Collection
from typing import Final, TypeAlias

from cleanup_nodemodule.proof.memory import UNASKED, Memory
from cleanup_nodemodule.proof.version_control.systems import GIT, named

_LISTED: Final = 1000
"""Names of a directory that are read at most; where there are more each mark is asked for."""

Found: TypeAlias = tuple[tuple[str, str], ...]
"""Directories with a mark of version control, the innermost first, and the mark."""


class Around:
    """Looks at each directory once, for all marks together."""

    def __init__(
        self,
        known: Memory,
        mounts: Collection[str],
        rules_out: Callable[[str, tuple[str, ...]], bool],
    ) -> None:
        """Remember what is found in *known*.

        *mounts* is everything that something is mounted on, and *rules_out* says of a directory that a listing
        of it shows none of some names.
        """
        self._known: Final = known
        self._mounts: Final = mounts
        self._around_mounts: Final = frozenset(map(os.path.dirname, mounts))
        self._rules_out: Final = rules_out
        self._marks: Final = (GIT, *named())
        self._folded: Final = frozenset(map(str.casefold, self._marks))

    def of(self, directory: str) -> Found:
        """Return the directories, from *directory* upwards, with a mark, or which may have it.

        Raises OSError for a path that nothing takes.
        """
        way: list[str] = []
        found: Found = ()
        place, above = directory, os.path.dirname(directory)
        while (known := self._known.get((GIT, place))) is UNASKED:
            way.append(place)
            if place == above:
                break
            place, above = above, os.path.dirname(above)
        else:
            found = known
        for place in reversed(way):
            found = (*((place, mark) for mark in self._in(place)), *found)
            self._known.put((GIT, place), place, found)
        return found

    def _in(self, directory: str) -> tuple[str, ...]:
        # Something mounted on a name may be one, and no listing shows that.
        if directory not in self._around_mounts and (
            self._rules_out(directory, self._marks) or self._lists_none(directory)
        ):
            return ()
        return tuple(mark for mark in self._marks if self._may_have(directory, mark))

    def _lists_none(self, directory: str) -> bool:
        """Whether a listing of this moment shows no mark: that takes as long as to ask for one of them."""
        try:
            with os.scandir(directory) as entries:
                names = [entry.name for entry in itertools.islice(entries, _LISTED)]
        except (OSError, ValueError):
            return False
        if len(names) == _LISTED:
            return False
        # Where names differ by their case alone, the file system knows which are the same.
        return self._folded.isdisjoint(map(str.casefold, names))

    def _may_have(self, directory: str, mark: str) -> bool:
        """Whether a mark is there: only a clear no is a no, but for a path that nothing takes."""
        path = os.path.join(directory, mark)
        if path in self._mounts:
            return True
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise
        return True
