"""The table at every width."""

import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from cleanup_nodemodule.model import Mode
from cleanup_nodemodule.report.document import to_json
from cleanup_nodemodule.report.rows import ArtifactRow, EvidenceRow, Report, Tool, Totals
from cleanup_nodemodule.show import lines as plain
from cleanup_nodemodule.show.enough import default_top
from cleanup_nodemodule.show.fitting import DRAWN, Marks, cells, marks_for, shortened
from cleanup_nodemodule.show.table import Look, table

LONG = "/srv/shop/services/checkout/packages/user-interface/node_modules"
WIDE = "/srv/プロジェクト/名前/😀/node_modules"
PATHS = (
    "/srv/blog/node_modules",
    LONG,
    WIDE,
    "/srv/a-project-whose-name-alone-takes-more-cells-than-any-terminal-here-has/node_modules",
    "/srv/a/\x1b[31m/node_modules",
    "/srv/[slug]/[/b]/dist",
)


def row(path: str, size: int, reason: str | None = None, detail: str | None = None) -> ArtifactRow:
    kept = reason is not None
    return ArtifactRow(
        path=path,
        name=path.rpartition("/")[2],
        rule="js/node_modules",
        ecosystem="js",
        project=path.rpartition("/")[0],
        root="/srv",
        host="host",
        owner="me",
        file_system=None,
        inode=1,
        evidence=EvidenceRow(
            ["npm: .package-lock.json inside"], ["package.json beside it"], [], []
        ),
        decision="keep" if kept else "delete",
        reason=reason,
        reason_detail=detail,
        apparent_bytes=size,
        allocated_bytes=size,
        reclaimable_bytes=0 if kept else size,
        files=1,
        directories=1,
        inside=0,
        complete=True,
        last_used_at="2026-01-01T00:00:00+00:00",
        regenerate="npm ci",
        regenerate_in=path.rpartition("/")[0],
        warnings=[],
        outcome=None,
        error=None,
        left_at=None,
        reclaimable_at_most_bytes=0 if kept else size,
        shared_bytes=0,
    )


def unproven(path: str, size: int = 4096) -> ArtifactRow:
    return row(path, size, "unproven", "nothing inside shows who made it")


def report(rows: Sequence[ArtifactRow], *, mode: Mode = "dry-run", roots: int = 1) -> Report:
    return Report(
        schema_version=2,
        tool=Tool("cleanup-nodemodule", "0", "python"),
        host="host",
        started_at="2026-02-01T00:00:00+00:00",
        duration_s=1.0,
        mode=mode,
        roots=["/srv", "/home/me/work"][:roots],
        complete=True,
        artifacts=list(rows),
        problems=[],
        totals=Totals(len(rows), 2, 1110, 1100, 0, 0, 0, 0, None, 1100, 0, 0),
        leftovers=[],
        unseen_processes=0,
        unmatched_patterns=[],
        other_ecosystems=[],
        gates=[],
    )


def drawn(shown: Report, look: Look) -> list[str]:
    return [line.rstrip() for line in _print(table(shown, look)).splitlines()]


def ascii_marks() -> Marks:
    return marks_for(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))


MIB = 1 << 20
MIXED = report(
    [
        row("/srv/shop/web/node_modules", 1229 * MIB),
        row("/srv/shop/packages/ui/node_modules", 310 * MIB),
        row("/srv/blog/node_modules", 66 * MIB),
        unproven("/srv/blog/dist"),
    ]
)


def test_what_can_be_deleted_and_what_is_kept_have_a_section_each() -> None:
    assert drawn(MIXED, Look(width=80, top=2)) == [
        "Can be deleted in /srv:",
        "       Size            Last used  Path",
        "    1.2 GiB  ████████  1 month    shop/web/node_modules",
        "  310.0 MiB  ██        1 month    shop/packages/ui/node_modules",
        "                                  and 1 more, 66.0 MiB (--top 0 shows all)",
        "",
        "Kept:",
        "    4.0 KiB  1 month    blog/dist  unproven: nothing inside shows who made it",
    ]


