"""What pytest does for every test here: its options, and a place for the record of each."""

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from support import simple

# How long an example takes says what else the machine has to do, and nothing about the code.
hypothesis.settings.register_profile("cleanup", deadline=None)
hypothesis.settings.load_profile("cleanup")

pytest_plugins = (
    "support.accounts",
    "support.children",
    "support.engine_calls",
    "support.engines",
    "support.filesystems",
    "support.openings",
    "support.tool",
)


def pytest_configure() -> None:
    """Take Ctrl-C and a closed terminal, even if whoever started the tests does not.

    A shell script has what it starts in the background ignore SIGINT, and so would everything that the
    tests start (POSIX, Shell Command Language, 2.11); nohup(1) does so with SIGHUP.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the suite be told what it does only when it is asked to."""
    parser.addoption(
        "--each-call",
        action="store_true",
        help="stop runs at as many system calls as each makes, which takes half an hour",
    )
    parser.addoption(
        "--fuzz-trees", type=int, default=10, help="how many random trees to try the command on"
    )
    parser.addoption(
        "--new-screens", help="the directory to write the screens to, instead of comparing them"
    )
    parser.addoption("--fuzz-first", type=int, default=0, help="the number of the first of them")


@pytest.fixture(autouse=True, scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[Path]]:
    """Keep what tests delete out of the journal of whoever runs them; give a new place for each."""
    top = tmp_path_factory.mktemp("states")
    with pytest.MonkeyPatch.context() as patch:
        # For what fixtures do that serve several tests.
        patch.setenv("XDG_STATE_HOME", str(top / "shared"))
        # Or each command would wait for whatever else the machine has to do.
        patch.setenv("CLEANUP_NODEMODULE_PRIORITY", "normal")
        configured = simple.install(tmp_path_factory.mktemp("configured"))
        patch.setenv("XDG_CONFIG_HOME", str(configured))
        yield (top / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def state_directory(states: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the journal and the locks are: each test has its own."""
    home = next(states)
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    return home / "cleanup-nodemodule"
