"""The package as a library: find, explain and delete build artifacts from a program.

    from cleanup_nodemodule import Settings, delete, scan

    plan = scan(Settings(roots=("src",)))
    for artifact in plan.selected:
        print(artifact.path, artifact.size.reclaimable_bytes)
    outcome = delete(plan)
    print(outcome.freed_bytes)

:func:`scan` changes nothing. :func:`delete` does what ``--no-dry-run --yes`` does: it locks the trees,
keeps a record that ``log`` shows, proves everything again, and deletes. It asks nobody.

For several calls, make a :class:`Cleaner`, or an :class:`AsyncCleaner` in an event loop of your own.
``close`` (``aclose``) ends what still goes on. The configuration file of the user is not read: what a
program wants is in its :class:`~cleanup_nodemodule.config.settings.Settings`.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, fields
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from cleanup_nodemodule import model
from cleanup_nodemodule.config.settings import Settings, SettingsError, with_surroundings
from cleanup_nodemodule.errors import CleanupError
from cleanup_nodemodule.model import Outcome, Progress
from cleanup_nodemodule.run import explaining
from cleanup_nodemodule.run.loop import DEFAULT_TIMEOUT, Runtime
from cleanup_nodemodule.run.orders import Orders
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.run.voice import Silent
from cleanup_nodemodule.survey.survey import Explanation, make_plan
from cleanup_nodemodule.words import printable
from cleanup_nodemodule.work.progress import Watch
from cleanup_nodemodule.work.scheduler import Stopped, Unanswered

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Plan(model.Plan):
    """Everything that was found, and what would be done, with the settings it was made with."""

    settings: Settings = field(default_factory=Settings)


def scan(
    settings: Settings | None = None,
    *,
    jobs: int | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    progress: Watch | None = None,
) -> Plan:
    """Find, prove, size and decide, as a dry run does; change nothing.

    *settings* say what to search and for what; the default is the current directory and the profile
    ``js``. *jobs* is the number of calls at a time (None: what suits the disk), *timeout* the seconds
    that one disk may take to answer. *progress* is called with the state of things as it changes, in this
    thread. What it raises stops the work, and is raised here.

    Raises RootError if none of the roots can be searched, SettingsError for a setting that means nothing
    there, and RuntimeError in a running event loop: see :class:`AsyncCleaner` for these.
    """
    with Cleaner(jobs=jobs, timeout=timeout) as cleaner:
        return cleaner.scan(settings, progress=progress)


def delete(
    plan: Plan,
    *,
    trash: bool = False,
    wait: bool = False,
    jobs: int | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    progress: Watch | None = None,
) -> Outcome:
    """Delete what *plan* selects; with *trash*, move it to the desktop's trash instead.

    Everything is proven again first. What is protected by now, or is not what it was, is kept, and is
    among the failures of the outcome. A plan that was cut short deletes nothing: its outcome is not
    complete.

    Raises Locked if another run deletes in the same tree, unless *wait* says to wait for it, and
    StateError if no record of the deletion can be kept. Nothing was deleted then. A KeyboardInterrupt stops
    it as :meth:`AsyncCleaner.stop` does, and is raised once everything is in its place or deleted.
    """
    with Cleaner(jobs=jobs, timeout=timeout) as cleaner:
        return cleaner.delete(plan, trash=trash, wait=wait, progress=progress)


def explain(
    path: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    root: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> Explanation | None:
    """Return which rules were tried for one directory, what was found, and what is decided; None for a symlink.

    It is decided as in a scan of *root*: nothing above it proves anything. Without *root* that is the
    current directory if *path* lies in it, and else the directory around *path*. Raises OSError where
    there is no such directory, OutsideError if it does not lie in *root*, and CleanupError if its disk does
    not answer.
    """
    with Cleaner(timeout=timeout) as cleaner:
        return cleaner.explain(path, settings, root=root)


class AsyncCleaner:
    """Scans, explains and deletes in the event loop of its caller. An asynchronous context manager.

    Several calls may go on at the same time. Each has workers of its own, which end with it.
    """

    def __init__(self, *, jobs: int | None = None, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Make *jobs* calls at a time, or as many as suit a disk; give each *timeout* seconds.

        Raises SettingsError for fewer jobs than one, and a timeout that is not above 0.
        """
        if jobs is not None and jobs < 1:
            raise SettingsError(f"jobs cannot be {jobs}; use 1 or more")
        if not timeout > 0:
            raise SettingsError(f"timeout cannot be {timeout}; use a number of seconds above 0")
        self._jobs: Final = jobs
        self._timeout: Final = timeout
        self._going_on: Final[dict[Runtime, asyncio.Future[None]]] = {}
        """What goes on, and what is done when that has ended."""
        self._stopped = False
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop what still goes on, and wait for its end. May be called again."""
        self._closed = True
        self.stop()
        if self._going_on:
            await asyncio.wait(tuple(self._going_on.values()))

    def stop(self) -> None:
        """Have what goes on stop as soon as it can; to be called in the thread of the event loop.

        A scan then returns what it has found, as a plan that is not complete. A deletion ends what it has
        begun, and returns an outcome that is not complete. An explanation raises CleanupError. Nothing new
        begins afterwards.
        """
        self._stopped = True
        for runtime in self._going_on:
            runtime.stop()

    async def scan(
        self, settings: Settings | None = None, *, progress: Watch | None = None
    ) -> Plan:
        """Do as :func:`scan`."""
        settings = settings or Settings()
        async with self._begun() as runtime:
            watched = _Watched(progress, runtime)
            surrounded = with_surroundings(settings)
            crew = runtime.crew((*settings.roots, *settings.include_unproven))
            with runtime.reading(runtime.searchers(crew), crew.readers) as scheduler:
                found = await make_plan(surrounded, scheduler, watched.tell)
            watched.check()
        known = {one.name: getattr(found, one.name) for one in fields(found)}
        return Plan(**known, settings=settings)

    async def delete(
        self,
        plan: Plan,
        *,
        trash: bool = False,
        wait: bool = False,
        progress: Watch | None = None,
    ) -> Outcome:
        """Do as :func:`delete`.

        Where the task is cancelled, the deletion stops as :meth:`stop` has it stop. The task ends when
        everything is in its place or deleted.
        """
        # Not before: a program that only scans has no use for it.
        from cleanup_nodemodule.run import deleting  # noqa: PLC0415

        orders = Orders("trash" if trash else "delete", wait=wait)
        async with self._begun() as runtime:
            watched = _Watched(progress, runtime)
            # The program may have gone to another directory since its scan.
            settings = with_surroundings(plan.settings)
            work = deleting.delete(plan, settings, orders, _Voice(watched), runtime)
            try:
                outcome = await _to_its_end(work, runtime)
            except Stopped:
                outcome = None
            watched.check()
        if outcome is None:
            return Outcome(plan, (), None, complete=False)
        if outcome.unexpected is not None:
            raise outcome.unexpected
        return outcome

    async def explain(
        self,
        path: str | os.PathLike[str],
        settings: Settings | None = None,
        *,
        root: str | None = None,
    ) -> Explanation | None:
        """Do as :func:`explain`."""
        settings = with_surroundings(settings or Settings())
        async with self._begun() as runtime:
            try:
                return await explaining.explain(os.fspath(path), settings, runtime, root=root)
            except Stopped as error:
                raise CleanupError(f"stopped before {_shown(path)} was explained") from error
            except Unanswered as error:
                raise CleanupError(
                    f"{_shown(path)}: its disk did not answer for {self._timeout:g} seconds (timeout)"
                ) from error

    @contextlib.asynccontextmanager
    async def _begun(self) -> AsyncIterator[Runtime]:
        """Give what one call works with. Raises RuntimeError if this cleaner is closed."""
        if self._closed:
            raise RuntimeError("this cleaner is closed; make another one")
        # No signal is handled here: that is for the program to do.
        runtime = Runtime(Interrupts(), jobs=self._jobs, timeout=self._timeout)
        if self._stopped:
            runtime.stop()
        ended = asyncio.get_running_loop().create_future()
        self._going_on[runtime] = ended
        try:
            yield runtime
        finally:
            runtime.close(wait=True)
            del self._going_on[runtime]
            ended.set_result(None)


class Cleaner:
    """Scans, explains and deletes, and waits for the result. A context manager.

    It belongs to the thread that it is first used in, which must not have a running event loop.
    """

    def __init__(self, *, jobs: int | None = None, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Make *jobs* calls at a time, or as many as suit a disk; give each *timeout* seconds.

        Raises SettingsError for fewer jobs than one, and a timeout that is not above 0.
        """
        self._cleaner: Final = AsyncCleaner(jobs=jobs, timeout=timeout)
        self._runner: Final = asyncio.Runner()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its event loop. May be called again; after that, every other call raises RuntimeError."""
        self._closed = True
        # Without a loop there is nothing to do, wherever this is called.
        self._runner.close()

    def scan(self, settings: Settings | None = None, *, progress: Watch | None = None) -> Plan:
        """Do as :func:`scan`."""
        self._check()
        return self._runner.run(self._cleaner.scan(settings, progress=progress))

    def delete(
        self,
        plan: Plan,
        *,
        trash: bool = False,
        wait: bool = False,
        progress: Watch | None = None,
    ) -> Outcome:
        """Do as :func:`delete`."""
        self._check()
        return self._runner.run(
            self._cleaner.delete(plan, trash=trash, wait=wait, progress=progress)
        )

    def explain(
        self,
        path: str | os.PathLike[str],
        settings: Settings | None = None,
        *,
        root: str | None = None,
    ) -> Explanation | None:
        """Do as :func:`explain`."""
        self._check()
        return self._runner.run(self._cleaner.explain(path, settings, root=root))

    def _check(self) -> None:
        if self._closed:
            raise RuntimeError("this cleaner is closed; make another one")
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise RuntimeError(
            "this waits, and would stop the running event loop; use AsyncCleaner there"
        )


class _Watched:
    """Tells a program how far a call has come; what the program raises then stops the call.

    It must not be raised where it happens: that is amid the work, which would be left half done.
    """

    def __init__(self, watch: Watch | None, runtime: Runtime) -> None:
        self._watch: Final = watch
        self._runtime: Final = runtime
        self._error: BaseException | None = None

    def tell(self, progress: Progress) -> None:
        if self._watch is None or self._error is not None:
            return
        try:
            self._watch(progress)
        except BaseException as error:  # noqa: BLE001 - it is raised by check()
            self._error = error
            self._runtime.stop()

    def check(self) -> None:
        """Raise what the program has raised."""
        if self._error is not None:
            raise self._error


class _Voice(Silent):
    """The voice of a deletion that a program watches."""

    def __init__(self, watched: _Watched) -> None:
        self._watched: Final = watched

    def watch(self) -> AbstractContextManager[Watch]:
        return nullcontext(self._watched.tell)


async def _to_its_end(work: Coroutine[Any, Any, _T], runtime: Runtime) -> _T:
    """Do *work* to its end. Whoever cancels that stops it, and CancelledError is raised when it has ended."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
            runtime.stop()
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # Or asyncio complains that nobody has asked for it.
    raise cancelled


def _shown(path: str | os.PathLike[str]) -> str:
    return printable(os.fspath(path))
