"""The two engines are twins: what one says of a tree, the other says to the byte.

Two copies of a tree are two trees, so both look at one, and only then is it removed; for that each
has a copy of its own.
"""

import array
import fnmatch
import os
import random
import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cleanup_nodemodule.engine import _python, _python_remove
from cleanup_nodemodule.engine.contract import LAYERS, LINK_FIELDS, Accounting, Names, Root, Usage
from support.accounted import ON_BTRFS, ON_EXT4, ON_XFS, account
from support.dictated import (
    Dictated,
    budgets,
    examples,
    made,
    names,
    root_of,
    shuffles,
    trees,
    usual,
)

EVERYTHING: Final = 1_000_000


# Wildcards

letters = st.sampled_from([b"a", b"b", b"c", b"-", b"!", b"^", b"]", b"[", b".", b"\\", b"\xc3"])
insides = st.lists(letters, max_size=5).map(b"".join)
parts = st.one_of(
    letters,
    st.sampled_from([b"*", b"?", b"**", b"[]", b"[!", b"a-c", b"\xff", b"\n"]),
    insides.map(lambda inside: b"[" + inside + b"]"),
    insides.map(lambda inside: b"[!" + inside + b"]"),
    st.tuples(letters, letters).map(lambda ends: b"[" + ends[0] + b"-" + ends[1] + b"]"),
)
# In "[b-a!]" fnmatch leaves out the empty range, and then takes what followed it for a negation.
wildcards = (
    st.lists(parts, min_size=1, max_size=6)
    .map(b"".join)
    .filter(lambda glob: not re.search(rb"\[(?:.-.)+!", glob, re.DOTALL))
)
nearly = (
    st.lists(
        st.sampled_from(
            [b"a", b"b", b"c", b"-", b"!", b"^", b"]", b"[", b".", b"\\", b"\xc3", b"\xff", b"\n"]
        ),
        min_size=1,
        max_size=8,
    )
    .map(b"".join)
    .filter(lambda name: name not in {b".", b".."})
)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shelf")


@settings(usual, max_examples=examples(300))
@given(globs=st.lists(wildcards, min_size=1, max_size=3), called=st.sets(nearly, max_size=12))
@example(globs=[b"[]a]x", b"[!]a]y"], called={b"]x", b"ax", b"]y", b"by"})
@example(globs=[b"[z-a]", b"[!z-a]"], called={b"z", b"a", b"m", b"\n"})
@example(globs=[b"[a-"], called={b"[a-", b"a"})
@example(globs=[b"cmake-build-*"], called={b"cmake-build-debug", b"cmake-build-", b"xcmake-build-"})
@example(globs=[b"*a*a*a*a*a*a*b"], called={b"a" * 200})
@example(globs=[b"?"], called={"é".encode(), b"\xc3"})
def test_both_match_wildcards_as_fnmatch_does(
    native: ModuleType, shelf: Path, globs: list[bytes], called: set[bytes]
) -> None:
    for name in called:
        (shelf / os.fsdecode(name)).mkdir()
    try:
        wanted = Names(frozenset(), frozenset(), 0, tuple(globs))
        fitting = sorted(
            name for name in called if any(fnmatch.fnmatchcase(name, glob) for glob in globs)
        )
        for engine in (native, _python):
            (_, hits, *_), _, faults = engine.find(root_of(os.fsencode(shelf)), [b""], wanted, 100)
            assert (sorted(hit.path for hit in hits), faults) == (fitting, [])
    finally:
        for name in called:
            (shelf / os.fsdecode(name)).rmdir()


# Trees


def shared(left: list[bytes], shuffle: random.Random) -> list[list[bytes]]:
    """Return *left* in slices of any size, in any order."""
    left = list(left)
    shuffle.shuffle(left)
    count = shuffle.randint(1, max(1, len(left)))
    return [slice_ for part in range(count) if (slice_ := left[part::count])]


queries = st.builds(
    Names,
    wanted=st.frozensets(names, max_size=3),
    skipped=st.frozensets(names, max_size=2),
    min_depth=st.integers(0, 2),
    globs=st.lists(st.sampled_from([b"*", b"a*", b"?", b"*e", b"[!a-s]*"]), max_size=2).map(tuple),
    markers=st.frozensets(names, max_size=2),
    noticed=st.frozensets(names, max_size=3),
    max_depth=st.integers(-1, 2),
)


@usual
@given(tree=trees, query=queries, budget=budgets, shuffle=shuffles)
def test_both_find_the_same_with_every_call(
    native: ModuleType, tree: Dictated, query: Names, budget: int, shuffle: random.Random
) -> None:
    """What is left included: the one could go on where the other stopped."""
    with made(tree) as place:
        root, waiting = root_of(place.top), [[b""]]
        while waiting:
            stack = waiting.pop(shuffle.randrange(len(waiting)))
            said = native.find(root, stack, query, budget)
            assert said == _python.find(root, stack, query, budget)
            waiting += shared(said.left, shuffle)


