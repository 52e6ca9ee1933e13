"""The report as NDJSON: one JSON object a line, the run first, then a record for each row, the totals last.

A record is written as soon as its row is known, so that a reader need not wait for the end of a run. Each ``record``
says what it is. The rest of its fields are those of the type in ``rows``.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, Final, TypeAlias

from cleanup_nodemodule.report.record_rows import RunRecord, TotalsRecord
from cleanup_nodemodule.report.rows import (
    ArtifactRow,
    GroupRow,
    LeftoverRow,
    ProblemRow,
    Report,
    Totals,
)

Row: TypeAlias = ArtifactRow | ProblemRow | LeftoverRow | GroupRow
"""What a record is made of between the first one and the last."""

_KINDS: Final[dict[type[Any], str]] = {
    RunRecord: "run",
    ArtifactRow: "artifact",
    GroupRow: "group",
    ProblemRow: "problem",
    LeftoverRow: "leftover",
    TotalsRecord: "totals",
}
"""What each record is called."""


class Records:
    """Writes the records of one run as they come.

    ``begin`` comes first, then ``row`` any number of times, and ``end`` last, however the run ended: a reader that has
    met no totals knows that the run was killed. *write* is called once for each record, with the whole line, and has to
    hand it on before it returns.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write

    def begin(self, run: RunRecord) -> None:
        """Write the first record."""
        self._write(line(run))

    def row(self, row: Row) -> None:
        """Write one row."""
        self._write(line(row))

    def end(self, totals: TotalsRecord) -> None:
        """Write the last record."""
        self._write(line(totals))


def lines(report: Report) -> Iterator[bytes]:
    """Give the records of a run that has ended. With groups there is none for each artifact."""
    yield line(run_record(report))
    for row in report.artifacts if report.by is None else report.groups:
        yield line(row)
    for problem in report.problems:
        yield line(problem)
    for leftover in report.leftovers:
        yield line(leftover)
    yield line(totals_record(report))


def run_record(report: Report) -> RunRecord:
    """Return the first record of a run that has ended."""
    return RunRecord(
        report.schema_version,
        report.tool,
        report.host,
        report.started_at,
        report.mode,
        report.roots,
    )


def totals_record(report: Report) -> TotalsRecord:
    """Return the last record of a run."""
    return TotalsRecord(
        **_plain(report.totals, Totals),
        duration_s=report.duration_s,
        complete=report.complete,
        unseen_processes=report.unseen_processes,
        unmatched_patterns=report.unmatched_patterns,
        other_ecosystems=report.other_ecosystems,
        gates=report.gates,
        gone=report.gone,
        goals=report.goals,
        sources=report.sources,
        asked=report.asked,
        file_systems=report.file_systems,
        observed=report.observed,
        out_of_time=report.out_of_time,
    )


def line(row: RunRecord | Row | TotalsRecord) -> bytes:
    """Return a record as a line: ASCII only, so that every name survives, and no line break but the last."""
    kind = next(one for one in type(row).__mro__ if one in _KINDS)
    record = {"record": _KINDS[kind], **_plain(row, kind)}
    return json.dumps(record, default=_nested, separators=(",", ":")).encode("ascii") + b"\n"


def _nested(row: Any) -> dict[str, Any]:
    return _plain(row, type(row))


def _plain(row: Any, kind: Any) -> dict[str, Any]:
    names, values = _reader(kind)
    return dict(zip(names, values(row), strict=True))


@cache
def _reader(kind: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """Return the names of a type's fields, two or more, and what reads all of them at once."""
    names = tuple(field.name for field in fields(kind))
    return names, attrgetter(*names)


def records_schema() -> str:
    """Return the JSON Schema of one record, generated from the types in ``rows``."""
    from pydantic import TypeAdapter

    adapters: dict[str, Any] = {name: TypeAdapter(kind) for kind, name in _KINDS.items()}
    mode: Final = "serialization"
    references, schema = TypeAdapter.json_schemas(
        [(name, mode, adapter) for name, adapter in adapters.items()],
        title="One record of the NDJSON of cleanup-nodemodule",
        description="The first record is the run, the last one the totals.",
    )
    for kind, name in _KINDS.items():
        record = schema["$defs"][kind.__name__]
        said = {"const": name, "type": "string", "title": "Record"}
        record["properties"] = {"record": said, **record["properties"]}
        record["required"] = ["record", *record["required"]]
    schema["oneOf"] = [references[name, mode] for name in adapters]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2)
