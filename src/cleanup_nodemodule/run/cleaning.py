"""Search, and delete what was approved: the run that the command without a name is for."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.delete import approval
from cleanup_nodemodule.model import Approved, Leftover, Plan, Problem
from cleanup_nodemodule.patterns import patterns
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.report import build, rows
from cleanup_nodemodule.run.facts import Facts
from cleanup_nodemodule.run.loop import Crew, Runtime
from cleanup_nodemodule.run.orders import Orders
from cleanup_nodemodule.run.root_spaces import RootSpaces
from cleanup_nodemodule.run.voice import Ended, Taker, Voice
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.survey.included import check_listed
from cleanup_nodemodule.work.conversion import everywhere
from cleanup_nodemodule.work.progress import Watch
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.tasks import Stopped

if TYPE_CHECKING:
    from cleanup_nodemodule.run.saved_plan import SavedPlan
    from cleanup_nodemodule.run.saving import Saving
    from cleanup_nodemodule.run.undertaking import Undertaking


async def clean(
    settings: Settings,
    orders: Orders,
    voice: Voice,
    runtime: Runtime,
    *,
    saving: "Saving | None" = None,
    saved: "SavedPlan | None" = None,
    written: Mapping[str, str] | None = None,
) -> Ended:
    """Find what can be deleted, and delete it if that is ordered and approved.

    A dry run is written down by *saving*, if that is given and the run comes to its end. What is found is held against
    the plan that was *saved*, whose settings these have to be: what has changed since is kept. The files that the result
    is *written* to, absolute paths with the option that names each, may not lie in what is deleted.

    Raises RootError where there is nothing to search, SettingsError for a setting that means nothing
    there, and for a deletion also where a root is not there that it needs or where an included directory is
    not listed, or a file to write lies in an artifact, Locked where another run deletes in the same tree, and StateError where no record of the
    deletion can be kept: nothing was done then. Raises Stopped where it was stopped before it began.
    """
    return await _Cleaning(settings, orders, voice, runtime, saving, saved, written).run()


_MANY: Final = 256
"""Roots beyond which what lies around them is locked, and not each by itself."""


class _Cleaning:
    """The state of one run."""

    def __init__(
        self,
        settings: Settings,
        orders: Orders,
        voice: Voice,
        runtime: Runtime,
        saving: "Saving | None",
        saved: "SavedPlan | None",
        written: Mapping[str, str] | None,
    ) -> None:
        self._settings = settings
        self._saving = saving
        self._saved = saved
        self._written = written or {}
        self._orders = orders
        self._voice = voice
        self._runtime = runtime
        self._facts = Facts(settings)
        self._first: str | None = None
        """The artifact whose turn to be deleted is the first."""
        self._unreached: tuple[str, ...] = ()
        """What there was no time to begin with."""
        self._over: rows.GateRow | None = None
        """What to say of more that can be deleted than ``--fail-over`` allows."""
        # Without a current directory names in it are no places: the survey says so.
        self._around: Sequence[str] = ()
        with contextlib.suppress(OSError):
            names = list(map(everywhere, settings.artifacts or ()))
            self._around = survey.places_around(names)

    async def run(self) -> Ended:
        seconds = self._orders.max_runtime
        if seconds is None or self._saved is not None:
            return await self._run()
        from cleanup_nodemodule.run import left_off

        settings, orders = self._settings, self._orders
        several = settings.roots if settings.artifacts is None else settings.artifacts
        key = left_off.key_of([*map(everywhere, several)], orders.list_file)
        before = left_off.read(key)
        self._settings = replace(settings, begin_with=before.search)
        self._first = before.delete
        if orders.deletes and len(several) > 1:
            self._runtime.hurry_after(before.share * seconds)
        ended = await self._run()
        if ended.signal is None:
            after = left_off.after(
                ended.report, self._unreached, before, listed=settings.artifacts is not None
            )
            left_off.write(key, after)
        return ended

    async def _run(self) -> Ended:
        settings = self._settings
        if self._saved is not None:
            from cleanup_nodemodule.run.applying import introduction

            for line in introduction(self._saved):
                self._voice.note(line)
        named = patterns.places((*settings.excludes, *settings.keep), settings.home)
        crew = self._runtime.crew(
            (*settings.roots, *self._around, *settings.include_unproven, *named)
        )
        spaces = RootSpaces(self._runtime, crew)
        await spaces.before(settings.roots)
        ended = await self._carry_out(crew)
        return replace(ended, spaces=await spaces.after(ended.report.roots))

    async def _carry_out(self, crew: Crew) -> Ended:
        settings = self._settings
        if not self._orders.deletes:
            return await self._plan(crew, None)
        # The lock asks about each root, and would wait for one that does not answer.
        with self._runtime.reading(crew.executor, crew.readers) as scheduler:
            many = len(settings.roots) > _MANY
            roots = settings.roots if many else await survey.answering(settings.roots, scheduler)
            needed = [root for root in roots if root in self._orders.needs]
            await survey.check_there(needed, scheduler)
        try:
            searches = settings.artifacts is None
            places = [everywhere(root) for root in roots] if searches else self._around
            if many and searches:
                places = survey.places_around(places)
        except OSError:  # Without a current directory it is no place: the search says so.
            return await self._plan(crew, None)
        async with self._undertaken(places) as undertaking:
            return await self._plan(crew, undertaking)

    def _undertaken(self, places: Sequence[str]) -> "AbstractAsyncContextManager[Undertaking]":
        from cleanup_nodemodule.run.undertaking import undertake

        return undertake(places, self._orders, self._voice, self._runtime)

    @property
    def _needs_all(self) -> bool:
        """Whether all has to be known first: to delete it, to save it, to hold it against a limit or another plan."""
        orders = self._orders
        saves = self._saved is not None or self._saving is not None
        return orders.deletes or orders.max_delete is not None or saves

    async def _hand_out(self, crew: Crew, taker: Taker) -> Ended:
        """Tell each row when it is decided."""
        from cleanup_nodemodule.run.handing_out import HandingOut

        handing_out = HandingOut(taker, self._runtime, self._facts.now(self._orders.mode))
        with self._looking(crew) as (watch, scheduler):
            plan = await survey.decide_each(self._settings, scheduler, handing_out, watch)
        leftovers = await self._recognised(plan, crew)
        result = handing_out.report(plan, self._facts.now(self._orders.mode), leftovers)
        if not self._runtime.stopped:
            self._over = self._failing_over(result.totals)
            self._voice.planned(result, deletes=False)
        return replace(self._ended(result, plan), digest=handing_out.digest)

    @contextlib.contextmanager
    def _looking(self, crew: Crew) -> Iterator[tuple[Watch, Scheduler]]:
        """Give what a survey works with."""
        searchers = self._runtime.searchers(crew)
        with (
            self._voice.watch() as watch,
            self._runtime.reading(searchers, crew.readers) as scheduler,
        ):
            yield watch, scheduler

    async def _recognised(self, plan: Plan, crew: Crew) -> tuple[Leftover, ...]:
        """Tell what interrupted runs left."""
        if not plan.leftovers:
            return ()
        from cleanup_nodemodule.run.deleting import recognise

        return await recognise(plan, crew, self._voice, self._runtime)

    async def _plan(self, crew: Crew, undertaking: "Undertaking | None") -> Ended:
        taker = self._voice.taker
        if taker is not None and not self._needs_all:
            return await self._hand_out(crew, taker)
        with self._looking(crew) as (watch, scheduler):
            plan = await survey.make_plan(self._settings, scheduler, watch)
            plan = replace(plan, begin_with=self._first)
            self._unreached = plan.unreached
            prints: Mapping[str, str] = {}
            if self._saved is not None or self._saving is not None:
                from cleanup_nodemodule.survey.fingerprint import fingerprints

                prints = await fingerprints([one.path for one in plan.selected], scheduler)
        if self._saved is not None:
            from cleanup_nodemodule.run.applying import held_against

            plan = held_against(plan, self._saved, prints)
        leftovers = await self._recognised(plan, crew)
        result = self._planned(plan, leftovers)
        if self._runtime.stopped:
            if self._saving is not None:
                self._voice.say("the plan is not saved, because the run was interrupted")
            return self._ended(result, plan)
        if self._saving is not None:
            plan = self._save(plan, self._saving, prints)
            result = self._planned(plan, leftovers)
        if undertaking is not None:
            check_listed(plan.problems)
            if self._written:
                from cleanup_nodemodule.run.file_places import check_stays

                check_stays(self._written, plan)
        self._over = self._failing_over(result.totals)
        gate = self._exceeded(plan, leftovers)
        # Before anything is deleted that somebody wanted to keep.
        self._voice.planned(result, deletes=undertaking is not None and gate is None)
        if self._runtime.stopped:
            return self._ended(result, plan)
        if gate is not None:
            return self._ended(replace(result, gates=[gate]), plan)
        if undertaking is None:
            return self._ended(result, plan)
        try:
            approved = await self._approved(plan)
        except Stopped:
            approved = None
        if approved is None:
            return self._ended(self._planned(plan, leftovers), plan)
        from cleanup_nodemodule.run.deleting import Deletion

        deletion = Deletion(self._settings, undertaking, crew, self._voice, self._runtime)
        outcome = await deletion.carry_out(approved, leftovers)
        result = build.of_outcome(outcome, self._facts.now(self._orders.mode))
        return replace(
            self._ended(result, plan), unexpected=outcome.unexpected, run=undertaking.run.id
        )

    def _save(self, plan: Plan, saving: "Saving", prints: Mapping[str, str]) -> Plan:
        """Save a plan, and say so; return it with the problem if that could not be done."""
        from cleanup_nodemodule.run.saved_plan import PlanFileError

        try:
            self._voice.note(saving.save(plan, self._settings, prints))
        except PlanFileError as error:
            problem = Problem(error.path, ProblemCode.SAVE_PLAN, error.number, error.why)
            return replace(plan, problems=(*plan.problems, problem))
        return plan

    def _exceeded(self, plan: Plan, leftovers: Sequence[Leftover]) -> rows.GateRow | None:
        """Return what to say where this deletes more than the limit allows, else None."""
        if self._orders.max_delete is None:
            return None
        from cleanup_nodemodule.run.limits import exceeded

        left = [one for one in leftovers if one.to_finish]
        return exceeded(plan, self._orders.max_delete, left, dry_run=not self._orders.deletes)

    def _failing_over(self, totals: rows.Totals) -> rows.GateRow | None:
        """Return what to say where more can be deleted than the run allows without failing, else None."""
        if self._orders.fail_over is None:
            return None
        from cleanup_nodemodule.run.limits import over

        return over(self._orders.fail_over, totals.reclaimable_bytes, totals.selected)

    def _planned(self, plan: Plan, leftovers: tuple[Leftover, ...]) -> rows.Report:
        return build.of_plan(plan, self._facts.now(self._orders.mode), leftovers)

    def _ended(self, result: rows.Report, plan: Plan) -> Ended:
        seconds = self._orders.max_runtime
        late = self._runtime.expired or plan.unreached
        if seconds is not None and late and self._runtime.signal is None:
            row = build.out_of_time(
                result, seconds, searched=plan.complete, unreached=len(plan.unreached)
            )
            result = replace(result, out_of_time=row)
        if self._over is not None:
            result = replace(result, gates=[*result.gates, self._over])
        return Ended(result, signal=self._runtime.signal)

    async def _approved(self, plan: Plan) -> Approved | None:
        mode = self._orders.mode
        if self._orders.ask and self._voice.asks:
            return await approval.by_question(plan, self._voice.ask, mode=mode)
        return approval.by_flag(plan, mode=mode)
