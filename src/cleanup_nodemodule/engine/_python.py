"""The reference engine: ``find``, ``measure`` and ``remove`` on the standard library.

See :mod:`cleanup_nodemodule.engine.contract` for what each takes and returns.
"""

import array
import errno
import math
import os
import stat
from typing import TYPE_CHECKING, Final

from cleanup_nodemodule.engine._beneath import open_tree
from cleanup_nodemodule.engine._python_entries import (
    BLOCK,
    GONE,
    blocks_of,
    depth_of,
    elsewhere,
    fault_of,
    fitting,
    has_head,
    hit_of,
    is_directory,
    is_leaf,
    leads_away,
    only_for_owners,
    status_of,
)
from cleanup_nodemodule.engine._python_links import settle as settle  # noqa: PLC0414 - of this engine
from cleanup_nodemodule.engine._python_ranges import cover as cover  # noqa: PLC0414 - of this engine
from cleanup_nodemodule.engine._python_remove import remove as remove  # noqa: PLC0414 - of this engine
from cleanup_nodemodule.engine._python_watch import Watcher
from cleanup_nodemodule.engine._tree import Tree
from cleanup_nodemodule.engine.contract import (
    AS_COUNTED,
    LAYERS,
    WATCHED,
    Accounting,
    Fault,
    Finding,
    Found,
    Hit,
    Measurement,
    Names,
    Root,
    Usage,
    Watch,
)

if TYPE_CHECKING:
    from cleanup_nodemodule.engine._python_accounting import Accountant

__all__ = ["cover", "find", "measure", "remove", "settle"]

_REPOSITORY_PARTS: Final = frozenset({b"objects", b"refs"})
"""Directories that every git repository has, besides a file HEAD (gitrepository-layout(5)). Each may be a symlink:
git itself once made HEAD one, and people have objects on another disk."""

_PART_NAMES: Final = frozenset(os.fsdecode(name) for name in _REPOSITORY_PARTS)


# Long: one loop, with its counters in local variables, as this is where the time of the Python engine goes.
def find(root: Root, stack: list[bytes], names: Names, budget: int) -> Finding:
    """Look for directories with the wanted names; see the contract."""
    hits: list[Hit] = []
    noticed: list[bytes] = []
    faults: list[Fault] = []
    left = list(stack)
    directories, given = 0, budget
    try:
        tree = open_tree(root, mount_ok=True)
    except OSError as error:
        return Finding(Found(0, hits, noticed), [], [fault_of(b"", error, "open")])
    fits = fitting(names.globs)
    closed = frozenset(root.closed)
    deepest = names.max_depth if names.max_depth >= 0 else math.inf
    with tree:
        while left and budget > 0:
            path = left.pop()
            entered = path.endswith(b"/")
            path = path.removesuffix(b"/")
            try:
                handle = tree.open(path)
            except OSError as error:
                if error.errno not in GONE and error.errno != errno.EXDEV:
                    faults.append(fault_of(path, error, "open"))
                continue
            directories += 1
            depth = depth_of(path)
            deep = names.min_depth <= depth <= deepest
            tagged = path and not entered and names.min_depth < depth <= deepest + 1
            # What is met here is opened for what is in it, or for a marker in it, which makes a hit of the directory.
            further = depth < deepest + bool(names.markers)
            markers = names.markers if tagged else frozenset()
            # A marker is a file, and symlinks may make a repository.
            if not (markers or b".git" in names.wanted) and is_leaf(tree, root, handle):
                tree.close(handle)
                budget -= 1
                continue
            prefix = path + b"/" if path else b""
            before = len(left), len(hits), len(noticed)
            marked = False
            parts = 0
            try:
                with os.scandir(handle) as entries:
                    for entry in entries:
                        budget -= 1
                        try:
                            name = os.fsencode(entry.name)
                            if closed and prefix + name in closed:
                                if name in _REPOSITORY_PARTS:
                                    parts += 1
                                wanted = deep and (name in names.wanted or fits(name))
                                if wanted and name not in names.skipped:
                                    hits.append(Hit(prefix + name, 0, 0, mounted=True))
                                continue
                            if not is_directory(entry):
                                if name in _REPOSITORY_PARTS and entry.is_symlink():
                                    parts += 1
                                marked = marked or name in markers
                                continue
                            if name in _REPOSITORY_PARTS:
                                parts += 1
                            if name in names.skipped:
                                continue
                            if deep and (name in names.wanted or fits(name)):
                                hits.append(
                                    hit_of(tree, root, prefix + name, status_of(tree, entry))
                                )
                            else:
                                if further:
                                    left.append(prefix + name)
                                if deep and name in names.noticed and len(noticed) < WATCHED:
                                    noticed.append(prefix + name)
                        except FileNotFoundError:
                            continue
                        except OSError as error:
                            faults.append(fault_of(prefix + os.fsencode(entry.name), error, "stat"))
                if parts == len(_REPOSITORY_PARTS) and has_head(tree, prefix, closed):
                    # A bare repository: its branches may be called anything, dist for one.
                    del left[before[0] :], hits[before[1] :], noticed[before[2] :]
                    marked = b".git" in names.wanted
                if marked:
                    # The whole directory is a hit, and what was met inside belongs to it.
                    del left[before[0] :], hits[before[1] :], noticed[before[2] :]
                    hits.append(hit_of(tree, root, path, os.stat(handle)))
            except FileNotFoundError:
                pass  # It was removed since it was opened (getdents(2)).
            except OSError as error:
                # What was read before the error stands; what was not is said to be missing.
                faults.append(fault_of(path, error, "read"))
            finally:
                tree.close(handle)
            budget -= 1
    return Finding(Found(directories, hits, noticed, given - budget), left, faults)


