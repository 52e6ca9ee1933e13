"""Finish what interrupted runs left: the run that ``resume`` is for, and that part of every other."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cleanup_nodemodule.model import Leftover, Outcome, Plan, Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.report import build
from cleanup_nodemodule.run.facts import Facts
from cleanup_nodemodule.run.loop import Crew, Runtime
from cleanup_nodemodule.run.orders import Orders
from cleanup_nodemodule.run.voice import Ended, Voice
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.words import printable
from cleanup_nodemodule.work.conversion import absolute
from cleanup_nodemodule.work.tasks import Stopped

if TYPE_CHECKING:
    from cleanup_nodemodule.record.unfinished import Begun, Unfinished
    from cleanup_nodemodule.record.write import Journal
    from cleanup_nodemodule.run.undertaking import Undertaking


async def resume(
    orders: Orders,
    voice: Voice,
    runtime: Runtime,
    *,
    forget: Sequence[str] = (),
    include_foreign: bool = False,
) -> Ended:
    """Delete what interrupted runs had taken out of projects, wherever that is.

    What of it cannot be reached, and was at or beneath one of the paths *forget*, is asked for no more.
    Raises as :func:`~cleanup_nodemodule.run.cleaning.clean` does.
    """
    resuming = _Resuming(orders, voice, runtime, include_foreign=include_foreign)
    return await resuming.run([absolute(path) for path in forget])


class _Resuming:
    """The state of one run."""

    def __init__(
        self, orders: Orders, voice: Voice, runtime: Runtime, *, include_foreign: bool
    ) -> None:
        self._orders = orders
        self._voice = voice
        self._runtime = runtime
        self._include_foreign = include_foreign
        self._facts = Facts()

    async def run(self, forget: Sequence[str]) -> Ended:
        from cleanup_nodemodule.record import state_directory, trust, unfinished
        from cleanup_nodemodule.run.undertaking import undertake

        try:
            directory = state_directory.directory()
            begun = unfinished.begun(directory)
        except trust.StateError as error:
            error.code = ProblemCode.READ_RECORD
            raise
        crew = self._runtime.crew(_mounts_of(begun.places))
        if not self._orders.deletes:
            return await self._delete(begun, crew, None, forget)
        found = await find_unfinished(begun, crew, self._runtime)
        if self._runtime.stopped:
            raise Stopped
        # What a run at work will delete is left to it, and what cannot be got at is not locked.
        places = sorted({one.candidate.root for one in found.to_finish})
        async with undertake(places, self._orders, self._voice, self._runtime) as undertaking:
            # Again, as another run may have been at work with some of it.
            return await self._delete(unfinished.begun(directory), crew, undertaking, forget)

    async def _delete(
        self, begun: "Begun", crew: Crew, undertaking: "Undertaking | None", forget: Sequence[str]
    ) -> Ended:
        from cleanup_nodemodule.delete.free_space import FreeSpace
        from cleanup_nodemodule.record import endings

        found = await find_unfinished(begun, crew, self._runtime)
        for fault in found.faults:
            line = "" if fault.line is None else f", line {fault.line}"
            self._voice.say(f"{printable(fault.file)}{line}: {fault.message}")
        deleted: dict[str, Leftover] = {}
        lost: list[Problem] = []
        forgotten: list[Leftover] = []
        nothing = Outcome(Plan((), (), (), complete=True), (), complete=True)
        if undertaking is not None:
            forgotten = [one for one in found.leftovers if one.problems and _is_in(one, forget)]
            for path in forget:
                if not any(_is_in(one, [path]) for one in forgotten):
                    where = f"at or beneath {printable(path)}"
                    self._voice.say(f"nothing was left {where} that cannot be reached")
        if undertaking is not None and (found.to_finish or found.concluded or forgotten):
            with undertaking.journal(lost) as journal:
                endings.record_ends(found.concluded, journal)
                endings.forget(forgotten, journal)
                space = FreeSpace((), found.to_finish)
                with self._runtime.removing(crew.executor) as scheduler:
                    await space.before(scheduler)
                    done = await delete_leftovers(
                        *(found.to_finish, journal, crew, self._voice, self._runtime),
                        include_foreign=self._include_foreign,
                    )
                    observed = await space.after(nothing, done, scheduler)
                nothing = replace(nothing, observed=observed)
                deleted = {one.candidate.path: one for one in done}
                journal.close(
                    interrupted=self._runtime.stopped,
                    observed_freed_bytes=nothing.observed_freed_bytes,
                )
        rows = tuple(
            deleted.get(one.candidate.path, one) for one in found.leftovers if one not in forgotten
        )
        signal = self._runtime.signal
        outcome = replace(nothing, complete=signal is None, leftovers=rows, problems=tuple(lost))
        facts = self._facts.now(self._orders.mode)
        return Ended(build.of_outcome(outcome, facts), signal=signal)


async def find_unfinished(begun: "Begun", crew: Crew, runtime: Runtime) -> "Unfinished":
    """Ask the disks where everything is that was *begun* and has no end in the journal."""
    from cleanup_nodemodule.record import unfinished

    # One call for each, so that disks which do not answer keep nobody else waiting.
    least = len(_mounts_of(begun.places))
    with runtime.reading(crew.executor, crew.readers, least=least) as scheduler:
        return await unfinished.ask_disks(begun, scheduler)


async def delete_leftovers(
    leftovers: Sequence[Leftover],
    journal: "Journal",
    crew: Crew,
    voice: Voice,
    runtime: Runtime,
    *,
    include_foreign: bool,
) -> tuple[Leftover, ...]:
    """Delete what interrupted runs left, and return what came of it."""
    if not leftovers:
        return ()
    from cleanup_nodemodule.delete import carry_out

    with voice.watch() as watch, runtime.removing(crew.executor) as scheduler:
        return await carry_out.delete_leftovers(
            *(leftovers, scheduler, journal, watch), include_foreign=include_foreign
        )


def _is_in(leftover: Leftover, places: Iterable[str]) -> bool:
    """Whether it was, or is, at or beneath one of these absolute paths."""
    paths = [os.path.join(path, "") for path in (leftover.candidate.path, leftover.original or "")]
    around = [os.path.join(place, "") for place in places]
    return any(path.startswith(place) for path in paths for place in around)


def _mounts_of(paths: Iterable[str]) -> set[str]:
    """Return the mount points that *paths* without symlinks lie beneath; no disk is asked."""
    points = mounts.mount_points()
    return {mounts.mount_point_of(path, points) for path in paths}
