"""What goes is chosen by filters: on the command line, in the library, and by what a file system itself counts."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

import cleanup_nodemodule
from cleanup_nodemodule import Filters, Keep, Settings, Share
from cleanup_nodemodule.model import Failed, Reason, Removed
from cleanup_nodemodule.proof import last_used
from cleanup_nodemodule.survey.choose import choose
from cleanup_nodemodule.survey.reached import with_results
from support import simple
from support.filesystems import Mounts
from support.git import git
from support.tool import Tool
from support.trees import declare

DAY = 86400


def project(top: Path, days: float, size: int = 5000) -> Path:
    """Make a project that was last used so many days ago, and return its artifact."""
    declare(top, {"package.json": "{}", "node_modules": {"a": {"index.js": size}}})
    then = time.time() - days * DAY
    for path in (top / "package.json", top / "node_modules/a/index.js"):
        os.utime(path, (then, then))
    return top / "node_modules"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Projects of different ages and sizes."""
    top = tmp_path / "work"
    project(top / "new", 1, 200_000)
    project(top / "month", 31, 5000)
    project(top / "old/year", 370, 50_000)
    return top


NEW, MONTH, YEAR = "new/node_modules", "month/node_modules", "old/year/node_modules"


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (("--older-than", "30d"), {NEW: "too-recent"}),
        (("--older-than", "2 weeks"), {NEW: "too-recent"}),
        (("--newer-than", "1y"), {YEAR: "too-old"}),
        (("--older-than", "7d", "--newer-than", "6mo"), {NEW: "too-recent", YEAR: "too-old"}),
        (("--min-size", "40KB"), {MONTH: "too-small"}),
        (("--max-size", "100 KiB"), {NEW: "too-large"}),
        (("--only", "old"), {NEW: "not-matched", MONTH: "not-matched"}),
        (("--only", "new", "--only", "month"), {YEAR: "not-matched"}),
        (("--keep-latest", "1"), {NEW: "latest"}),
        (("--keep-latest", "2"), {NEW: "latest", MONTH: "latest"}),
        (("--free", "40KB"), {NEW: "enough", MONTH: "enough"}),
        (("--free", "40KB", "--order", "size"), {YEAR: "enough", MONTH: "enough"}),
        (("--free", "40KB", "--keep-latest", "2"), {NEW: "latest", MONTH: "latest"}),
        (("--max-total", "210KB"), {NEW: "enough"}),
        (("--max-total", "0B"), {}),
        (("--until-free", "1B"), dict.fromkeys((NEW, MONTH, YEAR), "enough")),
        (("--max-depth", "1"), {}),
    ],
    ids=" ".join,
)
def test_each_kept_directory_says_which_filter_keeps_it(
    tool: Tool, work: Path, options: tuple[str, ...], kept: dict[str, str]
) -> None:
    told = tool.run(work, *options)
    assert told.code == 0
    found = {NEW, MONTH, YEAR} if options[0] != "--max-depth" else {NEW, MONTH}
    assert told.reasons == dict.fromkeys(found) | kept
    for path in kept:
        detail = told.rows[path]["reason_detail"]
        assert any(option in detail for option in options), detail


def test_a_deletion_deletes_what_the_filters_let_go_and_nothing_else(
    tool: Tool, work: Path
) -> None:
    told = tool.delete(work, "--older-than", "30d", "--min-size", "40KB")
    assert told.code == 0
    assert not (work / YEAR).exists()
    assert (work / NEW).exists()
    assert (work / MONTH).exists()
    assert told.outcomes == {NEW: None, MONTH: None, YEAR: "deleted"}


@pytest.mark.parametrize("option", ["--free", "--until-free", "--max-total"])
def test_the_trash_reaches_no_goal(tool: Tool, work: Path, option: str) -> None:
    for more in ((), ("--no-dry-run", "--yes")):
        told = tool.tell(work, option, "40KB", "--trash", *more)
        assert (told.returncode, told.stdout) == (2, "")
        assert f"{option} cannot be reached by moving to the trash" in told.stderr
    plan = cleanup_nodemodule.scan(Settings(roots=(str(work),), filters=Filters(free=40_000)))
    with pytest.raises(cleanup_nodemodule.CleanupError, match="--free 40KB cannot be reached"):
        cleanup_nodemodule.delete(plan, trash=True)
    assert (work / YEAR).is_dir()


