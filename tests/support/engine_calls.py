"""Calls of an engine, made until there is nothing left to do, and what they said in all."""

import array
import errno
import os
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest

from cleanup_nodemodule.engine.contract import (
    LINK_FIELDS,
    Counts,
    Fault,
    Found,
    Hit,
    Names,
    Root,
    Usage,
)
from support.trees import declare

EVERYTHING: Final = 1_000_000
"""A budget that no tree here uses up."""

TOO_MANY: Final = 10_000
"""Calls after which work on a tree here is not going to end any more."""

BUDGETS: Final = (1, 2, 3, 7, 20, 100)
"""Small ones, with which a tree takes many calls."""

NODE_MODULES: Final = Names(frozenset({b"node_modules"}), frozenset({b".git"}), 0)

NOTHING: Final = Counts(0, 0, 0, [])
"""What a call of ``remove`` returns that has removed nothing."""


def root_of(path: str | bytes | Path) -> Root:
    found = os.lstat(path)
    return Root(os.fsencode(path), found.st_dev, found.st_ino)


class Search(NamedTuple):
    paths: list[bytes]
    directories: int
    faults: list[Fault]
    hits: list[Hit]


def find(
    engine: ModuleType, root: Root, names: Names = NODE_MODULES, budget: int = EVERYTHING
) -> Search:
    """Search to the end, one call after the other."""
    hits: list[Hit] = []
    faults: list[Fault] = []
    directories = 0
    stack = [b""]
    for _ in range(TOO_MANY):
        found, stack, more = engine.find(root, stack, names, budget)
        assert isinstance(found, Found)
        hits += found.hits
        faults += more
        directories += found.directories
        if not stack:
            hits.sort()
            return Search([hit.path for hit in hits], directories, sorted(faults), hits)
    raise AssertionError("find does not end")


class Link(NamedTuple):
    inode: int
    link_count: int
    apparent: int
    allocated: int
    own: int


class Sum(NamedTuple):
    apparent: int
    allocated: int
    files: int
    directories: int
    newest: int
    links: "Counter[Link]"
    mounts: list[bytes]
    repositories: list[bytes]
    faults: list[Fault]


def records(links: bytes) -> list[Link]:
    numbers = array.array("Q")
    numbers.frombytes(links)
    return [
        Link(*numbers[start : start + LINK_FIELDS]) for start in range(0, len(numbers), LINK_FIELDS)
    ]


def total(slices: list[tuple[Usage, list[Fault]]]) -> Sum:
    usages = [usage for usage, _ in slices]
    return Sum(
        sum(usage.apparent for usage in usages),
        sum(usage.allocated for usage in usages),
        sum(usage.files for usage in usages),
        sum(usage.directories for usage in usages),
        max(usage.newest for usage in usages),
        Counter(record for usage in usages for record in records(usage.links)),
        sorted(path for usage in usages for path in usage.mounts),
        sorted(path for usage in usages for path in usage.repositories),
        sorted(fault for _, faults in slices for fault in faults),
    )


def measure(engine: ModuleType, root: Root, budget: int = EVERYTHING) -> Sum:
    """Measure to the end, one call after the other."""
    slices: list[tuple[Usage, list[Fault]]] = []
    stack = [b""]
    for _ in range(TOO_MANY):
        usage, stack, faults = engine.measure(root, stack, budget)
        assert isinstance(usage, Usage)
        slices.append((usage, faults))
        if not stack:
            return total(slices)
    raise AssertionError("measure does not end")


def measure_split(engine: ModuleType, root: Root, budget: int) -> Sum:
    """Measure to the end, every directory that is left over in a call of its own."""
    slices: list[tuple[Usage, list[Fault]]] = []
    waiting = [[b""]]
    while waiting:
        usage, left, faults = engine.measure(root, waiting.pop(0), budget)
        slices.append((usage, faults))
        waiting += ([path] for path in left)
        assert len(slices) < TOO_MANY
    return total(slices)


class Removed(NamedTuple):
    files: int
    directories: int
    freed: int
    faults: set[Fault]
    calls: int

    @property
    def failed(self) -> set[bytes]:
        """Where something failed of itself, not only because something inside it did."""
        return {fault.path for fault in self.faults if fault.errno != errno.ENOTEMPTY}


def remove(engine: ModuleType, root: Root, budget: int = EVERYTHING) -> Removed:
    """Remove to the end, one call after the other; what was blocked is tried once more."""
    files = directories = freed = 0
    faults: set[Fault] = set()
    stack = [b""]
    blocked: list[bytes] = []
    again = False
    for calls in range(1, TOO_MANY):
        counts, stack, more = engine.remove(root, stack, budget)
        assert isinstance(counts, Counts)
        files += counts.files
        directories += counts.directories
        freed += counts.freed
        blocked += counts.blocked
        faults.update(more)
        if not stack and blocked and not again:
            stack, blocked, again = sorted(blocked), [], True
        if not stack:
            faults.update(
                Fault(entry.rstrip(b"/"), errno.ENOTEMPTY, "remove the directory")
                for entry in blocked
            )
            return Removed(files, directories, freed, faults, calls)
    raise AssertionError("remove does not end")


_VARIED: Final[dict[str | bytes, Any]] = {
    "node_modules": {"a": {"b": {"x": 10, "y": 5000}}, "c": {}, "d": 1},
    "empty": {},
    "app": {
        "node_modules": {"p": {"node_modules": {"q": 3}}, "q": 100},
        "src": {"one": 1, "two": 2, "three": 3, "deep": {"deeper": {"deepest": {"f": 7}}}},
        ".git": {"HEAD": "ref"},
        "link": Path("src"),
    },
    "packages": {str(number): {"node_modules": {"f": number}} for number in range(9)},
}


@pytest.fixture
def varied(tmp_path: Path) -> Path:
    """A tree with something of each kind, for several calls, and a hard link outside of it."""
    top = tmp_path / "varied"
    declare(top, _VARIED)
    (top / "app" / "src" / "linked").hardlink_to(top / "node_modules" / "a" / "b" / "y")
    (top / "empty" / "linked outside").hardlink_to(top / "app" / "src" / "one")
    (tmp_path / "outside").hardlink_to(top / "app" / "src" / "one")
    return top
