"""A report, a comparison or the history as a JSON document, and the JSON Schema of that."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from cleanup_nodemodule.report.rows import Report

if TYPE_CHECKING:
    from cleanup_nodemodule.report.comparison import Comparison
    from cleanup_nodemodule.report.history import HistoryDocument

_AT_ONCE: Final = 100
"""Rows of a piece."""


def to_json(report: Report) -> str:
    """Return the document: ASCII only, so that every name survives every locale."""
    return "".join(json_lines(report))


def json_lines(report: "Report | Comparison | HistoryDocument") -> Iterator[str]:
    """Give the document piece by piece, as there may be many rows: each of its lists has one a line."""
    start = "{"
    for name, value in _fields(report).items():
        yield f"{start}\n  {json.dumps(name)}: "
        start = ","
        if isinstance(value, list):
            rows = map(_text, value)
            before = "[\n    "
            while some := list(islice(rows, _AT_ONCE)):
                yield before + ",\n    ".join(some)
                before = ",\n    "
            yield "\n  ]" if value else "[]"
        elif is_dataclass(value):
            yield json.dumps(_fields(value), default=_fields)
        else:
            yield json.dumps(value)
    yield "\n}"


def _text(row: Any) -> str:
    """Return a row as JSON; one that was read from a document and not changed, as it stood there."""
    if (text := getattr(row, "text", None)) is not None:
        return str(text)
    plain_row = row if isinstance(row, str) else _fields(row)
    return json.dumps(plain_row, default=_fields)


def _fields(row: Any) -> dict[str, Any]:
    """Return what a dataclass holds, in order; not what is in there again, as asdict does."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def json_schema() -> str:
    """Return the JSON Schema of the document of a run, generated from the types in ``rows``."""
    return schema_of(Report)


def schema_of(kind: "type[Report | Comparison | HistoryDocument]") -> str:
    """Return the JSON Schema of documents of this kind."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(kind).json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2)
