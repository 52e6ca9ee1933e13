"""How fresh an answer has to be that is dear to get, and how much time may go into it."""

import asyncio
import contextlib
import os
import select
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

_FREE: Final = 1.0
"""Seconds that a run may spend on what is dear, however short it is."""

_SHARE: Final = 10
"""And besides, one second in so many."""

_T = TypeVar("_T")


class MountTable:
    """Tells when something was mounted or unmounted."""

    def __init__(self) -> None:
        self._file: int | None = None
        self._poll: select.poll | None = None

    def watch(self) -> None:
        """Begin, unless it was begun."""
        if self._poll is not None or not hasattr(select, "poll"):
            return
        with contextlib.suppress(OSError):
            self._file = os.open("/proc/self/mounts", os.O_RDONLY | os.O_CLOEXEC)
            self._poll = select.poll()
            self._poll.register(self._file, select.POLLPRI)

    def has_changed(self) -> bool:
        """Whether it has changed since this was last asked, or nobody can say."""
        return self._poll is None or bool(self._poll.poll(0))

    def close(self) -> None:
        """Let go of the mount table."""
        if self._file is not None:
            os.close(self._file)
        self._file = self._poll = None


class Budget:
    """How much time may go into what is dear."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._spent = 0.0

    def allows(self, seconds: float) -> bool:
        """Whether to spend so many *seconds* more."""
        now = asyncio.get_running_loop().time()
        self._since = now if self._since is None else self._since
        return self._spent + seconds <= _FREE + (now - self._since) / _SHARE

    def spend(self, seconds: float) -> None:
        """Take down that so many *seconds* were spent."""
        self._spent += seconds


class Recent(Generic[_T]):
    """An answer that serves all who ask before the budget allows for another, or it *has_changed*."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[tuple[_T, float]]],
        budget: Budget,
        has_changed: Callable[[], bool],
    ) -> None:
        self._ask = ask
        self._budget = budget
        self._has_changed = has_changed
        self._lock = asyncio.Lock()
        self._answer: tuple[_T, float] | None = None
        self._began = 0.0

    async def get(self) -> _T:
        """Return what was asked after this was called, or as lately as can be afforded."""
        loop = asyncio.get_running_loop()
        called = loop.time()
        async with self._lock:
            if self._answer is None or (self._began < called and self._is_due(self._answer[1])):
                began = loop.time()
                self._answer = await self._ask()
                self._began = began
                self._budget.spend(self._answer[1])
            return self._answer[0]

    def is_since(self, time: float) -> bool:
        """Whether the answer was asked for after this *time*, by the clock of the event loop."""
        return self._began >= time

    def _is_due(self, took: float) -> bool:
        return self._has_changed() or self._budget.allows(took)
