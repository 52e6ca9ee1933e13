"""The stages in order: what a program that uses this package calls.

    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from cleanup_nodemodule import pipeline
    from cleanup_nodemodule.scheduler import Scheduler
    from cleanup_nodemodule.settings import Settings

    async def main() -> None:
        with ThreadPoolExecutor(2) as executor, Scheduler(executor, 2) as scheduler:
            plan = await pipeline.make_plan(Settings(roots=("src",)), scheduler)
        for artifact in plan.selected:
            print(artifact.path, artifact.size.reclaimable_bytes)

    asyncio.run(main())

A dry run is :func:`make_plan` alone. Deleting takes the plan, an
:class:`~cleanup_nodemodule.model.Approved` made of it by :mod:`cleanup_nodemodule.confirm`, and
:func:`carry_out`.
"""

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar, TypeVarTuple

from cleanup_nodemodule import evidence, finder, git, patterns, protections, sizing
from cleanup_nodemodule.containment import Contained, each, problem_of
from cleanup_nodemodule.evidence import Sighting
from cleanup_nodemodule.globs import PatternError
from cleanup_nodemodule.links import Ledger
from cleanup_nodemodule.lookout import Lookout, ancestors
from cleanup_nodemodule.model import (
    Approved,
    Artifact,
    Candidate,
    Contents,
    Decision,
    Delete,
    Evidence,
    Identity,
    Keep,
    Leftover,
    Level,
    Outcome,
    Plan,
    Problem,
    Progress,
    Reason,
    Size,
)
from cleanup_nodemodule.paths import absolute, everywhere
from cleanup_nodemodule.policy import decide
from cleanup_nodemodule.scheduler import Scheduler, Stopped, Unanswered
from cleanup_nodemodule.settings import Settings, SettingsError

if TYPE_CHECKING:
    from cleanup_nodemodule.journal import Journal

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

Watch = Callable[[Progress], None]
"""Called with the state of things whenever it changes."""


def unwatched(_progress: Progress) -> None:
    """Watch nothing: the default."""


async def make_plan(settings: Settings, scheduler: Scheduler, watch: Watch = unwatched) -> Plan:
    """Find, prove, size and decide; change nothing.

    Raises :class:`~cleanup_nodemodule.finder.RootError` where none of the roots can be searched, and
    SettingsError for a pattern that can match nothing beneath them, both before anything else happens. When
    the scheduler is told to stop, returns at once what is known by then, marked as not complete. A root
    that cannot be searched is a problem if there are others; so is one that does not answer within the
    scheduler's patience, and whatever was found there is kept.
    """
    survey = _Survey(settings, scheduler, watch)
    roots: tuple[finder.SearchRoot, ...] = ()
    try:
        roots = await survey.locate()
        await survey.run(roots)
    except* Stopped:
        pass
    return survey.plan(tuple(root.path for root in roots))


async def answering(roots: Sequence[str], scheduler: Scheduler) -> list[str]:
    """Return those of the *roots* that answer; the others become the scheduler's silent ones."""
    silent = scheduler.silent
    paths = {root: absolute(root) for root in roots}

    async def ask(root: str) -> None:
        try:
            await scheduler.call(finder.answers, everywhere(root))
        except Unanswered:
            silent.add(paths[root])
        except OSError:
            pass  # That there is no such place is said when it is searched.

    with contextlib.suppress(Stopped):
        await asyncio.gather(*(ask(root) for root, path in paths.items() if path not in silent))
    return [root for root, path in paths.items() if path not in silent]


