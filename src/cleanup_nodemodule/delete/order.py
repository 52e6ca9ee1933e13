"""The order of artifacts that lie in each other."""

import asyncio
import os
from collections.abc import Iterable


class Turns:
    """Has an artifact wait for those that lie in it, whose own turn they are in."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._done: dict[str, asyncio.Event] = {}
        self._inner: dict[str, list[str]] = {}
        self._staying: set[str] = set()
        self._altered: set[str] = set()
        around: list[str] = []
        for path in sorted(paths, key=lambda path: os.path.join(path, "")):
            while around and not path.startswith(os.path.join(around[-1], "")):
                around.pop()
            if around:
                self._done[path] = asyncio.Event()
                self._inner.setdefault(around[-1], []).append(path)
            around.append(path)

    async def await_inner(self, path: str) -> str | None:
        """Wait for everything that lies in *path*; return the first that stays, if any does."""
        inner = self._inner.get(path, ())
        for one in inner:
            await self._done[one].wait()
        return next((one for one in inner if one in self._staying), None)

    def done(self, path: str, *, stays: bool, altered: bool = False) -> None:
        """Let what lies around *path* go on; *altered* if this program has taken it out of there."""
        if stays:
            self._staying.add(path)
        if altered:
            self._altered.add(os.path.dirname(path))
        if path in self._done:
            self._done[path].set()

    def is_altered(self, path: str) -> bool:
        """Whether the directory itself was changed by this program, since it was shown."""
        return path in self._altered
