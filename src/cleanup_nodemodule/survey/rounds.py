"""The search in rounds: what git says is no artifact is searched in the next one."""

import contextlib
import itertools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import Candidate, Level, Reason
from cleanup_nodemodule.proof import weigh
from cleanup_nodemodule.proof.rules import RuleIndex
from cleanup_nodemodule.proof.sighting import Sighting
from cleanup_nodemodule.survey import nesting
from cleanup_nodemodule.survey.looking import Look
from cleanup_nodemodule.survey.measure_queue import MeasureQueue
from cleanup_nodemodule.survey.proving import Prover
from cleanup_nodemodule.survey.rows import NOTHING, Findings, Row
from cleanup_nodemodule.survey.search import Search, SearchRoot, wanted_names
from cleanup_nodemodule.survey.unfinished import Room, at_once
from cleanup_nodemodule.work.progress import Tracker
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered

if TYPE_CHECKING:
    from cleanup_nodemodule.survey.packed import PackedSet


_PARTS: Final = 256
"""Parts in which the roots are searched where there may be no time for all, about."""


class Rounds:
    """Makes rows of what is found, has git asked about them, and puts them into the queue."""

    def __init__(
        self, findings: Findings, prover: Prover, queue: MeasureQueue, tracker: Tracker
    ) -> None:
        self._findings: Final = findings
        self._prover: Final = prover
        self._queue: Final = queue
        self._tracker: Final = tracker

    async def take(self, candidate: Candidate) -> None:
        """Do with one directory what is done with all that are found."""
        [seen] = await self._prover.look([candidate])
        sighting = seen.sighting
        row = self._findings.add(sighting)
        await self._prover.ask_git([row])
        # A run passes by what no rule knows; to add up all of a home directory would say nothing more.
        if sighting.level is Level.NONE:
            row.contents = NOTHING
        else:
            self._queue.put(row, seen.measurement)

    async def take_named(self, candidates: Sequence[Candidate]) -> None:
        """Do with directories that a list names what is done with those that are found; search nothing.

        Those of one root have to stand side by side.
        """
        prover = self._prover
        silence = prover.silence
        for root, group in itertools.groupby(candidates, key=lambda one: one.root):
            beneath = list(group)
            taken = 0
            with contextlib.suppress(Unanswered), silence.asking(root):
                while some := beneath[taken : taken + prover.portion]:
                    if prover.hurried and self._findings.rows:
                        break
                    self._take(await prover.look(some), named=True)
                    taken += len(some)
            if prover.hurried:
                self._findings.unreached += tuple(one.path for one in beneath[taken:])
        rows = self._findings.rows
        await prover.ask_git(rows)
        for row in rows:
            if row.sighting.repositories and not row.entered:
                row.entered = weigh.walk_beneath(prover.weigh(row))
        self._measure_waiting()
        for row in rows:
            # What lies in one that nobody measures is added to it, as it is taken out again for its own row.
            row.waits = row.waits or row.contents is NOTHING

    async def search(
        self,
        roots: tuple[SearchRoot, ...],
        settings: Settings,
        scheduler: Scheduler,
        mounts: Sequence[str],
    ) -> frozenset[str]:
        """Search the *roots* until a round finds nothing new; return the patterns that left something out.

        *mounts* is everything that something is mounted on, in order.
        """
        findings = self._findings
        search = self.searching(roots, settings, scheduler, mounts)
        without = await self.themselves(roots, settings, mounts)
        some = len(roots) if scheduler.hurried is None else 1 + len(roots) // _PARTS
        for first in range(0, len(roots), some):
            if first and scheduler.hurried:
                findings.unreached = tuple(root.path for root in roots[first:])
                break
            others = {root.path for root in (*roots[:first], *roots[first + some :])}
            await search.everything({*without, *others})
        while fresh := [row for row in findings.rows if not row.asked]:
            await self.ask(fresh, search)
        self._measure_waiting()
        findings.noticed = search.noticed
        return frozenset(search.met)

    def searching(
        self,
        roots: tuple[SearchRoot, ...],
        settings: Settings,
        scheduler: Scheduler,
        mounts: Sequence[str],
        room: Room = at_once,
        seen: "PackedSet | None" = None,
        budget: int = 0,
    ) -> Search:
        """Return a search that makes rows of what it finds; *room*, *seen* and *budget* are as it takes them."""
        findings = self._findings
        return Search(
            roots,
            wanted_names(
                settings.rules if settings.targets is None else (),
                (*(settings.targets or ()), *settings.also),
                settings.min_depth,
                settings.max_depth,
            ),
            self._prover.circumstances.spared.excluded,
            scheduler,
            mounts=mounts,
            judge=self._judge,
            leftover=findings.leftovers.append,
            problem=findings.problems.append,
            searched=self._tracker.searched,
            room=room,
            seen=seen,
            budget=budget,
        )

    async def ask(self, fresh: Sequence[Row], search: Search) -> None:
        """Have git asked about rows, and *search* beneath what it disproves."""
        await self._prover.ask_git(fresh)
        # Where there is no repository the disk has said all by now.
        doubtful = [
            row
            for row in fresh
            if row.sighting.repositories
            and not row.entered
            and weigh.walk_beneath(self._prover.weigh(row))
        ]
        for row in doubtful:
            row.entered = True
        await search.beneath(row.candidate for row in doubtful if not row.searched)

    async def themselves(
        self, roots: Sequence[SearchRoot], settings: Settings, mounts: Sequence[str]
    ) -> frozenset[str]:
        """Make rows of the *roots* that are artifacts themselves; return the paths of those not to be searched."""
        named = {*(settings.targets or ()), *settings.also}
        rules = RuleIndex(settings.rules if settings.targets is None else ())
        excluded = self._prover.circumstances.spared.excluded
        own = [
            # As a search of the directory around it finds it.
            Candidate(root.path, os.path.dirname(root.path), root.identity, root.path in mounts)
            for root in roots
            if settings.min_depth == 0
            # What is to be searched and excluded at once is a problem, and is left alone.
            and excluded.covering(root.path, set()) is None
            and (
                os.path.basename(root.path) in named
                or any(
                    rule.fits(tuple(root.path.split(os.sep)))
                    for rule in rules.to_try(os.path.basename(root.path))
                )
            )
        ]
        looks: list[Look] = []
        while some := own[len(looks) : len(looks) + self._prover.portion]:
            looks += await self._prover.look(some)
        # What is in installed software is shown for what it is, one by one: somebody asked for that place.
        artifacts = [one for one in looks if not _is_installed(one.sighting)]
        self._take(artifacts)
        return frozenset(one.sighting.candidate.path for one in artifacts if not one.searched)

    async def _judge(self, candidates: Sequence[Candidate], doubted: bool) -> list[bool]:  # noqa: FBT001 - by position, as a Judge is called
        """Keep of what was found what may be an artifact, and have the rest searched."""
        searched: list[bool] = []
        while some := candidates[len(searched) : len(searched) + self._prover.portion]:
            looks = await self._prover.look(some, doubted=doubted)
            self._take(looks)
            searched += [seen.searched for seen in looks]
        return searched

    def _take(self, looks: Sequence[Look], *, named: bool = False) -> None:
        """Make rows of what may be an artifact, and of all where somebody has *named* it."""
        found = measured = 0
        tracker = self._tracker
        for seen in looks:
            sighting, entered, searched, measurement = seen
            if sighting.level is Level.NONE:
                if named:  # As in take(): nobody measures it.
                    self._findings.add(sighting, entered=True).contents = NOTHING
                continue
            row = self._findings.add(sighting, entered=entered, searched=searched)
            found += 1
            known = 0 if searched else self._queue.put(row, measurement)
            tracker.found(sighting.candidate.path, known)
            measured += known
        tracker.add(artifacts=found, measured_bytes=measured)

    def _measure_waiting(self) -> None:
        """Have what may lie around others measured without them, now that all are found."""
        findings = self._findings
        findings.around = self.measure_waiting(findings.rows)
        findings.leftovers = nesting.outside_of_artifacts(findings.leftovers, findings.rows)

    def measure_waiting(self, rows: Sequence[Row]) -> dict[int, int | None]:
        """Have those of *rows* measured that wait for others in them; all of these have to be among them.

        Returns the innermost other one around each, both by their place in *rows*.
        """
        around = nesting.innermost_around(rows)
        nesting.hide_parts(rows, around)
        for row in rows:
            if row.hidden:
                self._tracker.lost(row.candidate.path)
        without = nesting.measured_without(rows, around)
        self._queue.put_waiting(rows, {rows[place].number: some for place, some in without.items()})
        return around


def _is_installed(sighting: Sighting) -> bool:
    return sighting.protection is not None and sighting.protection.reason is Reason.INSTALLED
