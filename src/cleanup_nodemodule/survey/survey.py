"""The stages up to the plan, in order.

A dry run is :func:`make_plan` alone. Deleting takes the plan, an
:class:`~cleanup_nodemodule.model.Approved` made of it by :mod:`cleanup_nodemodule.delete.approval`, and
:func:`cleanup_nodemodule.delete.carry_out.carry_out`.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import (
    Accounted,
    Artifact,
    Candidate,
    Level,
    Plan,
    Problem,
    Reason,
    Records,
)
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof.sighting import Circumstances, Sighting
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.proof.weigh import kept_for
from cleanup_nodemodule.proof.witnesses import Witnesses
from cleanup_nodemodule.survey import clones, nesting, noticed, stores
from cleanup_nodemodule.survey.accounting import Accountings
from cleanup_nodemodule.survey.choose import choose
from cleanup_nodemodule.survey.filtering import Known, filtered
from cleanup_nodemodule.survey.included import not_found
from cleanup_nodemodule.survey.inside import look_inside
from cleanup_nodemodule.survey.known import known
from cleanup_nodemodule.survey.measure_queue import MeasureQueue
from cleanup_nodemodule.survey.named import Named, locate_named, places_around
from cleanup_nodemodule.survey.prepare import prepare
from cleanup_nodemodule.survey.proving import Prover
from cleanup_nodemodule.survey.roots import answering, check_there, located
from cleanup_nodemodule.survey.rounds import Rounds
from cleanup_nodemodule.survey.rows import UNKNOWN, Findings, Row
from cleanup_nodemodule.survey.search import SearchRoot
from cleanup_nodemodule.survey.summary import of_file_systems, summarize, unanswered
from cleanup_nodemodule.survey.user_patterns import UserPatterns
from cleanup_nodemodule.system.mounts import mount_points
from cleanup_nodemodule.work.progress import Doing, Tracker, Watch, unwatched
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import Stopped, tasks

__all__ = (
    "Explanation",
    "Reader",
    "Watch",
    "answering",
    "check_there",
    "decide_each",
    "explain",
    "make_plan",
    "places_around",
    "unwatched",
)

_T = TypeVar("_T")


class Reader(Protocol):
    """Whoever takes artifacts while a survey goes on."""

    def begun(self, roots: tuple[str, ...]) -> None:
        """Hear what is searched, as in the plan: once, before anything else."""

    def decided(self, artifacts: Sequence[Artifact], problems: Sequence[Problem]) -> None:
        """Take artifacts that are decided, and what went wrong since it was called last."""


async def make_plan(settings: Settings, scheduler: Scheduler, watch: Watch = unwatched) -> Plan:
    """Find, prove, size and decide; change nothing.

    Raises :class:`~cleanup_nodemodule.survey.search.RootError` where none of the roots can be searched, and
    SettingsError for a pattern that can match nothing beneath them, both before anything else happens. Where the
    settings have a list of artifacts these alone are looked at, and nothing is searched. When
    the scheduler is told to stop, returns at once what is known by then, marked as not complete. A root
    that cannot be searched is a problem if there are others; so is one that does not answer within the
    scheduler's timeout, and whatever was found there is kept.
    """
    findings, witnesses = Findings(), Witnesses(scheduler)
    roots: tuple[SearchRoot, ...] = ()
    paths: tuple[str, ...] = ()
    began = int(time.time())
    try:
        if settings.roots:
            roots = await located(settings.roots, scheduler, findings.problems)
            first = nesting.place_of_first(settings.begin_with, [root.path for root in roots])
            roots = roots[first:] + roots[:first]
        if settings.artifacts is None:
            paths = tuple(root.path for root in roots)
            await _search(roots, settings, scheduler, findings, witnesses, watch)
        else:
            mounts = await scheduler.call(mount_points, disk=False)
            named = await locate_named(settings, roots, mounts, scheduler, findings.problems)
            paths, findings.leftovers = named.roots, list(named.leftovers)
            await _look_at(named, settings, scheduler, findings, witnesses, watch)
    except Stopped:
        pass
    plan = _planned(findings, paths, settings, scheduler, witnesses)
    plan = replace(plan, unreached=findings.unreached)
    if settings.filters.any:
        try:
            plan = filtered(plan, settings.filters, await known(plan, settings, scheduler, began))
        except Stopped:
            # Nobody knows what the filters would keep.
            return replace(choose(plan, frozenset(), Reason.INTERRUPTED), complete=False)
    return replace(plan, artifacts=await stores.named(plan.artifacts, scheduler))


async def _look_at(
    named: Named,
    settings: Settings,
    scheduler: Scheduler,
    findings: Findings,
    witnesses: Witnesses,
    watch: Watch,
) -> None:
    """Find out all that is to be known of directories that a list *named*."""
    problems = findings.problems
    circumstances = await prepare(settings, scheduler, named.roots, problems)
    # It is too late to say what is wrong with them when everything is measured.
    await UserPatterns(settings, scheduler, problems).only(named.roots)
    excluded = circumstances.spared.excluded
    findings.excluded = excluded.lines
    # As a search, which does not come to these.
    candidates = [one for one in named.candidates if excluded.covering(one.path, set()) is None]

    async def take(rounds: Rounds) -> None:
        await rounds.take_named(candidates)

    await _survey(take, circumstances, settings, scheduler, findings, witnesses, watch)
    if not findings.unreached:
        problems += not_found(circumstances.included, {row.candidate.path for row in findings.rows})
    findings.complete = True


async def decide_each(
    settings: Settings, scheduler: Scheduler, reader: Reader, watch: Watch = unwatched
) -> Plan:
    """Do as :func:`make_plan`, but hand each artifact to *reader* as soon as it is decided, and let go of it.

    The artifacts are those of that plan, in another order, and so are the problems. The plan that is returned has
    none of them. What was handed out before a root fell silent stays as it is. Raises what *reader* raises.
    """
    # They have been found by somebody else, or nobody knows what goes before everything is found.
    if settings.artifacts is not None or settings.filters.need_all:
        plan = await make_plan(settings, scheduler, watch)
        reader.begun(plan.roots)
        reader.decided(plan.artifacts, plan.problems)
        return replace(plan, artifacts=(), problems=(), records=Records())
    # A plan has no use for it.
    from cleanup_nodemodule.survey.portions import Portions

    findings, witnesses = Findings(), Witnesses(scheduler)
    roots: tuple[SearchRoot, ...] = ()
    portions: Portions | None = None
    began = int(time.time())
    try:
        roots = await located(settings.roots, scheduler, findings.problems)
        paths = [root.path for root in roots]
        problems = findings.problems
        circumstances = await prepare(settings, scheduler, paths, problems, searching=True)
        findings.excluded = circumstances.spared.excluded.lines
        only = await UserPatterns(settings, scheduler, problems).only(paths)
        reader.begun(tuple(paths))
        tracker = Tracker(watch)
        prover, queue = _tools(circumstances, findings, witnesses, scheduler, settings, tracker)
        portions = Portions(
            *(findings, prover, queue, tracker, scheduler, settings, reader.decided),
            known=Known(began, only),
            has_git=witnesses.has_git,
        )
        async with tasks() as group:
            queue.start(group)
            met = await portions.search(roots, sorted(circumstances.mounts))
            queue.close()
        kept = portions.kept
        await _finish(
            findings,
            (circumstances, settings, scheduler),
            met=met | kept.met,
            unproven=kept.unproven,
            found=kept.included,
        )
    except Stopped:
        pass
    findings.problems += unanswered(scheduler.silence.roots)
    if portions is not None:
        await portions.end()
    else:
        reader.begun(tuple(root.path for root in roots))
        reader.decided((), findings.problems)
    return Plan(
        tuple(root.path for root in roots),
        *((), (), findings.complete),
        tuple(sorted(findings.leftovers, key=lambda candidate: candidate.path)),
        *(findings.unseen_processes, findings.unmatched, tuple(sorted(findings.others.items()))),
        excluded=findings.excluded,
        accounted=of_file_systems(findings.accounted),
    )


async def _search(
    roots: tuple[SearchRoot, ...],
    settings: Settings,
    scheduler: Scheduler,
    findings: Findings,
    witnesses: Witnesses,
    watch: Watch,
) -> None:
    """Find everything beneath the *roots*, and all that is to be known of it."""
    paths = [root.path for root in roots]
    circumstances = await prepare(settings, scheduler, paths, findings.problems, searching=True)
    findings.excluded = circumstances.spared.excluded.lines
    mounts = sorted(circumstances.mounts)
    # It is too late to say what is wrong with them when everything is measured.
    await UserPatterns(settings, scheduler, findings.problems).only(paths)

    async def find(rounds: Rounds) -> frozenset[str]:
        return await rounds.search(roots, settings, scheduler, mounts)

    met = await _survey(find, circumstances, settings, scheduler, findings, witnesses, watch)
    rows = findings.rows
    await _finish(
        findings,
        (circumstances, settings, scheduler),
        met=met.union(*(row.sighting.met for row in rows)),
        unproven=[row.candidate.path for row in rows if _is_unproven(row)],
        found={row.candidate.path for row in rows},
    )


def _is_unproven(row: Row) -> bool:
    return row.evidence is not None and row.evidence.level is Level.UNPROVEN


async def _finish(
    findings: Findings,
    given: tuple[Circumstances, Settings, Scheduler],
    *,
    met: AbstractSet[str],
    unproven: Sequence[str],
    found: AbstractSet[str],
) -> None:
    """Take down what can be said when everything is found.

    *met* are the user's patterns that something met; *unproven* is what these rules do not prove, and another
    profile may; *found* has those of the included directories that were found.
    """
    circumstances, settings, scheduler = given
    patterns = UserPatterns(settings, scheduler, findings.problems)
    if not findings.unreached:
        findings.unmatched = await patterns.unmatched(circumstances.spared, met)
    passed = [*findings.noticed, *unproven]
    if passed:
        known = {rule.ecosystem for rule in settings.rules}
        cache = StatCache(circumstances.mounts)
        with suppress(Unanswered):  # Nobody asked for it.
            findings.others = await scheduler.call(noticed.count, passed, known, cache)
    if not findings.unreached:
        findings.problems += not_found(circumstances.included, found)
    findings.complete = True


def _tools(
    circumstances: Circumstances,
    findings: Findings,
    witnesses: Witnesses,
    scheduler: Scheduler,
    settings: Settings,
    tracker: Tracker,
) -> tuple[Prover, MeasureQueue]:
    """Return what asks about rows, and what measures them."""
    witnesses.asking = partial(tracker.at, Doing.ASKING)
    accountings = Accountings(findings.accounted, scheduler, exact=settings.exact)
    prover = Prover(circumstances, witnesses, scheduler, accountings)
    mounts = sorted(circumstances.mounts)
    queue = MeasureQueue(findings, scheduler, mounts, accountings, measured=tracker.measured)
    return prover, queue


async def _survey(
    find: Callable[[Rounds], Awaitable[_T]],
    circumstances: Circumstances,
    settings: Settings,
    scheduler: Scheduler,
    findings: Findings,
    witnesses: Witnesses,
    watch: Watch,
) -> _T:
    """Have everything found, measure what is found while that goes on, and ask the rest behind it."""
    tracker = Tracker(watch)
    prover, queue = _tools(circumstances, findings, witnesses, scheduler, settings, tracker)
    async with tasks() as group:
        queue.start(group)
        found = await find(Rounds(findings, prover, queue, tracker))
        queue.close()
        tracker.at(Doing.MEASURING)
        rows = findings.rows
        passed = frozenset(row.candidate.path for row in rows).union(circumstances.mounts)
        await prover.take_last_use(rows, passed, {})
        findings.unseen_processes = await prover.conclude(
            rows, assume_unused=settings.assume_unused
        )
    tracker.at(Doing.CHECKING)
    await look_inside(findings.rows, scheduler, prover.cache)
    if witnesses.has_git:
        await clones.settle(findings.rows, scheduler)
    return found


def _planned(
    findings: Findings,
    roots: tuple[str, ...],
    settings: Settings,
    scheduler: Scheduler,
    witnesses: Witnesses,
) -> Plan:
    return summarize(
        findings,
        roots,
        silent=scheduler.silence.roots,
        include_foreign=settings.include_foreign,
        has_git=witnesses.has_git,
    )


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of one directory, and what is decided."""

    sighting: Sighting
    artifact: Artifact
    measured: bool
    """What no rule knows is not measured, and its artifact has no size."""
    accounted: tuple[Accounted, ...] = ()
    """How it was found out what deleting it gives back."""


async def explain(candidate: Candidate, settings: Settings, scheduler: Scheduler) -> Explanation:
    """Do with one directory what a run would that found it, and say everything."""
    findings, witnesses = Findings(), Witnesses(scheduler)
    root = candidate.root
    circumstances = await prepare(settings, scheduler, [root], findings.problems)

    async def find(rounds: Rounds) -> None:
        await rounds.take(candidate)

    await _survey(find, circumstances, settings, scheduler, findings, witnesses, unwatched)
    [row] = findings.rows
    if row.vanished:  # A run leaves out what is gone by then; who asked for it gets an answer.
        row.vanished, row.contents = False, UNKNOWN
        row.keep_for(Problem(candidate.path, ProblemCode.MEASURE_VANISHED))
        row.evidence = row.evidence and kept_for(row.problems, row.evidence)
    plan = _planned(findings, (root,), settings, scheduler, witnesses)
    [artifact] = await stores.named(plan.artifacts, scheduler)
    return Explanation(row.sighting, artifact, row.sighting.level is not Level.NONE, plan.accounted)
