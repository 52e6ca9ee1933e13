"""The report as Markdown, as GitHub and GitLab draw it: for the summary of a job. Pure.

Names and sentences in it are somebody else's, and GitHub would draw a table, an image or a mention from them. So what
is not ours stands in code spans, in which nothing means anything.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from cleanup_nodemodule.problems import sentence
from cleanup_nodemodule.report import bounds
from cleanup_nodemodule.report.observed import freed
from cleanup_nodemodule.report.rows import ArtifactRow, GroupRow, Report
from cleanup_nodemodule.report.sources import place_in
from cleanup_nodemodule.words import printable, promised, size

DEFAULT_TOP: Final = 20
"""Rows of the table unless others are asked for: a summary is to be read."""

_MOST_PROBLEMS: Final = 20

_FORBIDDEN: Final = frozenset("`|\\")
"""What a code span cannot have in a table: it would end there (GitHub Flavored Markdown, 4.10 and 6.3)."""

_WORDS: Final = re.compile(r"[A-Za-z0-9 ,.]*")
"""What means nothing in Markdown wherever it stands in a line."""


def lines(report: Report, top: int | None = None) -> Iterator[str]:
    """Give the lines, without line breaks: a heading, the largest *top* (0: all), what is kept, what went wrong."""
    top = DEFAULT_TOP if top is None else top
    yield f"## {_heading(report)}"
    yield ""
    yield _about(report)
    for why in () if _tried(report) else bounds.why(report):
        yield from ("", words(why))
    for gate in report.gates:
        yield from ("", f"**{gate.option}: {code(gate.sentence)}**")
    if report.by is not None:
        yield from _groups(report.groups, top)
    else:
        yield from _chosen(report, top)
        yield from _kept(report)
    yield from _problems(report)


def code(text: str) -> str:
    """Return *text* as it is, safe to stand anywhere in Markdown, a table included."""
    shown = printable(text)
    if not shown.strip():
        return f"<code>{'&nbsp;' * len(shown)}</code>"
    if _FORBIDDEN.isdisjoint(shown):
        return f"`{shown}`"
    # In HTML all but letters is spelled by number, which means nothing but the character itself.
    spelled = re.sub(r"[^\w /.,-]|(?<=www)\.", lambda found: f"&#{ord(found[0])};", shown)
    return f"<code>{spelled.replace('_', '&#95;')}</code>"


def words(text: str) -> str:
    """Return a sentence as it is if nothing in it means anything in Markdown, else as code."""
    return text if _WORDS.fullmatch(text) else code(text)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> Iterator[str]:
    """Give a table with an empty line before it. The cells are Markdown; the first columns are *numbers*."""
    yield ""
    yield _row(heads)
    yield _row([*["---:"] * numbers, *["---"] * (len(heads) - numbers)])
    for row in rows:
        yield _row(row)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _directories(count: int) -> str:
    return "1 directory" if count == 1 else f"{count:,} directories"


def _heading(report: Report) -> str:
    totals = report.totals
    if not report.roots and report.problems:
        return "Nothing was done"
    if not totals.found:
        return "Nothing was found"
    if report.mode == "trash" and (totals.trashed or totals.failed):
        return f"Moved {totals.trashed:,} of {_directories(totals.selected)} to the trash"
    if totals.deleted or totals.failed:
        what = f"{totals.deleted:,} of {_directories(totals.selected)}"
        return f"Deleted {what}, which freed {freed(totals.freed_bytes, report.observed)}"
    of_all = f"{totals.selected:,} of {_directories(totals.found)} can be deleted"
    if not totals.selected:
        return of_all
    frees = promised(totals.reclaimable_bytes, totals.reclaimable_at_most_bytes)
    return f"{of_all}, which frees {frees}"


def _about(report: Report) -> str:
    what = {"dry-run": "A dry run", "delete": "A deletion", "trash": "A move to the trash"}
    where = f", in {', '.join(map(code, report.roots))}" if report.roots else ""
    rest = "" if report.complete else " Not everything could be looked at, so there may be more."
    return f"{what[report.mode]} on {code(report.host)} at {report.started_at}{where}.{rest}"


def _groups(groups: Sequence[GroupRow], top: int) -> Iterator[str]:
    if not groups:
        return
    shown = groups[: top or None]
    heads = ("Frees", "Takes", "Found", "Can be deleted", "Last used", groups[0].by.capitalize())
    cells = (
        (
            promised(group.reclaimable_bytes, group.reclaimable_at_most_bytes),
            size(group.allocated_bytes),
            f"{group.found:,}",
            f"{group.selected:,}",
            _day(group.newest),
            code(group.group),
        )
        for group in shown
    )
    yield from table(heads, cells, numbers=4)
    yield from _more(groups[len(shown) :])


def _chosen(report: Report, top: int) -> Iterator[str]:
    rows = [row for row in report.artifacts if row.decision == "delete"]
    if not rows:
        return
    tried = _tried(report)
    shown, place = rows[: top or None], place_in(report)
    result = ("Result",) if tried else ()
    cells = (
        (
            ("" if row.complete else "≥ ")
            + promised(row.reclaimable_bytes, row.reclaimable_at_most_bytes),
            _day(row.last_used_at),
            *((row.outcome or "left alone",) if tried else ()),
            code(place(row)),
        )
        for row in shown
    )
    yield from table(("Frees", "Last used", *result, "Directory"), cells, numbers=1)
    yield from _more(rows[len(shown) :])


def _tried(report: Report) -> bool:
    return any(row.outcome or row.error for row in report.artifacts)


def _more(rest: Sequence[ArtifactRow] | Sequence[GroupRow]) -> Iterator[str]:
    if rest:
        freed = promised(
            sum(one.reclaimable_bytes for one in rest),
            sum(one.reclaimable_at_most_bytes for one in rest),
        )
        yield from ("", f"And {len(rest):,} more, {freed}.")


def _day(time: str | None) -> str:
    return (time or "-").partition("T")[0]


def _kept(report: Report) -> Iterator[str]:
    kept: dict[str, list[ArtifactRow]] = {}
    for row in report.artifacts:
        if row.reason is not None:
            kept.setdefault(row.reason, []).append(row)
    if not kept:
        return
    taken = {reason: sum(row.allocated_bytes for row in rows) for reason, rows in kept.items()}
    cells = (
        (f"{len(kept[reason]):,}", size(taken[reason]), reason)
        for reason in sorted(taken, key=lambda reason: (-taken[reason], reason))
    )
    yield from ("", "### Kept")
    yield from table(("Directories", "Size", "Reason"), cells, numbers=2)


def _problems(report: Report) -> Iterator[str]:
    if not report.problems:
        return
    yield from ("", "### Problems", "")
    for problem in islice(report.problems, _MOST_PROBLEMS):
        where = None if problem.path is None else code(problem.path)
        yield f"* {sentence(problem.doing, where, words(problem.message))}"
    if len(report.problems) > _MOST_PROBLEMS:
        yield f"* and {len(report.problems) - _MOST_PROBLEMS:,} more"