def test_what_a_filter_says_is_itself_in_a_spreadsheet(tool: Tool, work: Path) -> None:
    for option in ("--older-than", "--free"):
        value = "30d" if option == "--older-than" else "1B"
        told = tool.tell(work, option, value, "--format", "csv")
        assert f"({option} {value})" in told.stdout
        assert "'" not in told.stdout


def test_what_is_missing_to_a_goal_is_said(tool: Tool, work: Path) -> None:
    told = tool.run(work, "--free", "1GB")
    assert told.reasons == dict.fromkeys((NEW, MONTH, YEAR))
    [goal] = told.document["goals"]
    freed = told.document["totals"]["reclaimable_bytes"]
    assert (goal["option"], goal["wanted_bytes"]) == ("--free 1GB", 10**9)
    assert (goal["reached_bytes"], goal["missing_bytes"]) == (freed, 10**9 - freed)
    said = tool.tell(work, "--free", "1GB").stderr
    assert f"--free 1GB is not reached on {goal['file_system']}: " in said
    assert "are missing, because nothing else can be deleted." in said
    said = tool.tell(work, "--free", "1GB", "--older-than", "30d").stderr
    assert "are missing, because the other filters let nothing else go." in said
    said = tool.tell(work, "--max-total", "1GB").stderr
    assert "--max-total 1GB is reached on " in said
    assert " without a deletion." in said


def test_what_filters_keep_is_said_where_it_is_shown(tool: Tool, work: Path) -> None:
    told = tool.tell(work, "--older-than", "2y")
    assert "None of 3 is to be deleted. 3 are kept: too-recent." in told.stderr
    assert "explain" not in told.stderr
    assert "explain" not in tool.tell(work, "--keep-latest", "2").stderr
    told = tool.tell(work, "--older-than", "30d", "-v")
    assert ": last used 1 day ago (--older-than 30d)" in told.stderr


def test_advice_is_given_of_what_would_go_only(tool: Tool, work: Path) -> None:
    for name, days in {"young": 1, "aged": 90, "older": 200}.items():
        declare(work / name, {"dist": {"x": 9000}, "mark": "x"})
        aged(work / name, days)

    def advised(*options: str) -> list[str]:
        lines = tool.tell(work, *options, "--profile", "js").stderr.splitlines()
        return sorted(
            os.path.relpath(word, work)
            for line in lines
            if "know that" in line
            for word in line.rpartition("--include-unproven ")[2].split()
        )

    both = ["aged/dist", "older/dist"]
    assert advised() == [*both, "young/dist"]
    assert advised("--older-than", "30d") == both
    assert advised("--newer-than", "100d") == ["aged/dist", "young/dist"]
    assert advised("--only", "older") == ["older/dist"]
    assert advised("--only", "nothing") == []
    assert advised("--min-size", "1MB") == []
    assert advised("--keep-latest", "9") == []
    assert advised("--free", "1B") == []
    assert advised("--free", "1GB", "--max-size", "1MB") == [*both, "young/dist"]
    # What was included already still is.
    assert advised("--older-than", "30d", "--include-unproven", str(work / "aged/dist")) == both


