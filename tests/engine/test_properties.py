"""Random trees, against what others count: the engine must be right to the byte.

A tree is dictated by hypothesis, made for real in a directory of its own, and then counted in three
independent ways: by the engine, by ``os.walk`` and ``os.lstat`` here, and by ``du``.
"""

import array
import functools
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.engine.contract import LINK_FIELDS, Names, Root, Settled
from cleanup_nodemodule.model import Size
from support.dictated import (
    SKIPPED,
    TARGETS,
    Dictated,
    Place,
    Symlink,
    budgets,
    entries,
    expected,
    expected_hits,
    made,
    root_of,
    shuffles,
    trees,
    usual,
)
from support.needs import unable

# Counted by the engine


class Counted(NamedTuple):
    files: int
    directories: int
    newest: int
    size: Size


def measure(engine: ModuleType, root: Root, budget: int, shuffle: random.Random) -> Counted:
    """Measure in calls that get any part of what is left, in any order, links settled."""
    apparent = allocated = files = directories = newest = 0
    links: list[tuple[int, int, bytes]] = []
    waiting = [[b""]]
    while waiting:
        stack = waiting.pop(shuffle.randrange(len(waiting)))
        usage, left, faults = engine.measure(root, stack, budget)
        assert (faults, usage.mounts) == ([], [])
        assert len(usage.links) % (8 * LINK_FIELDS) == 0
        apparent += usage.apparent
        allocated += usage.allocated
        files += usage.files
        directories += usage.directories
        newest = max(newest, usage.newest)
        links.append((0, root.device, usage.links))
        if left:
            parts = shuffle.randint(1, len(left))
            waiting += (left[part::parts] for part in range(parts))
    linked = Settled(*engine.settle(links, b"\1"))
    return Counted(
        files,
        directories,
        newest,
        Size.exact(
            apparent + sum(array.array("Q", linked.apparent)),
            allocated + sum(array.array("Q", linked.allocated)),
            allocated + sum(array.array("Q", linked.reclaimable)),
        ),
    )


# Counted by du


def du(top: bytes, *options: str) -> int:
    said = subprocess.run(
        ["du", "-s", "--block-size=1", *options, "--", top], capture_output=True, check=True
    )
    return int(said.stdout.split(b"\t")[0])


@functools.cache
def du_counts_directories() -> bool | None:
    """Whether an apparent size includes directories, as it does before coreutils 9.2.

    None if there is no ``du`` that can be asked.
    """
    if shutil.which("du") is None:
        return None
    with tempfile.TemporaryDirectory() as directory:
        try:
            return du(os.fsencode(directory), "--apparent-size") == os.lstat(directory).st_size
        except subprocess.CalledProcessError:
            return None


# What must hold of any tree


@usual
@given(tree=trees, budget=budgets, shuffle=shuffles)
def test_any_tree_is_measured_to_the_byte_in_any_slices(
    engine: ModuleType, tree: Dictated, budget: int, shuffle: random.Random
) -> None:
    with made(tree) as place:
        true = expected(place.top)
        counted = measure(engine, root_of(place.top), budget, shuffle)
        assert counted == Counted(
            true.files,
            true.directories,
            true.newest,
            Size.exact(true.apparent, true.allocated, true.freed),
        )


@usual
@given(tree=trees, budget=budgets, shuffle=shuffles)
def test_any_tree_measures_what_du_says(
    engine: ModuleType, tree: Dictated, budget: int, shuffle: random.Random
) -> None:
    if du_counts_directories() is None:
        unable("needs du of GNU coreutils")
    with made(tree) as place:
        size = measure(engine, root_of(place.top), budget, shuffle).size
        assert size.allocated_bytes == du(place.top)
        uncounted = (
            0
            if du_counts_directories()
            else sum(os.lstat(path).st_size for path, _, _ in os.walk(place.top))
        )
        assert size.apparent_bytes - uncounted == du(place.top, "--apparent-size")


