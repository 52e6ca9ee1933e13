"""The formats of a result: what writes each of them, and by which ending the name of a file asks for it.

The next format is a member of ``config.keys.Format``, a module that gives its lines, and an entry here.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from cleanup_nodemodule.config.keys import Format
from cleanup_nodemodule.report import document, markdown, records, spreadsheet
from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.show import lines
from cleanup_nodemodule.words import printable


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a format needs to know besides the report."""

    top: int | None = None
    """How many artifacts are listed, 0 for all; None: as many as the format finds right."""
    null: bool = False
    """Paths end with a NUL."""
    spelled: bool = False
    """Paths are spelled so that all of them can be seen, as for a terminal."""


Pieces: TypeAlias = Iterator[str] | Iterator[bytes]
"""What is written: texts in the encoding of the place they go to, bytes as they are."""


class Kind(NamedTuple):
    """What is known of a format."""

    pieces: Callable[[Report, Wanted], Pieces] | None
    """None for the table, which depends on what it is drawn on."""
    endings: tuple[str, ...] = ()
    """Endings of names of files that ask for it."""
    tells_failures: bool = False
    """It has something to say where nothing was done, too."""
    alone: bool = False
    """It says all: nobody needs the last words besides."""
    at_once: bool = False
    """Each piece is on its way before the next one is made, and none is cut."""


def _json(report: Report, _: Wanted) -> Iterator[str]:
    yield from document.json_lines(report)
    yield "\n"


def _paths(report: Report, wanted: Wanted) -> Pieces:
    if wanted.spelled and not wanted.null:
        return (f"{printable(os.fsdecode(path))}\n" for path in lines.chosen_paths(report))
    end = b"\0" if wanted.null else b"\n"
    return (path + end for path in lines.chosen_paths(report))


def _plain(report: Report, _: Wanted) -> Iterator[str]:
    return (f"{line}\n" for line in lines.lines(lines.known(report)))


def _markdown(report: Report, wanted: Wanted) -> Iterator[bytes]:
    return (f"{line}\n".encode() for line in markdown.lines(report, wanted.top))


KINDS: Final = {
    Format.TABLE: Kind(None),
    Format.PLAIN: Kind(_plain, (".txt",)),
    Format.JSON: Kind(_json, (".json",), tells_failures=True, alone=True),
    Format.NDJSON: Kind(
        lambda report, _: records.lines(report),
        (".ndjson", ".jsonl"),
        tells_failures=True,
        alone=True,
        at_once=True,
    ),
    Format.CSV: Kind(lambda report, _: spreadsheet.lines(report), (".csv",), tells_failures=True),
    Format.MARKDOWN: Kind(_markdown, (".md", ".markdown"), tells_failures=True),
    Format.PATHS: Kind(_paths),
}
"""All formats."""


def by_ending(path: str) -> Format | None:
    """Return the format that the name of a file asks for; None if it asks for none."""
    ending = os.path.splitext(path)[1].lower()
    return next((one for one, kind in KINDS.items() if ending in kind.endings), None)
