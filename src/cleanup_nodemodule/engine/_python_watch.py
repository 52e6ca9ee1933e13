"""Looks at the names and times of what ``measure`` counts, for the engine in Python."""

import os
import stat
from typing import Final

from cleanup_nodemodule.engine._python_entries import fitting
from cleanup_nodemodule.engine.contract import WATCHED, Watch


class Watcher:
    """What one call watches for, and what it has met by now; see the contract."""

    __slots__ = ("_endings", "_fits", "_names", "_since", "_written", "late", "met", "unlisted")

    def __init__(self, watch: Watch) -> None:
        self._names: Final = watch.names
        self._endings: Final = watch.endings
        self._fits: Final = fitting(watch.globs)
        self._since: Final = watch.since
        self._written: Final = watch.written
        self.met: Final[list[bytes]] = []
        """As in the contract, and so are the others."""
        self.late: Final[list[bytes]] = []
        self.unlisted = 0

    def look_at(self, prefix: bytes, entry: str, mode: int, modified: float) -> None:
        """Look at an entry of the directory whose path, with a slash behind it, is *prefix*."""
        name = os.fsencode(entry)
        lower = name.lower()  # Of bytes: only the letters of ASCII have a lower case.
        met: object = lower in self._names
        if not stat.S_ISDIR(mode):
            if not met:
                dot = lower.rfind(b".")
                met = (dot > 0 and lower[dot + 1 :] in self._endings) or self._fits(lower)
            late = self._since and modified > self._since and not stat.S_ISLNK(mode)
            if late and not self._is_written(prefix):
                self._list(self.late, prefix + name)
        if met:
            self._list(self.met, prefix + name)

    def _is_written(self, prefix: bytes) -> bool:
        """Whether a directory is, or lies in, one that tools write into whenever they run."""
        return bool(self._written) and not self._written.isdisjoint(prefix.lower().split(b"/"))

    def look_at_closed(self, prefix: bytes, entry: str) -> None:
        """Look at an entry of which nothing is known but the name."""
        name = os.fsencode(entry)
        if name.lower() in self._names:
            self._list(self.met, prefix + name)

    def _list(self, paths: list[bytes], path: bytes) -> None:
        if len(paths) < WATCHED:
            paths.append(path)
        else:
            self.unlisted += 1
