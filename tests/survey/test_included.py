"""Including what nothing proves: by a name beside the others, or by its path."""

from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule.run import limits
from support.accounts import SOMEBODY, give
from support.git import git
from support.judges import DELETE, verdicts
from support.needs import needs_root
from support.tool import PROJECT, Tool, facts
from support.trees import Declared, declare, listing

TREE: Final[dict[str | bytes, Any]] = {
    "app": PROJECT,
    "notes": {"dist": {"essay": ""}, "out": {"x": ""}, "build": {"tool": ""}},
    "web": {"package.json": "{}", "dist": {"x": ""}},
}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    declare(tmp_path / "work", TREE)
    return tmp_path / "work"


def test_a_name_besides_leaves_the_others_as_they_were(tool: Tool, work: Path) -> None:
    before = tool.run(work).reasons
    assert before["app/node_modules"] is None
    assert before["notes/dist"] == "unproven"
    told = tool.delete(work, "--also", "dist", "essays")
    assert told.code == 0
    assert told.outcomes == {
        **dict.fromkeys(before),
        **dict.fromkeys(("app/node_modules", "notes/dist", "web/dist"), "deleted"),
    }
    assert told.reasons == {**before, "notes/dist": None, "web/dist": None}
    assert "named with --also" in facts(told.rows["notes/dist"])


def test_a_name_besides_goes_with_targets(tool: Tool, work: Path) -> None:
    told = tool.run(work, "--targets", "out", "--also", "build", "--also=nothing")
    assert told.reasons == {"notes/out": None, "notes/build": None}
    assert "named with --targets" in facts(told.rows["notes/out"])


def test_what_is_included_by_its_path_is_that_and_nothing_else(tool: Tool, work: Path) -> None:
    before = tool.run(work).reasons
    told = tool.delete(work, "--include-unproven", "work/notes/dist", cwd=work.parent)
    assert told.code == 0
    assert told.reasons == {**before, "notes/dist": None}
    assert "included with --include-unproven" in facts(told.rows["notes/dist"])
    assert not (work / "notes/dist").exists()
    assert (work / "web/dist").exists()
    assert not (work / "app/node_modules").exists()


def test_several_are_included_and_by_any_way(tool: Tool, work: Path, tmp_path: Path) -> None:
    declare(tmp_path, {"link": Path("work")})
    told = tool.run(
        work, "--include-unproven", tmp_path / "link/notes/dist", work / "web/../web/dist/"
    )
    assert (told.code, told.reasons["notes/dist"], told.reasons["web/dist"]) == (0, None, None)


@pytest.mark.parametrize("kept", ["tracked", "excluded", "repository-inside"])
def test_what_is_protected_is_kept_all_the_same(tool: Tool, work: Path, kept: str) -> None:
    if kept == "tracked":
        git(work / "notes", "init", "--quiet")
        git(work / "notes", "add", "--force", "dist")
    elif kept == "excluded":
        declare(work / "notes", {".cleanup-keep": ""})
    else:
        git(work / "notes/dist", "init", "--quiet")
    told = tool.delete(work, "--include-unproven", work / "notes/dist", "--also", "out")
    assert told.reasons["notes/dist"] == kept
    assert (work / "notes/dist/essay").exists()


def test_one_that_is_not_there_is_wrong_usage(tool: Tool, work: Path) -> None:
    before = listing(work)
    told = tool.delete(work, "--include-unproven", work / "notes/dist", work / "nowhere")
    assert told.code == 2
    assert f"{work}/nowhere" in told.errors
    assert "listed as unproven" in told.errors
    assert listing(work) == before


def test_one_by_a_symlink_that_somebody_else_made_is_not_included(
    tool: Tool, work: Path, tmp_path: Path
) -> None:
    needs_root()
    declare(tmp_path / "theirs", {"notes": Path("../work/notes")})
    give(SOMEBODY, tmp_path / "theirs/notes")
    told = tool.delete(work, "--include-unproven", tmp_path / "theirs/notes/dist")
    assert told.code == 2
    assert "made by somebody" in told.errors
    assert (work / "notes/dist/essay").exists()
    assert (work / "app/node_modules/file").exists()


