"""What SIGINT and SIGTERM do to a run."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self


class Interrupts:
    """Takes SIGINT and SIGTERM for the time of a run.

    While something is under way that can be told to stop, they tell it; elsewhere, as at a question
    or while the result is printed, they raise KeyboardInterrupt. Either way the number is kept.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        """The first signal that came, None if none did."""
        self._stop: Callable[[], object] | None = None
        self._times = 0
        self._held = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            # What is ignored stays so, as a shell asks of what it runs in the background.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def telling(self, stop: Callable[[], object]) -> Iterator[None]:
        """Call *stop* when a signal comes, from a signal handler (signal(7)).

        May be nested: then the innermost is called.
        """
        before, self._stop = self._stop, stop
        try:
            yield
        finally:
            self._stop = before

    def insist(self) -> None:
        """Do nothing the first time that there is a signal, and raise KeyboardInterrupt the next time.

        What :meth:`telling` calls where nothing can be told to stop and all should be over in a moment.
        """
        if self._times > 1:
            raise KeyboardInterrupt

    def grant(self, seconds: float) -> None:
        """From now on let what is under way go on when a signal comes, but for some *seconds* only.

        After that, or with a second signal, KeyboardInterrupt is raised (setitimer(2)). Without such
        timers, as on Windows, it is raised at once.
        """
        if not hasattr(signal, "setitimer"):
            return
        self._stop = lambda: self._wait(seconds)
        if signal.SIGALRM not in self._before:
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._expire)

    def hold(self) -> None:
        """From now on keep the number of a signal, and do nothing else about it."""
        self._stop = lambda: None
        self._held = True

    def _wait(self, seconds: float) -> None:
        self.insist()
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _expire(self, _number: int, _frame: FrameType | None) -> None:
        if not self._held:
            raise KeyboardInterrupt

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.number = self.number or number
        self._times += 1
        if self._stop is None:
            raise KeyboardInterrupt
        self._stop()
