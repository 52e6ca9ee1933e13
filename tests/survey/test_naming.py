"""Which artifacts are told the store that they share with, and what happens where nobody answers."""

import asyncio
import os
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule import Settings, explain, scan
from cleanup_nodemodule.model import Artifact
from cleanup_nodemodule.survey.stores import naming
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.threads import Workers
from support.trees import declare

MEBIBYTE: Final = 1 << 20


def install(top: Path, project: str, *, linked: int, own: int, packages: int = 4) -> Path:
    """Install packages as Deno does, with so many bytes *linked* to its cache, and so many of its *own*; return where."""
    artifact = top / "work" / project / "things"
    cache = top / "cache"
    for number in range(packages):
        name = f"{project}{number}"
        stored = cache / f"npm/registry.example/{name}/1.0.0/index.js"
        stored.parent.mkdir(parents=True)
        stored.write_bytes(os.urandom(linked // packages))
        installed = artifact / f".deno/{name}@1.0.0/node_modules/{name}/index.js"
        installed.parent.mkdir(parents=True)
        os.link(stored, installed)
    declare(artifact, {"own": os.urandom(own)})
    return artifact


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the cache is, and the projects."""
    monkeypatch.setenv("DENO_DIR", str(tmp_path / "cache"))
    return tmp_path


def settings(top: Path, **more: Any) -> Settings:
    """Look for what :func:`install` has made."""
    return Settings(roots=(str(top / "work"),), targets=("things",), **more)


def test_what_shares_much_is_told_with_what(top: Path) -> None:
    install(top, "much", linked=2 * MEBIBYTE, own=100)
    install(top, "little", linked=MEBIBYTE // 2, own=100)
    install(top, "part", linked=2 * MEBIBYTE, own=30 * MEBIBYTE)
    install(top, "kept", linked=2 * MEBIBYTE, own=100)
    (top / "work/kept/.cleanup-keep").touch()
    named = {
        one.evidence.project.rpartition("/")[2]: one.shared_with
        for one in scan(settings(top)).artifacts
    }
    assert {name: found is not None for name, found in named.items()} == {
        "much": True,
        "little": False,
        "part": False,
        "kept": False,
    }
    found = named["much"]
    assert found is not None
    assert (found.store, found.path) == ("Deno cache", str(top / "cache"))


def test_explain_says_the_same(top: Path) -> None:
    artifact = install(top, "much", linked=2 * MEBIBYTE, own=100)
    [found] = scan(settings(top)).artifacts
    explained = explain(artifact, settings(top), root=str(top / "work"))
    assert explained is not None
    assert explained.artifact.shared_with == found.shared_with
    assert found.shared_with is not None


def plan(top: Path) -> tuple[Artifact, ...]:
    """Return what a search finds, before anybody asked about stores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(naming, "_shares_much", lambda _: False)
        return scan(settings(top)).artifacts


def ask(artifacts: tuple[Artifact, ...], scheduler: Scheduler) -> tuple[Artifact, ...]:
    """Have the stores of *artifacts* named."""
    return asyncio.run(naming.named(artifacts, scheduler))


def test_a_store_that_does_not_answer_is_not_taken_for_the_root(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(top, "much", linked=2 * MEBIBYTE, own=100)
    artifacts = plan(top)
    asked: list[object] = []

    def in_vain(some: object, _around: object) -> None:
        asked.append(some)
        raise Unanswered

    monkeypatch.setattr(naming, "_look", in_vain)
    with Workers("test") as workers, Scheduler(workers, 1) as scheduler:
        assert ask(artifacts, scheduler) == artifacts
        assert len(asked) == 1
        assert scheduler.silence.roots == ()
        # Where the root has fallen silent nobody is asked.
        scheduler.silence.note(artifacts[0].candidate.root)
        assert ask(artifacts, scheduler) == artifacts
        assert len(asked) == 1


def test_who_is_stopped_names_no_store(top: Path) -> None:
    install(top, "much", linked=2 * MEBIBYTE, own=100)
    artifacts = plan(top)
    with Workers("test") as workers, Scheduler(workers, 1) as scheduler:
        [named] = ask(artifacts, scheduler)
        assert named.shared_with is not None
        scheduler.stop()
        assert ask(artifacts, scheduler) == artifacts


def test_many_are_asked_about_in_several_calls(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming, "_AT_ONCE", 2)
    monkeypatch.setattr(naming, "_SECONDS", 0.0)
    monkeypatch.setattr(naming, "_MOST", 4)
    for number in range(5):
        install(top, f"p{number}", linked=(2 + number) * MEBIBYTE, own=100)
    named = [one.shared_with is not None for one in scan(settings(top)).artifacts]
    # Those that share the most.
    assert named == [False, True, True, True, True]