def test_the_working_trees_of_one_repository_belong_together(tool: Tool, tmp_path: Path) -> None:
    """The main one, two more of it, a repository of its own, and what lies in none."""
    work = tmp_path / "work"
    main = work / "main"
    declare(main, {"package.json": "{}", ".gitignore": "node_modules\n"})
    git(main, "init", "-q", "-b", "main")
    git(main, "add", ".")
    git(main, "commit", "-qm", "x")
    for name in ("one", "two"):
        git(main, "worktree", "add", "-q", str(work / name), "-b", name)
    other = work / "other"
    declare(other, {".gitignore": "node_modules\n"})
    git(other, "init", "-q")
    for name in ("main", "one", "two", "other", "none"):
        project(work / name, 10)
    now = time.time()
    days = {"main": 30, "one": 20, "two": 10, "other": 400, "none": 500}
    for name, ago in days.items():
        then = now - ago * DAY
        for directory, _, files in os.walk(work / name):
            for file in files:
                if "worktrees" not in directory:
                    os.utime(Path(directory, file), (then, then))
    for name in ("one", "two"):
        for directory, _, files in os.walk(main / ".git/worktrees" / name):
            for file in files:
                os.utime(Path(directory, file), (now - days[name] * DAY,) * 2)
    reasons = tool.run(work, "--keep-latest", "1/repo").reasons
    assert {path.partition("/")[0]: reason for path, reason in reasons.items()} == {
        "main": None,
        "one": None,
        "two": "latest",
        "other": "latest",
        "none": "latest",
    }
    two = tool.run(work, "--keep-latest", "2/repo")
    assert [path for path, reason in two.reasons.items() if reason is None] == ["main/node_modules"]
    assert (
        two.rows["none/node_modules"]["reason_detail"]
        == "it lies in no repository of git (--keep-latest 2/repo)"
    )


def aged(top: Path, days: float) -> None:
    """Make all files beneath *top* as old as that, those of git too."""
    then = time.time() - days * DAY
    for directory, _, files in os.walk(top):
        for file in files:
            os.utime(Path(directory, file), (then, then))


def latest(tool: Tool, work: Path, *options: str) -> set[str]:
    reasons = tool.run(work, *options).reasons
    return {os.path.dirname(path) for path, reason in reasons.items() if reason == "latest"}


def test_a_working_tree_in_another_one_is_the_latest_without_it(tool: Tool, tmp_path: Path) -> None:
    work = tmp_path / "work"
    main, feature = work / "main", work / "main/.worktrees/feature"
    project(main, 0)
    (main / ".gitignore").write_text("node_modules\n.worktrees\n")
    git(main, "init", "-q", "-b", "main")
    git(main, "add", ".")
    git(main, "commit", "-qm", "x")
    git(main, "worktree", "add", "-q", str(feature), "-b", "feature")
    git(main, "worktree", "add", "-q", str(work / "side"), "-b", "side")
    for tree in (feature, work / "side"):
        declare(tree, {"node_modules": {"a": {"index.js": 5000}}})
    aged(work, 300)
    for tree, days in ((work / "side", 20), (feature, 1)):
        aged(tree, days)
        aged(main / ".git/worktrees" / tree.name, days)
    assert latest(tool, work, "--keep-latest", "1/repo") == {"main/.worktrees/feature"}
    assert latest(tool, work, "--keep-latest", "1") == {"main/.worktrees/feature"}
    assert latest(tool, work, "--keep-latest", "2") == {"main/.worktrees/feature", "side"}
    # Without sources of its own in it, it still is a working tree of its own.
    (feature / "node_modules").rename(work / "side/node_modules/b")
    project(feature / "web", 1)
    assert latest(tool, work, "--keep-latest", "1") == {"main/.worktrees/feature/web"}
    assert latest(tool, work, "--keep-latest", "2") == {"main/.worktrees/feature/web", "side"}


