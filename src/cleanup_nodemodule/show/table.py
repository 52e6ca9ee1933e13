"""The report as a table for people: a section for what can be deleted, one for what is kept, a line an artifact.

It is laid out here, and given line by line: Rich measures and draws a table as a whole, which takes several
times as long and holds all of it in memory.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from rich.segment import Segment, Segments
from rich.style import Style

from cleanup_nodemodule.proof.weigh import INCLUDED
from cleanup_nodemodule.report import bounds
from cleanup_nodemodule.report.rows import ArtifactRow, Report
from cleanup_nodemodule.report.sources import place_in
from cleanup_nodemodule.show import lines as plain
from cleanup_nodemodule.show.enough import MOST_KEPT
from cleanup_nodemodule.show.fitting import (
    DRAWN,
    Marks,
    bar,
    cells,
    fewer_words,
    shortened,
    spelled,
    with_tilde,
    wrapped,
)
from cleanup_nodemodule.show.reasons import FILTERED, TOLD_BY_DETAIL, UNDECIDED
from cleanup_nodemodule.words import promised, size

_AT_ONCE: Final = 100
"""Lines that are printed at a time, as Rich takes longer to begin printing than to print one."""

_GAP: Final = "  "
"""Between two columns, and before the first."""

_BAR: Final = 8
_MOST_HEAD: Final = "Up to"
_AGE: Final = 9
"""Cells of the longest age, such as ``11 months``, and of the heading."""

_COLUMNS: Final = ((_BAR, _AGE, 40), (0, _AGE, 30), (0, 0, 0))
"""Which columns there are, and how many cells have to be left for paths, unless all of them take less."""

_TELLING: Final = 20
"""Cells in which the proof of an artifact can say something."""

_WIDE: Final = 100
"""Columns of a terminal from which on it does: what can be deleted without a doubt needs no reason."""

_BOLD: Final = Style(bold=True)
_DIM: Final = Style(dim=True)
_BARS: Final = {
    "delete": Style(color="cyan"),
    "deleted": Style(color="green"),
    "trashed": Style(color="green"),
    "failed": Style(color="red", bold=True),
}
_ABOUT_TO_GO: Final = Style(color="red")

_Line = list[Segment]


@dataclass(frozen=True, slots=True)
class Look:
    """How the table is to look."""

    width: int | None = None
    """Columns of the terminal; None: as many as it takes."""
    top: int = 0
    """How many artifacts of a section are shown; 0: all of them."""
    kept: int = MOST_KEPT
    """How many are shown of those that are kept."""
    verbose: bool = False
    """All are shown, and everything that is known of each."""
    about_to_delete: bool = False
    """What is selected is deleted next."""
    home: str | None = None
    """The user's home directory."""
    marks: Marks = DRAWN


def table(report: Report, look: Look) -> Iterator[Segments]:
    """Give the artifacts as the pieces of a table, to be printed one by one, without cropping."""
    lines = _Table(report, look).lines() if report.artifacts else iter(())
    while some := list(islice(lines, _AT_ONCE)):
        yield Segments(segment for line in some for segment in (*line, _END))


_END: Final = Segment("\n")


class _Section(NamedTuple):
    title: str
    style: Style
    """Of its bars, if it has any."""
    rows: Sequence[ArtifactRow]
    shown: int
    kept: bool
    more: str
    """What to type to see all of them."""


class _Widths(NamedTuple):
    number: int
    """Cells of the number that the question takes; 0 where nothing is asked."""
    size: int
    most: int
    """Cells of what may come back at most; 0 where no row has two numbers."""
    bar: int
    age: int
    rest: int | None
    """What is left for path and reason; None if there is no end."""

    @property
    def before_path(self) -> int:
        """Cells before the path."""
        columns = (self.size, self.most, self.bar, self.age)
        return self.number + sum(len(_GAP) + width for width in columns if width) + len(_GAP)

    def of(self, section: _Section) -> "_Widths":
        """Return those of a section: without bars there is more room for reasons."""
        if not (section.kept and self.bar):
            return self
        rest = None if self.rest is None else self.rest + self.bar + len(_GAP)
        return self._replace(bar=0, rest=rest)


