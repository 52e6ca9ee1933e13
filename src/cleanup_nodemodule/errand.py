"""What a command asks a disk that may not answer, so that it can be interrupted and ends all the same.

The disk is asked by workers: threads, or processes of their own where it may fall silent
(:mod:`cleanup_nodemodule.apart`). The main thread only ever waits for them, and for signals.
"""

import asyncio
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from cleanup_nodemodule import __version__, engine, plain, report
from cleanup_nodemodule.exitcode import ExitCode
from cleanup_nodemodule.interrupts import Interrupts
from cleanup_nodemodule.model import Mode
from cleanup_nodemodule.names import printable
from cleanup_nodemodule.scheduler import Scheduler, Stopped, Unanswered
from cleanup_nodemodule.stdio import emit, say

_T = TypeVar("_T")

DEFAULT_PATIENCE: Final = 300
"""Seconds for one call, which looks at or deletes some thousand entries at most: no disk that works takes
as long."""

_DESCRIPTORS_EACH: Final = 8
"""Descriptors that an engine call has open at the same time, at most, and an artifact that is held."""

_DESCRIPTORS_BESIDES: Final = 28
"""Descriptors for everything else: streams, the event loop, the journal, and pipes to git."""


def in_loop(
    interrupts: Interrupts,
    make: Callable[[], Scheduler],
    work: Callable[[Scheduler], Awaitable[_T]],
    *,
    to_the_end: bool = False,
) -> _T:
    """Do *work* in an event loop with the scheduler that *make* returns there; a signal stops that.

    Unless it is *to_the_end*, a second signal raises KeyboardInterrupt.
    """

    async def main() -> _T:
        loop = asyncio.get_running_loop()
        with (
            make() as scheduler,
            interrupts.telling(lambda: loop.call_soon_threadsafe(scheduler.stop)),
        ):
            if interrupts.number is not None:  # It came before there was anything to tell.
                scheduler.stop()
            return await work(scheduler)

    _watch_children_without_threads()
    # Neither is a loop that is being set up or closed to be interrupted: it would be left half done.
    # Who insists is heard, but not before it is known what was deleted.
    with interrupts.telling((lambda: None) if to_the_end else interrupts.insist):
        return asyncio.run(main())


class Errand:
    """Asks the disk for a command that deletes nothing."""

    def __init__(self, interrupts: Interrupts, patience: float) -> None:
        """Wait *patience* seconds for one call, at most."""
        self.interrupts: Final = interrupts
        self.place: str | None = None
        """Where it has asked last, None before it did."""
        self._patience: Final = patience

    def call(self, function: Callable[[str], _T], path: str) -> _T:
        """Return what *function* says of an absolute *path*. Raises as :meth:`ask` does."""
        return self.ask([path], lambda scheduler: scheduler.call(function, path), workers=1)

    def ask(
        self,
        paths: Sequence[str],
        work: Callable[[Scheduler], Awaitable[_T]],
        *,
        workers: int | None = None,
    ) -> _T:
        """Return what *work* finds out at *paths*, absolute ones, by calls of the scheduler it gets.

        These are made by *workers* at a time, or as many as suit the disk. Raises what *work* raises,
        Unanswered too, and KeyboardInterrupt if it is interrupted.
        """
        from cleanup_nodemodule import apart, mounts
        from cleanup_nodemodule.workers import Workers

        self.place = paths[0] if paths else None
        distant = apart.is_needed(paths, mounts.mounted())
        count = affordable(workers or engine.default_lookers(distant=distant))
        executor = Workers("errand", apart.Apart if distant else None)
        stopped = False
        try:
            return in_loop(
                self.interrupts,
                lambda: Scheduler(executor, count, patience=self._patience),
                work,
            )
        except* Stopped:
            stopped = True
        except* Unanswered:
            pass
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
        # Out of the groups in which they may come.
        raise KeyboardInterrupt if stopped else Unanswered


def run(work: Callable[[Errand], int], *, patience: float, as_json: bool) -> int:
    """Do *work* and return its exit code; say why, and return another one, where it does not come to it.

    That is where a disk does not answer, or a signal stops it.
    """
    with Interrupts() as interrupts:
        errand = Errand(interrupts, patience)
        try:
            return work(errand)
        except KeyboardInterrupt:
            interrupts.hold()
            print_failure(
                "interrupted; nothing was done",
                errno.EINTR,
                None,
                "begin",
                mode="dry-run",
                as_json=as_json,
            )
            return 128 + (interrupts.number or signal.SIGINT)
        except Unanswered:
            print_failure(
                f"{printable(errand.place or os.sep)}: {silence(patience)}",
                errno.ETIMEDOUT,
                errand.place,
                "get an answer from",
                mode="dry-run",
                as_json=as_json,
            )
            return ExitCode.INCOMPLETE


def silence(patience: float) -> str:
    """Return in words that a disk did not answer."""
    return f"its disk did not answer for {patience:g} seconds (--timeout)"


def print_failure(
    message: str,
    number: int,
    path: str | None,
    doing: str,
    *,
    mode: Mode,
    as_json: bool,
) -> None:
    """Say why nothing was done; as a document too, on standard output, if one was asked for."""
    say(f"{plain.PROGRAM}: {message}")
    if as_json:
        run = report.Run(tool(), socket.gethostname(), time.time(), 0.0, mode)
        failed = report.of_failure(message, number, path, doing, run)
        emit(lambda: print(report.to_json(failed)))  # noqa: T201 - this is the edge


def tool() -> report.Tool:
    """Return what documents say of this program."""
    return report.Tool(plain.PROGRAM, __version__, engine.name())


def affordable(jobs: int) -> int:
    """Return how many of the *jobs* there are descriptors for (RLIMIT_NOFILE, getrlimit(2))."""
    try:
        import resource
    except ImportError:  # There is no such limit on Windows.
        return jobs
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return jobs
    return max(1, min(jobs, (limit - _DESCRIPTORS_BESIDES) // _DESCRIPTORS_EACH))


def _watch_children_without_threads() -> None:
    """Have Python 3.11 wait for git as later versions do, rather than by a thread for each process."""
    if sys.version_info < (3, 12) and hasattr(os, "pidfd_open"):
        with suppress(OSError):
            os.close(os.pidfd_open(os.getpid()))  # A kernel before Linux 5.3 has no such call.
            asyncio.get_event_loop_policy().set_child_watcher(asyncio.PidfdChildWatcher())
