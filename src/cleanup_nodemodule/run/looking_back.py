"""Look back at the runs of the past: what the history has of them. The run that ``history`` is for."""

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
    """Only the last so many runs; None: all of them."""


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

    begin = None if asked.since is None else time.time() - asked.since
    document = HistoryDocument(
        schema_version=1,
        host=machine.host_name(),
        since=None if begin is None else iso(begin),
        job=asked.job,
    )
    try:
        with reading(directory) as connection:
            if connection is None:
                return Past(document)
            passed: Sequence[Passed] = runs.passed(connection, asked.job)
            if begin is not None:
                passed = runs.since(passed, begin)
            shown = passed if asked.last is None else passed[-asked.last :]
            document.runs.extend(runs.rows_of(connection, shown))
            document = replace(document, left_out=len(passed) - len(shown))
    except files.HistoryError as error:
        raise UnreadableError(
            f"cannot read {printable(files.path_of(directory))}: {error}"
        ) from error
    return Past(document, passed)


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