class Total(NamedTuple):
    """All that the calls of ``measure`` said, in an order of its own."""

    numbers: tuple[int, ...]
    newest: int
    links: "Counter[tuple[int, ...]]"
    mounts: list[bytes]
    repositories: list[bytes]
    foreign: list[bytes]
    faults: list[Any]


def total(engine: ModuleType, root: Root, budget: int, shuffle: random.Random) -> Total:
    usages: list[Usage] = []
    faults: list[Any] = []
    waiting = [[b""]]
    while waiting:
        usage, left, more = engine.measure(
            root, waiting.pop(shuffle.randrange(len(waiting))), budget
        )
        usages.append(usage)
        faults += more
        waiting += shared(left, shuffle)
    links: Counter[tuple[int, ...]] = Counter()
    for usage in usages:
        numbers = array.array("Q", usage.links).tolist()
        links.update(
            tuple(numbers[start : start + LINK_FIELDS])
            for start in range(0, len(numbers), LINK_FIELDS)
        )
    return Total(
        (
            sum(usage.apparent for usage in usages),
            sum(usage.allocated for usage in usages),
            sum(usage.files for usage in usages),
            sum(usage.directories for usage in usages),
        ),
        max(usage.newest for usage in usages),
        links,
        sorted(path for usage in usages for path in usage.mounts),
        sorted(path for usage in usages for path in usage.repositories),
        sorted(path for usage in usages for path in usage.foreign),
        sorted(faults),
    )


@usual
@given(tree=trees, budget=budgets, shuffle=shuffles)
def test_both_measure_the_same(
    native: ModuleType, tree: Dictated, budget: int, shuffle: random.Random
) -> None:
    with made(tree) as place:
        root = root_of(place.top)
        everything = total(_python, root, EVERYTHING, shuffle)
        assert total(native, root, EVERYTHING, shuffle) == everything
        assert total(native, root, budget, shuffle) == everything
        assert total(_python, root, budget, shuffle) == everything


@pytest.mark.on_linux
@usual
@given(
    tree=trees,
    accounting=st.sampled_from(
        [
            *(ON_XFS, ON_XFS._replace(all=True), ON_EXT4, ON_EXT4._replace(all=True, block=512)),
            *(ON_BTRFS, ON_BTRFS._replace(inline=0), Accounting(LAYERS)),
        ]
    ),
    budget=budgets,
    shuffle=shuffles,
)
def test_both_find_out_the_same_of_what_comes_back(
    native: ModuleType,
    tree: Dictated,
    accounting: Accounting,
    budget: int,
    shuffle: random.Random,
) -> None:
    """Whatever the file system is: a tree may be on any."""
    with made(tree) as place:
        root = root_of(place.top)
        for _ in range(10):
            everything = account(_python, root, accounting)
            others = [
                account(native, root, accounting),
                account(native, root, accounting, budget, shuffle),
                account(_python, root, accounting, budget, shuffle),
            ]
            if account(_python, root, accounting) == everything:
                break  # Else it was being written to the disk meanwhile.
        assert others == [everything] * 3


@usual
@given(tree=trees, budget=budgets)
def test_both_remove_the_same(native: ModuleType, tree: Dictated, budget: int) -> None:
    counted = []
    for engine in (native, _python):
        with made(tree) as place:
            root, stack = root_of(place.top), [b""]
            files = directories = freed = 0
            while stack:
                counts, stack, faults = engine.remove(root, stack, budget)
                assert (counts.blocked, faults) == ([], [])
                files, directories = files + counts.files, directories + counts.directories
                freed += counts.freed
            assert not os.path.lexists(place.top)
            counted.append((files, directories, freed))
    assert counted[0] == counted[1]


def test_both_say_the_same_of_what_is_not_there(native: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    root = root_of(os.fsencode(tmp_path))
    query = Names(frozenset({b"dist"}), frozenset(), 0)
    for each in (
        root._replace(inode=root.inode + 1),
        root._replace(path=root.path + b"/missing"),
        root._replace(path=root.path + b"/file/x"),
        root._replace(path=root.path + b"/" + b"x" * 300),
    ):
        assert native.find(each, [b""], query, 10) == _python.find(each, [b""], query, 10)
        assert native.measure(each, [b""], 10) == _python.measure(each, [b""], 10)
        assert native.remove(each, [b""], 10) == _python_remove.remove(each, [b""], 10)