class _Table:
    """One report, and how it is laid out."""

    def __init__(self, report: Report, look: Look) -> None:
        self._report: Final = report
        self._place: Final = place_in(report)
        self._look: Final = look
        root = report.roots[0] if len(report.roots) == 1 else None
        self._root: Final = root
        self._above: Final = None if root is None else root.rstrip(os.sep) + os.sep
        undecided = [row for row in report.artifacts if _is_undecided(row)]
        self._undecided: Final = len(undecided)
        self._sections: Final = self._divided()
        selected = [section for section in self._sections if not section.kept]
        self._largest: Final = max(
            (plain.gain(row) for section in selected for row in section.rows), default=0
        )
        self._longest: Final = [self._path_cells(section) for section in self._sections]
        self._widths: Final = self._fitted()

    def _divided(self) -> list[_Section]:
        """Return the sections that have rows, in the order they are shown in."""
        report, look = self._report, self._look
        chosen: dict[str, list[ArtifactRow]] = {}
        kept: list[ArtifactRow] = []
        tried = any(row.outcome or row.error for row in report.artifacts)
        for row in report.artifacts:
            if row.decision != "keep":
                chosen.setdefault(row.outcome or ("left" if tried else "delete"), []).append(row)
            elif not _is_undecided(row):
                kept.append(row)
        sections = []
        for verdict, title in _TITLES.items():
            rows = chosen.get(verdict, [])
            # What went wrong is shown, however much it is.
            most = len(rows) if verdict == "failed" else look.top or len(rows)
            style = _BARS.get(verdict, _DIM)
            if verdict == "delete" and look.about_to_delete:
                style = _ABOUT_TO_GO
            more = "--top 0 shows all"
            sections.append(_Section(title, style, rows, most, kept=False, more=more))
        most = len(kept) if look.verbose else look.kept
        sections.append(
            _Section("Kept", _DIM, kept, most, kept=True, more="--verbose shows all"),
        )
        return [one for one in sections if one.rows or (one.kept and self._undecided)]

    def lines(self) -> Iterator[_Line]:
        """Give all lines."""
        for number, section in enumerate(self._sections):
            yield from self._section(section, self._longest[number], first=not number)

    def _section(self, section: _Section, longest: int, *, first: bool) -> Iterator[_Line]:
        if not first and not self._look.verbose:  # Details have an empty line behind them.
            yield []
        yield [Segment(self._title(section, first=first), _BOLD)]
        if first and section.rows:
            yield [Segment(self._heading(section), _DIM)]
        room = self._path_room(section, longest)
        for number, row in enumerate(section.rows[: section.shown], 1):
            yield self._row(row, number, section, room)
            if self._look.verbose:
                yield from self._details(row)
        rest = section.rows[section.shown :]
        if rest:
            sums = sum(map(plain.gain, rest)), sum(map(plain.most, rest))
            freed = "" if section.kept else f", {promised(*sums)}"
            yield self._remark(f"and {len(rest):,} more{freed}", section, section.more)
        if section.kept and self._undecided:
            words = f"{self._undecided:,} that the run did not come to"
            yield (
                self._remark(f"and {words}", section)
                if section.rows
                else [Segment(_GAP + words, _DIM)]
            )

    def _title(self, section: _Section, *, first: bool) -> str:
        inside = any(row.path != self._root for row in section.rows)
        if self._root is None or not first or (section.rows and not inside):
            return f"{section.title}:"
        words, marks, width = f"{section.title} in ", self._look.marks, self._look.width
        where = self._tilde(self._root)
        if width is None:
            return f"{words}{spelled(where, marks)}:"
        return f"{words}{shortened(where, width - len(words) - 1, marks)}:"

    def _heading(self, section: _Section) -> str:
        widths = self._widths.of(section)
        line = " " * widths.number + _GAP + "Size".rjust(widths.size)
        if widths.most:
            line += _GAP + _MOST_HEAD.rjust(widths.most)
        if widths.bar:
            line += _GAP + " " * widths.bar
        if widths.age:
            line += _GAP + "Last used".ljust(widths.age)
        return f"{line}{_GAP}Path"

    def _row(self, row: ArtifactRow, number: int, section: _Section, room: int) -> _Line:
        look, widths = self._look, self._widths.of(section)
        first = str(number if widths.number and not section.kept else "").rjust(widths.number)
        line = [Segment(first + _GAP + self._size(row).rjust(widths.size) + _GAP)]
        if widths.most:
            line.append(Segment(plain.up_to(row).rjust(widths.most) + _GAP))
        if widths.bar:
            drawn = bar(plain.gain(row) / self._largest, widths.bar, look.marks)
            line.append(Segment(drawn.ljust(widths.bar) + _GAP, section.style))
        if widths.age:
            line.append(Segment(plain.age(row, self._report).ljust(widths.age) + _GAP, _DIM))
        path = shortened(self._path(row), room, look.marks)
        line.append(Segment(path))
        if reason := self._reason(row, room, widths.rest):
            line.append(Segment(" " * (room - cells(path)) + _GAP + reason, _DIM))
        return line

    def _details(self, row: ArtifactRow) -> Iterator[_Line]:
        """Give everything that is known of an artifact."""
        width, marks = self._look.width, self._look.marks
        for text in (self._place(row), *plain.known_of(row)):
            shown = spelled(text, marks)
            folded = iter([shown] if width is None else wrapped(shown, width - 6))
            yield [Segment(f"    {next(folded)}", _DIM)]
            for line in folded:
                yield [Segment(f"      {line}", _DIM)]
        yield []

    def _remark(self, words: str, section: _Section, how: str | None = None) -> _Line:
        """Return a line in the column of the paths, with what to type if there is room for that."""
        before, width = self._widths.of(section).before_path, self._look.width
        whole = words if how is None else f"{words} ({how})"
        if width is not None and before + len(whole) > width:
            before = len(_GAP)
            if before + len(whole) > width:
                whole = words
        return [Segment(" " * before + whole, _DIM)]

    # What is in the columns.

    def _size(self, row: ArtifactRow) -> str:
        return ("" if row.complete else self._look.marks.at_least) + size(plain.gain(row))

    def _path(self, row: ArtifactRow) -> str:
        """Return the path to show: relative to the root where all have the same."""
        above = self._above
        if above is None:
            return self._tilde(self._place(row))
        return row.path[len(above) :] if row.path.startswith(above) else self._tilde(row.path)

    def _tilde(self, path: str) -> str:
        return with_tilde(path, self._look.home)

    def _reason(self, row: ArtifactRow, room: int, rest: int | None) -> str:
        """Return why, as far as there is room for it beside a path of *room* of the *rest* cells."""
        marks, width = self._look.marks, self._look.width
        left = None if rest is None else rest - room - len(_GAP)
        if row.error is not None:
            words = spelled(row.error, marks)
        elif row.reason is not None:
            words, detail = row.reason, row.reason_detail
            if detail and row.reason in TOLD_BY_DETAIL | FILTERED:
                shown = spelled(detail, marks)
                if left is not None:
                    shown = fewer_words(shown, left - len(f"{row.reason}: "), marks)
                words += shown and f": {shown}"
        elif is_included(row):
            # Somebody said so, and may have meant another one.
            despite = (one.partition(": ")[2] for one in row.evidence.also_inside[-1:])
            words = " despite ".join(("included", *(spelled(one, marks) for one in despite)))
        elif left is None or (left >= _TELLING and (width or 0) >= _WIDE):
            words = _facts(row, left, marks)
        else:
            return ""
        return words if left is None else fewer_words(words, left, marks)

    # How wide the columns are.

    def _path_cells(self, section: _Section) -> int:
        """Return the cells of the longest path that is shown in a section."""
        marks = self._look.marks
        return max(
            (cells(spelled(self._path(row), marks)) for row in section.rows[: section.shown]),
            default=0,
        )

    def _fitted(self) -> _Widths:
        """Return how wide the columns are: those that say less make room for the paths."""
        shown = [row for section in self._sections for row in section.rows[: section.shown]]
        sizes = max((len(self._size(row)) for row in shown), default=0)
        sizes = max(sizes, len("Size"))
        most = max((len(plain.up_to(row)) for row in shown), default=0)
        most = max(most, len(_MOST_HEAD)) if most else 0
        needed = [
            length + (reason and reason + len(_GAP))
            for section, length in zip(self._sections, self._longest, strict=True)
            for reason in (_reason_cells(section),)
        ]
        longest = max(needed, default=0)
        width, numbers = self._look.width, 0
        if self._look.about_to_delete:
            chosen = [len(section.rows) for section in self._sections if not section.kept]
            numbers = len(str(max(chosen, default=0)))
        for drawn, age, comfort in _COLUMNS:
            widths = _Widths(numbers, sizes, most, drawn if self._largest else 0, age, None)
            if width is None:
                return widths
            widths = widths._replace(rest=max(1, width - widths.before_path))
            if (widths.rest or 0) >= min(longest, comfort):
                break
        return widths

    def _path_room(self, section: _Section, longest: int) -> int:
        """Return how many cells the paths of a section may take."""
        rest = self._widths.of(section).rest
        if rest is None:
            return longest
        # A path gives way to the reason itself, but not to what more there is to say about it.
        reason = _reason_cells(section)
        return min(longest, rest - reason - len(_GAP) if 0 < reason <= rest // 2 else rest)


def _reason_cells(section: _Section) -> int:
    """Return the cells that the reasons in a section take at least."""
    shown = section.rows[: section.shown]
    return max((len(row.reason or (row.error or "")[:_TELLING]) for row in shown), default=0)


_TITLES: Final = {
    "delete": "Can be deleted",
    "deleted": "Deleted",
    "trashed": "Moved to the trash",
    "failed": "Failed",
    "left": "Left",
}


def is_included(row: ArtifactRow) -> bool:
    """Whether it can be deleted only because the user said so."""
    return row.decision != "keep" and INCLUDED in row.evidence.besides


def _is_undecided(row: ArtifactRow) -> bool:
    """Whether a stopped run knows no more of it than that it is there."""
    return row.reason == UNDECIDED and not row.complete


def _facts(row: ArtifactRow, room: int | None, marks: Marks) -> str:
    """Return as many of the facts about an artifact as there is room for: whole ones, but for the first."""
    told = (bounds.briefly(row), *row.evidence.facts, *row.warnings)
    facts = [spelled(fact, marks) for fact in told if fact]
    if room is None:
        return ", ".join(facts)
    words = "".join(facts[:1])
    for fact in facts[1:]:
        if cells(words) + len(", ") + cells(fact) > room:
            break
        words += f", {fact}"
    return words
