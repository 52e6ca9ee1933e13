"""Decides rows in portions while the search goes on, hands them out, and lets go of them.

A row is decided when nothing is left that could alter it: everything beneath its project was found, as that says when
the project was last used; everything in it was found, and beneath what git disproved, too; all of that is measured.
So rows that lie in one another are decided together, and an artifact at the top of a large repository comes late.
"""

import asyncio
import contextlib
import os
import time
from collections import ChainMap
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import Artifact, Level, Plan, Problem
from cleanup_nodemodule.proof.listing import WILD
from cleanup_nodemodule.survey import clones, nesting, noticed, stores
from cleanup_nodemodule.survey.filtering import Known, filtered
from cleanup_nodemodule.survey.inside import look_inside
from cleanup_nodemodule.survey.linked import Linked
from cleanup_nodemodule.survey.measure_queue import MeasureQueue
from cleanup_nodemodule.survey.packed import PackedMap, PackedSet, Passed
from cleanup_nodemodule.survey.proving import Prover
from cleanup_nodemodule.survey.rounds import Rounds
from cleanup_nodemodule.survey.rows import Findings, Row
from cleanup_nodemodule.survey.search import Search, SearchRoot
from cleanup_nodemodule.survey.summary import Settled, of_file_systems, settle
from cleanup_nodemodule.survey.unfinished import Unfinished
from cleanup_nodemodule.work.progress import Tracker
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.tasks import Stopped, tasks

MOST: Final = 2048
"""Rows that may be under way: the search waits while there are more, but for those that wait for the search itself."""

_AT_ONCE: Final = MOST // 2
"""Rows of which version control is asked without waiting for more of them."""

_SELDOM: Final = 5
"""How many times as long as the last question to version control took the next one waits, for as many rows as may
come by then: who is asked about a part of a repository is asked about the rest of it once more."""

_BUDGET: Final = 1024
"""Directory entries that a call of the search handles: nothing that it finds is decided before all of that is looked
at, and each worker makes one."""

_MOMENT: Final = 0.02
"""Seconds between two looks at what can be decided, at least."""


class Kept:
    """What a survey has to remember of rows that it has let go of.

    Most of them are forgotten, as nothing lies around their projects.
    """

    def __init__(self) -> None:
        self.paths: Final = PackedSet()
        self.last_used: Final = PackedMap()
        """When projects were last used."""
        self.met: Final[set[str]] = set()
        """The user's patterns that some of them met."""
        self.unproven: list[str] = []
        """Those that another profile may know: the first ones, as many as anybody looks at."""
        self.included: Final[set[str]] = set()
        """Which of those that the user includes were found."""

    def take(self, row: Row, included: frozenset[str]) -> None:
        """Remember what the last words need of a row."""
        path = row.candidate.path
        self.met.update(row.sighting.met)
        if path in included:
            self.included.add(path)
        if row.evidence is not None and row.evidence.level is Level.UNPROVEN:
            self.unproven.append(path)
            if len(self.unproven) > 2 * noticed.MOST:
                self.unproven = noticed.first(self.unproven)