@usual
@given(tree=trees, budget=budgets, min_depth=st.integers(0, 3), max_depth=st.integers(-1, 3))
def test_any_tree_is_searched_as_a_walk_would(
    engine: ModuleType, tree: Dictated, budget: int, min_depth: int, max_depth: int
) -> None:
    names = Names(frozenset(TARGETS), frozenset({SKIPPED}), min_depth, max_depth=max_depth)
    deepest = max_depth if max_depth >= 0 else 1000
    with made(tree) as place:
        root, stack = root_of(place.top), [b""]
        hits = []
        while stack:
            assert all(path == b"" or path.count(b"/") < deepest for path in stack)
            found, stack, faults = engine.find(root, stack, names, budget)
            assert faults == []
            hits += found.hits
        all_of_them = expected_hits(place.top, min_depth)
        assert sorted(hit.path for hit in hits) == [
            path for path in all_of_them if path.count(b"/") <= deepest
        ]
        for hit in hits:
            status = os.lstat(os.path.join(place.top, hit.path))
            assert hit[1:] == (status.st_dev, status.st_ino, False, status.st_ctime_ns)


def outside_as_it_is(place: Place) -> list[tuple[str, bytes, int, int]]:
    seen = []
    for entry in sorted(os.scandir(place.outside), key=lambda entry: entry.name):
        status = entry.stat()
        with open(entry, "rb") as file:
            seen.append((os.fsdecode(entry.name), file.read(), status.st_mode, status.st_mtime_ns))
    return seen


@usual
@given(tree=trees, budget=budgets)
def test_removing_any_tree_leaves_nothing_of_it_and_touches_nothing_else(
    engine: ModuleType, tree: Dictated, budget: int
) -> None:
    with made(tree) as place:
        true, outside = expected(place.top), outside_as_it_is(place)
        root, stack = root_of(place.top), [b""]
        files = directories = freed = 0
        while stack:
            counts, stack, faults = engine.remove(root, stack, budget)
            assert faults == []
            assert 0 < counts.files + counts.directories <= 2 * budget  # About as many.
            files += counts.files
            directories += counts.directories
            freed += counts.freed
        assert (files, directories, freed) == (true.files, true.directories, true.freed)
        assert os.listdir(os.path.dirname(place.top)) == [b"outside"]
        assert outside_as_it_is(place) == outside


@usual
@given(
    trees_of_two=st.tuples(trees, trees),
    selected=st.tuples(st.booleans(), st.booleans()),
)
def test_what_two_artifacts_promise_is_what_removing_them_frees(
    engine: ModuleType,
    trees_of_two: tuple[Dictated, Dictated],
    selected: tuple[bool, bool],
) -> None:
    """Hard links lead from one to the other, and out of both."""
    first, second = trees_of_two
    with made({b"first": first, b"second": second}) as place:
        roots = [root_of(os.path.join(place.top, name)) for name in (b"first", b"second")]
        links = []
        promised = 0
        for number, root in enumerate(roots):
            usage, left, faults = engine.measure(root, [b""], 1_000_000)
            assert (left, faults) == ([], [])
            links.append((number, root.device, usage.links))
            promised += usage.own if selected[number] else 0
        promised += sum(
            array.array("Q", Settled(*engine.settle(links, bytes(selected))).reclaimable)
        )
        before = {(entry.st_dev, entry.st_ino): entry for entry in everything(place)}
        freed = 0
        for root, gone in zip(roots, selected, strict=True):
            if gone:
                counts, left, faults = engine.remove(root, [b""], 1_000_000)
                assert (left, faults) == ([], [])
                freed += counts.freed
        after = {(entry.st_dev, entry.st_ino) for entry in everything(place)}
        vanished = sum(entry.st_blocks * 512 for key, entry in before.items() if key not in after)
        assert promised == freed == vanished


def everything(place: Place) -> Iterator[os.stat_result]:
    yield from entries(place.top)
    yield from entries(place.outside)


@pytest.mark.parametrize("min_depth", [0, 1])
def test_the_walk_that_is_compared_with_finds_what_it_should(min_depth: int) -> None:
    tree: Dictated = {
        b"dist": {b"node_modules": {}},
        b".git": {b"dist": {}},
        b"a": {b"dist": Symlink(b"b"), b"node_modules": {b"dist": {}}},
    }
    with made(tree) as place:
        assert (
            expected_hits(place.top, min_depth)
            == [
                [b"a/node_modules", b"dist"],
                [b"a/node_modules", b"dist/node_modules"],
            ][min_depth]
        )
