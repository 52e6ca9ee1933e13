"""Bounds how many directory entries all calls of a run handle in a second.

What a call will handle is known only when it has. So calls may run up a debt, and the next ones begin when that is
worked off: over some seconds the rate is kept, whatever a single call does. The bucket of allowances is small
(:data:`_BURST`), lest a run that has waited for something else makes up for that at once.
"""

import time
from collections.abc import Callable
from typing import Final

_BURST: Final = 0.1
"""Seconds of the rate that a call handles about, and that may be saved up."""


class Rate:
    """A bucket of allowances (the token bucket of RFC 2697, with debts)."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Allow *per_second* entries in each second of the *clock*. Raises ValueError if that is less than 1."""
        if per_second < 1:
            raise ValueError(f"a rate must be at least 1 a second, not {per_second}")
        self._per_second: Final = per_second
        self._clock: Final = clock
        self._allowed = 0.0
        self._since = clock()
        self.most: Final = max(1, int(per_second * _BURST))
        """Entries that a call should handle at most."""

    def handled(self, entries: int) -> None:
        """Take in that a call has handled so many *entries*."""
        self._pass()
        self._allowed -= entries

    def wait(self) -> float:
        """Return the seconds until a call may begin, 0 if it may now."""
        self._pass()
        return max(0.0, -self._allowed / self._per_second)

    def _pass(self) -> None:
        now = self._clock()
        gained = (now - self._since) * self._per_second
        self._allowed = min(self._allowed + gained, float(self.most))
        self._since = now
