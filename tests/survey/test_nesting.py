"""Artifacts within artifacts: each directory is measured a fixed number of times, and git is asked in few rounds."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule import engine
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.engine.contract import Measurement
from cleanup_nodemodule.model import Contents, Plan
from cleanup_nodemodule.proof import git
from cleanup_nodemodule.survey import nesting, survey
from cleanup_nodemodule.work.scheduler import Scheduler
from support import simple
from support.git import git as run_git
from support.trees import declare

LEVELS: Final = 100


def make_plan(top: Path) -> Plan:
    async def plan() -> Plan:
        with ThreadPoolExecutor(2) as executor:
            made = Settings(roots=(str(top),), cwd=str(top), own_rules=simple.rules())
            return await survey.make_plan(made, Scheduler(executor, 2))

    return asyncio.run(plan())


def chain(top: Path, levels: int, *, repository: bool) -> None:
    """Make ``dist`` in ``dist`` so often, with a package.json beside each."""
    place = top
    for _ in range(levels):
        declare(place, {"package.json": "{}", "dist": {"file": 5000}})
        place /= "dist"
    if repository:
        run_git(top, "init", "--quiet")


@pytest.mark.parametrize("repository", [False, True], ids=["outside", "in a repository"])
def test_twice_as_many_levels_are_twice_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, repository: bool
) -> None:
    measure, ask = engine.measure, git.Asker.ask
    work = {"directories": 0, "git": 0}

    def counting(*arguments: Any) -> Measurement:
        measurement = measure(*arguments)
        work["directories"] += measurement.usage.directories
        return measurement

    async def asking(*arguments: Any, **named: Any) -> Any:
        work["git"] += 1
        return await ask(*arguments, **named)

    monkeypatch.setattr(engine, "measure", counting)
    monkeypatch.setattr(git.Asker, "ask", asking)
    for levels in (LEVELS, 2 * LEVELS):
        top = tmp_path / str(levels)
        top.mkdir()
        chain(top, levels, repository=repository)
        work.update(directories=0, git=0)
        plan = make_plan(top)
        assert len(plan.artifacts) == levels
        assert plan.complete
        # What git was asked about first was measured by then; all else once.
        assert work["directories"] <= (2 if repository else 1) * levels
        assert work["git"] <= (2 if repository else 0)


@pytest.mark.parametrize("repository", [False, True], ids=["outside", "in a repository"])
def test_each_row_has_what_is_no_other_row_s(tmp_path: Path, *, repository: bool) -> None:
    """With what was measured apart put together again, and links that lead from one to the other."""
    chain(tmp_path, 5, repository=repository)
    deepest = tmp_path.joinpath(*["dist"] * 5)
    os.link(tmp_path / "dist/file", deepest / "linked")
    os.utime(deepest / "file", (4e9, 4e9))
    declare(tmp_path / "dist/dist/dist", {"held": {".git": {}}})
    rows = make_plan(tmp_path).artifacts
    assert [os.path.relpath(row.path, tmp_path) for row in rows] == [
        "/".join(["dist"] * level) for level in range(1, 6)
    ]
    for level, row in enumerate(rows, 1):
        own = [
            place
            for place in (Path(row.path), *Path(row.path).rglob("*"))
            if level == 5 or "dist" not in place.relative_to(row.path).parts
        ]
        sizes = [place.lstat() for place in own if level > 1 or place.name != "file"]
        assert row.size.apparent_bytes == sum(one.st_size for one in sizes)
        assert row.contents.directories == sum(place.is_dir() for place in own)
        assert row.contents.newest == 4_000_000_000
        held = str(tmp_path / "dist/dist/dist/held")
        assert row.contents.repositories == ((held,) if level <= 3 else ())


def test_what_lies_in_an_artifact_beneath_a_disproved_one_is_a_part_of_it(tmp_path: Path) -> None:
    """It is searched before git has said that what lies around it is ignored."""
    chain(tmp_path, 4, repository=True)
    (tmp_path / ".gitignore").write_text("/dist/dist/dist\n")
    rows = make_plan(tmp_path).artifacts
    assert [(os.path.relpath(row.path, tmp_path), row.selected) for row in rows] == [
        ("dist", False),
        ("dist/dist", False),
        ("dist/dist/dist", True),
    ]
    inside = [tmp_path / "dist/dist/dist", *(tmp_path / "dist/dist/dist").rglob("*")]
    assert rows[-1].size.apparent_bytes == sum(one.lstat().st_size for one in inside)


def contents(met: tuple[str, ...], late: tuple[str, ...] = (), unlisted: int = 0) -> Contents:
    return Contents(*(0, 0, 0, 0, 0, True, (), ()), met=met, late=late, unlisted=unlisted)


def test_what_was_met_in_an_inner_one_gets_the_path_from_the_outer_one() -> None:
    outer = contents(("a/b", "z"), ("z",), 1)
    inner = contents(("k/x.key", "x.key"), ("x.key",), 2)
    both = nesting.joined(outer, inner, "n/dist")
    assert both == contents(
        ("a/b", "n/dist/k/x.key", "n/dist/x.key", "z"), ("n/dist/x.key", "z"), 3
    )
    assert nesting.joined(outer, contents(()), "n/dist") == outer
    assert nesting.less_inner(both, inner, "n/dist") == contents(outer.met, outer.late, 3)


def test_only_what_lies_in_the_inner_one_is_taken_out() -> None:
    """Some names come between a directory and what lies in it as text does, and as paths do not."""
    met = ("d", "d-x", "d.x/k", "d/k", "d/k/m", "d/\udcff", "d0", "dd/k", "e/d/k")
    left = ("d", "d-x", "d.x/k", "d0", "dd/k", "e/d/k")
    assert list(met) == sorted(met)
    assert nesting.less_inner(contents(met, met), contents(()), "d") == contents(left, left)
    assert nesting.less_inner(contents(met), contents(()), "x").met == met


def test_no_more_is_kept_of_both_than_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nesting, "MAX_LISTED", 3)
    both = nesting.joined(contents(("a", "x")), contents(("k", "l"), ("m",), 5), "d")
    assert both == contents(("a", "d/k", "d/l"), ("d/m",), 6)
