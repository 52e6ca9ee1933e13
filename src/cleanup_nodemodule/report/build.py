"""Plan or outcome to the versioned report, for people's tables and for programs alike. Pure.

Within a schema version fields are added, never changed or taken away.
"""

import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from errno import errorcode
from typing import Final, Literal, assert_never

from cleanup_nodemodule import problems
from cleanup_nodemodule.model import (
    Accounted,
    Artifact,
    Delete,
    Failed,
    Keep,
    Leftover,
    Observed,
    Outcome,
    Plan,
    Problem,
    Removed,
    Result,
    Trashed,
)
from cleanup_nodemodule.model.plan import How
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.report.file_systems import FileSystemRow
from cleanup_nodemodule.report.observed import ObservedRow
from cleanup_nodemodule.report.rows import (
    GONE,
    INTERRUPTED,
    SCHEMA_VERSION,
    ArtifactRow,
    EvidenceRow,
    GoalRow,
    LeftoverRow,
    OtherRow,
    OutOfTimeRow,
    ProblemRow,
    Report,
    Run,
    SharedRow,
    Totals,
)
from cleanup_nodemodule.words import iso


def of_plan(plan: Plan, run: Run, leftovers: Sequence[Leftover] = ()) -> Report:
    """Report a plan: nothing was deleted."""
    complete = plan.complete and not (plan.problems or plan.unreached)
    return _report(Outcome(plan, (), complete=complete, leftovers=tuple(leftovers)), run)


def of_outcome(outcome: Outcome, run: Run) -> Report:
    """Report what came of a plan."""
    plan = outcome.plan
    complete = plan.complete and outcome.complete and not (plan.problems or plan.unreached)
    return _report(replace(outcome, complete=complete), run)


def of_failure(
    message: str, code: ProblemCode, path: str | None, run: Run, errno: int | None = None
) -> Report:
    """Report a run that never began, or that ended by an unexpected failure.

    The *errno* is what the system said, None if it said nothing.
    """
    number = errno or problems.number(code)
    return Report(
        SCHEMA_VERSION,
        run.tool,
        run.host,
        iso(run.started_at),
        run.duration,
        run.mode,
        roots=[],
        complete=False,
        artifacts=[],
        problems=[
            ProblemRow(
                run.host,
                path,
                problems.phrase(code),
                errorcode.get(number, str(number)),
                message,
                code.value,
            )
        ],
        totals=Totals(0, 0, 0, 0, 0, 0, 0, 0, None, 0, 0, 0),
        leftovers=[],
        unseen_processes=0,
        unmatched_patterns=[],
        other_ecosystems=[],
        gates=[],
    )


def _report(outcome: Outcome, run: Run) -> Report:
    plan, results, leftovers = outcome.plan, outcome.results, outcome.leftovers
    by_path = {result.artifact.path: result for result in results}
    failures = [result for result in results if isinstance(result, Failed)]
    wrong = [*plan.problems]
    for failure in failures:
        wrong += failure.problems
    for leftover in leftovers:
        wrong += leftover.problems
    wrong += outcome.problems
    return Report(
        SCHEMA_VERSION,
        run.tool,
        run.host,
        iso(run.started_at),
        run.duration,
        run.mode,
        list(plan.roots),
        outcome.complete,
        [
            artifact_row(artifact, by_path.get(artifact.path), plan.roots, run)
            for artifact in plan.artifacts
        ],
        # Several artifacts may have failed for one and the same, such as a read-only mount.
        [problem_row(problem, run) for problem in dict.fromkeys(wrong)],
        Totals(
            found=len(plan.artifacts),
            selected=len(plan.selected),
            allocated_bytes=sum(item.size.allocated_bytes for item in plan.artifacts),
            reclaimable_bytes=plan.reclaimable_bytes,
            deleted=sum(isinstance(result, Removed) and not result.gone for result in results),
            failed=len(failures),
            trashed=sum(isinstance(result, Trashed) for result in results),
            freed_bytes=sum(one.freed_bytes for one in (*results, *leftovers)),
            observed_freed_bytes=outcome.observed_freed_bytes,
            reclaimable_at_most_bytes=plan.reclaimable_at_most_bytes,
            shared_bytes=plan.shared_bytes,
            counted_bytes=sum(one.counted_bytes for one in results)
            + sum(one.freed_bytes for one in leftovers),
        ),
        [_leftover(leftover, run) for leftover in leftovers],
        plan.unseen_processes,
        list(plan.unmatched),
        [OtherRow(ecosystem, count) for ecosystem, count in plan.others],
        gates=[],
        gone=list(plan.gone),
        goals=[
            GoalRow(
                one.option,
                one.file_system,
                one.wanted_bytes,
                one.reached_bytes,
                one.missing_bytes,
            )
            for one in plan.goals
        ],
        asked=run.asked and replace(run.asked, excluded=list(plan.excluded), ended=plan.complete),
        file_systems=[file_system_row(one, plan.artifacts, run.host) for one in plan.accounted],
        observed=[_observed(one, run) for one in outcome.observed],
    )


