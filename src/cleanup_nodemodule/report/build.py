"""Plan or outcome to the versioned report, for people's tables and for programs alike. Pure.

Within a schema version fields are added, never changed or taken away.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from errno import errorcode
from typing import Any, ClassVar, Final, Literal, assert_never

from cleanup_nodemodule import problems
from cleanup_nodemodule.model import (
    Artifact,
    Delete,
    Failed,
    Keep,
    Leftover,
    Mode,
    Outcome,
    Plan,
    Problem,
    Removed,
    Result,
    Trashed,
)
from cleanup_nodemodule.problems import ProblemCode

SCHEMA_VERSION: Final = 1

INTERRUPTED: Final = "interrupted"
"""How what is said of something begins that a run was stopped in the midst of."""

# Read by pydantic when it makes the JSON Schema: the docstrings below become descriptions.
_CONFIG: Final = {"use_attribute_docstrings": True, "extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Tool:
    """The program that made the report."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    name: str
    version: str
    engine: str
    """The engine that walked the trees."""


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """One directory that was found."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    path: str
    """Absolute path; bytes that are not UTF-8 are lone surrogates (Python's surrogateescape)."""
    name: str
    rule: str | None
    """Rule of the catalogue, null for a name that only the user knows."""
    ecosystem: str | None
    project: str
    """Absolute path of the project it belongs to."""
    evidence: list[str]
    """What speaks for its being an artifact."""
    decision: Literal["delete", "keep"]
    reason: str | None
    """Code of the reason for keeping it; null if it is to be deleted."""
    apparent_bytes: int
    """Sum of file sizes, as du --apparent-size counts; each inode once in the report."""
    allocated_bytes: int
    """Disk space taken, as du counts; each inode once in the report."""
    reclaimable_bytes: int
    """What deleting the whole selection frees here; 0 for what is kept."""
    files: int
    """Entries that are no directories."""
    directories: int
    """Directories, the artifact itself included."""
    complete: bool
    """Everything in it could be read; if not, the numbers are lower bounds."""
    last_used_at: str | None
    """ISO 8601 time, in UTC, of the newest activity of git or change of a source file in its project;
    where there is neither, of the newest change inside it."""
    regenerate: str | None
    """Command that brings it back, to be run in regenerate_in."""
    regenerate_in: str | None
    """Absolute path of the directory that has the lock file, or else of the project."""
    warnings: list[str]
    """Why what comes back may differ."""
    outcome: Literal["deleted", "trashed", "failed"] | None
    """What came of it; null if it was not to be deleted, was not begun, or was gone already."""
    error: str | None
    """Why it failed, or that it was gone."""
    left_at: str | None
    """Absolute path of what is left of it, where that is not in its place any more: a run taken up
    again, or the next one, finishes it."""


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """Something that could not be read or done."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    path: str | None
    """Null where it is not about a place on disk, as with a misspelt option."""
    doing: str
    errno: str
    """Name of the error number (errno(3))."""
    message: str
    code: str
    """What went wrong, for programs: what it is about as doing, and why where only this program knows that."""


@dataclass(frozen=True, slots=True)
class LeftoverRow:
    """A directory with a name that only this program gives to what it is deleting."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    path: str
    """Absolute path."""
    original: str | None
    """Absolute path it had in its project; null if the user's journal knows nothing of it."""
    run: str | None
    """Id of the run that left it, as the journal has it."""
    outcome: Literal["deleted", "failed"] | None
    """What came of it; null if nothing was done about it, as in a dry run."""
    error: str | None
    """Why it is still there."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the artifacts."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    found: int
    selected: int
    """Artifacts to be deleted."""
    allocated_bytes: int
    """Of everything found."""
    reclaimable_bytes: int
    """Of the selection."""
    deleted: int
    failed: int
    trashed: int
    """Moved to the trash, where they take as much space as before."""
    freed_bytes: int
    """Counted from what was really removed."""
    observed_freed_bytes: int | None
    """Change of free space that the file systems report, other programs' doings included; null if
    nothing was deleted or it could not be asked."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a run has to say."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    schema_version: Literal[1]
    tool: Tool
    host: str
    started_at: str
    """ISO 8601, UTC."""
    duration_s: float
    mode: Mode
    roots: list[str]
    """Absolute paths searched."""
    complete: bool
    """Everything was searched and measured; if not, there may be more than the report says."""
    artifacts: list[ArtifactRow]
    problems: list[ProblemRow]
    totals: Totals
    leftovers: list[LeftoverRow]
    """What interrupted runs had taken out of projects and not deleted yet."""
    unseen_processes: int | None
    """Processes that could not be looked at, so that nobody can say what they work on; null if nobody can
    say how many, 0 also where it did not matter, as nothing could be deleted."""
    unmatched_patterns: list[str]
    """Patterns of --exclude and keep that matched nothing, and may be misspelt. A path of the configuration
    that is there is not among them: it holds for every run."""


@dataclass(frozen=True, slots=True)
class Run:
    """What only the edge knows of a run: its surroundings and its times, in seconds."""

    tool: Tool
    host: str
    started_at: float
    """Seconds since the epoch."""
    duration: float
    mode: Mode


def of_plan(plan: Plan, run: Run, leftovers: Sequence[Leftover] = ()) -> Report:
    """Report a plan: nothing was deleted."""
    complete = plan.complete and not plan.problems
    return _report(plan, (), None, leftovers, run, complete=complete)


def of_outcome(outcome: Outcome, run: Run) -> Report:
    """Report what came of a plan."""
    return _report(
        outcome.plan,
        outcome.results,
        outcome.observed_freed_bytes,
        outcome.leftovers,
        run,
        complete=outcome.plan.complete and not outcome.plan.problems and outcome.complete,
        besides=outcome.problems,
    )


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
        _iso(run.started_at),
        run.duration,
        run.mode,
        roots=[],
        complete=False,
        artifacts=[],
        problems=[
            ProblemRow(
                path,
                problems.phrase(code),
                errorcode.get(number, str(number)),
                message,
                code.value,
            )
        ],
        totals=Totals(0, 0, 0, 0, 0, 0, 0, 0, None),
        leftovers=[],
        unseen_processes=0,
        unmatched_patterns=[],
    )


