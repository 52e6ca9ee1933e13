"""Where a search may still find something, at one moment. Pure."""

import contextlib
import os
from collections.abc import Callable
from typing import Final, TypeAlias

Room: TypeAlias = Callable[[], contextlib.AbstractAsyncContextManager[None]]
"""What a call of a search waits for, and is made within."""


def at_once() -> contextlib.AbstractAsyncContextManager[None]:
    """Wait for nothing."""
    return contextlib.nullcontext()


def place_of(top: bytes, entry: bytes) -> bytes:
    """Return the absolute path of a stack entry beneath the root *top*."""
    way = entry.partition(b"\0")[0].rstrip(b"/")
    return os.path.join(top, way) if way else top


class Unfinished:
    """Where something may still be found, at one moment. All paths are absolute."""

    def __init__(self) -> None:
        self.entries: Final[set[bytes]] = set()
        """What has still to be opened, or to be opened once more."""
        self.judged: Final[set[bytes]] = set()
        """What was opened, and what was found there has no rows yet."""
        self._above: Final[set[bytes]] = set()

    def add(self, path: bytes) -> None:
        """Add a directory that has still to be opened."""
        self.entries.add(path)
        self.block(path)

    def block(self, path: bytes) -> None:
        """Add a directory in which something may be found for another reason."""
        while path not in self._above:
            self._above.add(path)
            path = os.path.dirname(path)

    def is_in(self, directory: str) -> bool:
        """Whether anything may still be found in that *directory*."""
        path = os.fsencode(directory)
        if path in self._above:
            return True
        if not self.judged:
            return False
        while path not in self.judged:
            above = os.path.dirname(path)
            if above == path:
                return False
            path = above
        return True
