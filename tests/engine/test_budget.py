"""A call does as much as it is told to, and the next one goes on where it stopped."""

from pathlib import Path
from types import ModuleType

import pytest

from cleanup_nodemodule.engine.contract import (
    Found,
)
from support.engine_calls import (
    BUDGETS,
    NODE_MODULES,
    NOTHING,
    find,
    measure,
    measure_split,
    remove,
    root_of,
)
from support.openings import (
    every_opening,
)
from support.trees import declare, listing


@pytest.mark.parametrize("budget", BUDGETS)
@every_opening
def test_any_budget_finds_the_same(engine: ModuleType, varied: Path, budget: int) -> None:
    root = root_of(varied)
    everything = find(engine, root)
    assert len(everything.paths) == 11
    assert find(engine, root, budget=budget) == everything


@pytest.mark.parametrize("budget", BUDGETS)
@every_opening
def test_any_budget_measures_the_same(engine: ModuleType, varied: Path, budget: int) -> None:
    root = root_of(varied)
    everything = measure(engine, root)
    assert everything.files == 22
    assert measure(engine, root, budget) == everything
    assert measure_split(engine, root, budget) == everything


@pytest.mark.parametrize("budget", BUDGETS)
@every_opening
def test_any_budget_removes_everything_and_frees_the_same(
    engine: ModuleType, varied: Path, budget: int
) -> None:
    usage = measure(engine, root_of(varied))
    # Of the two files with several links, one has all of them inside.
    inside = sum(
        {link.inode: link.allocated for link in usage.links if link.link_count == 2}.values()
    )
    removed = remove(engine, root_of(varied), budget)
    assert removed[:4] == (
        usage.files,
        usage.directories,
        usage.allocated + inside,
        set(),
    )
    assert removed.calls >= (usage.files + usage.directories) // budget
    assert not varied.exists()


def test_a_call_stops_when_its_budget_is_used_up(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {str(number): {"sub": {"f": 1}} for number in range(10)})
    root = root_of(tmp_path)
    _, left, _ = engine.find(root, [b""], NODE_MODULES, 1)
    assert sorted(left) == [str(number).encode() for number in range(10)]
    found, left, _ = engine.find(root, left, NODE_MODULES, 1)
    assert found.directories == 1
    assert len(left) == 10  # Nine, and the directory in the one that was opened.
    usage, left, _ = engine.measure(root, [b""], 1)
    assert usage.directories <= 11
    assert len(left) >= 10 - usage.directories
    more, left, _ = engine.measure(root, left, 1)
    assert usage.directories + more.directories <= 12
    assert left


def test_a_call_removes_no_more_than_its_budget(engine: ModuleType, tmp_path: Path) -> None:
    top = tmp_path / "top"
    declare(top, {str(number): 1 for number in range(10)})
    counts, left, _ = engine.remove(root_of(top), [b""], 4)
    assert (counts.files, counts.directories) == (4, 0)
    assert left
    assert len(listing(top)) == 6


@pytest.mark.parametrize("budget", [0, -1])
def test_without_a_budget_nothing_happens(engine: ModuleType, tmp_path: Path, budget: int) -> None:
    declare(tmp_path, {"top": {"node_modules": {"f": 1}}})
    root = root_of(tmp_path / "top")
    before = listing(tmp_path)
    assert engine.find(root, [b""], NODE_MODULES, budget)[1:] == ([b""], [])
    assert engine.measure(root, [b""], budget)[1:] == ([b""], [])
    assert engine.remove(root, [b""], budget) == (NOTHING, [b""], [])
    assert listing(tmp_path) == before


def test_a_search_says_how_many_entries_it_handled(engine: ModuleType, tmp_path: Path) -> None:
    """One for each directory that is opened, and one for each name that is read."""
    top = tmp_path / "top"
    declare(top, {"a": {"b": {"f": 1, "g": 1}}, "node_modules": {"h": 1}, "i": 1})
    root = root_of(top)
    stack, handled = [b""], []
    while stack:
        found, stack, _ = engine.find(root, stack, NODE_MODULES, 1)
        handled.append(found.entries)
    whole = engine.find(root, [b""], NODE_MODULES, 1000).found.entries
    assert (
        sum(handled) == whole == (1 + 3) + (1 + 1) + (1 if is_known_to_be_leaf(top / "a/b") else 3)
    )


def is_known_to_be_leaf(directory: Path) -> bool:
    """Whether the file system counts directories as links, so that one without any is not read."""
    return directory.stat().st_nlink == 2 and directory.parent.stat().st_nlink == 3


def test_an_empty_stack_is_done(engine: ModuleType, tmp_path: Path) -> None:
    root = root_of(tmp_path)
    assert engine.find(root, [], NODE_MODULES, 10) == (Found(0, [], []), [], [])
    assert engine.measure(root, [], 10)[1:] == ([], [])
    assert engine.remove(root, [], 10) == (NOTHING, [], [])
    assert tmp_path.exists()


def test_the_stack_given_is_left_alone(engine: ModuleType, tmp_path: Path) -> None:
    """Whoever calls may hold on to it, to begin again."""
    declare(tmp_path, {"top": {"a": {}, "b": {}}})
    root = root_of(tmp_path / "top")
    stack = [b"a", b"b"]
    engine.find(root, stack, NODE_MODULES, 1)
    engine.measure(root, stack, 1)
    engine.remove(root, stack, 1)
    assert stack == [b"a", b"b"]
