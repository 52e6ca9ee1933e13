"""The engine: three functions that walk directory trees, ``find``, ``measure`` and ``remove``; and ``settle`` and ``cover``.

:mod:`cleanup_nodemodule.engine.contract` has what they take and return. There are two engines. ``native`` is in C
(``_kernel.c`` and ``native/``) and is there if it could be built at installation. ``python`` (``_python.py`` and
what it imports) is always there, and is the reference. This module chooses one, and everything else calls it here.

Words: a *root* is the directory that a call works beneath. The *stack* has the directories still to open, a *slice*
is a part of it. The *budget* is how many entries a call handles. A *fault* is what could not be done.

May import the standard library and its own modules only. It knows nothing of artifacts.
What is asked of each entry is added to the contract, to both engines, and to the tests that compare them.
"""

import importlib
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from cleanup_nodemodule.engine.contract import (
    Accounting,
    Covered,
    Finding,
    Groups,
    Measurement,
    Names,
    Removal,
    Root,
    Settled,
    Watch,
)

if TYPE_CHECKING:
    from cleanup_nodemodule.engine._tree import Tree

Choice: TypeAlias = Literal["auto", "native", "python"]

_NATIVE: Final = f"{__name__}._kernel"
_PYTHON: Final = f"{__name__}._python"


class UnavailableError(Exception):
    """The engine asked for is not there. The message says why, and what to do."""


def _load_native() -> ModuleType | None:
    """Return the native engine, None if it was not built.

    Any other trouble with it is raised: a broken build that silently became a slow one would never
    be mended.
    """
    try:
        return importlib.import_module(_NATIVE)
    except ModuleNotFoundError as error:
        if error.name != _NATIVE:
            raise
        return None


_native: Final = _load_native()
_chosen: ModuleType = _native or importlib.import_module(_PYTHON)


def choose(choice: Choice) -> None:
    """Have all calls from now on go to the engine chosen; ``auto`` is the fastest there is.

    Raises UnavailableError if it was not built.
    """
    global _chosen  # noqa: PLW0603 - chosen once, at the edge, before the first call
    if choice == "native" and _native is None:
        raise UnavailableError(
            "the native engine was not built when this was installed, which takes a C compiler and"
            " Python's headers; --engine auto takes what there is"
        )
    native = None if choice == "python" else _native
    _chosen = native or importlib.import_module(_PYTHON)


def name() -> str:
    """Return the running engine's name, as ``--version`` and the report give it."""
    return "native" if _chosen is _native else "python"


_DISTANT: Final = 16
"""Calls at a time that a file system at the other end of a network is asked (docs/benchmarks.md)."""


def default_readers(*, distant: bool = False) -> int:
    """Return how many threads search and measure the fastest with the running engine.

    Four for each processor, but 32 at most where there are no more processors than that: most of them
    wait for the disk when nothing is cached, and when everything is, they take no longer than one for
    each processor does (docs/benchmarks.md). Where the engine :func:`is_bound` each but the first needs
    a process of its own, of some 12 MB: so one for each processor, and no more than 8.

    What is *distant* makes all of them wait, however few processors there are, and gives each a process of
    its own with either engine: so sixteen, or as many as otherwise, if that is more.
    """
    if distant:
        return max(_waiting(), _DISTANT)
    return min(_processors(), 8) if is_bound() else _waiting()


def default_removers() -> int:
    """Return how many threads delete the fastest with the running engine.

    As many as there are processors this process may use: file systems write down what is deleted one
    after the other, so that more of them only wait for each other (docs/benchmarks.md). Whether it is
    something else they wait for is seen when they do. A single one where the engine :func:`is_bound`.
    """
    return 1 if is_bound() else _processors()


def max_removers() -> int:
    """Return up to how many threads are tried where those wait for the disk for most of their time.

    Four for each processor, as for those that look; none where the engine :func:`is_bound`.
    """
    return 0 if is_bound() else _waiting()


def _waiting() -> int:
    return max(_processors(), min(4 * _processors(), 32))


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_bound() -> bool:
    """Whether only one thread of a process runs the engine at a time.

    So it is with the Python engine where the interpreter lets only one thread run: measured on a warm
    cache, a second makes it half again as slow, as each waits for the other at every system call.
    """
    return name() == "python" and getattr(sys, "_is_gil_enabled", lambda: True)()


