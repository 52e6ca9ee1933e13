"""What is searched: several paths of which some cannot be, and symlinks that somebody else made."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanup_nodemodule.system import symlinks
from support.accounts import ANOTHER, SOMEBODY, give_away
from support.needs import needs_root
from support.processes import bound, mode
from support.tool import PROJECT, Run, Tool
from support.trees import declare
from support.waiting import TIMEOUT


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Path]:
    """Two users' directories with a project each, where both can get."""
    needs_root()
    for name, owner in (("a", SOMEBODY), ("b", ANOTHER)):
        declare(tmp_path / name, {"own": {"app": PROJECT}})
        give_away(tmp_path / name, account=owner)
    yield tmp_path
    assert (tmp_path / "b/own/app/node_modules/file").exists()


def link(path: Path, target: str | Path, owner: int) -> Path:
    path.symlink_to(target)
    os.lchown(path, owner, owner)
    return path


# Symlinks on the way.


@pytest.mark.parametrize("target", ["../b/own", "{top}/b/own", "hop", "../a/hop/."])
def test_a_symlink_of_one_user_to_what_is_anothers_is_not_followed(
    tool: Tool, homes: Path, target: str
) -> None:
    link(homes / "a/hop", "../b/own", SOMEBODY)
    link(homes / "a/src", target.format(top=homes), SOMEBODY)
    for path in ("a/src", "a/src/app", "a/../a/src"):
        told = tool.delete(homes / path)
        assert told.code == 2
        [problem] = told.document["problems"]
        assert problem["errno"] == "EACCES"
        assert f"type: -p {homes}/b/own" in problem["message"]
        assert "made by somebody" in problem["message"]
    # The command that tells what a run decides does not go there either.
    for arguments in (
        (homes / "a/src/app/node_modules",),
        (homes / "b/own/app/node_modules", "-p", homes / "a/src"),
    ):
        with tool.start("explain", *arguments) as process:
            output, errors = process.communicate(timeout=TIMEOUT)
        assert (process.returncode, output) == (2, "")
        assert "made by somebody" in errors
    # What to type is what works.
    told = tool.run(homes / "b/own")
    assert (told.code, told.reasons) == (0, {"app/node_modules": None})


def test_a_symlink_to_a_directory_above_both_is_not_followed(tool: Tool, homes: Path) -> None:
    link(homes / "a/up", homes, SOMEBODY)
    told = tool.delete(homes / "a/up/b/own")
    assert told.code == 2
    assert f"{homes}/a/up is a symlink to {homes}" in told.errors


@pytest.mark.parametrize(("owner", "target"), [(SOMEBODY, "own"), (0, "../b/own"), (0, "../a/own")])
def test_a_symlink_of_root_or_to_ones_own_is_followed(
    tool: Tool, homes: Path, owner: int, target: str
) -> None:
    link(homes / "a/src", target, owner)
    told = tool.run(homes / "a/src")
    assert (told.code, len(told.rows)) == (0, 1)
    assert told.document["roots"] == [os.path.realpath(homes / "a/src")]


@pytest.mark.parametrize(
    ("caller", "followed"), [(SOMEBODY, True), (ANOTHER, False), (64003, False)]
)
def test_there_is_one_rule_for_everybody(
    homes: Path, monkeypatch: pytest.MonkeyPatch, caller: int, *, followed: bool
) -> None:
    """An ordinary user would search elsewhere than meant, too; who made the symlink knows."""
    src = link(homes / "a/src", "../b/own", SOMEBODY)
    monkeypatch.setattr(os, "geteuid", lambda: caller)
    if followed:
        assert symlinks.resolve(str(src))[0] == str(homes / "b/own")
    else:
        with pytest.raises(symlinks.LinkError, match="made by somebody"):
            symlinks.resolve(str(src))


def test_a_refused_path_next_to_others_leaves_those_searched(tool: Tool, homes: Path) -> None:
    link(homes / "a/src", "../b/own", SOMEBODY)
    told = tool.delete(homes / "a/own", "-p", homes / "a/src")
    assert (told.code, told.outcomes) == (3, {"app/node_modules": "deleted"})
    [problem] = told.document["problems"]
    assert (problem["path"], problem["doing"]) == (f"{homes}/a/src", "search")
    assert f"type: -p {homes}/b/own" in problem["message"]


