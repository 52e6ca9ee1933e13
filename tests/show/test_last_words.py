"""The last words of a run: each reason has a sentence and a command, and the last line is what to do next."""

import shlex
from dataclasses import replace

import pytest

from cleanup_nodemodule.model import Difference, Mode, Reason
from cleanup_nodemodule.proof.in_use import OVERRIDE
from cleanup_nodemodule.report.observed import ObservedRow
from cleanup_nodemodule.report.rows import (
    ArtifactRow,
    EvidenceRow,
    LeftoverRow,
    OtherRow,
    ProblemRow,
    Report,
    Tool,
    Totals,
)
from cleanup_nodemodule.show import last_words
from cleanup_nodemodule.show.last_words import Asked
from cleanup_nodemodule.show.reasons import MEANINGS
from cleanup_nodemodule.system import mounts

MEBIBYTE = 1 << 20
ASKED = Asked(("-p", "work"), ("-p", "work", "--trash"), "artifacts of the profile js")


def row(
    path: str, reason: Reason | None = None, detail: str | None = None, size: int = MEBIBYTE
) -> ArtifactRow:
    kept = reason is not None
    return ArtifactRow(
        path=path,
        name="node_modules",
        rule=None,
        ecosystem="js",
        project="/w",
        root="/w",
        host="host",
        owner="me",
        file_system=None,
        inode=1,
        evidence=EvidenceRow([], [], [], [] if detail is None else [detail]),
        decision="keep" if kept else "delete",
        reason=reason.value if reason else None,
        reason_detail=detail,
        apparent_bytes=size,
        allocated_bytes=size,
        reclaimable_bytes=0 if kept else size,
        files=1,
        directories=1,
        inside=0,
        complete=True,
        last_used_at=None,
        regenerate=None,
        regenerate_in=None,
        warnings=[],
        outcome=None,
        error=None,
        left_at=None,
        reclaimable_at_most_bytes=0 if kept else size,
        shared_bytes=0,
    )


def report(*rows: ArtifactRow, mode: Mode = "dry-run") -> Report:
    gone = [one for one in rows if one.outcome == "deleted"]
    return Report(
        *(2, Tool("cleanup-nodemodule", "1", "native"), "host", "2026-01-01T00:00:00+00:00", 0.1),
        *(mode, ["/w"]),
        complete=True,
        artifacts=list(rows),
        problems=[],
        totals=Totals(
            found=len(rows),
            selected=sum(one.decision == "delete" for one in rows),
            allocated_bytes=sum(one.allocated_bytes for one in rows),
            reclaimable_bytes=sum(one.reclaimable_bytes for one in rows),
            deleted=len(gone),
            failed=sum(one.outcome == "failed" for one in rows),
            trashed=0,
            freed_bytes=sum(one.allocated_bytes for one in gone),
            observed_freed_bytes=None,
            reclaimable_at_most_bytes=sum(row.reclaimable_at_most_bytes for row in rows),
            shared_bytes=sum(row.shared_bytes for row in rows),
            counted_bytes=0,
        ),
        leftovers=[],
        unseen_processes=0,
        unmatched_patterns=[],
        other_ecosystems=[],
        gates=[],
    )


def said(told: Report, asked: Asked = ASKED, *, signalled: bool = False) -> list[str]:
    return list(last_words.last_words(told, asked, signalled=signalled, exceeded=False))


# What is kept, and what to do about it.


