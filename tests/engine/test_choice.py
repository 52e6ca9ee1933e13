"""Which engine runs, and that it is said: chosen, not built, or broken."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import cleanup_nodemodule
from cleanup_nodemodule import __version__
from cleanup_nodemodule import engine as engines
from cleanup_nodemodule.commands import failures
from cleanup_nodemodule.engine import _python
from cleanup_nodemodule.run import loop
from cleanup_nodemodule.work import helper_process
from cleanup_nodemodule.work.scheduler import Scheduler
from support.processes import execute_text
from support.tool import Run
from support.trees import declare

NOT_BUILT = "the native engine was not built when this was installed"


@pytest.fixture
def restored() -> Iterator[None]:
    """Have the engine that ran before run again afterwards."""
    yield
    engines.choose("auto")


@pytest.mark.usefixtures("restored")
def test_the_native_engine_is_taken_if_there_is_one(native: ModuleType) -> None:
    engines.choose("auto")
    assert engines.name() == "native"
    engines.choose("python")
    assert engines.name() == "python"
    engines.choose("native")
    assert engines.name() == "native"
    assert vars(engines)["_chosen"] is native


@pytest.mark.usefixtures("restored")
def test_calls_go_to_the_engine_chosen(native: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    for module in (native, _python):
        name = module.__name__.rpartition("._")[2]
        for function in ("find", "measure", "remove"):
            monkeypatch.setattr(
                module, function, lambda *given, by=(name, function): asked.append((*by, *given))
            )
    for choice in ("native", "python"):
        engines.choose(choice)
        engines.find(1, 2, 3, 4)  # type: ignore[arg-type]  # fakes: any will do
        engines.measure(1, 2, 3, 4)  # type: ignore[arg-type]  # fakes: any will do
        engines.remove(1, 2, 3, 4, 5, 6)  # type: ignore[arg-type]  # fakes: any will do
    assert asked == [
        (name, *call)
        for name in ("kernel", "python")
        for call in (("find", 1, 2, 3, 4), ("measure", 1, 2, 3, 4), ("remove", 1, 2, 3, 4, 5, 6))
    ]


@pytest.mark.usefixtures("restored", "native")
@pytest.mark.parametrize(("processors", "lookers"), [(1, 4), (2, 8), (8, 32), (12, 32), (64, 64)])
def test_as_many_threads_as_the_engine_has_use_for(
    monkeypatch: pytest.MonkeyPatch, processors: int, lookers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(processors)))
    engines.choose("native")
    assert (engines.default_readers(), engines.default_removers()) == (lookers, processors)
    assert engines.max_removers() == lookers
    assert engines.default_readers(distant=True) == max(lookers, 16)
    engines.choose("python")
    locked = getattr(sys, "_is_gil_enabled", lambda: True)()
    expected = (min(processors, 8), 1) if locked else (lookers, processors)
    assert (engines.default_readers(), engines.default_removers()) == expected
    assert engines.max_removers() == (0 if locked else lookers)
    assert engines.default_readers(distant=True) == max(lookers, 16)


@pytest.mark.parametrize(
    ("distant", "options", "workers"),
    [
        (True, (), 16),
        (True, ("--jobs", "3"), 3),
        (False, (), 4),
        (False, ("--jobs", "3"), 3),
    ],
)
def test_a_run_asks_a_distant_disk_more_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    distant: bool,  # noqa: FBT001 - pytest gives it by name
    options: tuple[str, ...],
    workers: int,
) -> None:
    asked: list[int] = []

    def scheduler(executor: Executor, workers: int, **rest: Any) -> Scheduler:
        asked.append(workers)
        return Scheduler(executor, workers, **rest)

    monkeypatch.setattr(loop, "Scheduler", scheduler)
    monkeypatch.setattr(helper_process, "is_needed", lambda _paths, _kinds: distant)
    monkeypatch.setattr(engines, "_processors", lambda: 1)
    monkeypatch.setattr(engines, "is_bound", lambda: False)
    assert failures.run(["-p", str(tmp_path), "--json", *options]) == 0
    # Also for the free space before and after.
    assert set(asked) == {workers}


@pytest.mark.usefixtures("restored")
def test_what_was_not_built_cannot_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_native", None)
    with pytest.raises(engines.UnavailableError, match=NOT_BUILT):
        engines.choose("native")
    engines.choose("auto")
    assert engines.name() == "python"
    monkeypatch.undo()


@pytest.mark.parametrize("choice", ["auto", "native", "python"])
def test_the_engine_asked_for_is_the_one_reported(
    run: Run, tmp_path: Path, native: ModuleType, choice: str
) -> None:
    assert native
    expected = "python" if choice == "python" else "native"
    said = run("--engine", choice, "--version").stdout
    assert said == f"cleanup-nodemodule {__version__} (engine: {expected})\n"
    declare(tmp_path / "app", {"package.json": "{}", "node_modules": {"a": {"f": 5000}}})
    document = json.loads(run("--engine", choice, "--json", "--no-dry-run").stdout)
    assert document["tool"]["engine"] == expected
    assert [row["outcome"] for row in document["artifacts"]] == ["deleted"]
    assert not (tmp_path / "app" / "node_modules").exists()


@pytest.mark.parametrize("word", ["--version", "-V"])
def test_the_version_names_the_engine_asked_for_wherever_that_stands(run: Run, word: str) -> None:
    for arguments in (("--engine", "python", word), (word, "--engine", "python")):
        said = run(*arguments)
        assert (said.returncode, said.stderr) == (0, "")
        assert said.stdout == f"cleanup-nodemodule {__version__} (engine: python)\n"
    assert run(word, "--engine", "rust").returncode == 2


def test_an_engine_that_does_not_exist_is_wrong_usage(run: Run) -> None:
    result = run("--engine", "rust")
    assert (result.returncode, result.stdout) == (2, "")
    assert "rust" in result.stderr


# Copies of the package, with another native engine or none


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The package without a native engine, in a directory to be imported from."""
    source = Path(cleanup_nodemodule.__file__).parent
    target = tmp_path / "site"
    shutil.copytree(
        source,
        target / "cleanup_nodemodule",
        ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.c"),
    )
    return target