def test_the_owner_and_the_target_are_those_of_one_symlink(
    homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root's symlink is swapped for the user's own between the two questions."""
    src = link(homes / "a/src", "own", 0)
    readlink = os.readlink

    def swapped(path: str, **how: int) -> str:
        src.unlink()
        link(src, "../b/own", SOMEBODY)
        return readlink(path, **how)

    monkeypatch.setattr(os, "readlink", swapped)
    assert symlinks.resolve(str(src))[0] == str(homes / "a/own")


def test_what_the_way_led_to_is_what_is_told_whatever_is_swapped(
    homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory is swapped for a symlink when the way has just passed it."""
    expected = os.stat(homes / "a/own/app").st_ino
    fstat = os.fstat

    def swapped(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        if status.st_ino == expected and (homes / "a/own").is_dir():
            shutil.move(homes / "a/own", homes / "a/gone")
            link(homes / "a/own", "../b/own", SOMEBODY)
        return status

    monkeypatch.setattr(os, "fstat", swapped)
    _, status = symlinks.resolve(str(homes / "a/own/app"))
    assert status.st_ino == expected


def test_dots_and_loops_are_resolved_as_by_the_system(tmp_path: Path) -> None:
    declare(tmp_path, {"a": {"b": {"c": {}}}, "l": Path("a/b"), "x": Path("y"), "y": Path("x")})
    for path in ("a/./b//c", "l/../b", "l/c/../..", "a/b/c/../../../l", "."):
        assert symlinks.resolve(f"{tmp_path}/{path}")[0] == os.path.realpath(tmp_path / path)
    with pytest.raises(OSError, match="Too many levels"):
        symlinks.resolve(str(tmp_path / "x"))
    assert symlinks.resolve("/")[0] == "/"
    assert symlinks.resolve("/..")[0] == "/"


# Several paths.


def test_a_path_that_cannot_be_searched_leaves_the_others_searched(
    tool: Tool, tmp_path: Path
) -> None:
    top = tmp_path / "work"
    declare(top, {"app": PROJECT, "file": "x"})
    missing = ("-p", top / "nowhere", "-p", top / "file", "-p", top / "file/below")
    told = tool.run(top, *missing)
    assert (told.code, told.reasons) == (3, {"app/node_modules": None})
    assert told.document["roots"] == [str(top)]
    assert told.document["complete"] is False
    assert told.problems == {
        ("nowhere", "ENOENT"),
        ("file", "ENOTDIR"),
        ("file/below", "ENOTDIR"),
    }
    for problem in told.document["problems"]:
        assert problem["doing"] == "search"
        assert "type the path of a directory that exists" in problem["message"]
    told = tool.delete(top, *missing)
    assert (told.code, told.outcomes) == (3, {"app/node_modules": "deleted"})


def test_a_path_that_may_not_be_reached_leaves_the_others_searched(
    tool: Tool, tmp_path: Path
) -> None:
    top = tmp_path / "work"
    declare(top, {"app": PROJECT, "closed": {"inside": {}}})
    with mode(top / "closed", 0):
        told = tool.run(top / "app", "-p", top / "closed/inside", prefix=bound())
    assert (told.code, told.reasons) == (3, {"node_modules": None})
    [problem] = told.document["problems"]
    assert (problem["path"], problem["errno"]) == (f"{top}/closed/inside", "EACCES")


def test_a_path_that_may_not_be_listed_cannot_be_searched(tool: Tool, tmp_path: Path) -> None:
    top = tmp_path / "work"
    declare(top, {"app": PROJECT, "closed": {"inside": {}}})
    with mode(top / "closed", 0):
        alone = tool.run(top / "closed", prefix=bound())
        beside = tool.run(top / "app", "-p", top / "closed", prefix=bound())
    assert (alone.code, beside.code) == (2, 3)
    assert f"cannot search {top}/closed: Permission denied" in alone.errors
    assert beside.reasons == {"node_modules": None}
    [problem] = beside.document["problems"]
    assert (problem["path"], problem["errno"]) == (f"{top}/closed", "EACCES")


def test_where_none_can_be_searched_the_command_line_is_wrong(run: Run) -> None:
    result = run("-p", "nowhere", "-p", "there", "--no-dry-run")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "cleanup-nodemodule: cannot search nowhere: No such file or directory;"
        " type the path of a directory that exists\n"
    )
