"""The event loop of a run, the workers that ask its disks, and the one way to stop it.

A run has one event loop, in the main thread. That thread only waits: for workers, and for signals. The
workers are threads, or processes where a disk may fall silent (:mod:`cleanup_nodemodule.work.helper_process`). A signal
becomes a call of :meth:`Runtime.stop`, and from there on has one shape: every scheduler is stopped, and
whatever cannot go on raises :class:`~cleanup_nodemodule.work.tasks.Stopped`.
"""

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Final, NamedTuple, Self, TypeVar

from cleanup_nodemodule import engine
from cleanup_nodemodule.errors import CleanupError, ExitCode
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.system.mounts import mounted
from cleanup_nodemodule.work.rate import Rate
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Silence
from cleanup_nodemodule.work.tasks import Stopped
from cleanup_nodemodule.work.threads import Workers

_T = TypeVar("_T")

DEFAULT_TIMEOUT: Final = 300
"""Seconds for one call, which asks about or deletes some thousand entries at most: no disk that works
takes as long."""

OUT_OF_TIME: Final = "the time of --max-runtime was up; nothing was done"
"""What is said of a run whose time was up before it began."""

_DESCRIPTORS_EACH: Final = 8
"""Descriptors that an engine call has open at the same time, at most, and an artifact that is held."""

_DESCRIPTORS_BESIDES: Final = 28
"""Descriptors for everything else: streams, the event loop, the journal, and pipes to git."""


GRACE: Final = 60.0
"""Seconds that a deletion may take when the time of a run is up, to come to the end of what it has begun."""


class OutOfTimeError(CleanupError):
    """The time of a run was up before anything came of it."""

    code = ProblemCode.INTERRUPTED
    exit_code = ExitCode.INCOMPLETE


class Crew(NamedTuple):
    """The workers that suit the disks which some paths lie on."""

    executor: Workers
    distant: bool
    """They are processes, as a disk may fall silent."""
    readers: int
    """Calls at a time that only read."""


