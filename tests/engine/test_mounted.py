"""No engine goes through a mount, however it is made."""

import errno
import os
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest

from cleanup_nodemodule.engine.contract import (
    Fault,
    Hit,
)
from support.children import bind, enter_private_mounts, in_child, mount_tmpfs
from support.engine_calls import (
    Removed,
    Search,
    Sum,
    find,
    measure,
    remove,
    root_of,
)
from support.engines import BY_PATH
from support.openings import (
    BY_COMPONENT,
    BY_KERNEL,
    Way,
    by_descriptor,
)
from support.trees import declare, listing


class Mounted(NamedTuple):
    search: Search
    usage: Sum
    removed: Removed
    left: list[bytes]
    inside: list[bytes]


def _with_a_mount(way: Way, binds: bool, directory: str) -> Mounted:  # noqa: FBT001 - a parameter of the case, told by its name
    engine = way.engine()
    enter_private_mounts()
    top, elsewhere = Path(directory) / "top", Path(directory) / "elsewhere"
    mounted = top / "a" / "mounted"
    if binds:
        bind(elsewhere, mounted)
    else:
        mount_tmpfs(mounted)
    declare(mounted, {"node_modules": {"precious": 1}, "d": {}})
    root = root_of(top)
    search, usage, removed = find(engine, root), measure(engine, root), remove(engine, root)
    return Mounted(search, usage, removed, listing(top), listing(mounted))


# A bind mount of the same file system shows only to openat2(2), so only to the best opening.
MOUNTS: Final = (
    (BY_KERNEL, False),
    (BY_KERNEL, True),
    (BY_COMPONENT, False),
    (BY_PATH, False),
)
every_mount = pytest.mark.parametrize(("opening", "binds"), MOUNTS, indirect=["opening"])


@pytest.fixture
def mounted(
    engine: ModuleType,
    opening: str,
    binds: bool,  # noqa: FBT001 - a parameter of the case, told by its name
    tmp_path: Path,
    mounts: None,  # noqa: ARG001 - a fixture, wanted for what it does
) -> Mounted:
    """What comes of a tree with something mounted in it."""
    declare(
        tmp_path,
        {"top": {"a": {"mounted": {}, "f": 1, "z": {}}, "node_modules": {}}, "elsewhere": {}},
    )
    return in_child(_with_a_mount, Way(engine.__name__, opening), binds, os.fspath(tmp_path))


@every_mount
def test_what_is_mounted_in_a_tree_is_not_searched(mounted: Mounted) -> None:
    assert mounted.search.paths == [b"node_modules"]
    assert mounted.search.faults == []
    assert mounted.search.directories == 3


@every_mount
def test_what_is_mounted_in_a_tree_is_reported(mounted: Mounted) -> None:
    assert mounted.usage.mounts == [b"a/mounted"]
    assert mounted.usage.faults == []
    assert mounted.usage.files == 1


@every_mount
def test_what_is_mounted_in_a_tree_is_not_counted(mounted: Mounted) -> None:
    """As the contract has it: not entered and not counted."""
    assert mounted.usage.directories == 4


@every_mount
def test_what_is_mounted_in_a_tree_is_not_removed(mounted: Mounted) -> None:
    assert mounted.inside == [b"d", b"node_modules", b"node_modules/precious"]
    assert mounted.left == [
        b"a",
        b"a/mounted",
        b"a/mounted/d",
        b"a/mounted/node_modules",
        b"a/mounted/node_modules/precious",
    ]
    assert Fault(b"a/mounted", errno.EXDEV, "open") in mounted.removed.faults
    assert mounted.removed.failed == {b"a/mounted"}
    assert mounted.removed[:2] == (1, 2)


def _with_mounted_hits(way: Way, directory: str) -> list[Hit]:
    engine = way.engine()
    enter_private_mounts()
    top = Path(directory) / "top"
    mount_tmpfs(top / "tmpfs" / "node_modules")
    bind(Path(directory) / "elsewhere", top / "bound" / "node_modules")
    return find(engine, root_of(top)).hits


def test_a_hit_that_is_a_mount_point_is_said_to_be(
    engine: ModuleType,
    opening: str,
    tmp_path: Path,
    mounts: None,  # noqa: ARG001 - a fixture, wanted for what it does
) -> None:
    """A bind mount of the same file system is what only openat2(2) tells."""
    project: dict[str | bytes, Any] = {"node_modules": {}}
    declare(
        tmp_path,
        {"top": {"bound": project, "tmpfs": project, "usual": project}, "elsewhere": {}},
    )
    hits = in_child(_with_mounted_hits, Way(engine.__name__, opening), os.fspath(tmp_path))
    assert {hit.path: hit.mounted for hit in hits} == {
        b"bound/node_modules": opening == BY_KERNEL,
        b"tmpfs/node_modules": True,
        b"usual/node_modules": False,
    }


def _with_a_mounted_root(
    way: Way, directory: str
) -> list[tuple[Search, Sum, Removed, list[bytes]]]:
    engine = way.engine()
    enter_private_mounts()
    results = []
    # A bind mount of the same file system shows only to openat2(2).
    for kind in ("tmpfs", "bound") if way.opening == BY_KERNEL else ("tmpfs",):
        top = Path(directory) / kind
        if kind == "bound":
            bind(Path(directory) / "elsewhere", top)
        else:
            mount_tmpfs(top)
        declare(top, {"node_modules": {"precious": 1}})
        root = root_of(top)
        results.append(
            (find(engine, root), measure(engine, root), remove(engine, root), listing(top))
        )
    return results


@by_descriptor
def test_a_root_that_is_a_mount_point_is_searched_and_not_measured_or_removed(
    engine: ModuleType,
    opening: str,
    tmp_path: Path,
    mounts: None,  # noqa: ARG001 - a fixture, wanted for what it does
) -> None:
    declare(tmp_path, {"tmpfs": {}, "bound": {}, "elsewhere": {}})
    results = in_child(_with_a_mounted_root, Way(engine.__name__, opening), os.fspath(tmp_path))
    assert results
    for found, usage, removed, left in results:
        assert found.paths == [b"node_modules"]
        assert found.faults == []
        assert usage.mounts == [b""]
        assert usage[:4] == (0, 0, 0, 0)
        assert usage.faults == []
        assert removed[:3] == (0, 0, 0)
        assert {fault[:2] for fault in removed.faults} == {(b"", errno.EXDEV)}
        assert left == [b"node_modules", b"node_modules/precious"]


def _with_a_mounted_file(way: Way, directory: str) -> Removed:
    engine = way.engine()
    enter_private_mounts()
    bind(Path(directory) / "precious", Path(directory) / "top" / "file")
    return remove(engine, root_of(Path(directory) / "top"))


def test_a_file_that_something_is_mounted_on_is_a_fault(
    engine: ModuleType,
    opening: str,
    tmp_path: Path,
    mounts: None,  # noqa: ARG001 - a fixture, wanted for what it does
) -> None:
    declare(tmp_path, {"top": {"file": "covered", "other": 1}, "precious": "precious"})
    removed = in_child(_with_a_mounted_file, Way(engine.__name__, opening), os.fspath(tmp_path))
    assert removed.faults == {Fault(b"file", errno.EBUSY, "delete")}
    assert (removed.files, removed.directories) == (1, 0)
    assert (tmp_path / "precious").read_text() == "precious"
    assert (tmp_path / "top" / "file").read_text() == "covered"
