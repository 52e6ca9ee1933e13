"""What was written into an artifact between the plan and its own turn."""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from cleanup_nodemodule import engine as engines
from cleanup_nodemodule.delete import changed, trash
from cleanup_nodemodule.engine.contract import Measurement, Root
from cleanup_nodemodule.model import Artifact, Contents, Failed, Outcome, Problem, Trashed
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.survey import nesting
from cleanup_nodemodule.work.scheduler import Scheduler
from support.removals import a_journal, approve, artifact, each_engine, remove, told
from support.trees import declare, listing
from support.waiting import TIMEOUT

LONG_AGO: Final = 1_600_000_000
"""When the files were written that the plan knows, seconds since the epoch."""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """An artifact all of whose files were written long ago."""
    place = tmp_path / "app/node_modules"
    declare(place, {"a": {"index.js": 10, "lib": {"x.js": 1}}, ".cache": {"b": {"k": 1}}, "f": 1})
    for path in place.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    return place


def measured(path: Path, seconds: int) -> Artifact:
    """Return the row of a plan whose inside was measured so many *seconds* ago."""
    row = artifact(path)
    return replace(row, contents=at(row.contents, int(time.time()) - seconds))


def at(contents: Contents, when: int) -> Contents:
    return replace(contents, measured_at=when)


CAME_UP: Final = "a reason to keep it came up after it was shown (modified):"


def why(failed: Failed) -> tuple[str, str | None, str]:
    [problem] = failed.problems
    assert failed.untouched
    assert failed.left_at is None
    return problem.path, problem.detail, problem.why


def calls(monkeypatch: pytest.MonkeyPatch, name: str) -> list[Root]:
    """Return the roots of the calls that the engine gets by this *name*."""
    roots: list[Root] = []
    really: Callable[..., Any] = getattr(engines, name)

    def call(root: Root, *arguments: Any) -> Any:
        roots.append(root)
        return really(root, *arguments)

    monkeypatch.setattr(engines, name, call)
    return roots


def trashed(rows: list[Artifact]) -> Outcome:
    """Have *rows* moved to the trash."""

    async def work() -> Outcome:
        with ThreadPoolExecutor(2) as executor, a_journal() as journal:
            async with asyncio.timeout(TIMEOUT):
                return await trash.trash(
                    *(approve(rows, "trash"), Scheduler(executor, 2), journal),
                    deleted=lambda _: None,
                )

    return asyncio.run(work())


@each_engine
@pytest.mark.parametrize("where", ["users.sqlite", "a/index.js", "a/lib/new.js"])
def test_a_file_that_was_written_since_the_plan_has_all_of_it_put_back(
    modules: Path, where: str
) -> None:
    row = measured(modules, 60)
    (modules / where).write_text("mine")
    before = listing(modules)
    [failed] = remove([row]).failed
    message = f"{CAME_UP} {where} in it was changed since the plan"
    assert why(failed) == (str(modules), "modified", message)
    assert listing(modules) == before
    assert (modules / where).read_text() == "mine"
    assert listing(modules.parent) == [b"node_modules", *(b"node_modules/" + one for one in before)]
    assert told() == [("node_modules", "kept")]


@each_engine
def test_the_first_of_several_is_named_and_the_others_are_counted(modules: Path) -> None:
    row = measured(modules, 60)
    declare(modules / "mine", {f"{number:04}": 1 for number in range(1100)})
    [failed] = remove([row]).failed
    _, _, message = why(failed)
    assert message.startswith(f"{CAME_UP} mine/")
    assert message.endswith(" and 1,099 more in it were changed since the plan")


@each_engine
@pytest.mark.parametrize("where", [".cache/new", ".cache/b/k", "a/.vite/deps/x.js"])
def test_what_tools_write_into_their_caches_keeps_nothing(modules: Path, where: str) -> None:
    row = measured(modules, 60)
    declare(modules, {where: "a tool's"})
    assert remove([row]).removed == [str(modules)]
    assert not modules.exists()