@pytest.mark.parametrize(
    ("reason", "detail", "line"),
    [
        (
            Reason.UNDECLARED,
            "left-pad",
            (
                "undeclared: some packages in it are declared nowhere, so nothing brings them back. If you can"
                " do without those packages, include it: cleanup-nodemodule -p work --include-unproven '/w/a b'"
            ),
        ),
        (
            Reason.TRACKED,
            "git tracks files inside",
            (
                "tracked: git tracks files inside. If git should not track it, add it to .gitignore and"
                " type: git -C /w rm -r --cached 'a b'"
            ),
        ),
        (
            Reason.IN_USE,
            "node (4711) is at work in /w",
            "in-use: node (4711) is at work in /w. End it, then run the command again",
        ),
        (
            Reason.IN_USE,
            f"it belongs to somebody else, and 1 process could not be looked at; {OVERRIDE}",
            (
                "in-use: it belongs to somebody else, and 1 process could not be looked at. To find out, run"
                " it as root. To take it for unused: cleanup-nodemodule -p work --assume-unused"
            ),
        ),
        (
            Reason.FOREIGN,
            "/w/a b/x",
            (
                "foreign: only its owner may delete /w/a b/x. To include it, type as root:"
                " cleanup-nodemodule -p work --include-foreign"
            ),
        ),
        (
            Reason.MOUNT_POINT,
            "/w/a b/cache",
            (
                "mount-point: something is mounted on /w/a b/cache. To include it, type: umount"
                " '/w/a b/cache'. To search what is mounted there: cleanup-nodemodule '/w/a b/cache'"
            ),
        ),
        (
            Reason.REPOSITORY_INSIDE,
            "/w/a b/mine",
            (
                "repository-inside: the git repository /w/a b/mine lies inside it. To include it, move that"
                " repository elsewhere. To see what is in it: git -C '/w/a b/mine' status"
            ),
        ),
        (
            Reason.GIT_FAILED,
            "git gave no answer in /w: dubious ownership; if you trust its owner, type: git config x",
            (
                "git-failed: git gave no answer in /w: dubious ownership; if you trust its owner, type:"
                " git config x."
            ),
        ),
        (
            Reason.CURRENT_DIRECTORY,
            None,
            (
                "current-directory: the current directory is inside it. Leave it, then run the command"
                " again: cd /w"
            ),
        ),
        (
            Reason.EXCLUDED,
            "there is a .cleanup-keep in /w",
            "excluded: there is a .cleanup-keep in /w. To include it, delete that file",
        ),
        (
            Reason.EXCLUDED,
            "--exclude b names what is inside",
            "excluded: --exclude b names what is inside. To include it, leave that option out, or take it out of the file that has it",
        ),
    ],
)
def test_each_reason_says_how_to_include_it(reason: Reason, detail: str | None, line: str) -> None:
    assert said(report(row("/w/a b", reason, detail))) == [
        f"None of 1 can be deleted. 1 is kept: {reason.value}.",
        line,
        "To find out why one is kept: cleanup-nodemodule explain PATH",
    ]


def test_what_may_not_be_read_is_named() -> None:
    told = report(row("/w/a", Reason.UNREADABLE))
    told = replace(
        told, problems=[ProblemRow("host", "/w/a/x", "open", "EACCES", "Permission denied", "open")]
    )
    line = "unreadable: /w/a/x: Permission denied."
    assert said(told)[1] == f"{line} To have it read, type as root: cleanup-nodemodule -p work"
    # Root is not told to become root.
    assert line not in said(told, replace(ASKED, root=True))
    assert line in said(told, replace(ASKED, root=True, verbose=True))


def test_every_reason_has_a_meaning_and_is_told_in_full_if_asked_for() -> None:
    rows = [row(f"/w/{reason.value}", reason) for reason in Reason]
    assert set(MEANINGS) == {reason.value for reason in Reason}
    lines = said(report(*rows), replace(ASKED, verbose=True))
    for reason in set(Reason) - {Reason.INTERRUPTED, Reason.NOT_CHOSEN}:
        assert any(line.startswith(f"{reason.value}: ") for line in lines), reason


def test_only_the_largest_reasons_are_told_and_the_largest_of_each() -> None:
    reasons = (Reason.UNPROVEN, Reason.MODIFIED, Reason.PRECIOUS, Reason.UNDECLARED)
    rows = [
        row(f"/w/{reason.value}{number}", reason, size=number * rank)
        for rank, reason in enumerate(reasons, 1)
        for number in range(1, 6)
    ]
    lines = said(report(*rows))
    assert [line.partition(":")[0] for line in lines[1:4]] == ["undeclared", "precious", "modified"]
    assert lines[1].endswith(
        "include them (these are the 3 largest): cleanup-nodemodule -p work --include-unproven"
        " /w/undeclared5 /w/undeclared4 /w/undeclared3"
    )
    assert len(lines) == 5
    assert len(said(report(*rows), replace(ASKED, verbose=True))) == 6


# What to do next.


