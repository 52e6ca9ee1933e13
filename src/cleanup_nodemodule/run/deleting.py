"""Delete what a plan selects: what a run does once it may, and what a program calls with a plan."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.delete import approval, prove_again
from cleanup_nodemodule.delete.carry_out import carry_out
from cleanup_nodemodule.delete.free_space import FreeSpace
from cleanup_nodemodule.model import Approved, Leftover, Outcome, Plan, Problem
from cleanup_nodemodule.run.loop import Crew, Runtime
from cleanup_nodemodule.run.orders import Orders
from cleanup_nodemodule.run.resuming import delete_leftovers, find_unfinished
from cleanup_nodemodule.run.undertaking import Undertaking, undertake
from cleanup_nodemodule.run.voice import Voice
from cleanup_nodemodule.survey.roots import answering
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.work.progress import settling

if TYPE_CHECKING:
    from cleanup_nodemodule.record.unfinished import Unfinished


async def delete(
    plan: Plan, settings: Settings, orders: Orders, voice: Voice, runtime: Runtime
) -> Outcome | None:
    """Delete what *plan* selects, made with these *settings*; None if it is a plan that was cut short.

    Nothing is asked. Raises Locked where another run deletes in the same tree, StateError where no record
    of the deletion can be kept, and Stopped where it was stopped before it began.
    """
    crew = runtime.crew(plan.roots)
    # The lock asks about each root, and would wait for one that does not answer.
    with runtime.reading(crew.executor, crew.readers) as scheduler:
        roots = await answering(plan.roots, scheduler)
    async with undertake(roots, orders, voice, runtime) as undertaking:
        leftovers = await recognise(plan, crew, voice, runtime)
        approved = approval.by_flag(plan, mode=orders.mode)
        if approved is None:
            return None
        deletion = Deletion(settings, undertaking, crew, voice, runtime)
        return await deletion.carry_out(approved, leftovers)


async def recognise(plan: Plan, crew: Crew, voice: Voice, runtime: Runtime) -> tuple[Leftover, ...]:
    """Tell what interrupted runs left; without a journal to ask, all of it is unknown."""
    if not plan.leftovers:
        return ()
    from cleanup_nodemodule.record import state_directory, trust, unfinished

    try:
        directory = state_directory.directory()
        with runtime.reading(crew.executor, crew.readers) as scheduler:
            return await unfinished.recognise(plan.leftovers, directory, scheduler)
    except trust.StateError as error:
        voice.say(str(error))
        return tuple(Leftover(candidate, None, None, None) for candidate in plan.leftovers)


class Deletion:
    """Does what was approved, and finishes what interrupted runs left."""

    def __init__(
        self,
        settings: Settings,
        undertaking: Undertaking,
        crew: Crew,
        voice: Voice,
        runtime: Runtime,
    ) -> None:
        self._settings = settings
        self._undertaking = undertaking
        self._crew = crew
        self._voice = voice
        self._runtime = runtime

    async def carry_out(self, approved: Approved, leftovers: tuple[Leftover, ...]) -> Outcome:
        """Delete it, with a record of everything, and say truthfully what came of it."""
        from cleanup_nodemodule.record import endings

        runtime, crew = self._runtime, self._crew
        # Where a list says what may be deleted, nothing else is.
        searched = self._settings.artifacts is None
        found = await self._unfinished(approved.plan.roots if searched else ())
        shown = {one.candidate.path for one in leftovers}
        chosen = {artifact.path for artifact in approved.artifacts}
        more = (*found.silent, *(one for one in found.in_place if one.candidate.path not in chosen))
        leftovers += tuple(one for one in more if one.candidate.path not in shown)
        known = [one for one in leftovers if one.to_finish]
        concluded = found.concluded
        outcome = Outcome(approved.plan, (), complete=True)
        if not (approved.artifacts or known or concluded):
            return replace(outcome, leftovers=leftovers)
        lost: list[Problem] = []
        # What is in the trash takes as much space as before.
        space = FreeSpace(approved.artifacts if approved.mode == "delete" else (), known)
        with self._undertaking.journal(lost) as journal:
            with runtime.removing(crew.executor) as scheduler:
                await space.before(scheduler)
            places = {one.candidate.name for one in known}
            endings.record_ends((one for one in concluded if one.name not in places), journal)
            include_foreign = self._settings.include_foreign
            done = await delete_leftovers(
                *(known, journal, crew, self._voice, runtime), include_foreign=include_foreign
            )
            with self._voice.watch() as watch, runtime.removing(crew.executor) as scheduler:
                outcome = await carry_out(
                    *(approved, scheduler, journal),
                    partial(prove_again.prepared, self._settings, scheduler),
                    watch,
                    include_foreign=include_foreign,
                    told=self._voice.came_of,
                )
                settling(watch)
                observed = await space.after(outcome, done, scheduler)
            outcome = replace(outcome, observed=observed)
            journal.close(
                interrupted=runtime.stopped and not (runtime.expired and outcome.complete),
                observed_freed_bytes=outcome.observed_freed_bytes,
            )
        deleted = {one.candidate.path: one for one in done}
        rows = tuple(deleted.get(one.candidate.path, one) for one in leftovers)
        return replace(outcome, leftovers=rows, problems=tuple(lost))

    async def _unfinished(self, roots: Sequence[str]) -> "Unfinished":
        """Find what the journal says was begun beneath *roots*; those with silent disks become silent."""
        from cleanup_nodemodule.record import unfinished

        silence = self._runtime.silence
        roots = [root for root in roots if root not in silence]
        begun = unfinished.begun(self._undertaking.directory, roots)
        found = await find_unfinished(begun, self._crew, self._runtime)
        points = mounts.mount_points()
        # What lies there is not asked for once more, and waited for again.
        silence.take_over(roots, lambda root: mounts.mount_point_of(root, points))
        return found
