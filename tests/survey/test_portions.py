"""Rows that are handed out while a survey goes on: the same as those of the plan that is made at once."""

import asyncio
import contextlib
import os
import random
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import Artifact, Keep, Plan, Problem, Reason
from cleanup_nodemodule.survey import portions, search, survey
from cleanup_nodemodule.work.scheduler import Scheduler
from support import simple
from support.git import git

WORKERS: Final = 3

NAMES: Final = ("a", "b", "src", "packages", "node_modules", "dist", "build", ".turbo", "out")


def planned(chosen: Settings) -> Plan:
    """Return the plan that is made at once."""

    async def work() -> Plan:
        with ThreadPoolExecutor(WORKERS) as executor, Scheduler(executor, WORKERS) as scheduler:
            return await survey.make_plan(chosen, scheduler)

    return asyncio.run(work())


def handed_out(
    chosen: Settings, watch: Callable[[Artifact, Scheduler], None] | None = None
) -> tuple[list[Artifact], list[Problem], Plan]:
    """Return the artifacts in the order in which they were handed out, the problems, and the plan in the end."""
    artifacts: list[Artifact] = []
    problems: list[Problem] = []

    async def work() -> Plan:
        with ThreadPoolExecutor(WORKERS) as executor, Scheduler(executor, WORKERS) as scheduler:

            def decided(some: Sequence[Artifact], wrong: Sequence[Problem]) -> None:
                artifacts.extend(some)
                problems.extend(wrong)
                for one in some:
                    if watch is not None:
                        watch(one, scheduler)

            return await survey.decide_each(chosen, scheduler, decided)

    return artifacts, problems, asyncio.run(work())


def check_the_same(chosen: Settings) -> tuple[list[Artifact], Plan]:
    """Make both, compare everything, and return both."""
    whole = planned(chosen)
    artifacts, problems, rest = handed_out(chosen)
    assert sorted(artifacts, key=lambda one: one.path) == [*whole.artifacts]
    assert Counter(problems) == Counter(whole.problems)
    assert (rest.artifacts, rest.problems) == ((), ())
    for name in ("roots", "complete", "leftovers", "unseen_processes", "unmatched", "others"):
        assert getattr(rest, name) == getattr(whole, name), name
    return artifacts, whole


class _Grower:
    """Grows a tree by chance: projects in projects, artifacts in artifacts, repositories, files with several links."""

    def __init__(self, top: Path, seed: int) -> None:
        self._top = top
        self._chance = random.Random(seed)
        self._files: list[Path] = []
        self._room = 60

    def grow(self) -> None:
        self._directory(self._top, 0)

    def _directory(self, place: Path, depth: int) -> None:
        chance = self._chance
        place.mkdir(exist_ok=True)
        self._room -= 1
        for number in range(chance.randrange(3)):
            self._file(place / str(number))
        if chance.random() < 0.6:
            (place / "package.json").write_text("{}")
        if chance.random() < 0.05:
            (place / ".cleanup-keep").touch()
        if chance.random() < 0.05:
            (place / f".cleanup-nodemodule-{chance.randrange(10**16):016}").mkdir()
        repository = depth < 5 and chance.random() < 0.2
        if repository and chance.random() < 0.7:
            (place / ".gitignore").write_text("dist\nbuild\nnode_modules\n")
        for name in chance.sample(NAMES, chance.randrange(1, 5)):
            if self._room > 0 and depth < 7:
                self._directory(place / name, depth + 1)
        if repository:
            self._commit(place)
        when = chance.randrange(1_500_000_000, 1_700_000_000)
        os.utime(place, (when, when))

    def _file(self, path: Path) -> None:
        chance = self._chance
        if self._files and chance.random() < 0.4:
            path.hardlink_to(chance.choice(self._files))
        else:
            path.write_bytes(b"x" * chance.randrange(9000))
            when = chance.randrange(1_500_000_000, 1_700_000_000)
            os.utime(path, (when, when))
        self._files.append(path)

    def _commit(self, place: Path) -> None:
        git(place, "init", "--quiet")
        for directory, names, _files in os.walk(place):
            if ".git" in names:
                names.remove(".git")
            for name in {"dist", "build"}.intersection(names):
                if self._chance.random() < 0.3:
                    with contextlib.suppress(
                        subprocess.CalledProcessError
                    ):  # A new repository in it.
                        git(place, "add", "--force", os.path.join(directory, name))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search a few entries in a call, so that rows are decided while the search is in the midst of a small tree."""
    monkeypatch.setattr(search, "_BUDGET", 6)
    monkeypatch.setattr(portions, "_MOMENT", 0)


def simply(top: Path, **more: Any) -> Settings:
    return Settings(roots=(str(top),), cwd=str(top), own_rules=simple.rules(), **more)


@pytest.mark.usefixtures("chosen", "hurried")
@pytest.mark.parametrize("most", [3, portions.MOST])
def test_they_are_those_of_the_plan(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Whatever lies in what, is tracked, or has links elsewhere, and however few may be under way at a time."""
    monkeypatch.setattr(portions, "MOST", most)
    met: Counter[str] = Counter()

    @settings(max_examples=20)
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        with tempfile.TemporaryDirectory() as directory:
            top = Path(directory).resolve() / "top"
            _Grower(top, seed).grow()
            artifacts, _ = check_the_same(simply(top))
            met.update(
                one.decision.reason if isinstance(one.decision, Keep) else "delete"
                for one in artifacts
            )
            met["in another"] += sum(
                one.path.startswith(f"{other.path}/") for one in artifacts for other in artifacts
            )

    check()
    assert met.keys() >= {"delete", "in another", Reason.TRACKED, Reason.UNPROVEN}