# Long: one loop, with its counters in local variables, as this is where the time of the Python engine goes.
def measure(
    root: Root,
    stack: list[bytes],
    budget: int,
    watch: Watch | None = None,
    accounting: Accounting | None = None,
) -> Measurement:
    """Count bytes, files and directories; see the contract."""
    apparent = blocks = directory_blocks = files = directories = newest = 0
    links = array.array("Q")
    mounts: list[bytes] = []
    repositories: list[bytes] = []
    foreign: list[bytes] = []
    faults: list[Fault] = []
    left = list(stack)
    directory_type, type_mask = stat.S_IFDIR, 0o170000
    counts_blocks = hasattr(os.stat_result, "st_blocks")
    device = root.device
    watcher = Watcher(watch or Watch())
    accountant: Accountant | None = None

    def usage() -> Usage:
        return Usage(
            apparent,
            blocks * BLOCK,
            files,
            directories,
            newest,
            links.tobytes(),
            mounts,
            repositories,
            foreign,
            directory_blocks * BLOCK,
            watcher.met,
            watcher.late,
            watcher.unlisted,
            *_asked(accountant, blocks * BLOCK),
        )

    _check(accounting or Accounting())
    try:
        tree = open_tree(root, mount_ok=False)
    except OSError as error:
        if error.errno == errno.EXDEV:
            mounts.append(b"")
        elif error.errno != errno.ENOENT:
            faults.append(fault_of(b"", error, "open"))
        return Measurement(usage(), [], faults)
    accountant = _accountant(accounting, root, tree)
    complete = tree.complete_entries
    closed = frozenset(root.closed)
    with tree:
        while left and budget > 0:
            path = left.pop()
            sticky = path.endswith(b"/")
            path = path.removesuffix(b"/")
            try:
                handle = tree.open(path)
            except OSError as error:
                if error.errno == errno.EXDEV:
                    mounts.append(path)
                    try:
                        # A bind mount of this file system: its parent took it for a directory.
                        found = tree.status_of(path)
                        if accountant is not None:
                            accountant.take_back(path, found)
                    except OSError:
                        continue
                    directories -= 1
                    apparent -= found.st_size
                    blocks -= blocks_of(found)
                    directory_blocks -= blocks_of(found)
                elif error.errno not in GONE:
                    faults.append(fault_of(path, error, "open"))
                continue
            if not path:
                found = tree.status()
                apparent += found.st_size
                blocks += blocks_of(found)
                directory_blocks += blocks_of(found)
                directories += 1
                newest = max(newest, int(found[stat.ST_MTIME]))
                if only_for_owners(tree.status_around(), found.st_uid):
                    foreign.append(path)
                sticky = bool(found.st_mode & stat.S_ISVTX)
                if accountant is not None:
                    accountant.count_root(handle, found)
            around = os.stat(handle) if sticky else None
            if accountant is not None:
                accountant.begin(handle, path)
            prefix = path + b"/" if path else b""
            before = files + directories
            parts = 0
            try:
                with os.scandir(handle) as entries:
                    for entry in entries:
                        if closed and prefix + os.fsencode(entry.name) in closed:
                            # Whatever it is, it may make this a repository.
                            if entry.name == ".git":
                                repositories.append(path)
                            parts += entry.name in _PART_NAMES
                            if watch is not None:
                                watcher.look_at_closed(prefix, entry.name)
                            continue
                        try:
                            found = (
                                entry.stat(follow_symlinks=False)
                                if complete
                                else os.lstat(entry.path)
                            )
                        except FileNotFoundError:
                            continue
                        except OSError as error:
                            faults.append(fault_of(prefix + os.fsencode(entry.name), error, "stat"))
                            continue
                        # Positions, not attributes or calls: this loop is where the time goes.
                        mode, inode, entry_device, link_count, owner, _, size, _, changed, _ = found
                        if around is not None and only_for_owners(around, owner):
                            foreign.append(prefix + os.fsencode(entry.name))
                            around = None
                        if watch is not None:
                            watcher.look_at(prefix, entry.name, mode, changed)
                        if mode & type_mask == directory_type:
                            name = os.fsencode(entry.name)
                            if name == b".git":
                                repositories.append(path)
                            elif name in _REPOSITORY_PARTS:
                                parts += 1
                            if entry_device != device or leads_away(found):
                                mounts.append(prefix + name)
                                continue
                            directories += 1
                            directory_blocks += blocks_of(found)
                            mark = b"/" if mode & stat.S_ISVTX else b""
                            left.append(prefix + name + mark)
                        else:
                            files += 1
                            if entry.name == ".git":
                                repositories.append(path)
                            elif entry.name in _PART_NAMES and stat.S_ISLNK(mode):
                                parts += 1
                            if link_count > 1:
                                allocated = own = blocks_of(found) * BLOCK
                                if accountant is not None:
                                    own = accountant.count_linked(handle, entry.name, found)
                                if entry_device != device:
                                    inode = elsewhere(inode, entry_device)
                                links.extend((inode, link_count, size, allocated, own))
                                newest = max(newest, int(changed))
                                continue
                        apparent += size
                        blocks += found.st_blocks if counts_blocks else blocks_of(found)
                        if accountant is not None:
                            accountant.count(handle, entry.name, found)
                        if changed > newest:
                            newest = int(changed)
                if parts == len(_REPOSITORY_PARTS) and has_head(tree, prefix, closed):
                    repositories.append(path)
            except FileNotFoundError:
                pass  # It was removed since it was opened (getdents(2)).
            except OSError as error:
                faults.append(fault_of(path, error, "read"))
            finally:
                tree.close(handle)
            budget -= files + directories - before + 1
    return Measurement(usage(), left, faults)


