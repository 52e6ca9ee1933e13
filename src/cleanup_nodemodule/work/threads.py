"""Threads for one machine's work, as many as the machine gives.

Unlike :class:`concurrent.futures.ThreadPoolExecutor` it makes do with fewer threads where no more can be
started, down to none but the caller's own, and the end of the process waits for none of them: one may
be stuck in the kernel, with a disk that does not answer.
"""

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from cleanup_nodemodule.work.helper_process import HelperProcess

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Workers(Executor):
    """Starts a thread whenever something is submitted and none has nothing to do.

    How much goes on at a time is for the caller to limit.
    """

    def __init__(
        self, name: str = "worker", helper: "Callable[[], HelperProcess] | None" = None
    ) -> None:
        """With *helper*, each thread has a process of its own make its calls, which then pickle."""
        self._name: Final = name
        self._helper = helper
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        """Threads that nothing was submitted for yet."""
        self._unclaimed = 0
        """Tasks that were submitted while there was no such thread, and none could be started."""

    @property
    def apart(self) -> bool:
        """Whether its calls are made by processes, each with an interpreter of its own."""
        return self._helper is not None

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        """Have a thread call *fn*; where there is no thread and none can be had, call it at once."""
        future: Future[_T] = Future()
        task = _Task(future, functools.partial(fn, *args, **kwargs))
        with self._lock:
            if self._idle:
                self._idle -= 1
            elif not self._start():
                if not self._threads:
                    task.run(lambda: None, _call)
                    return future
                self._unclaimed += 1
        self._tasks.put(task)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as Executor has it
        """Let the threads end; with *wait*, return when they have."""
        # A thread may take what was still there a moment ago.
        with suppress(Empty):
            while cancel_futures:
                if (task := self._tasks.get_nowait()) is not None:
                    task.future.cancel()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def close(self) -> None:
        """Let the threads end, and wait for those that have nothing to do; others may be stuck."""
        with self._lock:
            at_rest = self._idle == len(self._threads)
        self.shutdown(wait=at_rest)

    def _start(self) -> bool:
        """Start another thread; return whether that could be done."""
        arguments = (self._process(),)
        thread = threading.Thread(target=self._work, args=arguments, name=self._name, daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError):  # It has as many as the system lets it have.
            return False
        self._threads.append(thread)
        return True

    def _process(self) -> "HelperProcess | None":
        """Return what makes the calls of the next thread, None if that makes them itself."""
        return None if self._helper is None else self._helper()

    def _work(self, helper: "HelperProcess | None") -> None:
        while (task := self._tasks.get()) is not None:
            task.run(self._rest, _call if helper is None else helper.call)
            # Nothing lives on for as long as this thread waits for something else to do.
            del task
        if helper is not None:
            helper.close()

    def _rest(self) -> None:
        with self._lock:
            if self._unclaimed:
                self._unclaimed -= 1
            else:
                self._idle += 1


def _call(function: Callable[[], _T]) -> _T:
    return function()


class _Task:
    """A call, and where its result goes."""

    def __init__(self, future: "Future[Any]", call: Callable[[], Any]) -> None:
        self.future: Final = future
        self._call = call

    def run(self, done: Callable[[], None], call: Callable[[Callable[[], Any]], Any]) -> None:
        """Make the call, by *call*; tell *done* before anybody hears of the result and wants more."""
        if not self.future.set_running_or_notify_cancel():
            done()
            return
        try:
            result = call(self._call)
        except BaseException as error:  # noqa: BLE001 - it is for whoever waits for the result
            done()
            self.future.set_exception(error)
        else:
            done()
            self.future.set_result(result)