def test_why_something_can_be_deleted_is_told_where_there_is_room() -> None:
    fact = "npm: .package-lock.json inside"
    assert not [line for line in drawn(MIXED, Look(width=80)) if fact in line]
    assert [line for line in drawn(MIXED, Look(width=100)) if line.endswith(fact)] != []
    both = f"{fact}, package.json beside it"
    assert [line for line in drawn(MIXED, Look(width=120)) if line.endswith(both)] != []


@pytest.mark.parametrize("marks", [DRAWN, ascii_marks()], ids=["UTF-8", "ASCII"])
def test_every_line_fits_and_no_word_is_cut(marks: Marks) -> None:
    rows = [row(path, 10**number) for number, path in enumerate(PATHS, 1)]
    rows += [unproven(path.replace("node_modules", ".next")) for path in PATHS]
    whole = {word for line in drawn(report(rows), Look(marks=marks)) for word in line.split()}
    for width in (40, 60, 80, 100, 120, 300):
        lines = drawn(report(rows), Look(width=width, marks=marks))
        assert len([line for line in lines if "node_modules" in line]) == len(PATHS) - 1
        for line in lines:
            assert cells(line) <= width
            assert all(character.isprintable() for character in line)
            words = [word for word in line.split() if "/" not in word]
            assert {word.removesuffix(marks.ellipsis) for word in words} <= {
                *whole,
                *(word.rstrip(",;:") for word in whole),
                "",
            }, line


@pytest.mark.parametrize(
    ("room", "path"),
    [
        (100, "shop/services/checkout/packages/user-interface/node_modules"),
        (59, "shop/services/checkout/packages/user-interface/node_modules"),
        (58, "shop/…/checkout/packages/user-interface/node_modules"),
        (50, "shop/…/packages/user-interface/node_modules"),
        (40, "shop/…/user-interface/node_modules"),
        (30, "…/user-interface/node_modules"),
        (24, "…/user-int…/node_modules"),
        (14, "…/node_modules"),
        (8, "node_mo…"),
    ],
)
def test_a_path_is_shortened_in_the_middle_by_whole_names(room: int, path: str) -> None:
    assert (
        shortened("shop/services/checkout/packages/user-interface/node_modules", room, DRAWN)
        == path
    )


def test_a_wide_character_takes_two_cells() -> None:
    for room in range(14, 40):
        assert cells(shortened(WIDE, room, DRAWN)) <= room
    assert shortened(WIDE, 40, DRAWN) == WIDE
    assert shortened("プロジェクト/node_modules", 24, DRAWN) == "プロジェク…/node_modules"
    lines = drawn(report([row(WIDE, 5), unproven("/srv/x/dist"), unproven(WIDE)]), Look(width=80))
    at = {cells(line.partition("unproven")[0]) for line in lines if "unproven" in line}
    assert len(at) == 1


def test_a_name_that_cannot_be_seen_is_quoted() -> None:
    lines = drawn(report([row("/srv/a/\x1b[31m/node_modules", 5)]), Look(width=80))
    assert [line for line in lines if line.endswith("$'a/\\e[31m/node_modules'")] != []


def test_an_encoding_without_these_characters_gets_others() -> None:
    rows = [replace(row("/srv/blog/node_modules", MIB), complete=False), row(WIDE, 5), row(LONG, 4)]
    lines = drawn(report(rows), Look(width=66, marks=ascii_marks()))
    assert "".join(lines).isascii()
    assert "  >= 1.0 MiB  1 month    blog/node_modules" in lines
    assert [line for line in lines if line.endswith("shop/.../user-interface/node_modules")] != []
    lines = drawn(MIXED, Look(width=80, marks=ascii_marks()))
    assert "    1.2 GiB  ########  1 month    shop/web/node_modules" in lines


