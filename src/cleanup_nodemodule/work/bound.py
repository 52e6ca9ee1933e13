"""Has the Python engine search and measure with more than one processor.

The interpreter lets only one thread of a process run that engine at a time (:func:`engine.is_bound`). So
one thread makes calls itself, and each other one has a process make its calls. With two processors that
is up to 1.8 times as fast (docs/benchmarks.md). Nothing else depends on it: a plain
:class:`~cleanup_nodemodule.work.threads.Workers` makes the same calls with one processor.

Nothing is to be deleted by these processes: one may live on for a moment when this process was killed.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from cleanup_nodemodule.work.helper_process import EndedError, HelperProcess
from cleanup_nodemodule.work.threads import Workers

START_OF_A_PROCESS: Final = 0.1
"""Seconds, about, that an interpreter takes to start. What is done sooner than that needs no process; what
takes longer is done at most this much later than if the processes had been there at once."""


class Searchers(Workers):
    """Threads that make calls which only look: the first one itself, each other one by a process.

    The others begin only when the first has been at work for as long as starting a process takes.
    """

    def __init__(self) -> None:
        super().__init__("search", _Optional)
        self._begun = 0.0

    def _process(self) -> HelperProcess | None:
        if self._threads:
            return super()._process()
        self._begun = time.monotonic()
        return None

    def _work(self, helper: HelperProcess | None) -> None:
        if helper is not None:
            time.sleep(max(0.0, self._begun + START_OF_A_PROCESS - time.monotonic()))
        super()._work(helper)


class _Optional(HelperProcess):
    """A process that makes one call after the other; where there can be none, this one makes them."""

    def __init__(self) -> None:
        super().__init__()
        self._given_up = False

    def _answer(self, function: Callable[[], Any]) -> tuple[bool, Any]:
        if not self._given_up:
            try:
                return super()._answer(function)
            except EndedError:
                self._given_up = True
        return False, function()
