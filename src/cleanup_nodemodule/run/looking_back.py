"""Look back at the runs of the past: what the history has of them. The run that ``history`` is for."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from cleanup_nodemodule.config.layers import Values
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.model.quantities import QuantityError, read_duration, read_size
from cleanup_nodemodule.record.history import files
from cleanup_nodemodule.record.history.listener import Limits
from cleanup_nodemodule.report.history import HistoryDocument
from cleanup_nodemodule.system import machine
from cleanup_nodemodule.words import iso, printable

if TYPE_CHECKING:
    import sqlite3

    from cleanup_nodemodule.record.history.growth import By
    from cleanup_nodemodule.record.history.runs import Passed

_MAX_AGE: Final = "2y"
_MAX_SIZE: Final = "200MB"
"""What counts if nobody says anything."""


class UnreadableError(UsageError):
    """The history cannot be read. The message says why. Nothing was to be done but to read it."""


def limits_of(values: Values) -> Limits:
    """Return the bounds of the history. Raises UsageError for what cannot be right; the message says where it was said."""

    def read(name: str, default: str) -> tuple[str, str]:
        place = f"{values.source(name)}: " if values.is_given(name) else ""
        return values.text(name) or default, f"{place}{name}"

    try:
        return Limits(
            read_duration(*read("history-max-age", _MAX_AGE)),
            read_size(*read("history-max-size", _MAX_SIZE)),
        )
    except QuantityError as error:
        raise UsageError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to know of the past."""

    since: int | None = None
    """Seconds: only runs that began so long ago at most."""
    job: str | None = None
    last: int | None = None
    """Only the last so many runs, or so many rows of growth; None: all of them."""
    project: str | None = None
    """Absolute path: all about the projects there and beneath."""
    by: "By | None" = None
    """What grows, put together by this."""


@dataclass(frozen=True, slots=True)
class Past:
    """What the history has to say."""

    document: HistoryDocument
    passed: "Sequence[Passed]" = field(default=())
    """All runs within what was asked for, also those that the document leaves out."""


def look_back(directory: str, asked: Asked) -> Past:
    """Return what the history in a state directory has of the past. Raises UnreadableError."""
    from cleanup_nodemodule.record.history import runs
    from cleanup_nodemodule.record.history.database import reading
    from cleanup_nodemodule.record.history.forecast import forecasts

    begin = None if asked.since is None else time.time() - asked.since
    document = HistoryDocument(
        schema_version=1,
        host=machine.host_name(),
        since=None if begin is None else iso(begin),
        job=asked.job,
        project=asked.project,
        by=asked.by or (None if asked.project is None else "project"),
    )
    try:
        with reading(directory) as connection:
            if connection is None:
                return Past(document)
            every = runs.passed(connection)
            passed: Sequence[Passed] = every
            if asked.job is not None:
                passed = [run for run in every if run.job == asked.job]
            if begin is not None:
                passed = runs.since(passed, begin)
            if document.by is not None:
                return Past(_grown(connection, document, asked, passed), passed)
            shown = passed if asked.last is None else passed[-asked.last :]
            document.runs.extend(runs.rows_of(connection, shown))
            # The disk fills by what all runs say, not only those of a job.
            told = every if begin is None else runs.since(every, begin)
            document.forecasts.extend(forecasts(connection, told))
            document = replace(document, left_out=len(passed) - len(shown))
    except files.HistoryError as error:
        raise UnreadableError(
            f"cannot read {printable(files.path_of(directory))}: {error}"
        ) from error
    return Past(document, passed)


def _grown(
    connection: "sqlite3.Connection",
    document: HistoryDocument,
    asked: Asked,
    passed: "Sequence[Passed]",
) -> HistoryDocument:
    """Return the document with what has grown."""
    from cleanup_nodemodule.record.history import audits, growth

    numbers: set[int] | None = None
    among: set[int] | None = None
    most = growth.MOST
    if asked.project is not None:
        # A path that was found through a symlink stands so in the history.
        numbers = growth.at_or_beneath(connection, {asked.project, os.path.realpath(asked.project)})
        most = growth.MOST_OF_PROJECT
        if not numbers:
            return document
        among = growth.that_searched(connection, numbers)
    comparable = audits.comparable(connection, passed, among)
    if comparable is None:
        return document
    found = audits.read(connection, comparable, most)
    document = replace(document, compared=audits.described(connection, comparable, len(found)))
    called = growth.names(connection, numbers)
    rows = growth.growth(found, called, document.by or "project")
    shown = rows if asked.last is None else rows[: asked.last]
    document.growth.extend(shown)
    if numbers is not None:
        document.points.extend(growth.points(found, numbers))
    return replace(document, left_out=len(rows) - len(shown))


@dataclass(frozen=True, slots=True)
class Cut:
    """What ``history --prune`` has done."""

    runs: int
    """Runs that went."""
    bytes_before: int
    bytes_after: int
    """What the database takes on disk."""
    said: str | None = None
    """What was strange, in a sentence."""


def prune_now(directory: str, limits: Limits) -> Cut:
    """Bring the history within its *limits* at once, and give back the room. Raises UnreadableError."""
    from cleanup_nodemodule.record.history.database import opened
    from cleanup_nodemodule.record.history.keeping import set_aside
    from cleanup_nodemodule.record.history.pruning import prune, size_of

    said = None
    try:
        try:
            with opened(directory) as connection:
                before = size_of(connection)
                pruned = prune(connection, limits, whole=True)
                return Cut(pruned.runs, before, size_of(connection))
        except files.DamagedError:
            said = set_aside(directory)
    except files.HistoryError as error:
        raise UnreadableError(
            f"cannot prune {printable(files.path_of(directory))}: {error}"
        ) from error
    return Cut(0, 0, 0, said)