def _check(accounting: Accounting) -> None:
    """Raise ValueError for what no engine knows."""
    kind, block, _, *sizes = accounting
    if not AS_COUNTED <= kind <= LAYERS or block < 1 or min(sizes) < 0:
        raise ValueError("nothing is counted in such a way")


def _accountant(accounting: Accounting | None, root: Root, tree: Tree) -> "Accountant | None":
    """Return who finds out what deleting gives back; None if that is what entries take, or if nobody can be asked."""
    if accounting is None or accounting.kind == AS_COUNTED or not tree.can_ask:
        return None
    # What it needs is not there on each system.
    from cleanup_nodemodule.engine._python_accounting import accountant_of  # noqa: PLC0415 - as the comment above says

    return accountant_of(accounting, root, tree)


def _asked(
    accountant: "Accountant | None", allocated: int
) -> tuple[int, int, int, int, int, bytes, bytes, bytes, int, bytes, int]:
    """Return the fields of ``Usage`` that were asked for."""
    if accountant is None:
        return allocated, 0, 0, 0, 0, b"", b"", b"", 0, b"", 0
    return (
        accountant.own,
        accountant.perhaps,
        accountant.shared,
        accountant.metadata,
        accountant.proven,
        accountant.ranges.tobytes(),
        accountant.linked_ranges.tobytes(),
        accountant.chunks(),
        accountant.extents,
        accountant.encoded.tobytes(),
        accountant.content,
    )
