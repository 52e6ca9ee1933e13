"""The report as Markdown: what a reader sees once it is drawn, whatever the names are."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from cleanup_nodemodule.report import markdown
from cleanup_nodemodule.report.groups import with_groups
from cleanup_nodemodule.report.rows import GateRow, ProblemRow, Report
from cleanup_nodemodule.words import printable
from support.reports import HOSTILE, report, row

PARSER: Final = MarkdownIt("commonmark", {"html": True}).enable("table")

HARMLESS: Final = {"text", "code_inline", "html_inline", "softbreak"}


def drawn(told: Report, top: int | None = None) -> list[Token]:
    return PARSER.parse("\n".join(markdown.lines(told, top)))


def seen(token: Token) -> str:
    """Return what a reader sees of a line, and fail if anything in it was taken for more than text."""
    parts = []
    for child in token.children or []:
        assert child.type in {*HARMLESS, "text_special", "strong_open", "strong_close"}, child
        if child.type == "html_inline":
            assert child.content in {"<code>", "</code>"}, child.content
        else:
            parts.append(child.content)
    return "".join(parts)


def tables(tokens: list[Token]) -> list[list[list[str]]]:
    """Return the cells of each table, as they are seen."""
    found: list[list[list[str]]] = []
    for number, token in enumerate(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in {"td_open", "th_open"}:
            found[-1][-1].append(seen(tokens[number + 1]))
    return found


def test_every_path_is_seen_as_it_is_in_a_table_of_three_columns() -> None:
    [table] = tables(drawn(report([row(path) for path in HOSTILE]), top=0))
    assert {len(cells) for cells in table} == {3}
    assert table[0] == ["Frees", "Last used", "Directory"]
    # A code span may not end with a space that is to be seen.
    assert [cells[2] for cells in table[1:]] == [printable(path) for path in HOSTILE]


@given(st.text(max_size=30))
def test_whatever_a_name_is_it_is_one_cell(name: str) -> None:
    path = f"/srv/{name}/x"
    [table] = tables(drawn(report([row(path)])))
    assert [cells[2] for cells in table[1:]] == [printable(path)]


def test_a_problem_is_an_item_with_its_path_as_it_is() -> None:
    problems = [
        ProblemRow("machine", path, "open", "EACCES", "Permission denied", "open")
        for path in HOSTILE
    ]
    problems.append(ProblemRow("machine", None, "understand", "EINVAL", "see `x` or <b>", "usage"))
    tokens = drawn(report([], problems))
    items = [
        seen(tokens[number + 2])
        for number, one in enumerate(tokens)
        if one.type == "list_item_open"
    ]
    assert items == [
        *(f"could not open {printable(path)}: Permission denied" for path in HOSTILE),
        "could not understand: see `x` or <b>",
    ]
    assert len([one for one in tokens if one.type == "bullet_list_open"]) == 1


def headings(told: Report) -> list[str]:
    tokens = drawn(told)
    return [
        seen(tokens[number + 1]) for number, one in enumerate(tokens) if one.type == "heading_open"
    ]


@pytest.mark.parametrize(
    ("told", "heading"),
    [
        (report(), "Nothing was found"),
        (report([row()]), "1 of 1 directory can be deleted, which frees 4.0 KiB"),
        (report([row("/srv/a", reason="tracked")]), "0 of 1 directory can be deleted"),
        (
            report([row(outcome="deleted"), row("/b", outcome="failed")], mode="delete"),
            "Deleted 1 of 2 directories, which freed 4.0 KiB",
        ),
        (report([row(outcome="trashed")], mode="trash"), "Moved 1 of 1 directory to the trash"),
        (
            report([], [ProblemRow("m", None, "understand", "EINVAL", "no", "usage")], roots=[]),
            "Nothing was done",
        ),
    ],
)
def test_the_heading_has_the_totals(told: Report, heading: str) -> None:
    assert headings(told)[0] == heading


def test_the_largest_are_shown_and_the_rest_is_counted() -> None:
    rows = [row(f"/srv/{number}/x") for number in range(30)]
    text = "\n".join(markdown.lines(report(rows)))
    assert "\nAnd 10 more, 40.0 KiB.\n" in f"{text}\n"
    [table] = tables(drawn(report(rows), top=2))
    assert [cells[2] for cells in table[1:]] == ["/srv/0/x", "/srv/1/x"]


def test_what_is_kept_is_counted_by_reason_the_most_bytes_first() -> None:
    rows = [
        row(),
        row("/b", reason="unproven"),
        row("/c", reason="unproven"),
        row("/d", reason="tracked", allocated_bytes=1 << 20),
    ]
    told = report(rows)
    assert headings(told)[1:] == ["Kept"]
    assert tables(drawn(told))[1] == [
        ["Directories", "Size", "Reason"],
        ["1", "1.0 MiB", "tracked"],
        ["2", "8.0 KiB", "unproven"],
    ]


def test_what_became_of_each_is_a_column_of_its_own() -> None:
    rows = [row(outcome="deleted"), row("/b", outcome="failed"), row("/c")]
    [table] = tables(drawn(report(rows, mode="delete")))
    assert [cells[2] for cells in table] == ["Result", "deleted", "failed", "left alone"]


def test_groups_are_a_table_instead_of_the_directories() -> None:
    told = with_groups(report([row(path) for path in HOSTILE]), "project")
    [table] = tables(drawn(told, top=0))
    assert {cells[5] for cells in table[1:]} == {
        printable(path.rpartition("/")[0]) for path in HOSTILE
    }


def test_a_gate_that_has_closed_is_said_first() -> None:
    gate = GateRow("--max-delete", "bytes", 1, 2, "it would be | more")
    tokens = drawn(report([row()], gates=[gate]))
    lines = [seen(one) for one in tokens if one.type == "inline"]
    assert lines[2] == "--max-delete: it would be | more"
