"""Search, and delete what was approved: the run that the command without a name is for."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from cleanup_nodemodule import confirm, patterns, pipeline, report
from cleanup_nodemodule.model import Approved, Leftover, Outcome, Plan, Problem
from cleanup_nodemodule.paths import everywhere
from cleanup_nodemodule.run.facts import Facts
from cleanup_nodemodule.run.loop import Crew, Runtime
from cleanup_nodemodule.run.orders import Orders
from cleanup_nodemodule.run.voice import Ended, Voice
from cleanup_nodemodule.scheduler import Stopped
from cleanup_nodemodule.settings import Settings

if TYPE_CHECKING:
    from cleanup_nodemodule.run.undertaking import Undertaking


async def clean(settings: Settings, orders: Orders, voice: Voice, runtime: Runtime) -> Ended:
    """Find what can be deleted, and delete it if that is ordered and approved.

    Raises RootError where there is nothing to search, SettingsError for a setting that means nothing
    there, Locked where another run deletes in the same tree, and StateError where no record of the
    deletion can be kept: nothing was done then. Raises Stopped where it was stopped before it began.
    """
    return await _Cleaning(settings, orders, voice, runtime).run()


class _Cleaning:
    """The state of one run."""

    def __init__(self, settings: Settings, orders: Orders, voice: Voice, runtime: Runtime) -> None:
        self._settings = settings
        self._orders = orders
        self._voice = voice
        self._runtime = runtime
        self._facts = Facts()

    async def run(self) -> Ended:
        settings = self._settings
        named = patterns.places((*settings.excludes, *settings.keep), settings.home)
        crew = self._runtime.crew((*settings.roots, *settings.include_unproven, *named))
        if not self._orders.deletes:
            return await self._plan(crew, None)
        # The lock asks about each root, and would wait for one that does not answer.
        with self._runtime.reading(crew.executor, crew.readers) as scheduler:
            roots = await pipeline.answering(settings.roots, scheduler)
        try:
            places = [everywhere(root) for root in roots]
        except OSError:  # Without a current directory it is no place: the search says so.
            return await self._plan(crew, None)
        async with self._undertaken(places) as undertaking:
            return await self._plan(crew, undertaking)

    def _undertaken(self, places: Sequence[str]) -> "AbstractAsyncContextManager[Undertaking]":
        from cleanup_nodemodule.run.undertaking import undertake

        return undertake(places, self._orders, self._voice, self._runtime)

    async def _plan(self, crew: Crew, undertaking: "Undertaking | None") -> Ended:
        searchers = self._runtime.searchers(crew)
        with (
            self._voice.watch() as watch,
            self._runtime.reading(searchers, crew.readers) as scheduler,
        ):
            plan = await pipeline.make_plan(self._settings, scheduler, watch)
        leftovers = await self._recognise(plan, crew)
        result = self._planned(plan, leftovers)
        if self._runtime.stopped:
            return self._ended(result)
        # Before anything is deleted that somebody wanted to keep.
        self._voice.planned(result, deletes=undertaking is not None)
        if self._runtime.stopped:
            return self._ended(result)
        if self._orders.max_delete is not None:
            from cleanup_nodemodule.run.limits import exceeded

            left = [one for one in leftovers if one.to_finish]
            why = exceeded(*(plan, self._orders.max_delete, left), dry_run=not self._orders.deletes)
            if why is not None:
                self._voice.say(why)
                return replace(self._ended(result), exceeded=True)
        if undertaking is None:
            return self._ended(result)
        try:
            approved = await self._approved(plan)
        except Stopped:
            approved = None
        if approved is None:
            return self._ended(self._planned(plan, leftovers))
        outcome = await self._execute(approved, leftovers, undertaking, crew)
        result = report.of_outcome(outcome, self._facts.now(self._orders.mode))
        return replace(self._ended(result), unexpected=outcome.unexpected)

    def _planned(self, plan: Plan, leftovers: tuple[Leftover, ...]) -> report.Report:
        return report.of_plan(plan, self._facts.now(self._orders.mode), leftovers)

    def _ended(self, result: report.Report) -> Ended:
        return Ended(result, signal=self._runtime.signal)

    async def _recognise(self, plan: Plan, crew: Crew) -> tuple[Leftover, ...]:
        """Tell what interrupted runs left; without a journal to ask, all of it is unknown."""
        if not plan.leftovers:
            return ()
        from cleanup_nodemodule import recovery, state

        try:
            directory = state.directory()
            with self._runtime.reading(crew.executor, crew.readers) as scheduler:
                return await recovery.recognise(plan.leftovers, directory, scheduler)
        except state.StateError as error:
            self._voice.say(str(error))
            return tuple(Leftover(candidate, None, None, None) for candidate in plan.leftovers)

    async def _approved(self, plan: Plan) -> Approved | None:
        deletes = self._orders.deletes
        if self._orders.ask and self._voice.asks:
            return await confirm.by_question(plan, self._voice.ask, no_dry_run=deletes)
        return confirm.by_flag(plan, no_dry_run=deletes)

    async def _execute(
        self,
        approved: Approved,
        leftovers: tuple[Leftover, ...],
        undertaking: "Undertaking",
        crew: Crew,
    ) -> Outcome:
        """Do what was approved, and finish what interrupted runs left."""
        from cleanup_nodemodule import protections, recovery
        from cleanup_nodemodule.run.resuming import delete_leftovers, find_unfinished

        runtime = self._runtime
        roots = [root for root in approved.plan.roots if root not in runtime.silent]
        found = await find_unfinished(recovery.begun(undertaking.directory, roots), crew, runtime)
        points = protections.mount_points()
        # What lies there is not asked for once more, and waited for again.
        runtime.silent.update(
            root
            for root in roots
            if protections.mount_point_of(root, points) in runtime.silent_mounts
        )
        shown = {one.candidate.path for one in leftovers}
        chosen = {artifact.path for artifact in approved.artifacts}
        more = (*found.silent, *(one for one in found.in_place if one.candidate.path not in chosen))
        leftovers += tuple(one for one in more if one.candidate.path not in shown)
        known = [one for one in leftovers if one.to_finish]
        settled = found.settled
        outcome = Outcome(approved.plan, (), 0, complete=True)
        if not (approved.artifacts or known or settled):
            return replace(outcome, leftovers=leftovers)
        deleted: dict[str, Leftover] = {}
        lost: list[Problem] = []
        with undertaking.journal(lost) as journal:
            places = {one.candidate.name for one in known}
            recovery.settle((one for one in settled if one.name not in places), journal)
            include_foreign = self._settings.foreign_too
            for one in await delete_leftovers(
                *(known, journal, crew, self._voice, runtime), include_foreign=include_foreign
            ):
                deleted[one.candidate.path] = one
            with self._voice.watch() as watch, runtime.removing(crew.executor) as scheduler:
                outcome = await pipeline.carry_out(
                    approved, self._settings, scheduler, journal, watch
                )
            journal.close(interrupted=runtime.signal is not None)
        rows = tuple(deleted.get(one.candidate.path, one) for one in leftovers)
        return replace(outcome, leftovers=rows, problems=tuple(lost))
