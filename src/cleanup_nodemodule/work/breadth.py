"""Finds by trying how many calls that delete are best made at a time.

Calls that wait for the disk are done sooner if more of them wait at once: on an ext4 that tells the disk of
every block that is free, four times as many calls took less than half of the time (docs/benchmarks.md,
"The machine's own disk"). Calls that wait for each other, as for a lock of the file system, gain nothing.
So where calls wait for more than half of their time twice as many are tried, and kept if they delete more.
"""

from typing import Final, Protocol

_TRIAL: Final = 0.5
"""Seconds of calls that show how fast so many at a time are."""

_WORTH_IT: Final = 1.1
"""How much faster twice as many calls at a time have to be."""


class Adjustable(Protocol):
    """What makes the calls, :class:`~cleanup_nodemodule.work.scheduler.Scheduler`."""

    @property
    def width(self) -> int:
        """How many calls go on at a time."""
        ...

    async def narrow(self, width: int) -> None:
        """Have fewer calls go on at a time from now on."""
        ...

    def broaden(self, width: int) -> bool:
        """Have more calls go on at a time; return whether they may."""
        ...


class Breadth:
    """Tries whether more calls at a time delete more. Is told of each call, and tells the scheduler."""

    def __init__(self, scheduler: Adjustable) -> None:
        self._scheduler: Final = scheduler
        self._found = False
        self._rate = 0.0
        """Entries a second that half as many calls at a time did, 0 if none were tried."""
        self._begin(None)

    def _begin(self, now: float | None) -> None:
        self._since = now
        self._entries = 0
        self._calls = 0
        self._seconds = 0.0
        self._processor_seconds = 0.0

    async def did(
        self, entries: int, seconds: float, processor_seconds: float, *, now: float
    ) -> None:
        """Take in a call that has just ended: what it did, how long it took, and what of a processor."""
        if self._found:
            return
        if self._since is None:
            self._since = now - seconds
        elif now - seconds < self._since:
            return  # It began while others were made at a time.
        self._entries += entries
        self._calls += 1
        self._seconds += seconds
        self._processor_seconds += processor_seconds
        width = self._scheduler.width
        if now - self._since < _TRIAL or self._calls < 2 * width or not self._seconds:
            return
        # Not by the clock, as what has begun and not ended would then be missing.
        rate = width * self._entries / self._seconds
        if self._rate and rate < _WORTH_IT * self._rate:
            self._found = True
            await self._scheduler.narrow(width // 2)
        elif self._processor_seconds > self._seconds / 2:
            self._rate = 0.0
        elif self._scheduler.broaden(2 * width):
            self._rate = rate
        else:
            self._found = True
        self._begin(now)
