"""The stages in order: what a program that uses this package calls.

    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from cleanup_nodemodule import pipeline
    from cleanup_nodemodule.scheduler import Scheduler
    from cleanup_nodemodule.settings import Settings

    async def main() -> None:
        with ThreadPoolExecutor(2) as executor:
            plan = await pipeline.make_plan(Settings(roots=("src",)), Scheduler(executor, 2))
        for artifact in plan.selected:
            print(artifact.path, artifact.size.reclaimable_bytes)

    asyncio.run(main())

A dry run is :func:`make_plan` alone. Deleting takes the plan, an
:class:`~cleanup_nodemodule.model.Approved` made of it by :mod:`cleanup_nodemodule.confirm`, and
:func:`carry_out`.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from cleanup_nodemodule import evidence, finder, remover, sizing
from cleanup_nodemodule.links import Ledger
from cleanup_nodemodule.model import (
    Approved,
    Artifact,
    Candidate,
    Contents,
    Decision,
    Delete,
    Evidence,
    Keep,
    Level,
    Measured,
    Outcome,
    Plan,
    Problem,
    Progress,
    Reason,
    Size,
)
from cleanup_nodemodule.policy import decide
from cleanup_nodemodule.rules import catalogue
from cleanup_nodemodule.scheduler import Scheduler, Stopped
from cleanup_nodemodule.settings import Settings

if TYPE_CHECKING:
    from pathspec import PathSpec
    from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

Watch = Callable[[Progress], None]
"""Called with the state of things whenever it changes."""


def unwatched(_progress: Progress) -> None:
    """Watch nothing: the default."""


async def make_plan(settings: Settings, scheduler: Scheduler, watch: Watch = unwatched) -> Plan:
    """Find, prove, size and decide; change nothing.

    Raises :class:`~cleanup_nodemodule.finder.RootError` for a root that cannot be searched and
    ExcludeError for a malformed pattern, both before anything else happens. When the scheduler
    is told to stop, returns at once what is known by then, marked as not complete.
    """
    roots = finder.locate_roots(settings.roots)
    excluded = finder.compile_excludes(settings.excludes)
    survey = _Survey(scheduler, watch)
    try:
        await survey.run(roots, excluded, settings)
    except* Stopped:
        pass
    return survey.plan(tuple(root.path for root in roots))


async def carry_out(approved: Approved, scheduler: Scheduler, watch: Watch = unwatched) -> Outcome:
    """Delete what was approved, and say truthfully what came of it."""
    progress = Progress(artifacts=len(approved.artifacts))

    def freed(size: int) -> None:
        nonlocal progress
        progress = replace(progress, freed_bytes=progress.freed_bytes + size)
        watch(progress)

    def deleted(_artifact: Artifact) -> None:
        nonlocal progress
        progress = replace(progress, deleted=progress.deleted + 1)
        watch(progress)

    return await remover.remove(approved, scheduler, freed=freed, deleted=deleted)


class _Survey:
    """The state of one plan in the making."""

    def __init__(self, scheduler: Scheduler, watch: Watch) -> None:
        self._scheduler = scheduler
        self._watch = watch
        self._progress = Progress()
        self._ledger = Ledger()
        self._candidates: list[Candidate] = []
        self._contents: dict[int, Contents] = {}
        self._vanished: set[int] = set()
        self._evidence: list[Evidence] = []
        self._problems: list[Problem] = []
        self._complete = False

    async def run(
        self,
        roots: tuple[finder.SearchRoot, ...],
        excluded: "PathSpec[GitIgnoreBasicPattern] | None",
        settings: Settings,
    ) -> None:
        """Search, and measure what is found while the search goes on; then ask for proof."""
        queue: asyncio.Queue[int | None] = asyncio.Queue()

        def found(candidate: Candidate) -> None:
            queue.put_nowait(len(self._candidates))
            self._candidates.append(candidate)
            self._report(artifacts=1)

        async def search() -> None:
            await finder.find(
                roots,
                excluded,
                settings,
                self._scheduler,
                found=found,
                problem=self._problems.append,
                searched=lambda count: self._report(directories=count),
            )
            for _ in range(measurers):
                queue.put_nowait(None)
            self._evidence = await evidence.prove(
                self._candidates,
                catalogue(),
                frozenset(settings.targets or ()),
                self._scheduler,
            )

        async def measure() -> None:
            while (number := await queue.get()) is not None:
                contents = await sizing.measure(
                    self._candidates[number],
                    number,
                    self._scheduler,
                    self._ledger,
                    problem=self._problems.append,
                    measured=lambda size: self._report(measured_bytes=size),
                )
                if contents is None:
                    self._vanished.add(number)
                else:
                    self._contents[number] = contents

        # One more than there are workers, so that the next artifact is at hand when one is done.
        measurers = self._scheduler.workers + 1
        async with asyncio.TaskGroup() as group:
            group.create_task(search())
            for _ in range(measurers):
                group.create_task(measure())
        self._complete = True

    def plan(self, roots: tuple[str, ...]) -> Plan:
        """Decide about everything found by now, and settle the sizes of what was decided."""
        order = sorted(
            (number for number in range(len(self._candidates)) if number not in self._vanished),
            key=lambda number: self._candidates[number].path,
        )
        measured = [self._measured(number) for number in order]
        decisions = [
            decide(row.evidence, row.contents) if row else Keep(Reason.INTERRUPTED)
            for row in measured
        ]
        # What has vanished comes last and counts for nothing.
        order += sorted(self._vanished)
        ranks = {number: rank for rank, number in enumerate(order)}
        selected = [isinstance(decision, Delete) for decision in decisions]
        selected += [False] * len(self._vanished)
        sizes = self._ledger.settle(ranks, selected)
        return Plan(
            roots,
            tuple(
                _artifact(row or _unknown(self._candidates[number]), decision, size)
                for number, row, decision, size in zip(
                    order, measured, decisions, sizes, strict=False
                )
            ),
            tuple(sorted(self._problems, key=lambda problem: (problem.path, problem.doing))),
            self._complete,
        )

    def _measured(self, number: int) -> Measured | None:
        """Return the candidate with all that is needed to decide, if the run came that far."""
        contents = self._contents.get(number)
        if contents is None or number >= len(self._evidence):
            return None
        return Measured(self._candidates[number], self._evidence[number], contents)

    def _report(self, directories: int = 0, artifacts: int = 0, measured_bytes: int = 0) -> None:
        progress = self._progress
        self._progress = replace(
            progress,
            directories=progress.directories + directories,
            artifacts=progress.artifacts + artifacts,
            measured_bytes=progress.measured_bytes + measured_bytes,
        )
        self._watch(self._progress)


def _artifact(row: Measured, decision: Decision, links: Size) -> Artifact:
    """Add what files with several links take to what the others take."""
    contents = row.contents
    size = Size(
        contents.apparent_bytes + links.apparent_bytes,
        contents.allocated_bytes + links.allocated_bytes,
        contents.allocated_bytes + links.reclaimable_bytes if isinstance(decision, Delete) else 0,
    )
    return Artifact(row.candidate, row.evidence, contents, size, decision)


def _unknown(candidate: Candidate) -> Measured:
    """Return the row of a candidate that the run was stopped before it knew anything about."""
    return Measured(
        candidate,
        Evidence(Level.UNPROVEN, (), None, None, None, os.path.dirname(candidate.path), None),
        Contents(0, 0, 0, 0, 0, complete=False, mounts=(), repositories=()),
    )
