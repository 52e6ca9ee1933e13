"""What every test may use: trees declared in a line each, and the installed command."""

import importlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NoReturn, TypeAlias

import pytest

from cleanup_nodemodule import emptying
from cleanup_nodemodule import engine as engines
from cleanup_nodemodule.engine import _python
from cleanup_nodemodule.engine.contract import Groups
from support.preloaded import Preloaded

pytest_plugins = ("support.filesystems", "support.tool")

Declared: TypeAlias = Mapping[str | bytes, Any]
"""A tree: name to ``str`` or ``bytes`` (a file with that content), ``int`` (a file of that many
bytes), a mapping (a directory), or a ``Path`` (a symlink to it)."""

COMMAND = os.path.join(os.path.dirname(sys.executable), "cleanup-nodemodule")
"""The command as pip installed it beside the interpreter that runs the tests."""


def declare(directory: str | bytes | Path, tree: Declared) -> None:
    """Build *tree* in *directory*, which is made if it is not there."""
    top = os.fsencode(directory)
    os.makedirs(top, exist_ok=True)
    for name, what in tree.items():
        path = os.path.join(top, os.fsencode(name))
        if isinstance(what, Mapping):
            declare(path, what)
        elif isinstance(what, Path):
            os.symlink(what, path)
        else:
            content = b"x" * what if isinstance(what, int) else what
            with open(path, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)


def dig(top: Path, levels: int, name: bytes) -> None:
    """Make a chain of directories longer than any path may be, and a file of 10 bytes at its end."""
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    file = os.open(b"bottom", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(file, b"x" * 10)
    os.close(file)
    os.close(here)


def listing(directory: str | bytes | Path) -> list[bytes]:
    """Return the path of everything beneath *directory*, relative to it, sorted."""
    top = os.fsencode(directory)
    return sorted(
        os.path.relpath(os.path.join(path, name), top)
        for path, directories, files in os.walk(top)
        for name in directories + files
    )


def pytest_configure() -> None:
    """Take Ctrl-C and a closed terminal, even if whoever started the tests does not.

    A shell script has what it starts in the background ignore SIGINT, and so would everything that the
    tests start (POSIX, Shell Command Language, 2.11); nohup(1) does so with SIGHUP.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


NATIVE: Final = "native"
BY_PATH: Final = "path"
"""The way of opening that only the Python engine has, for systems without directory descriptors."""


def native_engine() -> ModuleType:
    """Return the native engine; skip the running test where there was no compiler to build it."""
    try:
        return importlib.import_module("cleanup_nodemodule.engine._kernel")
    except ModuleNotFoundError:
        unable("needs the native engine, which was not built")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the suite be told what it does only when it is asked to."""
    parser.addoption(
        "--each-call",
        action="store_true",
        help="stop runs at as many system calls as each makes, which takes half an hour",
    )
    parser.addoption(
        "--fuzz-trees", type=int, default=100, help="how many random trees to try the command on"
    )
    parser.addoption("--fuzz-first", type=int, default=0, help="the number of the first of them")


@pytest.fixture(params=["python", NATIVE])
def engine(request: pytest.FixtureRequest) -> ModuleType:
    """Each engine in turn; every test of the contract runs on all of them."""
    return native_engine() if request.param == NATIVE else _python


@pytest.fixture
def chosen(engine: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the remover work with each engine in turn."""
    monkeypatch.setattr(engines, "_chosen", engine)


@pytest.fixture(params=[None, Groups(0, 3)], ids=["all at once", "by group"])
def grouped(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the remover take the file system for one that has groups of inodes, or none."""
    monkeypatch.setattr(engines, "groups_of", lambda _directory: request.param)
    # What happens after each call can only be told where it comes back after each.
    monkeypatch.setattr(emptying, "_UNBROKEN", 0.0)


@pytest.fixture
def in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the remover work with the engine whose system calls a test can put its own in place of."""
    monkeypatch.setattr(engines, "_chosen", _python)


@pytest.fixture(scope="session")
def native() -> ModuleType:
    """The native engine, for what only that does or what compares the two."""
    return native_engine()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what there is not to test: the native engine opening by path."""
    impossible = []
    for item in items:
        case = getattr(item, "callspec", None)
        if case and {NATIVE, BY_PATH} <= {case.params.get("engine"), case.params.get("opening")}:
            impossible.append(item)
    items[:] = [item for item in items if item not in impossible]
    config.hook.pytest_deselected(items=impossible)


@pytest.fixture(autouse=True, scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[Path]]:
    """Keep what tests delete out of the journal of whoever runs them; give a new place for each."""
    top = tmp_path_factory.mktemp("states")
    with pytest.MonkeyPatch.context() as patch:
        # For what fixtures do that serve several tests.
        patch.setenv("XDG_STATE_HOME", str(top / "shared"))
        yield (top / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def state_directory(states: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the journal and the locks are: each test has its own."""
    home = next(states)
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    return home / "cleanup-nodemodule"


_PATIENCE: Final = 120
"""Seconds after which a run counts as hanging: many times what the largest one here takes."""

Run: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def preloaded() -> Iterator[Preloaded]:
    """What runs the command without loading it each time."""
    with Preloaded(COMMAND) as commands:
        yield commands


@pytest.fixture
def run(tmp_path: Path, preloaded: Preloaded) -> Run:
    """Run the installed command in *tmp_path* without a terminal, and return what came of it.

    Output is text with undecodable bytes as surrogates; ``cwd`` and ``env`` may be given.
    """

    def run_command(
        *arguments: str | bytes | Path, cwd: Path = tmp_path, env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        around = {**os.environ, **(env or {})}
        # What differs from one test to the other may be looked at while it is loaded.
        if env is None:
            done = preloaded.run(arguments, cwd=cwd, env=around, patience=_PATIENCE)
            if done is not None:
                return done
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=cwd,
            env=around,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_PATIENCE,
            check=False,
        )

    return run_command


def needs_root() -> None:
    """Skip a test that only root can run; in CI, where root runs everything, fail instead."""
    if os.geteuid() != 0:
        unable("needs root, for mounts and other owners")


def unable(why: str) -> NoReturn:
    """Skip the running test, saying why; in CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"must run in CI, but: {why}")
    pytest.skip(why)
