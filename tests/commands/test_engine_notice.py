"""A slow engine is noticed: it is said once, with what to do."""

import importlib
import os
from pathlib import Path

import pytest

from cleanup_nodemodule import engine
from cleanup_nodemodule.commands import failures
from cleanup_nodemodule.record import state_directory
from support.tool import PROJECT
from support.trees import declare

Captured = pytest.CaptureFixture[str]

NOTICE = "the fast engine, in C, was not built when this was installed"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, a project, where the native engine was not built."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(engine, "_native", None)
    monkeypatch.setattr(
        engine, "_chosen", importlib.import_module("cleanup_nodemodule.engine._python")
    )
    declare(tmp_path / "work", PROJECT)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def errors(capfd: Captured, *words: str) -> str:
    """Return what a run says on standard error."""
    assert failures.run(words) == 0
    return capfd.readouterr().err


def test_it_is_said_at_the_first_run_and_not_again(work: Path, capfd: Captured) -> None:
    first = errors(capfd, "--json")
    assert first == ""
    assert errors(capfd, "-q") == ""
    assert errors(capfd, "--engine", "python").count(NOTICE) == 0
    said = errors(capfd).splitlines()[0]
    assert said.startswith(f"cleanup-nodemodule: {NOTICE}, so the slow one, in Python, is used. ")
    assert "gcc python3-dev" in said
    assert "install this program again" in said
    assert NOTICE not in errors(capfd)
    assert (work / "node_modules/file").exists()


@pytest.mark.usefixtures("work")
def test_nothing_is_said_where_it_cannot_be_remembered(capfd: Captured) -> None:
    home = Path(state_directory.directory())
    home.mkdir(parents=True)
    home.chmod(0o777)
    assert NOTICE not in errors(capfd)
    assert os.listdir(home) == []


@pytest.mark.usefixtures("work")
def test_nothing_is_said_where_the_fast_engine_is(
    capfd: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_native", engine._chosen)  # noqa: SLF001 - as if that were it
    monkeypatch.setenv("CLEANUP_NODEMODULE_NO_HISTORY", "true")
    assert NOTICE not in errors(capfd)
    assert not os.path.exists(state_directory.directory())