def _observed(one: Observed, run: Run) -> ObservedRow:
    return ObservedRow(
        run.host,
        one.file_system,
        one.kind,
        one.before_bytes,
        one.after_bytes,
        one.grown_bytes,
        one.settled,
        one.freed_bytes,
        one.counted_bytes,
        one.promised_bytes,
        one.at_most_bytes,
        None if one.difference is None else one.difference.value,
        one.difference_by,
        one.difference_bytes,
    )


def file_system_row(
    accounted: Accounted, artifacts: Sequence[Artifact], host: str
) -> FileSystemRow:
    """Return what is told of how it was found out on one file system what comes back; the *artifacts* are all there are."""
    names = (
        one.file_system
        for one in artifacts
        if one.file_system is not None and one.candidate.identity.device in accounted.devices
    )
    return FileSystemRow(
        host=host,
        name=next(names, None),
        kind=accounted.kind,
        mount_point=accounted.name,
        accounting=_ACCOUNTING[accounted.how],
        exact=accounted.exact,
    )


_ACCOUNTING: Final[dict[How, Literal["measured", "untested", "as-du-counts"]]] = {
    "measured": "measured",
    "untested": "untested",
    "as du counts": "as-du-counts",
}


def _leftover(leftover: Leftover, run: Run) -> LeftoverRow:
    outcome: Literal["deleted", "failed"] | None = None
    error: str | None = None
    if leftover.finished:
        outcome = "deleted"
    elif leftover.problems:
        outcome, error = "failed", describe_problems(leftover.problems)
    elif leftover.interrupted:
        outcome, error = "failed", INTERRUPTED
    elif leftover.at_work:
        error = "the run that is deleting it is still at work"
    elif leftover.run is None:
        error = "this user's journal knows nothing of it, so it is left alone"
    elif leftover.earlier is not None:
        error = f"an earlier run {leftover.earlier}"
    elif (why := _not_by_resume(leftover)) is not None:
        error = f"{why}, so only a run that deletes there finishes it (-p, --no-dry-run)"
    path = leftover.candidate.path
    return LeftoverRow(run.host, path, leftover.original, leftover.run, outcome, error)


def _not_by_resume(leftover: Leftover) -> str | None:
    """Return why ``resume``, which goes by the journal alone, does not come to what is to be finished."""
    if leftover.unrecorded:
        return "there was no room for its record"
    around = os.path.dirname(leftover.candidate.path)
    if leftover.original is not None and os.path.dirname(leftover.original) != around:
        return "its project was moved"
    return None


def out_of_time(
    report: Report, seconds: int, *, searched: bool, unreached: int
) -> OutOfTimeRow | None:
    """Return what a run did not come to by the end of its time, of so many *seconds*; None if it came to everything.

    It has *searched* all that it has begun with, or was stopped before; there was no time to begin with so many
    *unreached* roots or listed artifacts.
    """
    rest = 0
    if report.mode != "dry-run":
        rest = sum(
            row.decision == "delete" and row.outcome is None and row.error is None
            for row in report.artifacts
        )
    errors = [row.error for row in report.artifacts] + [row.error for row in report.leftovers]
    cut = any(error is not None and error.startswith(INTERRUPTED) for error in errors)
    if searched and not (rest or cut or unreached):
        return None
    return OutOfTimeRow(seconds, searched=searched, not_begun=rest, unreached=unreached)


