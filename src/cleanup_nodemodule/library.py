"""What a program calls: find, explain and delete build artifacts.

The package hands all of this on: programs import it from ``cleanup_nodemodule``, whose documentation says how to use
it.
"""

import asyncio
import os
from collections.abc import Awaitable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, fields
from types import TracebackType
from typing import Final, Self, TypeVar

from cleanup_nodemodule import model
from cleanup_nodemodule.config.settings import Settings, with_surroundings
from cleanup_nodemodule.model import Outcome
from cleanup_nodemodule.run import explaining
from cleanup_nodemodule.run.loop import DEFAULT_TIMEOUT, Runtime
from cleanup_nodemodule.run.orders import Orders
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.run.voice import Silent
from cleanup_nodemodule.survey.survey import Explanation, make_plan
from cleanup_nodemodule.work.progress import Watch, unwatched
from cleanup_nodemodule.work.tasks import Stopped

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Plan(model.Plan):
    """Everything that was found, and what would be done with it. :func:`scan` makes it, :func:`delete` takes it.

    ``artifacts`` has everything that was found, in the order of the paths; ``selected`` has those that would be
    deleted, and ``reclaimable_bytes`` is what deleting them frees. ``problems`` has what could not be read.
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
    with a :class:`Progress` whenever there is more to tell.

    Raises :class:`CleanupError` if nothing can be searched or a setting cannot be right; its text says why. Do not
    call it where an event loop is running: use :class:`AsyncCleaner` there.
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
    """Delete what *plan* selects, for good. It asks nobody: it does what ``--no-dry-run --yes`` does.

    With *trash* it moves everything to the desktop's trash instead. *jobs*, *timeout* and *progress* are those of
    :func:`scan`.

    Each artifact is proven again right before its turn. If something protects it by then, or it has changed, it
    stays, and is a :class:`Failed` of the outcome. What interrupted runs left there is deleted too. Everything is
    written down first, so that ``cleanup-nodemodule log`` shows it. If the scan was stopped, so that the plan is not
    complete, nothing is deleted, and the outcome is not complete either.

    Raises :class:`CleanupError`, before anything is deleted, if another run deletes in the same tree (with *wait* it
    waits for that one) or if no record can be kept. What should never have happened is raised as it is.
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
    does not lie in *root*.
    """
    with Cleaner(timeout=timeout) as cleaner:
        return cleaner.explain(path, settings, root=root)


class AsyncCleaner:
    """Does what :func:`scan`, :func:`delete` and :func:`explain` do, in the event loop that is running.

    Its workers end with :meth:`aclose`. As an asynchronous context manager it closes itself. It handles no signals: a
    program calls :meth:`stop` when it wants to.
    """

    def __init__(self, *, jobs: int | None = None, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Make *jobs* calls to the disk at a time, or as many as suit it. Give up one that takes *timeout* seconds."""
        self._jobs: Final = jobs
        self._timeout: Final = timeout
        # No signal is handled here: that is for the program to do.
        self._runtime: Final = Runtime(Interrupts(), jobs=jobs, timeout=timeout)
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
        """Stop what still goes on, and end the workers. May be called again; other calls raise RuntimeError then."""
        if not self._closed:
            self._closed = True
            self._runtime.stop()
            self._runtime.close(wait=True)

    def stop(self) -> None:
        """Have everything that goes on stop as soon as it can. Call it in the thread of the event loop.

        A scan then returns what it has found, as a plan that is not complete. A deletion puts in order what it has
        begun, and returns an outcome that is not complete. This cleaner does nothing new afterwards.
        """
        self._runtime.stop()

    async def scan(
        self, settings: Settings | None = None, *, progress: Watch | None = None
    ) -> Plan:
        """Do what :func:`scan` does."""
        self._check()
        settings = with_surroundings(settings or Settings())
        runtime = self._runtime
        crew = runtime.crew((*settings.roots, *settings.include_unproven))
        with runtime.reading(runtime.searchers(crew), crew.readers) as scheduler:
            found = await make_plan(settings, scheduler, progress or unwatched)
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
        """Do what :func:`delete` does."""
        self._check()
        # Not before: a program that only scans has no use for it.
        from cleanup_nodemodule.run import deleting  # noqa: PLC0415

        orders = Orders("trash" if trash else "delete", wait=wait)
        voice = _Watching(progress)
        try:
            outcome = await deleting.delete(plan, plan.settings, orders, voice, self._runtime)
        except Stopped:
            outcome = None
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
        """Do what :func:`explain` does."""
        self._check()
        return await explaining.explain(
            os.fspath(path),
            with_surroundings(settings or Settings()),
            self._runtime,
            root=root,
        )

    def _check(self) -> None:
        if self._closed:
            raise RuntimeError("this cleaner is closed")


class Cleaner:
    """Does what :func:`scan`, :func:`delete` and :func:`explain` do, as often as it is asked to.

    Its workers end with :meth:`close`. As a context manager it closes itself.
    """

    def __init__(self, *, jobs: int | None = None, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Make *jobs* calls to the disk at a time, or as many as suit it. Give up one that takes *timeout* seconds."""
        self._runner: Final = asyncio.Runner()
        self._cleaner: Final = AsyncCleaner(jobs=jobs, timeout=timeout)

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
        """End the workers. May be called again; other calls raise RuntimeError then."""
        with self._runner:
            self._run(self._cleaner.aclose())

    def scan(self, settings: Settings | None = None, *, progress: Watch | None = None) -> Plan:
        """Do what :func:`scan` does."""
        return self._run(self._cleaner.scan(settings, progress=progress))

    def delete(
        self,
        plan: Plan,
        *,
        trash: bool = False,
        wait: bool = False,
        progress: Watch | None = None,
    ) -> Outcome:
        """Do what :func:`delete` does."""
        return self._run(self._cleaner.delete(plan, trash=trash, wait=wait, progress=progress))

    def explain(
        self,
        path: str | os.PathLike[str],
        settings: Settings | None = None,
        *,
        root: str | None = None,
    ) -> Explanation | None:
        """Do what :func:`explain` does."""
        return self._run(self._cleaner.explain(path, settings, root=root))

    def _run(self, work: Awaitable[_T]) -> _T:
        async def main() -> _T:
            return await work

        return self._runner.run(main())


class _Watching(Silent):
    """The voice of a run whose progress a program watches."""

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch

    def watch(self) -> AbstractContextManager[Watch]:
        return nullcontext(self._watch or unwatched)
