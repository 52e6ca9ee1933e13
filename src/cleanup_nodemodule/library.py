"""What a program calls: find, explain and delete build artifacts.

The package hands all of this on: programs import it from ``cleanup_nodemodule``, whose documentation says how to use
it.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self, TypeVar

from cleanup_nodemodule import model
from cleanup_nodemodule.config.settings import Settings, SettingsError, with_surroundings
from cleanup_nodemodule.errors import CleanupError
from cleanup_nodemodule.model import Outcome
from cleanup_nodemodule.patterns.patterns import places
from cleanup_nodemodule.run import explaining
from cleanup_nodemodule.run.loop import DEFAULT_TIMEOUT, Runtime
from cleanup_nodemodule.run.orders import Orders, refuse_trash
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.run.watched import Unasked, Watched
from cleanup_nodemodule.survey.survey import Explanation, make_plan
from cleanup_nodemodule.words import printable
from cleanup_nodemodule.work.progress import Watch
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Plan(model.Plan):
    """Everything that was found, and what would be done with it. :func:`scan` makes it, :func:`delete` takes it.

    ``artifacts`` has everything that was found, in the order of the paths; ``selected`` has those that would be
    deleted. ``reclaimable_bytes`` is what surely comes back then, and ``reclaimable_at_most_bytes`` what may.
    ``problems`` has what could not be read.
    ``complete`` is false if the scan was stopped: then there may be more, and nothing of it can be deleted.
    ``leftovers`` has what interrupted runs left. ``unmatched`` has the patterns that matched nothing.
    ``unseen_processes`` is how many processes could not be looked at, None if nobody can tell. ``roots`` has the
    directories that were searched, absolute and without symlinks.
    """

    settings: Settings = field(default_factory=Settings)
    """What the scan was asked for."""


def scan(
    settings: Settings | None = None,
    *,
    jobs: int | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    progress: Watch | None = None,
) -> Plan:
    """Find build artifacts, measure them, and decide which can be deleted. Change nothing, as a dry run does.

    *settings* say what to search, and for what. The default is the current directory and the profile ``js``.
    *jobs* is the number of calls to the disk at a time; None means as many as suit it. *timeout* is the seconds
    that a disk may take to answer: a root on a slower one becomes a problem. *progress* is called in this thread
    with a :class:`Progress` whenever there is more to tell. What it raises stops the work, and is raised here.

    Raises :class:`CleanupError` if nothing can be searched or a setting cannot be right; its text says why. Do not
    call it where an event loop is running: use :class:`AsyncCleaner` there.
    """
    with Cleaner(jobs=jobs, timeout=timeout) as cleaner:
        return cleaner.scan(settings, progress=progress)


def load_settings(
    job: str | None = None, *, config: Sequence[str | os.PathLike[str]] = ()
) -> Settings:
    """Return the settings that the user's configuration says: its files and the environment, as the command reads them.

    With the name of a *job* they are those of that job. The files of *config* count more than the usual ones, as those
    of ``--config`` do. What the configuration says about deleting, such as ``delete = true``, is no part of them.

    Raises :class:`CleanupError`, whose text says where what is wrong was said, also if there is no such job, or if
    somebody else could write one of the files.
    """
    from cleanup_nodemodule.config.definition import read_all, settings_of  # noqa: PLC0415 - few need it
    from cleanup_nodemodule.config.jobs import job_called, refuse_nowhere  # noqa: PLC0415 - few need it

    said = read_all([os.fspath(path) for path in config])
    found = None if job is None else job_called(job, said)
    values = said.values({}, found)
    if found is not None:
        refuse_nowhere(found, values)
    return settings_of(values)


def delete(
    plan: Plan,
    *,
    trash: bool = False,
    wait: bool = False,
    jobs: int | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    progress: Watch | None = None,
) -> Outcome:
    """Delete what *plan* selects, for good. It asks nobody: it does what ``--no-dry-run --yes`` does.

    With *trash* it moves everything to the desktop's trash instead. *jobs*, *timeout* and *progress* are those of
    :func:`scan`.

    *plan* has to be what :func:`scan` returned. The user's configuration file is not read, so what ``keep`` says there
    does not hold; files named ``.cleanup-keep`` do. One deletion goes on at a time in a process: another one waits.

    Each artifact is proven again right before its turn. If something protects it by then, or it has changed, it
    stays, and is a :class:`Failed` of the outcome. What interrupted runs left there is deleted too. Everything is
    written down first, so that ``cleanup-nodemodule log`` shows it. If the scan was stopped, so that the plan is not
    complete, nothing is deleted, and the outcome is not complete either.

    Raises :class:`CleanupError`, before anything is deleted, if another run deletes in the same tree (with *wait* it
    waits for that one), if no record can be kept, or if *trash* is to reach a goal such as ``Filters.free``. What should never have happened is raised as it is. A
    KeyboardInterrupt stops it as :meth:`AsyncCleaner.stop` does, and is raised once everything is in its place or
    deleted; a second one ends it at once, and ``cleanup-nodemodule resume`` finishes what that leaves.
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
    """Return which rules were tried for one directory, what was found, and what is decided. Delete nothing.

    It decides as a scan of *root* does: nothing above *root* proves anything. If *root* is None, it is the current
    directory if *path* lies in that, and otherwise the directory around *path*. *settings* and *timeout* are those
    of :func:`scan`, but the roots of the settings do not matter.

    Returns None if *path* is a symlink. Raises OSError if there is no such directory, and :class:`CleanupError` if it
    does not lie in *root*, or if its disk does not answer.
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

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop what still goes on, and wait for its end. May be called again."""
        self._closed = True
        self.stop()
        if self._going_on:
            await asyncio.wait(tuple(self._going_on.values()))

    def stop(self) -> None:
        """Have everything that goes on stop as soon as it can. Call it in the thread of the event loop.

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
            watched = Watched(progress, runtime)
            surrounded = with_surroundings(settings)
            named = places((*settings.excludes, *settings.keep), surrounded.home)
            crew = runtime.crew((*settings.roots, *settings.include_unproven, *named))
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

        if trash:
            refuse_trash(goal.option for goal in plan.goals)
        orders = Orders("trash" if trash else "delete", wait=wait)
        async with self._begun() as runtime:
            watched = Watched(progress, runtime)
            # The program may have gone to another directory since its scan.
            settings = with_surroundings(plan.settings)
            work = deleting.delete(plan, settings, orders, Unasked(watched), runtime)
            try:
                async with _alone(runtime):
                    outcome = await _to_its_end(work, runtime)
            except Stopped:
                work.close()  # It may not have begun.
                outcome = None
            watched.check()
        if outcome is None:
            return Outcome(plan, (), complete=False)
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

    def __exit__(self, *_: object) -> None:
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


_DELETING: Final = threading.Lock()
"""Held while something is deleted in this process."""


@contextlib.asynccontextmanager
async def _alone(runtime: Runtime) -> AsyncIterator[None]:
    """Have one deletion go on at a time in this process. For the time of that.

    By the lock that each process has on its journal the others know what it is at work with, and that
    lock cannot keep out the process itself (fcntl(2)). Raises Stopped.
    """
    while not _DELETING.acquire(blocking=False):
        await runtime.pause(0.05)
    try:
        yield
    finally:
        _DELETING.release()


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