def open_directory(path: bytes) -> int:
    """Return a descriptor of the directory *path*, absolute, with no symlink anywhere in it.

    It serves for what takes a ``dir_fd``, and the directory need not be readable (O_PATH, open(2)).
    Raises OSError, with ``ELOOP`` or ``ENOTDIR`` for a symlink.
    """
    from cleanup_nodemodule.engine._beneath import open_plainly  # noqa: PLC0415 - only to delete

    return open_plainly(path)


def open_beneath(root: Root) -> "Tree":
    """Open the directory of *root*, in which something may be mounted, to look at what lies in it and nowhere else.

    Raises OSError, with ``ESTALE`` if another one has taken its place.
    """
    from cleanup_nodemodule.engine._beneath import open_tree  # noqa: PLC0415 - only to look at a few files

    return open_tree(root, mount_ok=True)


def rename_exclusively(directory: int, old: str, new: str) -> bool:
    """Rename within the open directory unless something has the new name; False if that cannot be.

    Raises OSError, with ``EEXIST`` if the name is taken. See renameat2(2).
    """
    from cleanup_nodemodule.engine._beneath import rename_exclusively  # noqa: PLC0415 - only to delete

    return rename_exclusively(directory, old, new)


def kind_of(directory: int) -> int:
    """Return the type of the file system of an open directory (statfs(2)); 0 where nothing tells."""
    from cleanup_nodemodule.engine._by_descriptor import kind_of  # noqa: PLC0415 - only to delete

    return kind_of(directory)


def groups_of(directory: int) -> Groups | None:
    """Return how the file system of an open directory keeps its inodes; None where that is all the same."""
    from cleanup_nodemodule.engine._groups import groups_of  # noqa: PLC0415 - only to delete

    return groups_of(directory)


def inodes_of(directory: int) -> tuple[int, bool] | None:
    """Return how the XFS that an open directory is on keeps its inodes; None for any other file system.

    That is the bytes of an inode, and whether each chunk of 64 inodes begins at a multiple of 64.
    """
    from cleanup_nodemodule.engine._groups import geometry_of  # noqa: PLC0415 - only where it is asked

    geometry = geometry_of(directory)
    return None if geometry is None else (geometry.inode, geometry.aligned)


def made(path: str) -> int | None:
    """Return when a file was made, nanoseconds since the epoch (statx(2)); None where nobody tells."""
    from cleanup_nodemodule.engine._python_extents import made  # noqa: PLC0415 - only on Linux

    return made(path)


def tells_layers(directory: int) -> bool:
    """Whether the overlay that an open directory is on tells in which layer its entries are (name_to_handle_at(2))."""
    from cleanup_nodemodule.engine._python_extents import is_upper  # noqa: PLC0415 - only on Linux

    return is_upper(directory, b"") is not None


def find(root: Root, stack: list[bytes], names: Names, budget: int) -> Finding:
    """Look for directories; see the contract."""
    found: Finding = _chosen.find(root, stack, names, budget)
    return found


def measure(
    root: Root,
    stack: list[bytes],
    budget: int,
    watch: Watch | None = None,
    accounting: Accounting | None = None,
) -> Measurement:
    """Count bytes, files and directories, and what deleting them gives back; see the contract."""
    measured: Measurement = (
        _chosen.measure(root, stack, budget, watch)
        if accounting is None
        else _chosen.measure(root, stack, budget, watch, accounting)
    )
    return measured


def settle(slices: list[tuple[int, int, bytes]], chosen: bytes) -> Settled:
    """Count files with several links once; see the contract."""
    return Settled(*_chosen.settle(slices, chosen))


def cover(slices: list[tuple[int, bytes]], times: int) -> Covered:
    """Say what ranges of one disk have in common; see the contract."""
    return Covered(*_chosen.cover(slices, times))


def remove(
    root: Root,
    stack: list[bytes],
    budget: int,
    groups: Groups | None = None,
    group: int = 0,
    include_foreign: bool = False,  # noqa: FBT001, FBT002 - by position, as all of an engine's arguments
) -> Removal:
    """Delete everything beneath the root, then the root; see the contract."""
    removed: Removal = _chosen.remove(root, stack, budget, groups, group, include_foreign)
    return removed