def test_the_last_line_of_a_dry_run_is_the_command_that_deletes_just_that() -> None:
    told = replace(report(row("/w/a")), other_ecosystems=[OtherRow("python", 2)])
    assert said(told) == [
        "1 of 1 can be deleted, which frees 1.0 MiB.",
        (
            "Other profiles have directories there, too: 2 of python. To look at them:"
            " cleanup-nodemodule -p work --profile python"
        ),
        (
            "Nothing was deleted, because this was a dry run. To delete:"
            " cleanup-nodemodule -p work --trash --no-dry-run"
        ),
    ]


@pytest.mark.parametrize("leftover", [False, True])
def test_after_an_interruption_the_last_line_is_what_finishes_it(*, leftover: bool) -> None:
    gone = replace(row("/w/a"), outcome="deleted")
    half = replace(
        row("/w/b"),
        outcome="failed",
        error="interrupted; what is left of it is at /w/.x",
        left_at="/w/.x",
    )
    told = report(gone, half, row("/w/c"), mode="delete")
    if leftover:
        told = report(gone, row("/w/c"), mode="delete")
        told.leftovers.append(LeftoverRow("host", "/w/.x", "/w/b", "run", "failed", "interrupted"))
    lines = said(told, signalled=True)
    assert lines[0].startswith("Interrupted: deleted 1 of ")
    assert lines[-1].endswith(": cleanup-nodemodule resume")


def test_an_interruption_between_two_says_how_to_go_on() -> None:
    told = report(replace(row("/w/a"), outcome="deleted"), row("/w/c"), mode="delete")
    assert said(told, signalled=True)[-2:] == [
        "1 was not begun.",
        "To delete the rest: cleanup-nodemodule -p work --trash --no-dry-run",
    ]


def test_nothing_found_says_what_was_looked_for_and_where_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = ("/", "/w", "/w/disk", "/wide", "/w/two words", "/w/x/node_modules/y")
    monkeypatch.setattr(mounts, "mounted", lambda: {**dict.fromkeys(points, "xfs"), "/w/p": "proc"})
    found = report(row("/w/x/node_modules"))
    assert [line.partition(" is another")[0] for line in said(found) if "another file" in line] == [
        "/w/disk",
        "/w/two words",
    ]
    assert said(report()) == [
        "Nothing was found in /w. This run looked for artifacts of the profile js.",
        "To look for what the tools of other languages make: cleanup-nodemodule -p work --profile all",
        "/w/disk is another file system and was not searched. To search it: cleanup-nodemodule /w/disk",
        (
            "/w/two words is another file system and was not searched. To search it:"
            " cleanup-nodemodule '/w/two words'"
        ),
        (
            "/w/x/node_modules/y is another file system and was not searched. To search it:"
            " cleanup-nodemodule /w/x/node_modules/y"
        ),
    ]
    monkeypatch.setattr(mounts, "mounted", lambda: {"/": "xfs"})
    asked = Asked(("-p", "work", "--targets", "dist", "--also", "out"), looked_for="dist")
    assert said(report(), asked)[1:] == [
        (
            "To look for what the tools of other languages make:"
            " cleanup-nodemodule -p work --also out --profile all"
        )
    ]
    assert said(report(), Asked(("-p", "work", "--profile", "all")))[1:] == []


# What was freed.


def seen(
    grown: int | None,
    difference: Difference | None = None,
    *,
    promised: tuple[int, int] | None = (100, 100),
    settled: bool = True,
    by: str | None = None,
    size: int | None = None,
    where: str = "/w",
) -> ObservedRow:
    """Return what became of free space; all sizes are MiB."""
    least, most = promised or (None, None)
    return ObservedRow(
        "host",
        where,
        "btrfs",
        MEBIBYTE * 1000,
        None if grown is None else MEBIBYTE * (1000 + grown),
        None if grown is None else MEBIBYTE * grown,
        settled=settled,
        freed_bytes=MEBIBYTE * (100 if least is None else least),
        counted_bytes=MEBIBYTE * 100,
        promised_bytes=None if least is None else MEBIBYTE * least,
        promised_at_most_bytes=None if most is None else MEBIBYTE * most,
        difference=None if difference is None else difference.value,
        difference_by=by,
        difference_bytes=None if size is None else MEBIBYTE * size,
    )


