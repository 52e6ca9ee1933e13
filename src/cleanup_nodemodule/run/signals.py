r"""What SIGINT, SIGTERM and SIGHUP do to a run.

Others end it as they end any program, and the next run finishes what that leaves: SIGQUIT (Ctrl-\) is
for those who want that, SIGXCPU and SIGABRT come from limits and watchdogs. SIGTSTP (Ctrl-Z) and SIGCONT
stop it and have it go on; it alters nothing of the terminal that would have to be put in order before, and
:mod:`cleanup_nodemodule.show.progress` goes on below what the shell has written.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, Self

_HANGUP: Final = getattr(signal, "SIGHUP", None)
"""The terminal was closed (signal(7)). There is no such signal on Windows."""

STOPPING: Final = (signal.SIGINT, signal.SIGTERM, *(() if _HANGUP is None else (_HANGUP,)))
"""What asks a run to stop: a person at the terminal, a service manager or kill(1), the terminal's end."""


class Interrupts:
    """Takes the signals that ask a run to stop, for the time of the run.

    While something is under way that can be told to stop, they tell it; at a question, or while the result
    is printed at a terminal, they raise KeyboardInterrupt; elsewhere they are noted. The number is kept.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        """The first signal that came, None if none did."""
        self._stop: Callable[[], object] | None = None
        self._times = 0
        self._granted = 0
        self._seconds = 0.0
        self._armed = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # One that comes before the run has begun is noted, and stops it when it begins.
        self._stop = lambda: None
        for number in STOPPING:
            # What is ignored stays so, as a shell asks of what it runs in the background, and nohup(1).
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        self.hold()
        for number, handler in self._before.items():
            # Python takes note of a signal, and calls what it finds when it comes to that: it complains
            # where that is no function any more.
            by_default = handler is signal.SIG_DFL and number != signal.SIGALRM
            signal.signal(number, _do_as_by_default if by_default else handler)

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

    @contextmanager
    def raising(self, *, again: bool = True) -> Iterator[None]:
        """Raise KeyboardInterrupt when a signal comes: where the main thread waits for a person, or a command.

        One that has come already raises it at once, if it is to raise *again*.
        """
        before, self._stop = self._stop, None
        try:
            if again and self.number is not None:
                raise KeyboardInterrupt
            yield
        finally:
            self._stop = before

    @contextmanager
    def lasting(self, seconds: float) -> Iterator[None]:
        """Do something short that a signal does not cut, for the time of that; the signal does what it would do else.

        KeyboardInterrupt is raised once :meth:`goes_on` was not called for some *seconds* after one. Without timers
        (setitimer(2)) it is raised at once.
        """
        before = self._stop

        def stop() -> None:
            if before is not None:
                before()
            if not hasattr(signal, "setitimer"):
                raise KeyboardInterrupt
            self._arm()

        self._seconds = seconds
        self._stop = stop
        try:
            if self.number is not None and hasattr(signal, "setitimer"):
                self._arm()
            yield
        finally:
            self._stop = before
            self._disarm()

    def let_raise(self) -> None:
        """From now on raise KeyboardInterrupt when a signal comes, as while something is printed at a terminal."""
        self._stop = None

    def insist(self) -> None:
        """Do nothing the first time that there is a signal, and raise KeyboardInterrupt the next time.

        What :meth:`telling` calls where nothing can be told to stop and all should be over in a moment.
        """
        if self._times > 1:
            raise KeyboardInterrupt

    def grant(self, seconds: float) -> None:
        """From now on let what is under way go on when a signal comes, for as long as it does go on.

        KeyboardInterrupt is raised with a second signal, or once :meth:`goes_on` was not called for some
        *seconds*, which count from now if a signal has come already (setitimer(2)). Without such timers,
        as on Windows, it is raised with the first.
        """
        if not hasattr(signal, "setitimer"):
            return
        self._seconds = seconds
        self._granted = self._times
        self._stop = self._wait
        if self.number is not None:
            self._arm()

    def goes_on(self) -> None:
        """Say that what is under way has come further."""
        if self._armed:
            self._arm()

    def hold(self) -> None:
        """From now on keep the number of a signal, and do nothing else about it."""
        self._stop = lambda: None
        self._disarm()

    def _disarm(self) -> None:
        armed, self._armed = self._armed, False
        if armed:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _wait(self) -> None:
        if self._times > self._granted + 1:
            raise KeyboardInterrupt
        self._arm()

    def _arm(self) -> None:
        # Not before it is needed: an alarm may be somebody else's.
        if signal.SIGALRM not in self._before:
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._expire)
        self._armed = True
        # More than once, as the first one may come where nothing can be raised.
        signal.setitimer(signal.ITIMER_REAL, self._seconds, self._seconds)

    def _expire(self, _number: int, _frame: FrameType | None) -> None:
        if self._armed:
            raise KeyboardInterrupt

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == _HANGUP and self.number is not None:
            # A second one means nothing: the kernel sends one, the shell another, and systemd with SendSIGHUP=
            # one right behind SIGTERM (systemd.kill(5)).
            return
        self.number = self.number or number
        self._times += 1
        if self._stop is None:
            raise KeyboardInterrupt
        self._stop()


def _do_as_by_default(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