def to_json(report: Report) -> str:
    """Return the document: ASCII only, so that every name survives every locale."""
    return "".join(json_lines(report))


def json_lines(report: Report) -> Iterator[str]:
    """Give the document piece by piece: each of its lists one row a line, as there may be many."""
    start = "{"
    for name, value in _fields(report).items():
        yield f"{start}\n  {json.dumps(name)}: "
        start = ","
        if isinstance(value, list):
            row_start = "["
            for row in value:
                plain_row = row if isinstance(row, str) else _fields(row)
                yield f"{row_start}\n    {json.dumps(plain_row)}"
                row_start = ","
            yield "\n  ]" if value else "[]"
        elif is_dataclass(value):
            yield json.dumps(_fields(value))
        else:
            yield json.dumps(value)
    yield "\n}"


def _fields(row: Any) -> dict[str, Any]:
    """Return what a dataclass holds, in order; not what is in there again, as asdict does."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def json_schema() -> str:
    """Return the JSON Schema of the document, generated from the types above."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(Report).json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2)


def _report(
    plan: Plan,
    results: tuple[Result, ...],
    observed: int | None,
    leftovers: Sequence[Leftover],
    run: Run,
    *,
    complete: bool,
    besides: Sequence[Problem] = (),
) -> Report:
    by_path = {result.artifact.path: result for result in results}
    failures = [result for result in results if isinstance(result, Failed)]
    wrong = [*plan.problems]
    for failure in failures:
        wrong += failure.problems
    for leftover in leftovers:
        wrong += leftover.problems
    wrong += besides
    return Report(
        SCHEMA_VERSION,
        run.tool,
        run.host,
        _iso(run.started_at),
        run.duration,
        run.mode,
        list(plan.roots),
        complete,
        [_artifact(artifact, by_path.get(artifact.path), run) for artifact in plan.artifacts],
        # Several artifacts may have failed for one and the same, such as a read-only mount.
        [_problem(problem) for problem in dict.fromkeys(wrong)],
        Totals(
            found=len(plan.artifacts),
            selected=len(plan.selected),
            allocated_bytes=sum(item.size.allocated_bytes for item in plan.artifacts),
            reclaimable_bytes=plan.reclaimable_bytes,
            deleted=sum(isinstance(result, Removed) and not result.gone for result in results),
            failed=len(failures),
            trashed=sum(isinstance(result, Trashed) for result in results),
            freed_bytes=sum(one.freed_bytes for one in (*results, *leftovers)),
            observed_freed_bytes=observed,
        ),
        [_leftover(leftover) for leftover in leftovers],
        plan.unseen_processes,
        list(plan.unmatched),
    )


def _leftover(leftover: Leftover) -> LeftoverRow:
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
    return LeftoverRow(leftover.candidate.path, leftover.original, leftover.run, outcome, error)


def _not_by_resume(leftover: Leftover) -> str | None:
    """Return why ``resume``, which goes by the journal alone, does not come to what is to be finished."""
    if leftover.unrecorded:
        return "there was no room for its record"
    around = os.path.dirname(leftover.candidate.path)
    if leftover.original is not None and os.path.dirname(leftover.original) != around:
        return "its project was moved"
    return None


def _artifact(artifact: Artifact, result: Result | None, run: Run) -> ArtifactRow:
    evidence, contents, size = artifact.evidence, artifact.contents, artifact.size
    used = evidence.last_used or contents.newest
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
            outcome, error = None, "it was gone already"
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
        name=artifact.candidate.name,
        rule=evidence.rule,
        ecosystem=evidence.ecosystem,
        project=evidence.project,
        evidence=list(evidence.facts),
        decision=decision,
        reason=reason,
        apparent_bytes=size.apparent_bytes,
        allocated_bytes=size.allocated_bytes,
        reclaimable_bytes=size.reclaimable_bytes,
        files=contents.files,
        directories=contents.directories,
        complete=contents.complete,
        # A clock that was ahead when a file was written must not make it look unused.
        last_used_at=_iso(min(used, run.started_at)) if used else None,
        regenerate=evidence.regenerate,
        regenerate_in=evidence.regenerate_in,
        warnings=list(evidence.warnings),
        outcome=outcome,
        error=error,
        left_at=result.left_at if isinstance(result, Failed) else None,
    )


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


def _problem(problem: Problem) -> ProblemRow:
    return ProblemRow(
        problem.path,
        problem.doing,
        errorcode.get(problem.number, str(problem.number)),
        problem.why,
        problem.code.value,
    )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