def artifact_row(
    artifact: Artifact, result: Result | None, roots: Collection[str], run: Run
) -> ArtifactRow:
    """Return what is told of an artifact, found beneath one of *roots*, and of what came of it, if anything did."""
    candidate = artifact.candidate
    evidence, contents, size = artifact.evidence, artifact.contents, artifact.size
    used = artifact.used
    decision: Literal["delete", "keep"]
    match artifact.decision:
        case Delete():
            decision, reason = "delete", None
        case Keep(code):
            decision, reason = "keep", code.value
        case _:
            assert_never(artifact.decision)
    outcome: Literal["deleted", "trashed", "failed"] | None
    match result:
        case None:
            outcome, error = None, None
        case Removed(gone=True):
            outcome, error = None, GONE
        case Removed():
            outcome, error = "deleted", None
        case Trashed():
            outcome, error = "trashed", None
        case Failed():
            outcome, error = "failed", describe(result)
        case _:
            assert_never(result)
    return ArtifactRow(
        path=artifact.path,
        name=sys.intern(candidate.name),
        rule=evidence.rule,
        ecosystem=evidence.ecosystem,
        project=evidence.project,
        # A root that is an artifact itself was found in the directory around it.
        root=candidate.root if candidate.root in roots else artifact.path,
        host=run.host,
        owner=artifact.owner,
        file_system=artifact.file_system,
        inode=candidate.identity.inode or None,
        evidence=EvidenceRow(
            list(evidence.made_by),
            list(evidence.comes_back),
            list(evidence.also_inside),
            list(evidence.besides),
        ),
        decision=decision,
        reason=reason,
        reason_detail=None if reason is None else artifact.why,
        apparent_bytes=size.apparent_bytes,
        allocated_bytes=size.allocated_bytes,
        reclaimable_bytes=size.reclaimable_bytes,
        files=contents.files,
        directories=contents.directories,
        inside=artifact.inside,
        complete=contents.complete,
        # A clock that was ahead when a file was written must not make it look unused.
        last_used_at=iso(min(used, run.started_at)) if used is not None else None,
        regenerate=evidence.regenerate,
        regenerate_in=evidence.regenerate_in,
        warnings=list(evidence.warnings),
        outcome=outcome,
        error=error,
        left_at=result.left_at if isinstance(result, Failed) else None,
        reclaimable_at_most_bytes=size.reclaimable_at_most_bytes,
        shared_bytes=size.shared_bytes,
        shared_with=shared_row(artifact),
    )


def shared_row(artifact: Artifact) -> SharedRow | None:
    """Return the store that an artifact shares with, None if it shares with none."""
    found = artifact.shared_with
    # It may not share anything any more, as somebody has chosen less since.
    if found is None or not artifact.size.shared_bytes:
        return None
    return SharedRow(found.store, found.path, found.command, found.proved)


def describe(failure: Failed) -> str:
    """Say in a sentence why an artifact is still there."""
    where = "still there" if failure.left_at is None else f"at {failure.left_at}"
    if failure.interrupted:
        return f"{INTERRUPTED}; what is left of it is {where}"
    why = describe_problems(failure.problems)
    return why if failure.left_at is None else f"{why}; what is left of it is {where}"


def describe_problems(problems: Sequence[Problem]) -> str:
    """Say in a sentence what could not be done."""
    if not problems:
        return "it is still there"
    first = problems[0]
    more = len(problems) - 1
    tail = f", and {more} more" if more else ""
    return f"{first.sentence}{tail}"


def problem_row(problem: Problem, run: Run) -> ProblemRow:
    """Return what is told of a problem."""
    return ProblemRow(
        run.host,
        problem.path,
        problem.doing,
        errorcode.get(problem.number, str(problem.number)),
        problem.why,
        problem.code.value,
    )
