"""What is met inside an artifact keeps it, by the rules that everybody has."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule.survey import inside, survey
from support.filesystems import Mounts
from support.judges import DELETE, verdicts
from support.tool import Tool, facts
from support.trees import declare, listing, npm_project

REASONS: Final = {
    "precious": "precious",
    "undeclared": "undeclared",
    "modified": "modified",
    "unproven": "unproven",
    "proven": None,
}
"""What is done with each of the projects in the tree, by its name."""

NAMED: Final = {"precious": "users.sqlite", "undeclared": "acme", "modified": "left-pad/index.js"}
"""What the reason names."""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A project for each reason, and one that can go."""
    top = tmp_path / "work"
    declare(top, {name: npm_project({"left-pad": {"index.js": 10}}) for name in REASONS})
    declare(top / "precious/node_modules/left-pad", {"data": {"users.sqlite": "rows"}})
    declare(top / "undeclared/node_modules/acme", {"package.json": "{}", "index.js": "mine"})
    later = time.time() + 3600
    os.utime(top / "modified/node_modules/left-pad/index.js", (later, later))
    (top / "unproven/package.json").unlink()
    (top / "unproven/package-lock.json").unlink()
    (top / "unproven/node_modules/.package-lock.json").unlink()
    return top


def test_each_reason_names_what_it_is(plain: Tool, work: Path) -> None:
    told = plain.run(work)
    assert told.reasons == {f"{name}/node_modules": why for name, why in REASONS.items()}
    for name, what in NAMED.items():
        assert what in told.rows[f"{name}/node_modules"]["reason_detail"]


@pytest.mark.parametrize("name", [name for name, why in REASONS.items() if why is not None])
def test_what_is_in_doubt_is_included_by_its_path_and_nothing_else(
    plain: Tool, work: Path, name: str
) -> None:
    before = plain.run(work).reasons
    told = plain.delete(work, "--include-unproven", work / name / "node_modules")
    assert told.code == 0
    assert told.reasons == {**before, f"{name}/node_modules": None}
    assert "included with --include-unproven" in facts(told.rows[f"{name}/node_modules"])
    left = {path.parent.name for path in work.glob("*/node_modules")}
    assert left == {*REASONS} - {name, "proven"}


def test_a_search_that_begins_in_an_artifact_lists_that(plain: Tool, work: Path) -> None:
    told = plain.run(work / "proven/node_modules")
    assert told.reasons == {".": None}
    told = plain.delete(work / "undeclared/node_modules")
    assert told.reasons == {".": "undeclared"}
    assert (work / "undeclared/node_modules/acme/index.js").exists()


def test_what_is_mounted_is_kept_and_no_problem(plain: Tool, work: Path, disks: Mounts) -> None:
    disks.tmpfs(work / "proven/node_modules")
    declare(work / "proven/node_modules", {"pkg": {"index.js": 5}})
    told = plain.delete(work)
    assert (told.code, told.problems) == (0, set())
    assert told.reasons["proven/node_modules"] == "mount-point"
    assert (work / "proven/node_modules/pkg/index.js").exists()


def test_what_is_kept_is_one_row_and_says_how_many_are_in_it(plain: Tool, tmp_path: Path) -> None:
    package = {"package.json": "{}", "dist": {"x.js": 1}, "node_modules": {"b": {"index.js": 1}}}
    declare(tmp_path / "work", {"node_modules": {"a": package, "c": package}})
    before = listing(tmp_path / "work")
    told = plain.delete(tmp_path / "work")
    assert told.reasons == {"node_modules": "unproven"}
    assert told.rows["node_modules"]["inside"] == 4
    assert listing(tmp_path / "work") == before


def test_explain_begins_with_the_sentence_that_decides(plain: Tool, work: Path) -> None:
    def first(name: str) -> str:
        path = work / name / "node_modules"
        told = plain.tell("explain", "-p", work, path).stdout.splitlines()[0]
        assert told.startswith(f"{path}: ")
        return told.removeprefix(f"{path}: ")

    assert first("proven").startswith("can be deleted, because ")
    for name in ("precious", "undeclared", "modified", "unproven"):
        assert first(name).startswith(f"kept: {name}, because ")
        assert NAMED.get(name, "") in first(name)


def test_what_nobody_has_looked_at_is_kept(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a run is stopped after an artifact was measured."""

    async def stopped(*_: Any) -> None:
        return

    monkeypatch.setattr(survey, "look_inside", stopped)
    found = verdicts(work, simple_rules=False)
    assert found["proven/node_modules"] == DELETE
    assert found["precious/node_modules"] == found["modified/node_modules"] == "interrupted"


def test_what_cannot_be_looked_up_is_kept(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_part_of(_packages: str) -> Any:
        def fails(*_: Sequence[str]) -> None:
            raise ValueError("no such package")

        return fails

    monkeypatch.setattr(inside, "is_part_of", is_part_of)
    found = verdicts(work, simple_rules=False)
    assert found["proven/node_modules"] == DELETE
    assert found["precious/node_modules"] == found["modified/node_modules"] == "unreadable"