@pytest.mark.parametrize("committed", [True, False])
def test_a_package_is_the_latest_without_the_one_around_it(
    tool: Tool, tmp_path: Path, *, committed: bool
) -> None:
    """Git may have been at work in all of them since, as for a commit of one."""
    work = tmp_path / "work"
    for name, days in {"mono": 300, "mono/a": 200, "mono/b": 2, "mono/c": 100, "else": 150}.items():
        project(work / name, days)
    if committed:
        (work / "mono/.gitignore").write_text("node_modules\n")
        git(work / "mono", "init", "-q")
        for file in (work / "mono/.git").rglob("*"):
            os.utime(file, (time.time() - DAY,) * 2)
    order = ["mono/b", "mono/c", "mono/a" if committed else "else"]
    if committed:
        os.utime(work / "mono/.gitignore", (time.time() - 300 * DAY,) * 2)
    for count in (1, 2, 3):
        assert latest(tool, work, "--keep-latest", str(count)) == set(order[:count])
    assert latest(tool, work, "--keep-latest", "1", "--older-than", "30d") <= {"mono/b"}
    # What is installed for all packages is in use where one of them is.
    assert tool.run(work, "--older-than", "30d").reasons["mono/node_modules"] == "too-recent"


def test_what_nobody_knows_the_last_use_of_stays_in_addition(tool: Tool, tmp_path: Path) -> None:
    work = tmp_path / "work"
    for name, days in {"old": 300, "new": 1, "ahead": -10}.items():
        project(work / name, days)
    project(work / "never", 5)
    for path in (work / "never").rglob("*"):
        os.utime(path, (0, 0))
    told = tool.run(work, "--keep-latest", "1")
    assert {path for path, reason in told.reasons.items() if reason is None} == {"old/node_modules"}
    details = {path: row["reason_detail"] for path, row in told.rows.items()}
    assert details["ahead/node_modules"].startswith(
        "its project was last used after this run began"
    )
    assert details["new/node_modules"].startswith("its project is the one that was used last")


