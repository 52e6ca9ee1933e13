"""Shares engine calls among the workers of an executor.

The one place that knows about concurrency. It talks to a :class:`concurrent.futures.Executor` and to
nothing more specific: threads serve one machine, an executor of processes or of a cluster serves
others, as everything handed to it pickles.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Iterable
from concurrent.futures import Executor
from typing import Any, Final, Self, TypeVar, TypeVarTuple

from cleanup_nodemodule.work.breadth import Breadth
from cleanup_nodemodule.work.rate import Rate
from cleanup_nodemodule.work.silence import Silence, Unanswered
from cleanup_nodemodule.work.tasks import Stopped, tasks
from cleanup_nodemodule.work.threads import Workers

_ATTEMPTS: Final = 8
"""How often something is tried with a single worker that lacks descriptors or memory, ever more slowly:
some four seconds together, in which whoever has them all may have given some back."""

_PORTIONS: Final = 8
"""Calls instead of one, while there are workers with nothing to do."""

_K = TypeVar("_K", bound=Hashable)
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class Scheduler:
    """Runs functions on *executor*, at most *workers* at a time, until told to stop.

    Up to *max_workers* at a time where :class:`~cleanup_nodemodule.work.breadth.Breadth` finds that it pays.

    With a *rate*, calls begin only when what others have handled is no more than that allows.

    With *timeout*, seconds, a call that takes longer is given up, though nothing can end it: it waits
    in the kernel for a disk that does not answer. Belongs to the event loop that is running when it is
    first used. Has a thread of its own once it has deleted something, which :meth:`close`, or leaving it
    as a context, ends; the executor is the caller's to end. Raises ValueError if *workers* is less than 1.
    """

    def __init__(
        self,
        executor: Executor,
        workers: int,
        *,
        timeout: float | None = None,
        silence: Silence | None = None,
        max_workers: int = 0,
        rate: Rate | None = None,
    ) -> None:
        if workers < 1:
            raise ValueError(f"workers must be at least 1, not {workers}")
        self.workers = workers
        self.breadth: Final = Breadth(self)
        """To be told of each call that deletes."""
        self.silence: Final = silence or Silence()
        """What does not answer."""
        self.timeout: Final = timeout
        """Seconds that a call may take; None: as long as it does."""
        self.apart: Final[bool] = getattr(executor, "apart", False)
        """Its workers are processes, so that none waits for the interpreter of another."""
        self._executor = executor
        self._slots = asyncio.Semaphore(workers)
        self._max_workers: Final = max_workers
        self._width = workers
        self._withheld = 0
        self._attempts = _ATTEMPTS
        self._aside: Workers | None = None
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._wanted = 0
        self._stopped = False
        self._finishing = False
        self.hurried: bool | None = None
        """Whether who searches several roots is to begin with no other one, as time is short; None: it never will be."""
        self._rate: Final = rate
        self._stopping: asyncio.Future[None] | None = None
        """Done as soon as it is stopped. One for all who wait, and no task, which somebody would have to
        cancel."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopped

    @property
    def finishing(self) -> bool:
        """Whether :meth:`finish` or :meth:`stop` was called."""
        return self._finishing or self._stopped

    def finish(self) -> None:
        """Have whoever deletes begin with nothing else, and come to the end of what has begun."""
        self._finishing = True

    def stop(self) -> None:
        """Begin nothing new, and give up waiting for calls that change nothing."""
        self._stopped = True
        if self._stopping is not None and not self._stopping.done():
            self._stopping.set_result(None)

    def close(self) -> None:
        """Stop, and end the thread of its own; one that waits for a disk ends when that answers."""
        self.stop()
        if self._aside is not None:
            self._aside.close()
            self._aside = None

    async def call(
        self,
        function: Callable[[*_Ts], _T],
        *args: *_Ts,
        took: Callable[[float], None] | None = None,
        disk: bool = True,
    ) -> _T:
        """Run a function that only looks; tell how many seconds it *took*, its turn not counted.

        Raises Stopped as soon as the scheduler is stopped, even while the function still runs, and
        Unanswered when it has run for too long. That is said of a *disk*: what asks none is waited for.
        """
        loop = asyncio.get_running_loop()
        async with self._slot():
            start = loop.time()
            running = loop.run_in_executor(self._executor, function, *args)
            result = await self.unless_stopped(running, self.timeout if disk else None)
            if took is not None:
                took(loop.time() - start)
            return result

    async def read(
        self,
        function: Callable[[*_Ts], _T],
        *args: *_Ts,
        lacked: Callable[[_T], bool],
        took: Callable[[float], None] | None = None,
    ) -> _T:
        """Run a function that only looks, again and with fewer workers if it *lacked* something.

        That is descriptors or memory, of which the others need some too. What is returned may have
        lacked something in the end. Raises as :meth:`call` does, and MemoryError.
        """
        attempts = 0
        while True:
            try:
                result = await self.call(function, *args, took=took)
            except MemoryError:
                if not await self.make_do(attempts):
                    raise
            else:
                if not lacked(result) or not await self.make_do(attempts):
                    return result
            attempts += 1

    async def make_do(self, attempts: int) -> bool:
        """Go on with fewer workers, because something ran short that all of them need.

        Returns whether to try again, after so many *attempts*.
        """
        if self._width > 1:
            await self.narrow((self._width + 1) // 2)
        elif attempts >= self._attempts:
            self._attempts = (
                1  # Where waiting has not helped once, it is not waited for long again.
            )
            return False
        await self.unless_stopped(asyncio.sleep(0.02 * 2 ** min(attempts, 6)))
        return True

    @property
    def width(self) -> int:
        """How many calls go on at a time."""
        return self._width

    async def narrow(self, width: int) -> None:
        """Have fewer calls go on at a time from now on."""
        self._width = width
        # Free places are given up at once. A call that goes on gives up its place when it ends.
        while self.workers - self._withheld > self._width and not self._slots.locked():
            await self._slots.acquire()
            self._withheld += 1

    def broaden(self, width: int) -> bool:
        """Have more calls go on at a time, unless something ran short; return whether they may."""
        if self._width < self.workers or width > self._max_workers:
            return False
        for _ in range(self.workers, width):
            self._slots.release()
        self.workers = self._width = width
        return True

    async def aside(self, function: Callable[[*_Ts], _T], *args: *_Ts) -> _T:
        """Run a function on this machine, wherever the executor's workers are."""
        if self._aside is None:
            self._aside = Workers("aside")
        return await asyncio.get_running_loop().run_in_executor(self._aside, function, *args)

    async def ask_aside(self, function: Callable[[*_Ts], _T], *args: *_Ts) -> _T:
        """Run a function aside that has to be run even if all is stopped, but not for ever.

        Raises TimeoutError, an OSError, if the disk does not answer.
        """
        return await asyncio.wait_for(self.aside(function, *args), self.timeout)

    async def change(
        self,
        function: Callable[[*_Ts], _T],
        *args: *_Ts,
    ) -> _T:
        """Run a function that changes something: once begun, it is waited for; as :meth:`call` else.

        Raises Stopped if the scheduler was stopped before the function began, and Unanswered when it
        has run for too long; it may then still do what it was to do.
        """
        loop = asyncio.get_running_loop()
        async with self._slot():
            result = loop.run_in_executor(self._executor, function, *args)
            await asyncio.wait((result,), timeout=self.timeout)
            if not result.done():
                raise Unanswered
            return result.result()

    async def unless_stopped(
        self,
        work: asyncio.Future[_T] | Coroutine[Any, Any, _T],
        timeout: float | None = None,  # noqa: ASYNC109 - what is given up goes on, so no scope can end it
    ) -> _T:
        """Wait for *work*; cancel it, and raise Stopped, as soon as the scheduler is stopped.

        So too, but with Unanswered, after *timeout* seconds.
        """
        task = asyncio.ensure_future(work)
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_future()
            if self._stopped:
                self._stopping.set_result(None)
        try:
            await asyncio.wait(
                (task, self._stopping), timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if task.done():
                return task.result()
            raise Stopped if self.stopped else Unanswered
        finally:
            if task.cancel():
                # It may have something to end, such as a process of its own.
                await asyncio.wait((task,))

    @property
    def _idle(self) -> int:
        """Workers that nothing waits for."""
        return max(0, self.workers - self._wanted)

    def portion(self, entries: int) -> int:
        """Return how many entries the next call is to handle, *entries* if the others have work too.

        While some have nothing to do it is a part of that: what is left then goes to them the sooner.
        """
        if self._rate is not None:
            return min(entries, self._rate.most)
        return entries if self._idle <= 1 else max(1, entries // _PORTIONS)

    @property
    def limited(self) -> bool:
        """Whether there is a bound of entries a second, which calls have to say by :meth:`handled` that they handle."""
        return self._rate is not None

    def handled(self, entries: int) -> None:
        """Take in how many *entries* a call has handled. If these were more than is allowed, the next ones wait."""
        if self._rate is not None:
            self._rate.handled(entries)

    async def share(
        self,
        stack: list[bytes],
        handle: Callable[[list[bytes]], Awaitable[list[bytes]]],
        slices: dict[object, list[bytes]] | None = None,
        most: int = sys.maxsize,
    ) -> None:
        """Work off *stack* with as many workers as are free.

        *handle* deals with one slice of it and returns what is left of that. Whenever a slice comes
        back while workers have nothing to do, they get their part of what is left. What *handle*
        raises comes out. *slices* holds at any moment what is not dealt with yet, for whoever gave it; there are
        *most* of them at the most.
        """
        slices = {} if slices is None else slices
        async with tasks() as group:

            async def work(key: object) -> None:
                while slice_ := slices[key]:
                    slice_ = await handle(slice_)
                    parts = max(1, min(1 + self._idle, len(slice_), 1 + most - len(slices)))
                    for part in range(1, parts):
                        begin(slice_[part::parts])
                    slices[key] = slice_[::parts] if parts > 1 else slice_
                del slices[key]

            def begin(slice_: list[bytes]) -> None:
                key = object()
                slices[key] = slice_
                group.create_task(work(key))

            parts = max(1, min(self._idle, len(stack)))
            for part in range(parts):
                begin(stack[part::parts])

    async def share_by_key(
        self,
        stacks: dict[_K, list[bytes]],
        handle: Callable[
            [_K, list[bytes]], Awaitable[tuple[list[bytes], Iterable[tuple[_K, bytes]]]]
        ],
    ) -> None:
        """Work off *stacks*, of which each is only dealt with by one call at a time, whoever makes it.

        *handle* deals with one of them, or with a part, and returns what is left of that, and what it has
        met for others. What *handle* raises comes out. *stacks* is empty in the end.
        """
        async with tasks() as group:
            begun: set[_K] = set()

            async def work(key: _K) -> None:
                while stack := stacks.pop(key, None):
                    async with self._lock_of(key):
                        left, others = await handle(key, stack)
                    for other, entry in others:
                        stacks.setdefault(other, []).append(entry)
                    if left:
                        # First what was begun, so that as little as possible has to wait.
                        stacks[key] = stacks.get(key, []) + left
                    begin()
                begun.discard(key)

            def begin() -> None:
                for key in stacks.keys() - begun:
                    begun.add(key)
                    group.create_task(work(key))

            begin()

    def _lock_of(self, key: Hashable) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())

    @contextlib.asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        self._wanted += 1
        try:
            await self._slots.acquire()
            try:
                while (
                    self._rate is not None and (seconds := self._rate.wait()) and not self.stopped
                ):
                    await self.unless_stopped(asyncio.sleep(seconds))
                if self.stopped:
                    raise Stopped
                yield
            finally:
                if self.workers - self._withheld > self._width:
                    self._withheld += 1
                else:
                    self._slots.release()
        finally:
            self._wanted -= 1