class Runtime:
    """What a run works with. A context manager, which lets all workers go."""

    def __init__(
        self,
        interrupts: Interrupts,
        *,
        jobs: int | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        max_rate: int | None = None,
    ) -> None:
        """Make *jobs* calls at a time, or as many as suit; give a call *timeout* seconds.

        All calls together handle *max_rate* directory entries a second at the most.
        """
        self.timeout: Final = timeout
        self.silence: Final = Silence()
        """What does not answer."""
        self.place: str | None = None
        """The path that was asked about last, absolute; None before anything was."""
        self._interrupts: Final = interrupts
        self._jobs: Final = jobs
        self._executors: list[Workers] = []
        self._schedulers: list[Scheduler] = []
        self._rate: Final = None if max_rate is None else Rate(max_rate)
        self._deleting: set[Scheduler] = set()
        self._stopped = False
        self.expired: bool = False
        """Its time is up."""
        self._hurried: bool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, *, wait: bool = False) -> None:
        """Let all workers go. With *wait*, return when those have ended that have nothing to do.

        Others may be in a call that waits for a silent disk.
        """
        for executor in self._executors:
            if wait:
                executor.close()
            else:
                executor.shutdown(wait=False, cancel_futures=True)
        self._executors.clear()

    @property
    def signal(self) -> int | None:
        """The number of the signal that stopped the run, None if none did."""
        return self._interrupts.number

    @property
    def stopped(self) -> bool:
        """Whether the run was told to stop."""
        return self._stopped or self.signal is not None

    def stop(self) -> None:
        """Have everything that goes on stop as soon as it can, and nothing new begin."""
        self._stopped = True
        for scheduler in self._schedulers:
            scheduler.stop()

    def hurry_after(self, seconds: float) -> None:
        """Have a search begin with no other root so many *seconds* from now, so that what it finds can be deleted."""
        self._hurried = False
        asyncio.get_running_loop().call_later(seconds, self.hurry)

    def hurry(self) -> None:
        """Have searches begin with no other root."""
        self._hurried = True
        for scheduler in self._schedulers:
            scheduler.hurried = True

    def expire(self) -> None:
        """Begin nothing new, as the time of the run is up. What is being deleted has :data:`GRACE` seconds for its end.

        To be called in the event loop.
        """
        self.expired = self._stopped = True
        for scheduler in self._schedulers:
            if scheduler in self._deleting:
                scheduler.finish()
            else:
                scheduler.stop()
        asyncio.get_running_loop().call_later(GRACE, self.stop)

    def crew(self, paths: Iterable[str]) -> Crew:
        """Return workers for *paths*: threads, or processes where a disk of theirs may fall silent."""
        from cleanup_nodemodule.work import helper_process

        distant = helper_process.is_needed(paths, mounted())
        readers = affordable(self._jobs or engine.default_readers(distant=distant))
        executor = self._employ(
            Workers("engine", helper_process.HelperProcess if distant else None)
        )
        return Crew(executor, distant, readers)

    def searchers(self, crew: Crew) -> Executor:
        """Return the workers for a search, where *crew* makes all other calls."""
        if crew.readers == 1 or crew.distant or not engine.is_bound():
            return crew.executor
        from cleanup_nodemodule.work.bound import Searchers

        return self._employ(Searchers())

    def _employ(self, executor: Workers) -> Workers:
        self._executors.append(executor)
        return executor

    @contextlib.contextmanager
    def reading(self, executor: Executor, workers: int, *, least: int = 1) -> Iterator[Scheduler]:
        """Give a scheduler for calls that only read; *least* is how many it has to make at a time."""
        with self._scheduler(executor, max(least, workers)) as scheduler:
            yield scheduler

    @contextlib.contextmanager
    def removing(self, executor: Executor) -> Iterator[Scheduler]:
        """Give a scheduler for calls that delete."""
        workers = affordable(self._jobs or engine.default_removers())
        max_workers = affordable(self._jobs or engine.max_removers())
        with self._scheduler(executor, workers, max_workers) as scheduler:
            self._deleting.add(scheduler)
            try:
                yield scheduler
            finally:
                self._deleting.discard(scheduler)

    @contextlib.contextmanager
    def _scheduler(
        self, executor: Executor, workers: int, max_workers: int | None = None
    ) -> Iterator[Scheduler]:
        scheduler = Scheduler(
            executor,
            workers,
            timeout=self.timeout,
            silence=self.silence,
            max_workers=workers if max_workers is None else max_workers,
            rate=self._rate,
        )
        scheduler.hurried = self._hurried
        self._schedulers.append(scheduler)
        try:
            with scheduler:
                if self.stopped:
                    scheduler.stop()
                yield scheduler
        finally:
            self._schedulers.remove(scheduler)

    async def ask(
        self,
        paths: Sequence[str],
        work: Callable[[Scheduler], Awaitable[_T]],
        *,
        workers: int | None = None,
    ) -> _T:
        """Return what *work* finds out at *paths*, absolute ones, by calls of the scheduler it gets.

        These are made by *workers* at a time, or as many as suit the disk. Raises what *work* raises,
        Stopped and Unanswered among that.
        """
        self.place = paths[0] if paths else None
        crew = self.crew(paths)
        count = crew.readers if workers is None else affordable(workers)
        try:
            with self.reading(crew.executor, count) as scheduler:
                return await work(scheduler)
        finally:
            # One is made for each call of this, of which there may be many.
            crew.executor.shutdown(wait=False, cancel_futures=True)

    async def call(self, function: Callable[[str], _T], path: str) -> _T:
        """Return what *function* says of an absolute *path*. Raises as :meth:`ask` does."""
        return await self.ask([path], lambda scheduler: scheduler.call(function, path), workers=1)

    @contextlib.contextmanager
    def interruptible(self, *, again: bool = True) -> Iterator[None]:
        """Do something in the main thread that may take its time, such as reading the journal.

        Raises Stopped where a signal ends that; one that came before does so if it is to count *again*.
        """
        try:
            with self._interrupts.raising(again=again):
                yield
        except KeyboardInterrupt as error:
            raise Stopped from error

    async def pause(self, seconds: float) -> None:
        """Wait for so many *seconds*. Raises Stopped as soon as the run is told to stop."""
        step = 0.05
        while seconds > 0 and not self.stopped:
            await asyncio.sleep(min(step, seconds))
            seconds -= step
        if self.stopped:
            raise Stopped


def run(
    work: Callable[[Runtime], Awaitable[_T]],
    interrupts: Interrupts,
    *,
    jobs: int | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    max_rate: int | None = None,
    max_runtime: float | None = None,
) -> _T:
    """Do *work* in an event loop of its own, which a signal tells to stop, and return its result.

    It is told that its time is up after *max_runtime* seconds. Raises what *work* raises, Stopped where it was stopped
    before it could begin, and OutOfTimeError where its time was up by then.
    """
    results: list[_T] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with (
            Runtime(interrupts, jobs=jobs, timeout=timeout, max_rate=max_rate) as runtime,
            interrupts.telling(lambda: loop.call_soon_threadsafe(runtime.stop)),
        ):
            if interrupts.number is not None:  # It came before there was anything to tell.
                runtime.stop()
            if max_runtime is not None:
                loop.call_later(max_runtime, runtime.expire)
            try:
                results.append(await work(runtime))
            except Stopped as error:
                if not runtime.expired or interrupts.number is not None:
                    raise
                raise OutOfTimeError(OUT_OF_TIME) from error

    # What was imported lives as long as the process; looking through it for garbage again and again
    # takes a sixth of the time of a large run (measured on 530,000 entries).
    gc.freeze()
    gc.enable()
    _watch_children_without_threads()
    try:
        # A loop that is being set up or closed must not be interrupted: it would be left half done.
        # A second signal interrupts it all the same.
        with interrupts.telling(interrupts.insist):
            asyncio.run(main())
    except KeyboardInterrupt as error:
        if not results:
            raise Stopped from error
    return results[0]


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
