"""Carrying out what was approved: what is done is what was approved, by whatever proves it again."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cleanup_nodemodule import engine as engines
from cleanup_nodemodule.config.settings import SettingsError
from cleanup_nodemodule.delete.carry_out import ProveAgain, carry_out
from cleanup_nodemodule.model import (
    Approved,
    Artifact,
    DeletingMode,
    Failed,
    Outcome,
    Problem,
    Progress,
    Removed,
    Trashed,
)
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.record import state_directory
from cleanup_nodemodule.record.write import Journal
from cleanup_nodemodule.work.scheduler import Scheduler
from support.journals import a_run
from support.removals import approve, artifact, told
from support.trees import declare, listing
from support.waiting import TIMEOUT


class Again:
    """Proves again what it was told of, and has something against nothing, or one artifact."""

    def __init__(self, against: Problem | None = None) -> None:
        self.against = against
        self.prepared: list[str] = []
        self.asked: list[str] = []
        self.closed = False

    async def prepare(self, artifacts: Sequence[Artifact]) -> "Again":
        self.prepared = [one.path for one in artifacts]
        return self

    async def before(self, artifact: Artifact) -> Problem | None:
        assert not self.closed
        self.asked.append(artifact.path)
        return self.against

    async def behind(self, _artifact: Artifact, _place: str) -> Problem | None:
        return None

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """An artifact."""
    declare(tmp_path / "project", {"dist": {"bundle.js": 9000}, "src": {"index.js": "precious"}})
    return tmp_path / "project" / "dist"


@pytest.fixture
def trash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the desktop's trash is for the test."""
    place = tmp_path / "trash"
    place.mkdir()

    def send(path: str) -> None:
        os.rename(path, place / os.path.basename(path))

    monkeypatch.setattr("send2trash.send2trash", send)
    return place


def carried_out(
    approved: Approved,
    prove_again: ProveAgain,
    recorded: DeletingMode = "delete",
    progress: list[Progress] | None = None,
) -> Outcome:
    """Carry out what was *approved*, in a run that the journal says is for what is *recorded*."""
    watched = [] if progress is None else progress

    async def work() -> Outcome:
        with (
            ThreadPoolExecutor(1) as executor,
            Journal(state_directory.directory(), a_run("/", mode=recorded)) as journal,
        ):
            async with asyncio.timeout(TIMEOUT):
                scheduler = Scheduler(executor, 1)
                return await carry_out(approved, scheduler, journal, prove_again, watched.append)

    return asyncio.run(work())


@pytest.mark.parametrize("recorded", ["delete", "trash"])
def test_what_is_approved_for_the_trash_is_never_deleted_whatever_the_record_says(
    dist: Path, trash: Path, monkeypatch: pytest.MonkeyPatch, recorded: DeletingMode
) -> None:
    monkeypatch.setattr(engines, "remove", lambda *_: pytest.fail("something was deleted"))
    inside = listing(dist)
    outcome = carried_out(approve([artifact(dist)], "trash"), Again().prepare, recorded)
    assert [type(result) for result in outcome.results] == [Trashed]
    assert not dist.exists()
    assert listing(trash / "dist") == inside
    assert told() == [("dist", "trashed")]


@pytest.mark.parametrize("recorded", ["delete", "trash"])
def test_what_is_approved_for_deletion_is_deleted_whatever_the_record_says(
    dist: Path, trash: Path, recorded: DeletingMode
) -> None:
    outcome = carried_out(approve([artifact(dist)], "delete"), Again().prepare, recorded)
    assert [type(result) for result in outcome.results] == [Removed]
    assert not dist.exists()
    assert listing(trash) == []
    assert told() == [("dist", "deleted")]


@pytest.mark.parametrize("mode", ["delete", "trash"])
def test_what_proves_again_is_asked_before_anything_happens_and_closed(
    dist: Path, trash: Path, mode: DeletingMode
) -> None:
    problem = Problem(str(dist), ProblemCode.PROTECTED, detail="excluded")
    again = Again(problem)
    before = listing(dist.parent)
    outcome = carried_out(approve([artifact(dist)], mode), again.prepare, mode)
    [result] = outcome.results
    assert isinstance(result, Failed)
    assert (result.untouched, result.problems) == (True, (problem,))
    assert (again.prepared, again.asked, again.closed) == ([str(dist)], [str(dist)], True)
    assert listing(dist.parent) == before
    assert listing(trash) == []


def test_where_nobody_can_prove_again_nothing_is_touched(dist: Path) -> None:
    async def prepare(_artifacts: Sequence[Artifact]) -> Again:
        raise SettingsError("keep: 'a,b' has a comma")

    before = listing(dist.parent)
    outcome = carried_out(approve([artifact(dist)]), prepare)
    [result] = outcome.results
    assert isinstance(result, Failed)
    assert (result.untouched, result.problems[0].why) == (True, "keep: 'a,b' has a comma")
    assert listing(dist.parent) == before
    assert told() == []


def test_who_watches_is_told_how_many_there_are_and_what_is_done(dist: Path) -> None:
    progress: list[Progress] = []
    size = artifact(dist)
    outcome = carried_out(approve([size]), Again().prepare, progress=progress)
    assert {one.artifacts for one in progress} == {1}
    assert (progress[-1].deleted, progress[-1].freed_bytes) == (1, outcome.freed_bytes)
    assert outcome.freed_bytes > 0
