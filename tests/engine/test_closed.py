"""What is closed is not looked at (``engine/contract.py``)."""

import os
from pathlib import Path
from types import ModuleType

from cleanup_nodemodule.engine.contract import (
    Names,
)
from support.engine_calls import (
    EVERYTHING,
    find,
    root_of,
)
from support.trees import Declared, declare


def test_what_is_closed_is_neither_counted_nor_gone_into(
    engine: ModuleType, tmp_path: Path
) -> None:
    """Some names come before and behind each other as paths do and as names do not."""
    tree: Declared = {
        "a": {"x": 1, "node_modules": {"x": 1}},
        "a-b": {"x": 1},
        "a.c": {"x": 1},
        "f": 5,
    }
    declare(tmp_path, {**tree, "in": tree, "in-": tree})
    every = engine.measure(root_of(tmp_path), [b""], EVERYTHING).usage
    closed = tuple(
        sorted([b"a", b"f", b"in/a", b"in/a-b", b"in/f", b"in-/a/node_modules", b"nowhere/x"])
    )
    root = root_of(tmp_path)._replace(closed=closed)
    for one in closed[:-1]:
        (tmp_path / os.fsdecode(one)).stat()
    usage = engine.measure(root, [b""], EVERYTHING).usage
    # Three directories with a file and one in them each; what is closed but for the last is one of these.
    assert every.files - usage.files == (2 + 1) + (2 + 1 + 1) + 1
    assert every.directories - usage.directories == 2 + 2 + 1 + 1
    assert usage.mounts == []
    found = find(engine, root)
    assert [(hit.path, hit.mounted, hit.inode) for hit in found.hits] == [
        (b"in-/a/node_modules", True, 0)
    ]


def test_what_is_closed_may_be_a_repository(engine: ModuleType, tmp_path: Path) -> None:
    declare(
        tmp_path, {"a": {".git": {}}, "b": {"objects": {}, "refs": {}, "HEAD": "x", "dist": {}}}
    )
    closed = (b"a/.git", b"b/HEAD", b"b/objects")
    root = root_of(tmp_path)._replace(closed=closed)
    usage = engine.measure(root, [b""], EVERYTHING).usage
    assert sorted(usage.repositories) == [b"a", b"b"]
    assert find(engine, root, Names(frozenset({b"dist"}), frozenset(), 0)).hits == []