@each_engine
def test_what_nobody_has_changed_is_deleted(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = measured(modules, 60)
    found = calls(monkeypatch, "find")
    assert remove([row]).removed == [str(modules)]
    assert listing(modules.parent) == []
    assert found == []


@each_engine
@pytest.mark.parametrize(("since", "walks"), [(None, 0), (0, 0), (10, 0), (11, 1)])
def test_what_was_measured_a_moment_ago_is_only_looked_through_for_repositories(
    modules: Path, monkeypatch: pytest.MonkeyPatch, since: int | None, walks: int
) -> None:
    now = int(time.time())
    monkeypatch.setattr(changed, "time", SimpleNamespace(time=lambda: float(now)))
    row = artifact(modules)
    if since is not None:
        row = replace(row, contents=at(row.contents, now - since))
    found, walked = calls(monkeypatch, "find"), calls(monkeypatch, "measure")
    assert remove([row]).removed == [str(modules)]
    assert (len(found), len(walked)) == (1 - walks, walks)


@each_engine
def test_a_time_that_is_still_to_come_is_no_change(
    modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As archives give it to files. That of the last change, which nobody can set, is from before the plan."""
    to_come = time.time() + 1_000_000
    os.utime(modules / "a/index.js", (to_come, to_come))
    row = measured(modules, 0)
    monkeypatch.setattr(changed, "_SOON", -1)
    walked = calls(monkeypatch, "measure")
    assert remove([row]).removed == [str(modules)]
    assert len(walked) == 1


@each_engine
def test_a_repository_that_came_to_be_inside_keeps_it_whatever_its_times_are(modules: Path) -> None:
    row = measured(modules, 60)
    (modules / "own/.git").mkdir(parents=True)
    [failed] = remove([row]).failed
    assert failed.problems == (Problem(str(modules / "own"), ProblemCode.REPOSITORY_INSIDE),)
    assert failed.untouched


@each_engine
def test_clones_that_the_plan_knows_keep_nothing_and_others_do(modules: Path) -> None:
    git = {"HEAD": "ref: refs/heads/main\n", "objects": {}, "refs": {}}
    declare(modules, {"known": {".git": git}, "other": {".git": git}})
    for name in ("known", "other"):
        os.utime(modules / name / ".git/HEAD", (LONG_AGO, LONG_AGO))
    row = measured(modules, 60)
    clones: tuple[str, ...] = (str(modules / "known"),)
    [failed] = remove([replace(row, contents=replace(row.contents, clones=clones))]).failed
    assert failed.problems == (Problem(str(modules / "other"), ProblemCode.REPOSITORY_INSIDE),)
    clones = (str(modules / "known"), str(modules / "other"))
    run = remove([replace(row, contents=replace(row.contents, clones=clones))])
    assert run.removed == [str(modules)]


@each_engine
def test_what_came_to_be_mounted_in_it_keeps_it(
    modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = measured(modules, 60)
    really = engines.measure

    def measure(*arguments: Any) -> Measurement:
        measurement = really(*arguments)
        return measurement._replace(usage=measurement.usage._replace(mounts=[b"a/lib"]))

    monkeypatch.setattr(engines, "measure", measure)
    [failed] = remove([row]).failed
    assert why(failed) == (
        str(modules / "a/lib"),
        "mount-point",
        f"{CAME_UP.replace('modified', 'mount-point')} something is mounted there",
    )


def test_nothing_goes_to_the_trash_either_that_was_changed_since_the_plan(
    modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr("send2trash.send2trash", sent.append)
    row = measured(modules, 60)
    [result] = trashed([row]).results
    assert isinstance(result, Trashed)
    (modules / "users.sqlite").write_text("mine")
    [result] = trashed([row]).results
    assert isinstance(result, Failed)
    assert why(result)[1:] == (
        "modified",
        f"{CAME_UP} users.sqlite in it was changed since the plan",
    )
    assert sent == [str(modules)]


def test_what_is_one_with_others_was_measured_when_the_first_of_them_was() -> None:
    contents = Contents(*(0, 0, 0, 0, 0, True, (), ()))
    for outer, inner, both in [(5, 3, 3), (3, 5, 3), (5, 0, 5), (0, 5, 5), (0, 0, 0)]:
        joined = nesting.joined(at(contents, outer), at(contents, inner), "n")
        assert joined.measured_at == both
    assert nesting.less_inner(at(contents, 5), at(contents, 3), "n").measured_at == 5
