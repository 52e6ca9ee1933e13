"""``find``: which directories are hits, and what is gone through (``engine/contract.py``)."""

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cleanup_nodemodule.engine.contract import (
    Hit,
    Names,
)
from support.engine_calls import (
    NODE_MODULES,
    find,
    measure,
    remove,
    root_of,
)
from support.openings import (
    every_opening,
)
from support.trees import declare, listing


@every_opening
def test_directories_with_a_wanted_name_are_hits_with_their_identity(
    engine: ModuleType, tmp_path: Path
) -> None:
    declare(
        tmp_path,
        {"node_modules": {}, "app": {"node_modules": {}, "src": {"dist": {}}}, "other": {}},
    )
    names = Names(frozenset({b"node_modules", b"dist"}), frozenset(), 0)
    found = find(engine, root_of(tmp_path), names)
    assert found.paths == [b"app/node_modules", b"app/src/dist", b"node_modules"]
    for hit in found.hits:
        status = os.lstat(os.path.join(os.fsencode(tmp_path), hit.path))
        assert hit == Hit(
            hit.path, status.st_dev, status.st_ino, mounted=False, changed=status.st_ctime_ns
        )
    assert found.faults == []
    assert found.directories == 4  # The root, app, src and other; hits are not gone through.


@every_opening
def test_a_hit_is_not_descended_into(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {"node_modules": {"a": {"node_modules": {}}, "node_modules": {}}})
    found = find(engine, root_of(tmp_path))
    assert found.paths == [b"node_modules"]
    assert found.directories == 1


@pytest.mark.parametrize(
    ("min_depth", "expected"),
    [
        (0, [b"a/node_modules", b"node_modules"]),
        (1, [b"a/node_modules", b"node_modules/b/node_modules"]),
        (2, [b"a/node_modules/b/node_modules", b"node_modules/b/node_modules"]),
        (3, [b"a/node_modules/b/node_modules"]),
        (4, []),
    ],
)
@every_opening
def test_matches_above_the_minimum_depth_are_walked_like_any_directory(
    engine: ModuleType, tmp_path: Path, min_depth: int, expected: list[bytes]
) -> None:
    inside: dict[str | bytes, Any] = {"b": {"node_modules": {}}}
    declare(tmp_path, {"node_modules": inside, "a": {"node_modules": inside}})
    names = NODE_MODULES._replace(min_depth=min_depth)
    assert find(engine, root_of(tmp_path), names).paths == expected


@every_opening
def test_skipped_names_are_neither_reported_nor_entered(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {".git": {"node_modules": {}}, "a": {".git": {"x": {"node_modules": {}}}}})
    found = find(engine, root_of(tmp_path))
    assert found.paths == []
    assert found.directories == 2


@every_opening
def test_a_symlink_named_node_modules_is_never_a_hit(engine: ModuleType, tmp_path: Path) -> None:
    declare(
        tmp_path,
        {
            "real": {"inner": {}},
            "app": {"node_modules": Path("../real"), "sub": {"node_modules": Path("/nowhere")}},
        },
    )
    assert find(engine, root_of(tmp_path)).paths == []


@every_opening
def test_a_file_named_node_modules_is_never_a_hit(engine: ModuleType, tmp_path: Path) -> None:
    declare(tmp_path, {"node_modules": "not a directory"})
    found = find(engine, root_of(tmp_path))
    assert found.paths == []
    assert found.faults == []


@every_opening
def test_symlinks_are_not_followed_and_loops_of_them_end(
    engine: ModuleType, tmp_path: Path
) -> None:
    declare(
        tmp_path,
        {
            "tree": {
                "up": Path(".."),
                "self": Path("self"),
                "a": {"b": Path("../c")},
                "c": {"d": Path("../a")},
                "out": Path("../outside"),
            },
            "outside": {"node_modules": {}, "big": 10_000},
        },
    )
    root = root_of(tmp_path / "tree")
    found = find(engine, root)
    assert found.paths == []
    assert found.directories == 3
    usage = measure(engine, root)
    assert (usage.files, usage.directories) == (5, 3)
    assert usage.faults == []
    removed = remove(engine, root)
    assert (removed.files, removed.directories, removed.faults) == (5, 3, set())
    assert listing(tmp_path) == [b"outside", b"outside/big", b"outside/node_modules"]