def run_copy(site: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return execute_text(
        *(sys.executable, "-m", "cleanup_nodemodule", *arguments),
        cwd=site,
        env={"PYTHONPATH": os.fspath(site)},
    )


def test_without_a_native_engine_python_does_it_and_says_so(copied: Path) -> None:
    declare(copied / "app", {"package.json": "{}", "node_modules": {"a": {"f": 5000}}})
    for choice in ((), ("--engine", "auto"), ("--engine", "python")):
        said = run_copy(copied, *choice, "--version")
        assert said.stdout == f"cleanup-nodemodule {__version__} (engine: python)\n"
    result = run_copy(copied, "-p", "app", "--json", "--no-dry-run")
    document = json.loads(result.stdout)
    assert (result.returncode, document["tool"]["engine"]) == (0, "python")
    assert [row["outcome"] for row in document["artifacts"]] == ["deleted"]
    assert not (copied / "app" / "node_modules").exists()


def test_a_native_engine_that_was_not_built_is_wrong_usage(copied: Path) -> None:
    result = run_copy(copied, "--engine", "native", "--no-dry-run")
    assert (result.returncode, result.stdout) == (2, "")
    # Whatever the lines were cut into for the terminal.
    words = " ".join(result.stderr.replace("│", " ").split())
    assert NOT_BUILT in words
    assert "--engine auto takes what there is" in words


BROKEN = {
    "a file that is no library": ("_kernel.abi3.so", "this is no library", "_kernel.abi3.so"),
    "an empty file": ("_kernel.abi3.so", "", "_kernel.abi3.so"),
    "an engine that misses a module": ("_kernel.py", "import nowhere_to_be_found", "nowhere_to_be"),
    "an engine that raises": ("_kernel.py", "raise RuntimeError('half built')", "half built"),
}


@pytest.mark.parametrize("arguments", [("--version",), ("--no-dry-run",)])
@pytest.mark.parametrize(("name", "content", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_native_engine_is_loud_and_not_taken_for_one_that_was_not_built(
    copied: Path, name: str, content: str, said: str, arguments: tuple[str, ...]
) -> None:
    declare(copied / "app", {"package.json": "{}", "node_modules": {"a": {"f": 5000}}})
    (copied / "cleanup_nodemodule" / "engine" / name).write_text(content)
    result = run_copy(copied, *arguments)
    assert result.returncode == 1
    assert result.stdout == ""
    assert said in result.stderr
    assert "engine: python" not in result.stderr
    assert (copied / "app" / "node_modules").exists()