def test_what_could_not_be_looked_at_may_have_been_used_just_now(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(work / "old/year/src", {f"{number}": {"file": "x"} for number in range(20)})
    aged(work, 300)
    month = 30 * DAY
    assert len(cleanup_nodemodule.scan(settings(work, older_than=month)).selected) == 3
    monkeypatch.setattr(last_used, "_MAX", 12)
    plan = cleanup_nodemodule.scan(settings(work, older_than=month))
    assert len(plan.selected) == 2
    [kept] = [one for one in plan.artifacts if not one.selected]
    assert (kept.path, kept.used) == (str(work / YEAR), None)
    assert kept.decision == Keep(
        Reason.TOO_RECENT, "nobody knows when it was last used (--older-than 30d)"
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--older-than", "3m"), "may mean minutes or months; type 3min or 3mo"),
        (("--older-than", "30"), "--older-than 30 needs a unit; type 30d for days"),
        (("--free", "1,5GB"), "--free '1,5GB' has a comma"),
        (("--min-size", "100"), "--min-size 100 needs a unit; type 100MB"),
        (("--until-free", "100%"), "--until-free takes a share above 0% and below 100%"),
        (("--keep-latest", "0"), "--keep-latest takes a number of projects such as 3"),
        (("--keep-latest", "2/project"), "or of working trees of each repository such as 2/repo"),
        (("--only", "a,b"), "type: --only a --only b"),
        (("--only", "!a"), "use --exclude 'a'"),
        (("--older-than", "30d", "--newer-than", "7d"), "nothing is older than 30d and newer than"),
        (("--min-size", "2GB", "--max-size", "1GB"), "nothing has at least 2GB and at most 1GB"),
        (("--max-depth", "-1"), "--max-depth cannot be -1"),
        (("--min-depth", "3", "--max-depth", "2"), "swap --min-depth and --max-depth"),
        (("--age", "30"), "did you mean --older-than 30d?"),
        (("--larger-than", "1GB"), "did you mean --min-size 100MB?"),
        (("--order", "old"), "--order cannot be old"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_right_is_refused_with_what_to_type(
    tool: Tool, work: Path, options: tuple[str, ...], says: str
) -> None:
    told = tool.run(work, *options)
    assert told.code == 2
    assert says in told.errors


def settings(top: Path, **filters: Any) -> Settings:
    return Settings(roots=(str(top),), own_rules=simple.rules(), filters=Filters(**filters))


def test_a_program_chooses_by_seconds_and_bytes(work: Path) -> None:
    def kept(**filters: Any) -> dict[str, str]:
        plan = cleanup_nodemodule.scan(settings(work, **filters))
        return {
            os.path.relpath(one.path, work): one.decision.reason.value
            for one in plan.artifacts
            if isinstance(one.decision, Keep)
        }

    assert kept(older_than=30 * DAY) == {NEW: "too-recent"}
    assert kept(keep_latest=2, order="size") == {NEW: "latest", MONTH: "latest"}
    assert kept(free=40_000) == {NEW: "enough", MONTH: "enough"}
    assert set(kept(until_free=Share(0.0001)).values()) == {"enough"}
    plan = cleanup_nodemodule.scan(settings(work, free=10**15))
    [goal] = plan.goals
    assert goal.missing_bytes == 10**15 - plan.reclaimable_bytes
    outcome = cleanup_nodemodule.delete(
        cleanup_nodemodule.scan(settings(work, older_than=300 * DAY))
    )
    assert [one.artifact.path for one in outcome.results] == [str(work / YEAR)]


@pytest.mark.parametrize("goal", [{"free": 10**9}, {"max_total": 0}, {"until_free": 1 << 60}])
def test_a_goal_says_what_is_chosen_and_then_what_is_deleted(
    work: Path, goal: dict[str, Any]
) -> None:
    plan = cleanup_nodemodule.scan(settings(work, **goal))
    [whole] = plan.goals
    first, *others = plan.selected
    assert others
    less = sum(one.size.reclaimable_bytes for one in others)
    sign = 1 if "max_total" in goal else -1
    chosen = choose(plan, {first.path})
    failed = [Failed(one, 0, (), interrupted=False) for one in others]
    deleted = with_results(plan, [Removed(first, 1, gone=False), *failed])
    for [now] in (chosen.goals, deleted.goals):
        assert whole.reached_bytes is not None
        assert whole.missing_bytes is not None
        assert now.reached_bytes == whole.reached_bytes + sign * less
        assert now.missing_bytes == whole.missing_bytes + less
    assert with_results(plan, [Removed(one, 1, gone=False) for one in plan.selected]) is plan


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"older_than": -1}, "older_than takes a number of seconds"),
        ({"free": "20GB"}, "free takes a number of bytes, 0 or more, and '20GB' is none"),
        ({"min_size": True}, "min_size takes a number of bytes"),
        ({"only": "web"}, "only has to be a tuple of texts"),
        ({"keep_latest": 0}, "--keep-latest cannot be 0"),
        ({"order": "name"}, "--order cannot be 'name'; type age or size"),
        ({"until_free": Share(100)}, "--until-free takes a share above 0% and below 100%"),
    ],
)
def test_a_program_is_told_what_cannot_be_right(filters: dict[str, Any], says: str) -> None:
    with pytest.raises(cleanup_nodemodule.CleanupError, match=says):
        Filters(**filters)


def test_what_was_used_since_it_was_looked_at_stays(work: Path) -> None:
    plan = cleanup_nodemodule.scan(settings(work, older_than=30 * DAY))
    assert len(plan.selected) == 2
    os.utime(work / "month/package.json")
    outcome = cleanup_nodemodule.delete(plan)
    assert (work / MONTH).exists()
    assert not (work / YEAR).exists()
    assert [
        type(one).__name__ for one in outcome.results if one.artifact.path == str(work / MONTH)
    ] == ["Failed"]


# What a file system itself counts


def free_bytes(place: Path) -> int:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.sync()
        status = os.fstatvfs(descriptor)
    finally:
        os.close(descriptor)
    return status.f_bfree * status.f_frsize


def linked(top: Path) -> None:
    """Make projects whose packages share files with each other, with a store and with one that is in use no more."""
    store = top / "store"
    declare(store, {"kept": 300_000})
    for number in range(6):
        artifact = project(top / f"p{number}", 100 - number, 40_000 + 10_000 * number)
        (artifact / "kept").hardlink_to(store / "kept")
    shared = top / "p0/node_modules/shared"
    shared.write_bytes(b"x" * 500_000)
    for number in (2, 3):
        (top / f"p{number}/node_modules/shared").hardlink_to(shared)
    late = top / "p1/node_modules/late"
    late.write_bytes(b"x" * 400_000)
    (top / "p5/node_modules/late").hardlink_to(late)


