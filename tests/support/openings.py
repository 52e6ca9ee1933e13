"""The ways in which an engine opens what is in a tree: those of other systems are tried here, too."""

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Final, NamedTuple, ParamSpec

import pytest

from cleanup_nodemodule.engine import _beneath, _by_descriptor, _python, _python_remove
from cleanup_nodemodule.engine._by_descriptor import _open_component
from cleanup_nodemodule.engine._by_path import PathTree
from support.engines import BY_PATH

_P = ParamSpec("_P")

BY_KERNEL, BY_COMPONENT = "best", "component"
BY_DESCRIPTOR: Final = (BY_KERNEL, BY_COMPONENT)


def open_by(engine: ModuleType, opening: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make *engine* open as it does on other systems."""
    if engine is not _python:
        engine._use_openat2(opening == BY_KERNEL)  # noqa: SLF001 - it is there for tests
    elif opening == BY_COMPONENT:
        for module in (_beneath, _by_descriptor):
            monkeypatch.setattr(module, "opener", lambda: _open_component)
    elif opening == BY_PATH:
        for module in (_python, _python_remove):
            monkeypatch.setattr(module, "open_tree", PathTree)


@pytest.fixture(params=[BY_KERNEL, BY_COMPONENT, BY_PATH])
def opening(
    request: pytest.FixtureRequest, engine: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    name: str = request.param
    open_by(engine, name, monkeypatch)
    yield name
    if engine is not _python:
        open_by(engine, BY_KERNEL, monkeypatch)


every_opening = pytest.mark.usefixtures("opening")


def every_python_opening(test: Callable[_P, None]) -> Callable[_P, None]:
    """Run *test* with all openings, but only of the Python engine."""
    return every_opening(pytest.mark.parametrize("engine", ["python"], indirect=True)(test))


def by_descriptor(test: Callable[_P, None]) -> Callable[_P, None]:
    """Run *test* with the openings that hold directories open."""
    return every_opening(pytest.mark.parametrize("opening", BY_DESCRIPTOR, indirect=True)(test))


class Way(NamedTuple):
    """An engine and how it opens, in words that reach another process."""

    module: str
    opening: str

    def engine(self) -> ModuleType:
        """Load it, for good: the process is ours."""
        engine = importlib.import_module(self.module)
        open_by(engine, self.opening, pytest.MonkeyPatch())
        return engine
