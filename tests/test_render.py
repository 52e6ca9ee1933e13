"""The table at every width."""

import io
from typing import Literal

import pytest
from rich.console import Console

from cleanup_nodemodule.render import rules, table
from cleanup_nodemodule.report import ArtifactRow, Report, Tool, Totals
from cleanup_nodemodule.rules import catalogue


def row(number: int, project: str) -> ArtifactRow:
    decision: Literal["delete", "keep"] = "keep" if number % 3 == 0 else "delete"
    return ArtifactRow(
        path=f"{project}/node_modules",
        name="node_modules",
        rule="js/node_modules",
        ecosystem="js",
        project=project,
        evidence=["package.json beside it"],
        decision=decision,
        reason="unproven" if decision == "keep" else None,
        apparent_bytes=10**number,
        allocated_bytes=10**number,
        reclaimable_bytes=0 if decision == "keep" else 10**number,
        files=number,
        directories=1,
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
        schema_version=1,
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
        unmatched_patterns=[],
    )


def drawn(projects: list[str], width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    console.print(table(report(projects), width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [*range(30, 150), 200, 400])
@pytest.mark.parametrize("count", range(1, len(PROJECTS) + 1))
def test_nothing_is_cut_at_any_width(width: int, count: int) -> None:
    lines = drawn(PROJECTS[:count], width)
    assert not [line for line in lines if "…" in line]
    # Folded text goes on in the next line, so without blanks and line ends it is whole again.
    folded = "".join("".join(line.split()) for line in lines)
    for project in PROJECTS[:count]:
        assert project.removeprefix("/srv/") in folded


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


def test_the_rules_are_a_table_that_cuts_nothing() -> None:
    for width in (60, 100, 200):
        console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
        console.print(rules(catalogue()))
        assert isinstance(console.file, io.StringIO)
        drawn_rules = console.file.getvalue()
        assert "…" not in drawn_rules
        assert drawn_rules.count("CMakeCache") >= 2
