"""What has changed between two audits, as CSV for a spreadsheet and as Markdown for the summary of a job."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Final

from cleanup_nodemodule.report import markdown, spreadsheet
from cleanup_nodemodule.report.comparison import ArtifactChange, Comparison
from cleanup_nodemodule.report.markdown import code
from cleanup_nodemodule.show.comparison import named, reservations, signed, sums
from cleanup_nodemodule.words import size

COLUMNS: Final = tuple(field.name for field in fields(ArtifactChange))
"""The header of CSV: the fields of an artifact in the JSON document."""


def csv_lines(comparison: Comparison) -> Iterator[bytes]:
    """Give a header, and a line for each artifact that has changed."""
    yield spreadsheet.line(COLUMNS)
    for change in comparison.artifacts:
        yield spreadsheet.line(getattr(change, name) for name in COLUMNS)


def markdown_lines(comparison: Comparison, top: int | None, *, verbose: bool) -> Iterator[str]:
    """Give the lines, without line breaks: what has changed in all, then the *top* (0: all) projects or artifacts."""
    totals = comparison.totals
    if totals.change_bytes:
        word = "more" if totals.change_bytes > 0 else "less"
        yield f"## {size(abs(totals.change_bytes))} {word} than before"
    else:
        yield "## As much as before"
    for sentence in sums(comparison):
        yield from ("", sentence)
    for sentence in reservations(comparison):
        yield from ("", markdown.words(sentence))
    for gate in comparison.gates:
        yield from ("", f"**{gate.option}: {code(gate.sentence)}**")
    rows = (
        [
            (one.change_bytes, one.new_bytes, one.change, named(comparison, one.host, one.path))
            for one in comparison.artifacts
        ]
        if verbose
        else [
            (one.change_bytes, one.new_bytes, one.change, named(comparison, one.host, one.project))
            for one in comparison.projects
        ]
    )
    rows = [row for row in rows if row[0]]
    shown = _most(rows, markdown.DEFAULT_TOP if top is None else top)
    if shown:
        yield from markdown.table(
            ("Change", "Now", "", "Directory" if verbose else "Project"),
            (
                (signed(change), "-" if word == "gone" else size(now or 0), word, code(path))
                for change, now, word, path in shown
            ),
            numbers=2,
        )
    if len(rows) > len(shown):
        yield from ("", f"And {len(rows) - len(shown):,} more.")
    kept = [one for one in comparison.artifacts if one.kept_now]
    if kept:
        yield from ("", "### Could be deleted, and is kept now")
        listed = kept[: (markdown.DEFAULT_TOP if top is None else top) or None]
        yield from markdown.table(
            ("Size", "Reason", "Directory"),
            (
                (
                    size(one.new_bytes or 0),
                    code(one.new_reason or "-"),
                    code(named(comparison, one.host, one.path)),
                )
                for one in listed
            ),
            numbers=1,
        )
        if len(kept) > len(listed):
            yield from ("", f"And {len(kept) - len(listed):,} more.")


_Row = tuple[int, int | None, str, str]


def _most(rows: Sequence[_Row], top: int) -> list[_Row]:
    """Return those that have changed most, in the order they came in."""
    if not top or len(rows) <= top:
        return list(rows)
    least = sorted((abs(row[0]) for row in rows), reverse=True)[top - 1]
    return [row for row in rows if abs(row[0]) >= least][:top]