def test_several_roots_have_whole_paths_with_a_tilde_for_home() -> None:
    rows = [
        row("/home/me/work/blog/node_modules", 5),
        row("/home/me/two words/node_modules", 4),
        row("/home/mean/node_modules", 3),
    ]
    lines = drawn(report(rows, roots=2), Look(home="/home/me"))
    assert lines[0] == "Can be deleted:"
    assert [re.split(r" {2,}", line)[4] for line in lines[2:]] == [
        "~/work/blog/node_modules",
        # In quotes a shell takes no tilde for a directory.
        "/home/me/two words/node_modules",
        "/home/mean/node_modules",
    ]
    assert drawn(report(rows), Look(home="/srv"))[0] == "Can be deleted in ~:"


def test_everything_is_told_with_verbose_and_wrapped_between_words() -> None:
    many = [*MIXED.artifacts, *(unproven(f"/srv/p{number}/dist") for number in range(9))]
    warned = replace(many[0], warnings=["the lock file is older than package.json"])
    for width in (40, 80, None):
        lines = drawn(report([warned, *many[1:]]), Look(width=width, verbose=True))
        assert not [line for line in lines if "more" in line]
        assert len([line for line in lines if "  unproven" in line]) == 10
        at = next(at for at, line in enumerate(lines) if "web/node_modules" in line)
        told = lines[at + 1 : lines.index("", at)]
        assert told[0] == "    /srv/shop/web/node_modules"
        assert " ".join(line.strip() for line in told[1:]) == (
            "npm: .package-lock.json inside package.json beside it"
            " note: the lock file is older than package.json"
            " to get it back: npm ci"
        )
        assert all(len(line) <= (width or 1000) for line in told)


def test_what_a_stopped_run_did_not_come_to_is_one_line() -> None:
    undecided = [
        replace(row(f"/srv/{number}/dist", 0, "interrupted"), complete=False)
        for number in range(133)
    ]
    lines = drawn(report([*MIXED.artifacts, *undecided]), Look(width=80))
    assert lines[-1] == "                        and 133 that the run did not come to"
    assert not [line for line in lines if "0 B" in line]
    assert drawn(report(undecided), Look(width=80)) == [
        "Kept in /srv:",
        "  133 that the run did not come to",
    ]


def test_after_a_deletion_there_is_a_section_for_each_end() -> None:
    rows = [
        replace(row("/srv/a/node_modules", 4 * MIB), outcome="deleted"),
        replace(row("/srv/b/node_modules", 3 * MIB), outcome="failed", error="Permission denied"),
        row("/srv/c/node_modules", 2 * MIB),
        unproven("/srv/d/dist"),
    ]
    lines = drawn(report(rows, mode="delete"), Look(width=80))
    titles = [line for line in lines if line.endswith(":")]
    assert titles == ["Deleted in /srv:", "Failed:", "Left:", "Kept:"]
    assert [line for line in lines if "b/node_modules  Permission denied" in line] != []


def test_only_what_is_about_to_be_deleted_is_red() -> None:
    def colours(look: Look, shown: Report = MIXED) -> set[str]:
        segments = [segment for piece in table(shown, look) for segment in piece.segments]
        styles = [
            one.style for one in segments if one.style and one.style.color and one.text.strip()
        ]
        return {f"{style.color.name}{style.bold or ''}" for style in styles if style.color}

    assert colours(Look()) == {"cyan"}
    assert colours(Look(about_to_delete=True)) == {"red"}
    gone = replace(MIXED.artifacts[0], outcome="deleted")
    assert colours(Look(), report([gone], mode="delete")) == {"green"}
    failed = replace(MIXED.artifacts[0], outcome="failed", error="no")
    assert colours(Look(), report([failed], mode="delete")) == {"redTrue"}


def test_what_is_about_to_go_has_the_numbers_that_the_question_takes() -> None:
    rows = [row(f"/srv/{number:02}/node_modules", MIB) for number in range(1, 12)]
    look = Look(width=80, top=2, about_to_delete=True)
    lines = drawn(report([*rows, unproven("/srv/01/dist")]), look)
    assert lines[1:6] == [
        "       Size            Last used  Path",
        " 1  1.0 MiB  ████████  1 month    01/node_modules",
        " 2  1.0 MiB  ████████  1 month    02/node_modules",
        "                                  and 9 more, 9.0 MiB (--top 0 shows all)",
        "",
    ]
    assert (
        lines[-1] == "    4.0 KiB  1 month    01/dist  unproven: nothing inside shows who made it"
    )