class Portions:
    """Takes rows from the search and decides about them, as many at a time as there are."""

    def __init__(
        self,
        findings: Findings,
        prover: Prover,
        queue: MeasureQueue,
        tracker: Tracker,
        scheduler: Scheduler,
        settings: Settings,
        decided: Callable[[Sequence[Artifact], Sequence[Problem]], None],
        *,
        known: Known,
        has_git: bool,
    ) -> None:
        self._findings: Final = findings
        self._prover: Final = prover
        self._rounds: Final = Rounds(findings, prover, queue, tracker)
        self._tracker: Final = tracker
        self._scheduler: Final = scheduler
        self._settings: Final = settings
        self._known: Final = known
        self._hand_out: Final = decided
        self._told: Final = PackedSet()
        """Problems that were handed out: several rows may have one in common, as of a file that is above them."""
        self._has_git: Final = has_git
        self._mounts: Final = frozenset(prover.circumstances.mounts)
        self.kept: Final = Kept()
        self._linked: Final = Linked(findings.accounted)
        self._last_used: Final[dict[str, int]] = {}
        """When the projects of rows were last used that are still here."""
        first_names = {name for rule in settings.rules for name in rule.names[:-1]}
        self._first_names: Final = (
            None
            if any(WILD.intersection(name) for name in first_names)
            else frozenset(map(os.fsencode, first_names))
        )
        """The first names of artifacts whose names are several; None if any may be one."""
        self._queued: Final[set[int]] = set()
        """Rows that waited for others in them, and are being measured now, by number."""
        self._searching: Final = asyncio.Semaphore(scheduler.workers)
        self._held = 0
        """Rows that wait for the search, as of the last look."""
        self._searched = False
        self._found = False
        """Everything was found, and version control was asked about all of it."""
        self._together = False
        """One root lies in another, so that nothing is known to be whole before everything was found."""

    async def search(self, roots: tuple[SearchRoot, ...], mounts: Sequence[str]) -> frozenset[str]:
        """Search the *roots*, and decide about all that is found; return the patterns that left something out.

        *mounts* is everything that something is mounted on, in order.
        """
        settings, findings = self._settings, self._findings
        self._together = nesting.any_in_another([root.path for root in roots])
        search = self._rounds.searching(
            roots, settings, self._scheduler, mounts, self._room, PackedSet(), _BUDGET
        )
        async with tasks() as group:
            group.create_task(self._ask(search))
            group.create_task(self._decide(search))
            await search.everything(await self._rounds.themselves(roots, settings, mounts))
            self._searched = True
        findings.noticed = search.noticed
        return frozenset(search.met)

    @contextlib.asynccontextmanager
    async def _room(self) -> AsyncIterator[None]:
        """Wait until there is room for more rows. For the time of that a few others may search, too.

        What they find is looked at by one after the other: a search that goes on meanwhile finds what is only kept.
        """
        async with self._searching:
            while len(self._findings.rows) - self._held >= MOST:
                await self._pause(_MOMENT)
            yield

    async def _pause(self, seconds: float) -> None:
        if self._scheduler.stopped:
            raise Stopped
        await asyncio.sleep(seconds)

    async def _ask(self, search: Search) -> None:
        """Have version control asked about everything that is found, and search beneath what it disproves."""
        while True:
            over = self._searched
            fresh = self._fresh()
            if fresh:
                start = time.monotonic()
                await self._rounds.ask(fresh, search)
                for row in fresh:
                    row.settled = True
                end = time.monotonic()
                next_time = end + _SELDOM * (end - start)
                while not self._searched and time.monotonic() < next_time:
                    await self._pause(_MOMENT)
                    if len(self._fresh()) >= _AT_ONCE:
                        break
            elif over:
                break
            else:
                await self._pause(_MOMENT)
        self._found = True

    def _fresh(self) -> list[Row]:
        """Return the rows of which version control has still to be asked."""
        fresh: list[Row] = []
        for row in self._findings.rows:
            if not row.asked:
                if row.sighting.repositories or row.sighting.working_copies:
                    fresh.append(row)
                else:
                    row.asked = row.settled = True
        return fresh

    async def _decide(self, search: Search) -> None:
        """Decide what can be decided, again and again until nothing is left."""
        while True:
            over = self._found
            start = time.process_time()
            await self._look(search)
            self._tell_problems()
            if over and not self._findings.rows:
                break
            # What takes long is done the more seldom.
            await self._pause(max(_MOMENT, 2 * (time.process_time() - start) if not over else 0))

    def _tell_problems(self) -> None:
        problems = [*self._findings.problems]
        if problems:
            del self._findings.problems[:]
            self._decided((), problems)

    def _decided(self, artifacts: Sequence[Artifact], problems: Sequence[Problem]) -> None:
        fresh = [one for one in problems if self._told.add(repr(one))]
        if artifacts or fresh:
            self._hand_out(artifacts, fresh)

    def _unfinished(self, search: Search) -> Unfinished:
        """Return where something may still be found: also beneath what git may disprove."""
        if self._found:
            return Unfinished()
        unfinished = search.unfinished()
        for row in self._findings.rows:
            if not row.settled:
                unfinished.block(os.fsencode(row.candidate.path))
        return unfinished

    async def _look(self, search: Search) -> None:
        """Do what can be done about the rows that are there now."""
        if self._together and not self._found:
            self._held = len(self._findings.rows)
            return
        unfinished = self._unfinished(search)
        rows = [*self._findings.rows]
        due = [
            row
            for row in rows
            if row.last_used is None and not unfinished.is_in(row.sighting.project)
        ]
        if due:
            passed = Passed(self._mounts.union(row.candidate.path for row in rows), self.kept.paths)
            known = ChainMap(self._last_used, self.kept.last_used)
            await self._prover.take_last_use(due, passed, known)
        held = 0
        ready: list[Row] = []
        for group in nesting.groups(rows):
            if unfinished.is_in(group[0].candidate.path):
                held += sum(1 for row in group if row.settled and (row.waits or _is_measured(row)))
                continue
            self._measure_waiting(group)
            if not all(_is_measured(row) or (row.hidden and row.waits) for row in group):
                continue
            if all(row.last_used is not None for row in group):
                ready += group
            else:
                held += len(group)
        self._held = held
        if ready:
            await self._conclude(ready, unfinished)

    def _measure_waiting(self, group: Sequence[Row]) -> None:
        """Have the rows of a group measured that wait for others, now that all of these are found."""
        if len(group) == 1 and not group[0].waits:
            return
        number = group[0].number
        if number not in self._queued:
            self._queued.add(number)
            self._rounds.measure_waiting(group)

    async def _conclude(self, rows: Sequence[Row], unfinished: Unfinished) -> None:
        """Decide about *rows*, hand out what is decided, and let go of them."""
        findings, scheduler = self._findings, self._scheduler
        unseen = await self._prover.conclude(rows, assume_unused=self._settings.assume_unused)
        if unseen is None or findings.unseen_processes is None:
            findings.unseen_processes = None
        else:
            findings.unseen_processes = max(findings.unseen_processes, unseen)
        await look_inside(rows, scheduler, self._prover.cache)
        if self._has_git:
            await clones.settle(rows, scheduler)
        self._remember(rows, unfinished)
        await self._let_go(rows)

    def _remember(self, rows: Sequence[Row], unfinished: Unfinished) -> None:
        """Remember *rows* for as long as somebody may ask when a project around theirs was last used.

        Such a project is the directory of an artifact that has not got its last use yet. If that is not found by now,
        the directory was not listed to its end, or the first of its several names is still to be opened.
        """
        going = {row.number for row in rows}
        around = {
            os.fsencode(row.sighting.project)
            for row in self._findings.rows
            if row.last_used is None and row.number not in going
        }
        around.update(unfinished.judged)
        for path in unfinished.entries:
            around.add(path)
            while self._first_names is not None and os.path.basename(path) in self._first_names:
                path = os.path.dirname(path)  # noqa: PLW2901 - the same way, further up
                around.add(path)
        known: dict[bytes, bool] = {b"/": b"/" in around}

        def lies_in_one(path: bytes) -> bool:
            way: list[bytes] = []
            while path not in around and path not in known:
                way.append(path)
                path = os.path.dirname(path)
            answer = path in around or known[path]
            known.update(dict.fromkeys(way, answer))
            return answer

        for row in rows:
            project = row.sighting.project
            last_used = self._last_used.pop(project, None)
            if self._first_names is None or lies_in_one(os.path.dirname(os.fsencode(project))):
                self.kept.paths.add(row.candidate.path)
                if last_used is not None:
                    self.kept.last_used[project] = last_used

    async def _let_go(self, rows: Sequence[Row]) -> None:
        findings = self._findings
        numbers = {row.number for row in rows}
        findings.rows = [row for row in findings.rows if row.number not in numbers]
        findings.leftovers[:] = nesting.outside_of_artifacts(findings.leftovers, rows)
        ledger = findings.ledger.take(numbers)
        known = settle(
            rows,
            nesting.innermost_around(rows),
            ledger,
            findings.accounted,
            silent=self._scheduler.silence.roots,
            include_foreign=self._settings.include_foreign,
            has_git=self._has_git,
        )
        for row in rows:
            self.kept.take(row, self._prover.circumstances.included)
            self._tracker.settled(row.candidate.path)
        self._queued.difference_update(numbers)
        known = self._filtered(known)
        artifacts = await stores.named(self._linked.without_waiting(known), self._scheduler)
        self._decided(artifacts, known.problems)

    def _filtered(self, known: Settled) -> Settled:
        """Return *known* with no more selected than the filters let go: they look at one, and what lies in it."""
        # What they free is right for those that share nothing with others; the rest waits for the end.
        portion = Plan(
            *((), known.artifacts, ()),
            complete=True,
            records=known.records,
            accounted=of_file_systems(self._findings.accounted),
        )
        return known._replace(
            artifacts=filtered(portion, self._settings.filters, self._known).artifacts
        )

    async def end(self) -> None:
        """Hand out all that was not decided yet: what the run was stopped before, and what waited for its end."""
        if self._findings.rows:
            await self._let_go(self._findings.rows)
        self._tell_problems()
        for artifacts in self._linked.settled():
            self._decided(await stores.named(artifacts, self._scheduler), ())


def _is_measured(row: Row) -> bool:
    return row.contents is not None or row.vanished
