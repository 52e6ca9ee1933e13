"""The engines, and how a test is run on each of them."""

import importlib
from types import ModuleType
from typing import Final

import pytest

from cleanup_nodemodule import engine as engines
from cleanup_nodemodule.delete import by_group
from cleanup_nodemodule.engine import _python
from cleanup_nodemodule.engine.contract import Groups
from support.needs import unable

NATIVE: Final = "native"
BY_PATH: Final = "path"
"""The way of opening that only the Python engine has, for systems without directory descriptors."""


def native_engine() -> ModuleType:
    """Return the native engine; skip the running test where there was no compiler to build it."""
    try:
        return importlib.import_module("cleanup_nodemodule.engine._kernel")
    except ModuleNotFoundError:
        unable("needs the native engine, which was not built")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what there is not to test: the native engine opening by path."""
    impossible = []
    for item in items:
        case = getattr(item, "callspec", None)
        if case and {NATIVE, BY_PATH} <= {case.params.get("engine"), case.params.get("opening")}:
            impossible.append(item)
    items[:] = [item for item in items if item not in impossible]
    config.hook.pytest_deselected(items=impossible)


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
    monkeypatch.setattr(by_group, "_UNBROKEN", 0.0)


@pytest.fixture
def in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the remover work with the engine whose system calls a test can put its own in place of."""
    monkeypatch.setattr(engines, "_chosen", _python)


@pytest.fixture(scope="session")
def native() -> ModuleType:
    """The native engine, for what only that does or what compares the two."""
    return native_engine()