def test_what_was_included_says_so_and_what_else_is_in_it() -> None:
    known = replace(
        row("/srv/a/dist", MIB).evidence,
        also_inside=["not made by its tool: notes.txt"],
        besides=["included with --include-unproven"],
    )
    included = replace(row("/srv/a/dist", MIB), evidence=known)
    for width in (80, 120):
        lines = drawn(report([included, row("/srv/b/dist", MIB)]), Look(width=width))
        assert lines[2].endswith("  a/dist  included despite notes.txt")


def test_an_artifact_that_is_searched_itself_does_not_lie_in_itself() -> None:
    assert drawn(report([row("/srv", MIB)]), Look(width=80))[0] == "Can be deleted:"


def test_a_low_terminal_shows_fewer() -> None:
    many = report([row(f"/srv/{number}/node_modules", 5) for number in range(90)])
    assert [default_top(many, height) for height in (10, 24, 30, 50)] == [5, 14, 20, 20]
    kept = report([*many.artifacts, *(unproven(f"/srv/{number}/dist") for number in range(9))])
    assert [default_top(kept, height) for height in (10, 24, 30, 50)] == [5, 5, 9, 20]


def test_a_size_that_is_a_lower_bound_is_marked() -> None:
    assert not any("≥" in line for line in drawn(MIXED, Look()))
    part = replace(row("/srv/a/node_modules", MIB), complete=False)
    assert any("≥ 1.0 MiB" in line for line in drawn(report([part]), Look()))


def test_what_may_come_back_has_a_column_where_it_is_not_what_surely_does() -> None:
    assert not any("Up to" in line for line in drawn(MIXED, Look(width=80)))
    shared = replace(
        row("/srv/a/node_modules", 5 * MIB), reclaimable_at_most_bytes=112 * MIB, shared_bytes=MIB
    )
    close = replace(row("/srv/b/dist", 100 * MIB), reclaimable_at_most_bytes=105 * MIB)
    kept = replace(unproven("/srv/c/dist", MIB), shared_bytes=0)
    shown = report([shared, close, kept])
    for about in (False, True):
        lines = drawn(shown, Look(width=56, about_to_delete=about))
        number = (" ", "1", "2") if about else ("", "", "")
        assert lines[1:4] == [
            f"{number[0]}       Size      Up to  Last used  Path",
            f"{number[1]}    5.0 MiB  112.0 MiB  1 month    a/node_modules",
            f"{number[2]}  100.0 MiB             1 month    b/dist",
        ]
        assert lines[6].split()[:3] == ["1.0", "MiB", "1"]
        assert len({line.index("1 month") for line in (*lines[2:4], lines[6])}) == 1
    # What is not shown is told with both numbers, too.
    [more] = [line for line in drawn(shown, Look(width=80, top=1)) if "more" in line]
    assert more.strip() == "and 1 more, 100.0 MiB (--top 0 shows all)"
    [more] = [
        line
        for line in drawn(report([close, shared]), Look(width=80, top=1))
        if line.strip().startswith("and 1")
    ]
    assert more.strip() == "and 1 more, 5.0 MiB, up to 112.0 MiB (--top 0 shows all)"


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
        many = report([row(f"/srv/project-{n:05}/node_modules", 1000) for n in range(count)])
        match kind:
            case "json":
                to_json(many)
            case "plain":
                list(plain.lines(many))
            case _:
                width = 80 if "80" in kind else 200
                _print(table(many, Look(width=width)))

    show(10)  # What is loaded and remembered at first is no work of the rows.
    assert calls(lambda: show(800)) < 2.1 * calls(lambda: show(400))


def _print(pieces: Iterator[RenderableType]) -> str:
    console = Console(file=io.StringIO(), width=1000, color_system=None, force_terminal=False)
    for piece in pieces:
        console.print(piece, crop=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