async def carry_out(
    approved: Approved,
    settings: Settings,
    scheduler: Scheduler,
    journal: "Journal",
    watch: Watch = unwatched,
) -> Outcome:
    """Delete what was approved, or move it to the trash, and say truthfully what came of it.

    Which of the two was approved. All evidence is gathered once more when an artifact's
    turn has come, as time has passed since: what is protected by now, or not proven any more, is spared.
    """
    from cleanup_nodemodule import recheck, remover  # noqa: PLC0415 - a dry run has no use for it

    progress = Progress(artifacts=len(approved.artifacts))

    def freed(size: int) -> None:
        nonlocal progress
        progress = replace(progress, freed_bytes=progress.freed_bytes + size)
        watch(progress)

    def deleted(_artifact: Artifact) -> None:
        nonlocal progress
        progress = replace(progress, deleted=progress.deleted + 1)
        watch(progress)

    foreign_too = settings.foreign_too
    survey = _Survey(settings, scheduler, unwatched)
    try:
        circumstances = await survey.prepare(approved.artifacts)
    except SettingsError as error:  # What a pattern names has changed since it was read.
        return remover.refused(approved, str(error))
    look = recheck.Again(
        circumstances,
        scheduler,
        approved.artifacts,
        foreign_too=foreign_too,
        assume_unused=settings.assume_unused,
    )
    with contextlib.closing(look):
        if approved.mode == "trash":
            return await remover.trash(approved, scheduler, journal, deleted=deleted, look=look)
        return await remover.remove(
            *(approved, scheduler, journal),
            freed=freed,
            deleted=deleted,
            look=look,
            foreign_too=foreign_too,
        )


