"""The table at every width."""

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

import pytest
from rich.console import Console, RenderableType

from cleanup_nodemodule.report.document import to_json
from cleanup_nodemodule.report.rows import ArtifactRow, EvidenceRow, Report, Tool, Totals
from cleanup_nodemodule.show import lines as plain
from cleanup_nodemodule.show.table import table


def row(number: int, project: str) -> ArtifactRow:
    decision: Literal["delete", "keep"] = "keep" if number % 3 == 0 else "delete"
    return ArtifactRow(
        path=f"{project}/node_modules",
        name="node_modules",
        rule="js/node_modules",
        ecosystem="js",
        project=project,
        evidence=EvidenceRow([".package-lock.json inside"], [], [], []),
        decision=decision,
        reason="unproven" if decision == "keep" else None,
        reason_detail="nothing inside shows who made it" if decision == "keep" else None,
        apparent_bytes=10**number,
        allocated_bytes=10**number,
        reclaimable_bytes=0 if decision == "keep" else 10**number,
        files=number,
        directories=1,
        inside=0,
        complete=number != 2,
        last_used_at="2026-01-01T00:00:00+00:00",
        regenerate="npm ci",
        regenerate_in=project,
        warnings=[],
        outcome=None,
        error=None,
        left_at=None,
    )


PROJECTS = [
    "/srv/short",
    "/srv/a-project-with-a-name-that-is-rather-long/packages/and-one-more/inside",
    "/srv/[slug]/[/b]/プロジェクト",
    "/srv/" + "/".join(f"level-{number}" for number in range(30)),
]


def report(projects: list[str]) -> Report:
    rows = [row(number, project) for number, project in enumerate(projects, 1)]
    return Report(
        schema_version=2,
        tool=Tool("cleanup-nodemodule", "0", "python"),
        host="host",
        started_at="2026-02-01T00:00:00+00:00",
        duration_s=1.0,
        mode="dry-run",
        roots=["/srv"],
        complete=True,
        artifacts=rows,
        problems=[],
        totals=Totals(len(rows), 2, 1110, 1100, 0, 0, 0, 0, None),
        leftovers=[],
        unseen_processes=0,
        unmatched_patterns=[],
        other_ecosystems=[],
    )


def drawn(projects: list[str], width: int) -> list[str]:
    return _print(table(report(projects), width), width).splitlines()


@pytest.mark.parametrize("count", range(1, len(PROJECTS) + 1))
def test_nothing_is_cut_at_any_width(count: int) -> None:
    for width in (*range(30, 150), 200, 400):
        lines = drawn(PROJECTS[:count], width)
        assert not [line for line in lines if "…" in line], width
        # Folded text goes on in the next line, so without blanks and line ends it is whole again.
        folded = "".join("".join(line.split()) for line in lines)
        for project in PROJECTS[:count]:
            assert project.removeprefix("/srv/") in folded, width


def test_an_artifact_has_a_line_of_its_own_as_soon_as_there_is_room() -> None:
    widths = {len(drawn(PROJECTS[:1], width)): width for width in range(150, 30, -1)}
    side_by_side, stacked = min(widths), max(widths)
    assert drawn(PROJECTS[:1], widths[side_by_side])[1].split()[:2] == ["Size", "Share"]
    assert side_by_side < stacked
    longest = max(len(line.rstrip()) for line in drawn(PROJECTS[:1], widths[side_by_side]))
    assert longest == widths[side_by_side]


def test_a_size_that_is_a_lower_bound_is_marked() -> None:
    assert any("≥" in line for line in drawn(PROJECTS[:2], 200))
    assert not any("≥" in line for line in drawn(PROJECTS[:1], 200))


def calls(work: Callable[[], object]) -> int:
    """Return how many calls *work* makes, each step of a generator being one."""
    made = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal made
        made += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return made


@pytest.mark.parametrize("kind", ["at 80 columns", "at 200", "json", "plain"])
def test_twice_as_many_rows_are_twice_as_much_work(kind: str) -> None:
    def show(count: int) -> None:
        projects = [f"/srv/project-{number:05}" for number in range(count)]
        many = report(projects)
        # Their sizes would differ in length otherwise, and what takes longer to spell.
        rows = [replace(row(1, project), decision="keep") for project in projects]
        many = replace(many, artifacts=rows)
        match kind:
            case "json":
                to_json(many)
            case "plain":
                list(plain.lines(many))
            case _:
                width = 80 if "80" in kind else 200
                _print(table(many, width), width)

    show(10)  # What is loaded and remembered at first is no work of the rows.
    assert calls(lambda: show(800)) < 2.1 * calls(lambda: show(400))


def _print(pieces: Iterator[RenderableType], width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    for piece in pieces:
        console.print(piece)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
