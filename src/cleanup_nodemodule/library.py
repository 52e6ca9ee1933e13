"""The package as a library: find, explain and delete build artifacts from a program.

    from cleanup_nodemodule import Settings, delete, scan

    plan = scan(Settings(roots=("src",)))
    for artifact in plan.selected:
        print(artifact.path, artifact.size.reclaimable_bytes)
    outcome = delete(plan)
    print(outcome.freed_bytes)

:func:`scan` changes nothing. :func:`delete` does what ``--no-dry-run --yes`` does: it locks the trees,
keeps a record that ``log`` shows, proves everything again, and deletes. It asks nobody.

For several calls, make a :class:`Cleaner`, or an :class:`AsyncCleaner` in an event loop of your own. Both
have workers, which ``close`` (``aclose``) lets go. The configuration file of the user is not read: what a
program wants is in its :class:`~cleanup_nodemodule.config.settings.Settings`.
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
    thread.

    Raises RootError if none of the roots can be searched, and SettingsError for a setting that means
    nothing there. Not to be called from a running event loop: see :class:`AsyncCleaner`.
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
    StateError if no record of the deletion can be kept. Nothing was deleted then.
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
    there is no such directory, and OutsideError if it does not lie in *root*.
    """
    with Cleaner(timeout=timeout) as cleaner:
        return cleaner.explain(path, settings, root=root)


class AsyncCleaner:
    """Scans, explains and deletes in the event loop of its caller. An asynchronous context manager."""

    def __init__(self, *, jobs: int | None = None, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Make *jobs* calls at a time, or as many as suit a disk; give each *timeout* seconds."""
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
        """Stop what still goes on, and let the workers go. May be called again."""
        if not self._closed:
            self._closed = True
            self._runtime.stop()
            self._runtime.close(wait=True)

    def stop(self) -> None:
        """Have what goes on stop as soon as it can; to be called in the thread of the event loop.

        A scan then returns what it has found, as a plan that is not complete. A deletion ends what it has
        begun, and returns an outcome that is not complete. Nothing new begins afterwards.
        """
        self._runtime.stop()

    async def scan(
        self, settings: Settings | None = None, *, progress: Watch | None = None
    ) -> Plan:
        """Do as :func:`scan`."""
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
        """Do as :func:`delete`."""
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
        """Do as :func:`explain`."""
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
    """Scans, explains and deletes, and waits for the result. A context manager."""

    def __init__(self, *, jobs: int | None = None, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Make *jobs* calls at a time, or as many as suit a disk; give each *timeout* seconds."""
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
        """Let the workers go. May be called again; after that, every other call raises RuntimeError."""
        with self._runner:
            self._run(self._cleaner.aclose())

    def scan(self, settings: Settings | None = None, *, progress: Watch | None = None) -> Plan:
        """Do as :func:`scan`."""
        return self._run(self._cleaner.scan(settings, progress=progress))

    def delete(
        self,
        plan: Plan,
        *,
        trash: bool = False,
        wait: bool = False,
        progress: Watch | None = None,
    ) -> Outcome:
        """Do as :func:`delete`."""
        return self._run(self._cleaner.delete(plan, trash=trash, wait=wait, progress=progress))

    def explain(
        self,
        path: str | os.PathLike[str],
        settings: Settings | None = None,
        *,
        root: str | None = None,
    ) -> Explanation | None:
        """Do as :func:`explain`."""
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
