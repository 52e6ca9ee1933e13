"""The order of artifacts of which one lies in another, or proves another."""

import asyncio
import os
from collections.abc import Iterable
from typing import Final

from cleanup_nodemodule.model import Artifact

_LAST: Final = chr(0x10FFFF)
"""Sorts behind every name."""

_PROVES: Final = "node_modules"
"""Beneath the directory around it, what lies in it is the proof of others: of builds, and of packages of a workspace."""


def turn_of(path: str) -> tuple[str, bool]:
    """Return what to sort artifacts by: what has to wait for others comes behind them."""
    reach = _reach(path)
    # Of two with the same reach one lies in the other, and that goes first.
    return os.path.join(reach, _LAST), reach == path


def _reach(path: str) -> str:
    """Return the directory in which everything else goes before the artifact at *path*."""
    return os.path.dirname(path) if os.path.basename(path) == _PROVES else path


def in_turn(artifacts: Iterable[Artifact], first: str | None) -> list[Artifact]:
    """Return *artifacts* in their turn: what others wait for comes before them.

    The turn of the path *first* comes first, with all that has to do with that one, and of those before it last.
    """
    ordered = sorted(artifacts, key=lambda artifact: turn_of(artifact.path))
    if first is None:
        return ordered
    groups: list[list[Artifact]] = []
    around = ""
    # Backwards, what others go before comes first.
    for artifact in reversed(ordered):
        if not groups or not artifact.path.startswith(around):
            groups.append([])
            around = os.path.join(_reach(artifact.path), "")
        groups[-1].append(artifact)
    groups = [group[::-1] for group in reversed(groups)]
    start = next(
        (at for at, group in enumerate(groups) if max(one.path for one in group) >= first), 0
    )
    return [artifact for group in groups[start:] + groups[:start] for artifact in group]


class Turns:
    """Has an artifact wait for those that lie in it, whose own turn they are in, and for those that it proves."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._done: dict[str, asyncio.Event] = {}
        self._before: dict[str, list[str]] = {}
        self._staying: set[str] = set()
        self._altered: set[str] = set()
        # Backwards, what others go before comes first.
        around: list[str] = []
        for path in sorted(paths, key=turn_of, reverse=True):
            while around and not path.startswith(os.path.join(_reach(around[-1]), "")):
                around.pop()
            if around:
                self._done[path] = asyncio.Event()
                self._before.setdefault(around[-1], []).append(path)
            around.append(path)

    async def await_inner(self, path: str) -> str | None:
        """Wait for everything that goes before *path*; return the first that stays in it, if any does."""
        for one in self._before.get(path, ()):
            await self._done[one].wait()
        inside = os.path.join(path, "")
        return min((one for one in self._staying if one.startswith(inside)), default=None)

    def done(self, path: str, *, stays: bool, altered: bool = False) -> None:
        """Let what waits for *path* go on; *altered* if this program has taken it out of the directory around it."""
        if stays:
            self._staying.add(path)
        if altered:
            self._altered.add(os.path.dirname(path))
        if path in self._done:
            self._done[path].set()

    def is_altered(self, path: str) -> bool:
        """Whether the directory itself was changed by this program, since it was shown."""
        return path in self._altered
