"""Compare two audits that were saved, and merge many. No terminal, and nothing is searched."""

import gc
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from errno import errorcode

from cleanup_nodemodule.problems import ProblemCode, number, phrase
from cleanup_nodemodule.report.compare import compare
from cleanup_nodemodule.report.comparison import Comparison
from cleanup_nodemodule.report.merge import Dropped, merge
from cleanup_nodemodule.report.read import (
    Audit,
    BriefRow,
    DocumentError,
    Reader,
    is_there,
    read_audit,
)
from cleanup_nodemodule.report.rows import ArtifactRow, GateRow, ProblemRow, Report
from cleanup_nodemodule.run.audits import STANDARD_INPUT, check_names, read_file
from cleanup_nodemodule.run.facts import tool
from cleanup_nodemodule.run.limits import FAIL_OVER, parse_growth, parse_limit
from cleanup_nodemodule.run.limits import grown as over_growth
from cleanup_nodemodule.run.limits import over as over_size


def compare_files(
    old: str, new: str, *, grown: str | None = None, over: str | None = None
) -> Comparison:
    """Compare two documents by the names of their files, ``-`` for standard input.

    *grown* and *over* are the values of ``--fail-if-grown`` and ``--fail-over``. Raises DocumentError for a document that
    cannot be read, and LimitError.
    """
    growth = None if grown is None else parse_growth(grown)
    limit = None if over is None else parse_limit(over, FAIL_OVER)
    check_names([old, new])
    reader = Reader()
    with _without_collecting():
        before, now = (reader.read(read_file(name), _called(name)) for name in (old, new))
        comparison = compare(before, now, tool())
    gates = []
    if growth is not None:
        gates.append(over_growth(growth, comparison.totals.change_bytes))
    if limit is not None:
        # All of it counts, compared or not.
        least, _, deletable = _deletable(now.rows)
        gates.append(over_size(limit, least, deletable))
    return replace(comparison, gates=[gate for gate in gates if gate is not None])


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of merging documents."""

    report: Report
    documents: int
    """How many were read."""
    dropped: Dropped
    """What of them counts only once."""
    deletable_bytes: int
    """What surely comes back when everything is deleted that can be and is still there."""
    deletable_at_most_bytes: int
    """What may come back then at most."""
    deletable: int
    """How many artifacts that are."""


def merge_files(names: Sequence[str], *, over: str | None = None) -> Merged:
    """Merge documents by the names of their files, ``-`` for standard input.

    *over* is the value of ``--fail-over``. A document that cannot be read is a problem of the merged one, if others can.
    Raises DocumentError where none can be, and LimitError.
    """
    limit = None if over is None else parse_limit(over, FAIL_OVER)
    check_names(names)
    audits: list[Audit[ArtifactRow]] = []
    unread: list[DocumentError] = []
    with _without_collecting():
        for name in dict.fromkeys(names):
            try:
                audits.append(read_audit(read_file(name), _called(name)))
            except DocumentError as error:
                unread.append(error)
        if not audits:
            raise unread[0]
        report, dropped = merge(audits, tool())
    problems = [*report.problems, *(_problem(error) for error in unread)]
    least, most, deletable = _deletable(report.artifacts)
    gate = limit and over_size(limit, least, deletable)
    report = replace(
        report,
        complete=report.complete and not unread,
        problems=problems,
        gates=[gate] if isinstance(gate, GateRow) else [],
    )
    return Merged(report, len(audits), dropped, least, most, deletable)


def _deletable(rows: Sequence[ArtifactRow] | Sequence[BriefRow]) -> tuple[int, int, int]:
    """Return what can be deleted and is still there: the bytes that surely come back, those at most, how many artifacts."""
    there = [row for row in rows if row.decision == "delete" and is_there(row)]
    least = sum(row.reclaimable_bytes for row in there)
    return least, sum(row.reclaimable_at_most_bytes for row in there), len(there)


def _problem(error: DocumentError) -> ProblemRow:
    code = ProblemCode.READ_DOCUMENT
    return ProblemRow(
        socket.gethostname(),
        None,
        phrase(code),
        errorcode[number(code)],
        str(error),
        code.value,
    )


def _called(name: str) -> str:
    return "standard input" if name == STANDARD_INPUT else name


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Leave out the search for cycles: there are none, and it looks through all rows again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.freeze()  # Or it would look through all of them once more.
            gc.enable()
