"""Trees deeper than a path and wider than memory, with few descriptors."""

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from cleanup_nodemodule.engine.contract import (
    Names,
)
from support.children import in_child
from support.engine_calls import (
    Removed,
    Search,
    Sum,
    find,
    measure,
    remove,
    root_of,
)
from support.needs import unable
from support.openings import (
    BY_KERNEL,
    Way,
    by_descriptor,
)
from support.trees import declare, dig


@pytest.fixture
def abyss(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "abyss"
    subprocess.run(["rm", "-rf", "--", tmp_path / "abyss"], check=True)


def bind_memory(most: int) -> None:
    """Let this process take no more than *most* bytes in addition to what it has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + most, taken + most))


def _with_little_of_everything(way: Way, top: str, memory: int) -> tuple[Search, Sum, Removed]:
    way.engine()
    # AddressSanitizer takes terabytes of addresses for itself.
    if "ASAN_OPTIONS" not in os.environ:
        bind_memory(memory)
    return _with_few_descriptors(way, top)


@pytest.mark.on_linux
@pytest.mark.parametrize(
    ("levels", "length"), [(1000, 200), pytest.param(3000, 1, marks=pytest.mark.slow)]
)
def test_a_tree_of_any_depth_needs_32_descriptors_and_little_memory(
    engine: ModuleType, abyss: Path, levels: int, length: int
) -> None:
    """The paths of all levels together would take ten times the memory there is."""
    if not os.path.exists("/proc/self/statm"):
        unable("needs /proc, to know how much memory is taken")
    dig(abyss, levels, b"d" * length)
    found, usage, removed = in_child(
        _with_little_of_everything,
        Way(engine.__name__, BY_KERNEL),
        os.fspath(abyss),
        levels * levels * (length + 1) // 2 // 10 + (4 << 20),
    )
    assert (found.directories, found.faults) == (levels + 1, [])
    assert (usage.files, usage.directories, usage.faults) == (1, levels + 1, [])
    assert removed[:4] == (1, levels + 1, usage.allocated, set())
    assert not abyss.exists()


@by_descriptor
def test_paths_longer_than_the_system_takes_are_searched_measured_and_removed(
    engine: ModuleType, abyss: Path
) -> None:
    levels = 50
    dig(abyss, levels, b"d" * 255)
    root = root_of(abyss)
    found = find(engine, root, budget=3)
    assert (found.directories, found.faults) == (levels + 1, [])
    usage = measure(engine, root, budget=3)
    assert (usage.files, usage.directories, usage.faults) == (1, levels + 1, [])
    removed = remove(engine, root, budget=3)
    assert removed[:4] == (1, levels + 1, usage.allocated, set())
    assert not abyss.exists()


@by_descriptor
def test_a_hit_deeper_than_any_path_is_a_hit(engine: ModuleType, abyss: Path) -> None:
    name = b"d" * 255
    dig(abyss, 50, name)
    names = Names(frozenset({name}), frozenset(), 49)
    assert find(engine, root_of(abyss), names).paths == [b"/".join([name] * 50)]


def _with_few_descriptors(way: Way, top: str) -> tuple[Search, Sum, Removed]:
    engine = way.engine()
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    root = root_of(top)
    return find(engine, root), measure(engine, root), remove(engine, root)


def test_32_descriptors_are_enough(engine: ModuleType, opening: str, tmp_path: Path) -> None:
    top = tmp_path / "top"
    declare(top, {str(number): {"node_modules": {"f": 1}, "x": {"y": {}}} for number in range(100)})
    os.makedirs(top / "/".join(["deep"] * 100))
    found, usage, removed = in_child(
        _with_few_descriptors, Way(engine.__name__, opening), os.fspath(top)
    )
    assert len(found.paths) == 100
    assert (usage.files, usage.directories) == (100, 501)
    assert found.faults == usage.faults == []
    assert removed[:2] == (100, 501)
    assert removed.faults == set()
    assert not top.exists()