def after(*rows: ObservedRow) -> list[str]:
    """Return what is said when artifacts of 100 MiB were deleted."""
    deleted = replace(row("/w/a", size=100 * MEBIBYTE), outcome="deleted")
    return said(replace(report(deleted, mode="delete"), observed=list(rows)))


@pytest.mark.parametrize(
    ("rows", "freed"),
    [
        ([], "100.0 MiB"),
        ([seen(None)], "100.0 MiB"),
        # It was as promised, whatever others have done.
        ([seen(99)], "100.0 MiB"),
        ([seen(50, Difference.SNAPSHOT)], "100.0 MiB"),
        ([seen(55, promised=(53, 55))], "53.0 MiB"),
        # Where nobody could promise, the file system says it.
        ([seen(20, promised=(5, 100))], "20.0 MiB"),
        ([seen(None, promised=(53, 55))], "53.0 MiB"),
        ([seen(2, Difference.OTHERS, promised=(53, 55))], "53.0 MiB"),
        ([seen(20, promised=(5, 100), settled=False)], "5.0 MiB, up to 100.0 MiB"),
        ([seen(None, promised=(5, 100)), seen(99)], "105.0 MiB, up to 200.0 MiB"),
        # Nobody can say what was to come of a part.
        ([seen(20, promised=None)], "100.0 MiB"),
    ],
)
def test_what_was_freed_is_what_was_promised_or_else_observed(
    rows: list[ObservedRow], freed: str
) -> None:
    assert after(*rows)[0] == f"Deleted 1 of 1, which freed {freed}."


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (seen(100), None),
        (seen(None), None),
        (
            seen(5, Difference.HELD_OPEN, by="node (123)", size=95),
            "grew by 5.0 MiB only: node (123) still has 95.0 MiB of it open, which comes back later.",
        ),
        (
            seen(5, Difference.HELD_OPEN, by="node (123) and 2 more"),
            "grew by 5.0 MiB only: node (123) and 2 more still have some of it open, which comes back later.",
        ),
        (
            seen(-3, Difference.OTHERS_AT_WORK, size=7),
            (
                "did not grow: other programs are at work there, and changed it by 7.0 MiB within a"
                " second."
            ),
        ),
        (
            seen(90, Difference.UNSETTLED, settled=False),
            "grew by 90.0 MiB only: the file system gives back the rest later.",
        ),
        (
            seen(5, Difference.LOWER_LAYERS),
            "grew by 5.0 MiB only: files of a lower layer take as much space as before.",
        ),
        (
            seen(5, Difference.SNAPSHOT),
            (
                "grew by 5.0 MiB only: a snapshot or a copy may have some of it, or other programs wrote at"
                " the same time."
            ),
        ),
        (
            seen(5, Difference.OTHERS),
            "grew by 5.0 MiB only: other programs probably wrote at the same time.",
        ),
        (
            seen(200, Difference.OTHERS),
            "grew by 200.0 MiB: other programs probably freed some at the same time.",
        ),
        (
            seen(200, Difference.OTHERS_AT_WORK, size=7),
            (
                "grew by 200.0 MiB: other programs are at work there, and changed it by 7.0 MiB within a"
                " second."
            ),
        ),
    ],
)
def test_free_space_is_told_only_where_it_differs_and_why(
    one: ObservedRow, line: str | None
) -> None:
    assert after(one)[1:] == ([] if line is None else [f"Free space {line}"])


def test_each_reason_has_words() -> None:
    for difference in Difference:
        assert len(after(seen(5, difference))) == 2


def test_which_file_system_differs_is_said_where_there_are_several() -> None:
    lines = after(seen(100), seen(5, Difference.OTHERS, where="/mnt/other disk"))
    assert lines[1:] == [
        "/mnt/other disk: Free space grew by 5.0 MiB only: other programs probably wrote at the same time."
    ]


def test_commands_can_be_pasted_whatever_a_path_holds() -> None:
    path = "/w/it's $(x)/node_modules"
    line = said(report(row(path, Reason.UNPROVEN)))[1]
    assert shlex.split(line.rpartition(": ")[2])[-1] == path
