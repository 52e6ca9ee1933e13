"""The report as CSV (RFC 4180): a header, and a line for each artifact, or for each group. Pure.

The columns have the names of the fields in ``rows``. What is a list there is one text here, and so are names that
cannot be seen. A spreadsheet takes a text for a formula if it begins like one, also a file name that somebody has
thought of for that. So such a text gets an apostrophe before it (OWASP, "CSV Injection").
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from cleanup_nodemodule.report.rows import ArtifactRow, EvidenceRow, GroupRow, Report, SharedRow
from cleanup_nodemodule.words import printable

_BETWEEN: Final = "; "
"""Between the items of a list."""

_BEGINS_FORMULA: Final = re.compile(r"(^|;)(\s*)([=+\-@\N{MINUS SIGN}]|[^\x00-\x7f])")
"""Where a formula may begin: at the start of a text, and behind a semicolon. In many countries that is what a spreadsheet
parts fields by, and then it takes no quotes into account that stand in the middle of one."""


def lines(report: Report) -> Iterator[bytes]:
    """Give the lines, in UTF-8 without a byte order mark, each with CR and LF behind it."""
    if report.by is not None:
        yield line(GROUP_COLUMNS)
        for group in report.groups:
            yield line(getattr(group, name) for name in GROUP_COLUMNS)
        return
    yield line(COLUMNS)
    for row in report.artifacts:
        yield line((*_VALUES(row), *_shared(row)))


def safe(text: str) -> str:
    """Return *text* fit for a cell: all of it can be seen, and no spreadsheet takes it for a formula."""
    return _BEGINS_FORMULA.sub(_defused, printable(text))


def _defused(found: "re.Match[str]") -> str:
    # What looks like a sign of ASCII, such as a full-width one, some programs take for that.
    first = unicodedata.normalize("NFKC", found[3])
    return f"{found[1]}'{found[2]}{found[3]}" if first[0] in "=+-@\N{MINUS SIGN}" else found[0]


class _Returned:
    """A file for the csv module, which hands each line back."""

    def write(self, line: str) -> str:
        return line


_WRITER: Final = csv.writer(_Returned(), quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")


def line(values: Iterable[object]) -> bytes:
    """Return the line of a row: numbers as they are, texts in quotes and safe."""
    line: Any = _WRITER.writerow([_cell(value) for value in values])
    written: str = line  # The csv module hands on what write returned.
    return written.encode()


def _cell(value: object) -> str | float:
    """Return a value as the csv module takes it: numbers without quotes, texts in quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if value is None:
        return ""
    return safe(_BETWEEN.join(value) if isinstance(value, list) else str(value))


_OF_STORES: Final = tuple(field.name for field in fields(SharedRow))


def _shared(row: ArtifactRow) -> Iterator[object]:
    """Give what is known of the store that an artifact shares with: most share with none."""
    for name in _OF_STORES:
        yield None if row.shared_with is None else getattr(row.shared_with, name)


def _columns() -> Iterator[str]:
    for field in fields(ArtifactRow):
        if field.name == "evidence":
            yield from (f"evidence.{part.name}" for part in fields(EvidenceRow))
        elif field.name != "shared_with":
            yield field.name


_OWN: Final = tuple(_columns())

COLUMNS: Final = (*_OWN, *(f"shared_with.{name}" for name in _OF_STORES))
"""The header of a line for each artifact."""

_VALUES: Final = attrgetter(*_OWN)

GROUP_COLUMNS: Final = tuple(field.name for field in fields(GroupRow))
"""The header of a line for each group."""