def test_one_that_was_not_found_as_unproven_is_said(tool: Tool, work: Path, tmp_path: Path) -> None:
    declare(tmp_path, {"elsewhere": {"dist": {}}})
    paths = (work / "notes", work / "app/node_modules", tmp_path / "elsewhere/dist")
    told = tool.run(work, "--include-unproven", *paths)
    assert told.code == 3
    assert [(one["path"], one["doing"]) for one in told.document["problems"]] == [
        (str(tmp_path / "elsewhere/dist"), "include"),
        (str(work / "notes"), "include"),
    ]
    assert "--also NAME" in told.document["problems"][0]["message"]
    # What is proven needs nobody's word.
    row = told.rows["app/node_modules"]
    assert row["reason"] is None
    assert "included with --include-unproven" not in facts(row)


def test_the_library_has_both(work: Path) -> None:
    assert verdicts(work, also=("out",))["notes/out"] == DELETE
    told = verdicts(work, include_unproven=(str(work / "web/dist"),))
    assert (told["web/dist"], told["notes/dist"]) == (DELETE, "unproven")


# The limit of a run that would delete.


@pytest.mark.parametrize(("limit", "code"), [("0", 4), ("1", 0), ("1KB", 4), ("1GB", 0)])
def test_a_dry_run_tells_that_it_would_be_too_much(
    tool: Tool, work: Path, limit: str, code: int
) -> None:
    before = listing(work)
    told = tool.run(work, "--max-delete", limit)
    assert told.code == code
    assert (f"more than --max-delete {limit} allows" in told.errors) is (code == 4)
    assert "see what it is with --dry-run" not in told.errors
    plain = tool.start("-p", work, "--max-delete", limit)
    assert ("To delete: cleanup-nodemodule" in plain.communicate()[1]) is (code == 0)
    assert told.document["complete"] is True
    assert told.document["totals"]["selected"] == 1
    assert listing(work) == before
    assert tool.delete(work, "--max-delete", limit).code == code


@pytest.mark.parametrize("unit", ["", "GB"])
@pytest.mark.parametrize("number", ["9" * 6000, "0." + "9" * 6000])
def test_a_limit_of_many_digits_is_no_limit(number: str, unit: str) -> None:
    with pytest.raises(limits.LimitError) as refused:
        limits.parse_limit(number + unit)
    assert len(str(refused.value)) < 300
    assert limits.parse_limit("9" * 35 + "GB").bytes


# Snapshots.

SNAPSHOTS: Final = (".snapshot", "~snapshot", ".snapshots", ".snap", "#snapshot", ".zfs")


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_what_was_before_is_not_searched(tool: Tool, tmp_path: Path, name: str) -> None:
    past: Declared = {"hourly.0": {"app": PROJECT}, "snapshot": {"daily": {"app": PROJECT}}}
    top = tmp_path / "work"
    declare(
        top, {"app": PROJECT, name: past, "deep": {name: {"1": {"snapshot": {"app": PROJECT}}}}}
    )
    options = ("--profile", "all", "--also", "app", "hourly.0")
    assert set(tool.run(top).rows) == {"app/node_modules"}
    told = tool.run(top, *options)
    assert set(told.rows) == {"app"}
    told = tool.delete(top)
    assert told.outcomes == {"app/node_modules": "deleted"}
    assert (top / name / "hourly.0/app/node_modules/file").exists()
    # Unless that is what somebody asks for.
    assert set(tool.run(top / name).rows) == {
        "hourly.0/app/node_modules",
        "snapshot/daily/app/node_modules",
    }
    told = tool.delete(top, "--targets", name)
    assert told.code == 2
    assert "snapshots" in told.errors