@pytest.mark.parametrize("asked", [1, 60_000, 150_000, 600_000, 1_000_000, 1_300_000])
def test_what_goes_gives_back_what_the_file_system_counts_to_the_byte(
    tool: Tool, disks: Mounts, tmp_path: Path, asked: int
) -> None:
    disk = disks.image("ext4", tmp_path / "disk", mebibytes=32)
    linked(disk)
    before = free_bytes(disk)
    told = tool.delete(disk, "--free", f"{asked}B")
    assert told.code == 0
    given_back = free_bytes(disk) - before
    [goal] = told.document["goals"]
    assert goal["reached_bytes"] == given_back == told.document["totals"]["freed_bytes"]
    deleted = [path for path, outcome in told.outcomes.items() if outcome == "deleted"]
    assert given_back >= asked or len(deleted) == 6
    # In the order of their age, and without the last one it would not be enough.
    assert sorted(deleted) == [f"p{number}/node_modules" for number in range(len(deleted))]
    if len(deleted) > 1:
        disks.close()
        again = disks.image("ext4", tmp_path / "again", mebibytes=32)
        linked(again)
        before = free_bytes(again)
        tool.delete(*(again / f"p{number}" for number in range(len(deleted) - 1)))
        assert free_bytes(again) - before < asked


def test_it_stops_when_so_much_is_available(tool: Tool, disks: Mounts, tmp_path: Path) -> None:
    disk = disks.image("ext4", tmp_path / "disk", mebibytes=32)
    for number in range(5):
        project(disk / f"p{number}", 100 - number, 1_000_000)
    os.sync()
    status = os.statvfs(disk)
    available = status.f_bavail * status.f_frsize
    nothing = tool.delete(disk, "--until-free", f"{available}B")
    assert set(nothing.reasons.values()) == {"enough"}
    assert "has " in nothing.rows["p0/node_modules"]["reason_detail"]
    told = tool.delete(disk, "--until-free", f"{available + 1_500_000}B")
    assert [path for path, one in told.outcomes.items() if one] == [
        "p0/node_modules",
        "p1/node_modules",
    ]
    os.sync()
    status = os.statvfs(disk)
    assert status.f_bavail * status.f_frsize >= available + 1_500_000
    [goal] = told.document["goals"]
    assert (goal["file_system"], goal["missing_bytes"]) == (str(disk), 0)
    share = tool.run(disk, "--until-free", "99%")
    [goal] = share.document["goals"]
    assert goal["wanted_bytes"] >= 0.99 * status.f_blocks * status.f_frsize
    assert goal["missing_bytes"] > 0


def test_two_file_systems_are_each_counted_on_their_own(
    tool: Tool, disks: Mounts, tmp_path: Path
) -> None:
    one = disks.image("ext4", tmp_path / "one", mebibytes=32)
    two = disks.image("ext4", tmp_path / "two", mebibytes=32)
    for number in range(3):
        project(one / f"p{number}", 100 - number, 500_000)
        project(two / f"p{number}", 10 - number, 500_000)
    told = tool.run(one, two, "--free", "600KB")
    assert told.code == 0, told
    goes = [row["path"] for row in told.document["artifacts"] if row["decision"] == "delete"]
    assert sorted(goes) == [
        f"{disk}/p{number}/node_modules" for disk in (one, two) for number in (0, 1)
    ]
    assert [goal["file_system"] for goal in told.document["goals"]] == [str(one), str(two)]
    capped = tool.run(one, two, "--max-total", "600KB")
    goes = [row["path"] for row in capped.document["artifacts"] if row["decision"] == "delete"]
    assert sorted(goes) == [
        f"{disk}/p{number}/node_modules" for disk in (one, two) for number in (0, 1)
    ]