async def finish(
    leftovers: Sequence[Leftover],
    scheduler: Scheduler,
    journal: "Journal",
    watch: Watch = unwatched,
    *,
    foreign_too: bool = False,
) -> tuple[Leftover, ...]:
    """Delete what interrupted runs left, as :mod:`cleanup_nodemodule.recovery` recognised it."""
    from cleanup_nodemodule import remover  # noqa: PLC0415 - as above

    progress = Progress(artifacts=len(leftovers))

    def freed(size: int) -> None:
        nonlocal progress
        progress = replace(progress, freed_bytes=progress.freed_bytes + size)
        watch(progress)

    return await remover.finish(leftovers, scheduler, journal, freed=freed, foreign_too=foreign_too)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of one directory, and what is decided."""

    sighting: Sighting
    artifact: Artifact
    measured: bool
    """What no rule knows is not measured, and its artifact has no size."""


async def explain(candidate: Candidate, settings: Settings, scheduler: Scheduler) -> Explanation:
    """Look at one directory as a run would that found it, and say everything."""
    survey = _Survey(settings, scheduler, unwatched)
    return await survey.explain(candidate)


@dataclass(slots=True)
class _Row:
    """A candidate, and what is known of it by now."""

    sighting: Sighting
    answer: git.Answer | git.Refusal | None = None
    asked: bool = False
    """Git has been asked about it."""
    evidence: Evidence | None = None
    contents: Contents | None = None
    vanished: bool = False
    entered: bool = False
    """What is found beneath it has a row of its own."""
    searched: bool = False
    """It was searched for others beneath it, before anybody knows whether they have rows."""
    waits: bool = False
    """It is measured when all is found, without what has a row of its own by then."""
    hidden: bool = False
    """It lies in what is an artifact, and is a part of that."""
    problems: list[Problem] = field(default_factory=list)
    """What went wrong when it was asked about: for that it is kept."""

    def __post_init__(self) -> None:
        self.problems += self.sighting.problems

    def keep_for(self, problem: Problem) -> None:
        """Take down what went wrong."""
        if problem not in self.problems:
            self.problems.append(problem)

    @property
    def candidate(self) -> Candidate:
        return self.sighting.candidate


class _Survey:
    """The state of one plan in the making."""

    def __init__(self, settings: Settings, scheduler: Scheduler, watch: Watch) -> None:
        self._settings = settings
        self._scheduler = scheduler
        self._watch = watch
        self._progress = Progress()
        self._ledger = Ledger()
        self._rows: list[_Row] = []
        self._problems: list[Problem] = []
        self._leftovers: list[Candidate] = []
        self._complete = False
        self._unseen: int | None = 0
        self._queue: asyncio.Queue[int | None] = asyncio.Queue()
        self._mounts: list[str] = []
        """Everything that something is mounted on, in order."""
        self._doubted = False
        """What is found now lies beneath what git has disproved."""
        self._around: dict[int, int | None] = {}
        """What the rows lie in, once all are found."""
        self._apart: dict[int, list[str]] = {}
        """By the number of a row the paths of those in it that it is measured without."""
        self._witnesses = evidence.Witnesses(scheduler)
        self._lookout = Lookout()
        """What the search remembers of the directories above candidates."""
        self._circumstances = evidence.Circumstances(
            settings.rules,
            frozenset(settings.targets or ()),
            frozenset(settings.also),
            home=settings.home,
            cwd=settings.cwd,
        )
        self._met: set[str] = set()
        """Patterns that have left something alone."""
        self._unmatched: tuple[str, ...] = ()

    async def locate(self) -> tuple[finder.SearchRoot, ...]:
        """Find the roots that can be searched. Raises RootError if there are none."""
        located: dict[Identity, finder.SearchRoot] = {}
        failed: finder.RootError | None = None
        for root in await answering(self._settings.roots, self._scheduler):
            try:
                one = await self._locate(root)
            except finder.RootError as error:
                failed = failed or error
                number = error.errno or errno.ENOENT
                self._problems.append(Problem(absolute(root), number, "search", error.advice))
            except Unanswered:
                self._scheduler.silent.add(absolute(root))
            else:
                located.setdefault(one.identity, one)
        if failed is not None and not located and not self._scheduler.silent:
            raise failed
        return tuple(located.values())

    async def _locate(self, path: str) -> finder.SearchRoot:
        """Find a directory that the user gave. Raises RootError with the path as it was typed."""
        try:
            # Whoever makes the call may be in another current directory.
            [one] = await self._scheduler.call(finder.locate_roots, (everywhere(path),))
        except OSError as error:
            raise finder.RootError(error.errno, error.strerror, path) from error
        return one

    async def run(self, roots: tuple[finder.SearchRoot, ...]) -> None:
        """Search, and measure what is found while the search goes on."""
        await self._look_at_mounts()
        await self._read_patterns([root.path for root in roots], searching=True)
        await self._read_included()
        # One more than there are workers, so that the next artifact is at hand when one is done.
        measurers = self._scheduler.workers + 1
        async with asyncio.TaskGroup() as group:
            for _ in range(measurers):
                group.create_task(self._measure())
            await self._search(roots)
            self._measure_what_waits()
            for _ in range(measurers):
                self._queue.put_nowait(None)
            await self._conclude()
        await self._settle_patterns()
        self._settle_included()
        self._complete = True

    async def prepare(self, artifacts: Sequence[Artifact]) -> evidence.Circumstances:
        """Return what evidence depends on when *artifacts* are looked at again. Raises SettingsError."""
        with contextlib.suppress(Stopped):  # Then nothing is deleted either.
            await self._look_at_mounts()
            await self._read_patterns(list({one.candidate.root: None for one in artifacts}))
            await self._read_included(strict=False)
        return self._circumstances

    async def explain(self, candidate: Candidate) -> Explanation:
        """Do with one candidate what is done with all."""
        await self._look_at_mounts()
        await self._read_patterns([candidate.root])
        [sighting] = await self._look([candidate], None)
        row = _Row(sighting)
        self._rows.append(row)
        await self._ask_git(self._rows)
        # A run passes by what no rule knows; to add up all of a home directory would say nothing more.
        known = sighting.level is not Level.NONE
        if known:
            self._queue.put_nowait(0)
            self._queue.put_nowait(None)
            await self._measure()
            if (
                row.vanished
            ):  # A run leaves out what is gone by then; who asked for it gets an answer.
                row.vanished, row.contents = False, _UNKNOWN
                row.keep_for(Problem(candidate.path, errno.ENOENT, "measure"))
        else:
            row.contents = _NOTHING
        await self._conclude()
        [artifact] = self.plan((candidate.root,)).artifacts
        return Explanation(sighting, artifact, known)

    async def _look(
        self, candidates: Sequence[Candidate], lookout: Lookout | None
    ) -> list[Sighting]:
        """Look at the disk; what goes wrong with one of the *candidates* is its own problem."""

        async def look(some: Sequence[Candidate]) -> list[Sighting]:
            return await self._scheduler.look(
                evidence.look, some, self._circumstances, lookout, lacked=evidence.lacked
            )

        return await each(candidates, look, evidence.unseen)

    async def _search(self, roots: tuple[finder.SearchRoot, ...]) -> None:
        """Search in rounds: what git says is no artifact is searched in the next one."""
        settings = self._settings
        search = finder.Search(
            roots,
            finder.wanted_names(
                settings.rules if settings.targets is None else (),
                (*(settings.targets or ()), *settings.also),
                settings.min_depth,
            ),
            self._circumstances.spared.excluded,
            self._scheduler,
            mounts=self._mounts,
            judge=self._judge,
            leftover=self._leftovers.append,
            problem=self._problems.append,
            searched=lambda count: self._report(directories=count),
        )
        await search.everything()
        while fresh := [row for row in self._rows if not row.asked]:
            await self._ask_git(fresh)
            doubtful = [
                row for row in fresh if not row.entered and evidence.walk_beneath(self._weigh(row))
            ]
            for row in doubtful:
                row.entered = True
            self._doubted = True
            await search.beneath(row.candidate for row in doubtful if not row.searched)
        self._met |= search.met

    async def _read_patterns(self, roots: Sequence[str], *, searching: bool = False) -> None:
        """Find out what the user's patterns mean beneath *roots*.

        Raises SettingsError for what can mean nothing, when *searching* anywhere beneath them.
        """
        settings = self._settings
        keep = [await self._read_pattern(text, roots) for text in settings.keep]
        excluded = [await self._read_pattern(text, roots) for text in settings.excludes]
        if searching and roots:
            if not any(pattern.negated for pattern in excluded):
                self._problems += _excluded_wholly(patterns.Patterns(tuple(excluded)), roots)
            for pattern in excluded:
                await self._asking_for(
                    pattern.text,
                    patterns.check_reach,
                    pattern,
                    settings.home,
                    settings.cwd,
                    tuple(roots),
                )
        spared = protections.Spared(
            patterns.Patterns(tuple(keep)), patterns.Patterns(tuple(excluded))
        )
        self._circumstances = replace(self._circumstances, spared=spared)

    async def _read_pattern(self, text: str, roots: Sequence[str]) -> patterns.Pattern:
        settings = self._settings
        where = (text, settings.home, settings.cwd, tuple(roots))
        read = await self._asking_for(text, patterns.compile_pattern, *where)
        # The disk that it lies on does not answer, so nothing there is deleted either.
        return read or patterns.compile_pattern(*where, ask=False)

    async def _asking_for(
        self, text: str, function: Callable[[*_Ts], _T], *args: *_Ts
    ) -> _T | None:
        """Ask the disk about a pattern; None where it does not answer, which is a problem."""
        try:
            return await self._scheduler.call(function, *args)
        except PatternError as error:
            option = "--exclude" if text in self._settings.excludes else "keep"
            raise SettingsError(f"{option}: {error}") from error
        except Unanswered:
            self._problems.append(Problem(text, errno.ETIMEDOUT, "resolve the pattern"))
            return None

    async def _settle_patterns(self) -> None:
        """Tell which patterns have met nothing, and may be misspelt."""
        spared, settings = self._circumstances.spared, self._settings
        met = self._met.union(*(row.sighting.met for row in self._rows))
        unmatched: dict[str, None] = {}
        for pattern in (*spared.excluded.given, *spared.keep.given):
            if pattern.negated or pattern.text in met or pattern.within(spared.excluded):
                continue
            # The configuration is for all runs, and what it names is not misspelt if it is there.
            there = pattern.text in settings.keep and await self._asking_for(
                pattern.text,
                patterns.names_existing_place,
                pattern.text,
                settings.home,
                settings.cwd,
            )
            if not there:
                unmatched[pattern.text] = None
        self._unmatched = tuple(unmatched)

    async def _read_included(self, *, strict: bool = True) -> None:
        """Find the directories that the user includes; if *strict*, raise SettingsError for one not there."""
        included: dict[str, None] = {}
        for path in self._settings.include_unproven:
            try:
                one = await self._locate(path)
            except finder.RootError as error:
                if strict:
                    raise SettingsError(
                        f"--include-unproven {path!r}: {error.strerror}; it takes a directory that is"
                        " listed as unproven"
                    ) from error
            except Unanswered:
                self._problems.append(Problem(absolute(path), errno.ETIMEDOUT, "include"))
            else:
                included[one.path] = None
        self._circumstances = replace(self._circumstances, included=frozenset(included))

    def _settle_included(self) -> None:
        """Tell which directories that the user includes were not found."""
        found = {row.candidate.path for row in self._rows}
        for path in sorted(self._circumstances.included.difference(found)):
            self._problems.append(
                Problem(
                    path,
                    errno.ENOENT,
                    "include",
                    "this run lists nothing as unproven there; to search elsewhere, add -p PATH, and for a"
                    " name that no rule knows, add --also NAME",
                )
            )

    async def _look_at_mounts(self) -> None:
        cwd = self._settings.cwd
        mounts = await self._scheduler.call(protections.mount_points, disk=False)
        around: frozenset[Identity] = frozenset()
        with contextlib.suppress(Unanswered, OSError):  # Its path still says what it lies in.
            around = await self._scheduler.call(protections.directories_around, cwd)
        self._circumstances = replace(self._circumstances, mounts=mounts, around=around)
        self._mounts = sorted(mounts)
        self._lookout = Lookout(mounts)

    async def _judge(self, candidates: Sequence[Candidate]) -> list[bool]:
        """Look at what was found; keep what may be an artifact, have the rest searched."""
        sightings = await self._look(candidates, self._lookout)
        enter: list[bool] = []
        for sighting in sightings:
            unlikely = sighting.level in {Level.NONE, Level.UNPROVEN}
            entered = unlikely and (
                sighting.protection is None or sighting.protection.reason is not Reason.INSTALLED
            )
            # Where git has disproved what lies around it may disprove this, too, and what is in it: each
            # in a round of its own would be as many rounds as there are levels.
            searched = entered or (
                self._doubted
                and bool(sighting.repositories)
                and (
                    sighting.protection is None or sighting.protection.reason not in _NEVER_ENTERED
                )
            )
            enter.append(searched)
            if sighting.level is not Level.NONE:
                if not searched:
                    self._queue.put_nowait(len(self._rows))
                self._rows.append(
                    _Row(sighting, entered=entered, searched=searched, waits=searched)
                )
                self._report(artifacts=1)
        return enter

    def _measure_what_waits(self) -> None:
        """Have what may lie around others measured without them: each directory once, however deep they nest."""
        self._around = _surroundings(self._rows)
        for number, around_it in self._around.items():
            # What lies around it is told first.
            if around_it is not None:
                outer = self._rows[around_it]
                self._rows[number].hidden = outer.hidden or not outer.entered
        for number, row in enumerate(self._rows):
            if row.hidden:
                continue
            around_it = self._around[number]
            if around_it is not None and self._rows[around_it].waits:
                self._apart.setdefault(around_it, []).append(row.candidate.path)
        for number, row in enumerate(self._rows):
            if row.waits and not row.hidden:
                self._queue.put_nowait(number)
        whole = {row.candidate.path for row in self._rows if row.searched and not row.entered}
        self._leftovers = [
            one
            for one in self._leftovers
            if not (whole and whole.intersection(ancestors(one.path, one.root)))
        ]

    async def _ask_git(self, rows: Sequence[_Row]) -> None:
        for row in rows:
            row.asked = True
        loud = [row for row in rows if row.candidate.root not in self._scheduler.silent]
        answers = await self._witnesses.ask([row.sighting for row in loud])
        for row, answer in zip(loud, answers, strict=True):
            row.answer = answer

    def _weigh(self, row: _Row, last_used: int = 0) -> Evidence:
        """Put together what is known of a row; what cannot be weighed is kept."""
        asked = Contained(row.candidate.path)

        def weigh() -> Evidence:
            return evidence.weigh(
                row.sighting, row.answer, has_git=self._witnesses.has_git, last_used=last_used
            )

        weighed = asked.ask("weigh what is known of", None, weigh)
        for problem in asked.problems:
            row.keep_for(problem)
        return weighed or evidence.unweighed(row.sighting, asked.problems[0])

    def _decide(self, row: _Row) -> Decision:
        asked = Contained(row.candidate.path)
        unknown: Decision = Keep(Reason.UNREADABLE)
        foreign_too, silent = self._settings.foreign_too, self._scheduler.silent
        decision = asked.ask("decide about", unknown, _decision, row, foreign_too, silent)
        for problem in asked.problems:
            row.keep_for(problem)
        return decision

    async def _conclude(self) -> None:
        """Settle what needs all that was found: last use, and the processes at work."""
        sightings = [row.sighting for row in self._rows]
        times = await self._last_used()
        weighed = [self._weigh(row, times.get(row.candidate.path, 0)) for row in self._rows]
        uses = await evidence.in_use(
            sightings, weighed, self._scheduler, assume_unused=self._settings.assume_unused
        )
        self._unseen = uses.unseen
        for row, item, use in zip(self._rows, weighed, uses.protections, strict=True):
            if use is not None:
                item = replace(item, protection=use.reason, facts=(*item.facts, use.detail))  # noqa: PLW2901 - the same, with more known
                if use.problem is not None:
                    row.keep_for(use.problem)
            row.evidence = evidence.kept_for(row.problems, item)

    async def _last_used(self) -> dict[str, int]:
        """Return when the project of each path was last used, as far as anybody answers."""
        silent = self._scheduler.silent
        passed = frozenset(row.candidate.path for row in self._rows)
        passed = passed.union(self._circumstances.mounts)
        known: dict[str, int] = {}
        times: dict[str, int] = {}

        async def ask(some: Sequence[_Row]) -> list[int | Problem]:
            sightings = [row.sighting for row in some]
            used, more = await self._scheduler.call(
                evidence.last_used, sightings, passed, known, self._lookout
            )
            known.update(more)
            return used

        # The innermost projects first, as those around them build on what is known of these.
        rows = sorted(self._rows, key=lambda row: len(row.sighting.project), reverse=True)
        for root in {row.candidate.root: None for row in rows}:
            there = [row for row in rows if row.candidate.root == root]
            for start in range(0, len(there), _PROJECTS_AT_ONCE):
                some = there[start : start + _PROJECTS_AT_ONCE]
                if root in silent:
                    break
                try:
                    used = await each(some, ask, _never_used)
                except Unanswered:
                    silent.add(root)
                    break
                for row, time in zip(some, used, strict=True):
                    if isinstance(time, Problem):
                        row.keep_for(time)
                    else:
                        times[row.candidate.path] = time
        return times

    async def _measure(self) -> None:
        while (number := await self._queue.get()) is not None:
            numbers = [number]
            # Its share of those that are waiting: the others are for the other workers.
            for _ in range(self._queue.qsize() // (self._scheduler.workers + 1)):
                if (another := self._queue.get_nowait()) is None:
                    self._queue.put_nowait(None)
                    break
                numbers.append(another)
            measured = await sizing.measure(
                [(number, self._rows[number].candidate) for number in numbers],
                self._scheduler,
                self._ledger,
                mounts=self._mounts,
                apart=self._apart,
                problem=self._problems.append,
                measured=lambda size: self._report(measured_bytes=size),
            )
            for number, contents in zip(numbers, measured, strict=True):
                row = self._rows[number]
                row.contents = contents
                row.vanished = contents is None

    def plan(self, roots: tuple[str, ...]) -> Plan:
        """Decide about everything found by now, and settle the sizes of what was decided."""
        around = self._around or _surroundings(self._rows)
        shown = [
            number for number, row in enumerate(self._rows) if not (row.vanished or row.hidden)
        ]
        shown.sort(key=lambda number: self._rows[number].candidate.path)
        silent = self._scheduler.silent
        outer = _outer_ones(shown, around)
        self._put_together(shown, outer)
        decisions = [self._decide(self._rows[number]) for number in shown]
        # An inode counts with what lies deepest, and that sorts behind what lies around it; what is
        # not shown comes last and counts for nothing.
        hidden = sorted(set(range(len(self._rows))).difference(shown))
        ranks = {number: rank for rank, number in enumerate([*reversed(shown), *hidden])}
        selected = [isinstance(decision, Delete) for decision in reversed(decisions)]
        sizes = self._ledger.settle(ranks, [*selected, *(False for _ in hidden)])
        contents = {number: self._rows[number].contents or _UNKNOWN for number in shown}
        for number in shown:
            if (around_it := outer[number]) is not None:
                contents[around_it] = _without(contents[around_it], contents[number])
        for number in shown:
            row = self._rows[number]
            row.evidence = row.evidence or self._weigh(row)
        return Plan(
            roots,
            tuple(
                _artifact(self._rows[number], contents[number], decision, sizes[ranks[number]])
                for number, decision in zip(shown, decisions, strict=True)
            ),
            tuple(
                sorted(
                    (
                        *self._problems,
                        *(one for number in shown for one in self._rows[number].problems),
                        *(Problem(root, errno.ETIMEDOUT, "get an answer from") for root in silent),
                    ),
                    key=lambda problem: (problem.path, problem.doing),
                )
            ),
            self._complete,
            tuple(sorted(self._leftovers, key=lambda candidate: candidate.path)),
            self._unseen,
            self._unmatched,
        )

    def _put_together(self, shown: Sequence[int], outer: Mapping[int, int | None]) -> None:
        """Add to what was measured without others what these hold; what lies deepest comes first."""
        for number in reversed(shown):
            around_it, inner = outer[number], self._rows[number].contents
            if around_it is not None and inner is not None:
                row = self._rows[around_it]
                if row.waits and row.contents is not None:
                    row.contents = _together(row.contents, inner)
        for number in shown:
            self._rows[number].waits = False

    def _report(self, directories: int = 0, artifacts: int = 0, measured_bytes: int = 0) -> None:
        progress = self._progress
        self._progress = replace(
            progress,
            directories=progress.directories + directories,
            artifacts=progress.artifacts + artifacts,
            measured_bytes=progress.measured_bytes + measured_bytes,
        )
        self._watch(self._progress)


def _excluded_wholly(excluded: patterns.Patterns, roots: Sequence[str]) -> Iterator[Problem]:
    """Give what the user wants searched and excluded at once."""
    for root in roots:
        text = excluded.covering(root, set())
        if text is not None:
            yield Problem(
                root,
                errno.EINVAL,
                "search",
                f"--exclude {text!r} matches this very directory, or one above it; for one beneath it"
                f" type the path, as in: -e {os.path.join(root, 'name')!r}",
            )


_NEVER_ENTERED: Final = frozenset({Reason.INSTALLED, Reason.MOUNT_POINT})
"""Protections of what is not searched for others beneath it, whatever git says."""

_PROJECTS_AT_ONCE: Final = 32
"""Projects whose sources one call looks at, each at its first 20,000 entries: so that a call which does
not come back for long is one that waits for a disk."""

_UNKNOWN: Final = Contents(0, 0, 0, 0, 0, complete=False, mounts=(), repositories=())
"""The contents of what the run was stopped before it knew anything about."""

_NOTHING: Final = replace(_UNKNOWN, complete=True)
"""The contents of what nobody measures, as it is kept whatever it holds."""


def _decision(
    row: _Row,
    foreign_too: bool,  # noqa: FBT001 - a setting, passed on
    silent: Container[str],
) -> Decision:
    if row.candidate.root in silent:
        return Keep(Reason.UNREADABLE)
    if row.evidence is None or row.contents is None:
        return Keep(Reason.INTERRUPTED)
    return decide(row.evidence, row.contents, foreign_too=foreign_too)


def _artifact(row: _Row, contents: Contents, decision: Decision, links: Size) -> Artifact:
    """Add what files with several links take to what the others take."""
    size = Size(
        contents.apparent_bytes + links.apparent_bytes,
        contents.allocated_bytes + links.allocated_bytes,
        contents.allocated_bytes + links.reclaimable_bytes if isinstance(decision, Delete) else 0,
    )
    assert row.evidence is not None  # noqa: S101 - what nobody came to is weighed for the plan
    return Artifact(row.candidate, row.evidence, contents, size, decision)


def _never_used(row: _Row, error: Exception) -> Problem:
    return problem_of(error, row.candidate.path, "find out when somebody was last at work around")


def _surroundings(rows: Sequence[_Row]) -> dict[int, int | None]:
    """Return for each row the innermost other one that lies around it, if any."""
    around: dict[int, int | None] = {}
    open_: list[int] = []

    def prefix(number: int) -> str:
        return os.path.join(rows[number].candidate.path, "")

    for number in sorted(range(len(rows)), key=prefix):
        while open_ and not prefix(number).startswith(prefix(open_[-1])):
            open_.pop()
        around[number] = open_[-1] if open_ else None
        open_.append(number)
    return around


def _outer_ones(shown: Sequence[int], around: Mapping[int, int | None]) -> dict[int, int | None]:
    """Return for each row that is shown the innermost other one around it that is shown, too."""
    there = set(shown)
    outer: dict[int, int | None] = {}
    for number in shown:
        around_it = around[number]
        while around_it is not None and around_it not in there:
            around_it = around[around_it]
        outer[number] = around_it
    return outer


def _together(outer: Contents, inner: Contents) -> Contents:
    """Add what lies in an artifact of its own to what lies around it, which was measured without it."""
    return Contents(
        outer.apparent_bytes + inner.apparent_bytes,
        outer.allocated_bytes + inner.allocated_bytes,
        outer.files + inner.files,
        outer.directories + inner.directories,
        max(outer.newest, inner.newest),
        outer.complete and inner.complete,
        _merged(outer.mounts, inner.mounts),
        _merged(outer.repositories, inner.repositories),
        _merged(outer.foreign, inner.foreign),
        outer.directory_bytes + inner.directory_bytes,
    )


def _merged(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*some, *others})) if others else some


def _without(outer: Contents, inner: Contents) -> Contents:
    """Take what lies in an artifact of its own out of what lies around it."""
    return replace(
        outer,
        apparent_bytes=outer.apparent_bytes - inner.apparent_bytes,
        allocated_bytes=outer.allocated_bytes - inner.allocated_bytes,
        files=outer.files - inner.files,
        directories=outer.directories - inner.directories,
        directory_bytes=outer.directory_bytes - inner.directory_bytes,
    )
