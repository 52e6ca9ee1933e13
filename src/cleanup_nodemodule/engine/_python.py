"""The reference engine: ``find``, ``measure`` and ``remove`` on the standard library.

See :mod:`cleanup_nodemodule.engine.contract` for what each takes and returns.
"""

import array
import errno
import fnmatch
import os
import re
import stat
import sys
import threading
from collections.abc import Callable
from typing import Final, NamedTuple, Self

from cleanup_nodemodule.engine._beneath import Handle, Tree, open_tree
from cleanup_nodemodule.engine.contract import (
    Counts,
    Fault,
    Finding,
    Found,
    Groups,
    Hit,
    Measurement,
    Names,
    Removal,
    Root,
    Usage,
)

_BLOCK: Final = 512
"""Bytes in a unit of ``st_blocks`` (stat(3type)), whatever the file system's own block size."""

_MAX_REFUSED: Final = 20
"""Entries of one directory that are named because they could not be deleted, for each reason; the
others are counted."""

_REPOSITORY_PARTS: Final = frozenset({b"objects", b"refs"})
"""Directories that every git repository has, besides a file HEAD (gitrepository-layout(5)). Each may be a symlink:
git itself once made HEAD one, and people have objects on another disk."""

_PART_NAMES: Final = frozenset(os.fsdecode(name) for name in _REPOSITORY_PARTS)

_DELETE: Final = "delete"
_DELETE_FOREIGN: Final = "delete, as only its owner may,"
"""What is being done where the sticky bit says so."""

_LINKS_OF_A_LEAF: Final = 2
"""Its name, and its own "."."""

_TURNS_LOCK: Final = threading.Lock()
_TURN_ENDED: Final = threading.Condition(_TURNS_LOCK)
_TURNS: Final[set[tuple[int, int]]] = set()
"""Device and inode of each file with several names, one of which is being deleted. Two calls that delete two
names of one file would both see that there is another one, and neither count what its last name gives back.
So each has its turn, and waits for nobody but whoever is at the very same file: on another disk, or another
file, the system may not answer for ever."""

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What opening a listed directory says when it has vanished or has been replaced by something that
is no directory. A tree in use changes; neither is a problem."""


def find(root: Root, stack: list[bytes], names: Names, budget: int) -> Finding:
    """Look for directories with the wanted names; see the contract."""
    hits: list[Hit] = []
    faults: list[Fault] = []
    left = list(stack)
    directories = 0
    try:
        tree = open_tree(root, mount_ok=True)
    except OSError as error:
        return Finding(Found(0, hits), [], [_fault(b"", error, "open")])
    fits = _fitting(names.globs)
    closed = frozenset(root.closed)
    with tree:
        while left and budget > 0:
            path = left.pop()
            entered = path.endswith(b"/")
            path = path.removesuffix(b"/")
            try:
                handle = tree.open(path)
            except OSError as error:
                if error.errno not in _GONE and error.errno != errno.EXDEV:
                    faults.append(_fault(path, error, "open"))
                continue
            directories += 1
            depth = _depth(path)
            deep = depth >= names.min_depth
            tagged = path and not entered and depth > names.min_depth
            markers = names.markers if tagged else frozenset()
            # A marker is a file, and symlinks may make a repository.
            if not (markers or b".git" in names.wanted) and _is_leaf(tree, root, handle):
                tree.close(handle)
                budget -= 1
                continue
            prefix = path + b"/" if path else b""
            before = len(left), len(hits)
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
                            if not _is_directory(entry):
                                if name in _REPOSITORY_PARTS and entry.is_symlink():
                                    parts += 1
                                marked = marked or name in markers
                                continue
                            if name in _REPOSITORY_PARTS:
                                parts += 1
                            if name in names.skipped:
                                continue
                            if deep and (name in names.wanted or fits(name)):
                                hits.append(_hit(tree, root, prefix + name, _status(tree, entry)))
                            else:
                                left.append(prefix + name)
                        except FileNotFoundError:
                            continue
                        except OSError as error:
                            faults.append(_fault(prefix + os.fsencode(entry.name), error, "stat"))
                if parts == len(_REPOSITORY_PARTS) and _has_head(tree, prefix, closed):
                    # A bare repository: its branches may be called anything, dist for one.
                    del left[before[0] :], hits[before[1] :]
                    marked = b".git" in names.wanted
                if marked:
                    # The whole directory is a hit, and what was met inside belongs to it.
                    del left[before[0] :], hits[before[1] :]
                    hits.append(_hit(tree, root, path, os.stat(handle)))
            except FileNotFoundError:
                pass  # It was removed since it was opened (getdents(2)).
            except OSError as error:
                # What was read before the error stands; what was not is said to be missing.
                faults.append(_fault(path, error, "read"))
            finally:
                tree.close(handle)
            budget -= 1
    return Finding(Found(directories, hits), left, faults)


def _is_leaf(tree: Tree, root: Root, handle: Handle) -> bool:
    """Whether an open directory has no directory in it, for sure."""
    if not tree.links_tell:
        return False
    found = os.stat(handle)
    return found.st_nlink == _LINKS_OF_A_LEAF and found.st_dev == root.device


def measure(root: Root, stack: list[bytes], budget: int) -> Measurement:
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

    def usage() -> Usage:
        return Usage(
            apparent,
            blocks * _BLOCK,
            files,
            directories,
            newest,
            links.tobytes(),
            mounts,
            repositories,
            foreign,
            directory_blocks * _BLOCK,
        )

    try:
        tree = open_tree(root, mount_ok=False)
    except OSError as error:
        if error.errno == errno.EXDEV:
            mounts.append(b"")
        elif error.errno != errno.ENOENT:
            faults.append(_fault(b"", error, "open"))
        return Measurement(usage(), [], faults)
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
                    except OSError:
                        continue
                    directories -= 1
                    apparent -= found.st_size
                    blocks -= _blocks(found)
                    directory_blocks -= _blocks(found)
                elif error.errno not in _GONE:
                    faults.append(_fault(path, error, "open"))
                continue
            if not path:
                found = tree.status()
                apparent += found.st_size
                blocks += _blocks(found)
                directory_blocks += _blocks(found)
                directories += 1
                newest = max(newest, int(found[stat.ST_MTIME]))
                if _only_for_owners(tree.status_around(), found.st_uid):
                    foreign.append(path)
                sticky = bool(found.st_mode & stat.S_ISVTX)
            around = os.stat(handle) if sticky else None
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
                            faults.append(_fault(prefix + os.fsencode(entry.name), error, "stat"))
                            continue
                        # Positions, not attributes or calls: this loop is where the time goes.
                        mode, inode, entry_device, link_count, owner, _, size, _, changed, _ = found
                        if around is not None and _only_for_owners(around, owner):
                            foreign.append(prefix + os.fsencode(entry.name))
                            around = None
                        if mode & type_mask == directory_type:
                            name = os.fsencode(entry.name)
                            if name == b".git":
                                repositories.append(path)
                            elif name in _REPOSITORY_PARTS:
                                parts += 1
                            if entry_device != device or _leads_away(found):
                                mounts.append(prefix + name)
                                continue
                            directories += 1
                            directory_blocks += _blocks(found)
                            mark = b"/" if mode & stat.S_ISVTX else b""
                            left.append(prefix + name + mark)
                        else:
                            files += 1
                            if entry.name == ".git":
                                repositories.append(path)
                            elif entry.name in _PART_NAMES and stat.S_ISLNK(mode):
                                parts += 1
                            if link_count > 1:
                                allocated = _blocks(found) * _BLOCK
                                links.extend((entry_device, inode, link_count, size, allocated))
                                newest = max(newest, int(changed))
                                continue
                        apparent += size
                        blocks += found.st_blocks if counts_blocks else _blocks(found)
                        if changed > newest:
                            newest = int(changed)
                if parts == len(_REPOSITORY_PARTS) and _has_head(tree, prefix, closed):
                    repositories.append(path)
            except FileNotFoundError:
                pass  # It was removed since it was opened (getdents(2)).
            except OSError as error:
                faults.append(_fault(path, error, "read"))
            finally:
                tree.close(handle)
            budget -= files + directories - before + 1
    return Measurement(usage(), left, faults)


def remove(
    root: Root,
    stack: list[bytes],
    budget: int,
    groups: Groups | None = None,
    group: int = 0,
    include_foreign: bool = False,  # noqa: FBT001, FBT002 - by position, as all of an engine's arguments
) -> Removal:
    """Delete everything beneath the root, then the root; see the contract.

    Of the directories met in one, the one that is dealt with last has to remove it: so nothing waits
    on the stack but what is still to be opened, however deep the tree. Only what was removed counts
    against the budget, so a call either makes progress or gets to the end of its stack.
    """
    files = directories = blocks = directory_blocks = 0
    gone = False
    blocked: list[bytes] = []
    elsewhere: list[tuple[int, bytes]] = []
    faults: list[Fault] = []
    left = list(stack)
    try:
        tree = open_tree(root, mount_ok=False)
    except OSError as error:
        if error.errno != errno.ENOENT:
            faults.append(_fault(b"", error, "open"))
        return Removal(Counts(0, 0, 0, blocked), [], faults)
    with tree, _Way(tree) as way:
        try:
            if not include_foreign and not way.begin():
                faults.append(Fault(b"", errno.EPERM, _DELETE_FOREIGN))
                left.clear()
        except OSError as error:
            faults.append(_fault(b"", error, "stat"))
            left.clear()
        while left and budget > 0:
            entry = left.pop()
            path = entry.rstrip(b"/")
            duty = entry[len(path) :]
            try:
                handle, around = way.open(path)
            except _ForeignError:
                faults.append(Fault(path, errno.EPERM, _DELETE_FOREIGN))
                continue
            except OSError as error:
                if error.errno not in _GONE:
                    faults.append(_fault(path, error, "open"))
                    continue
                # It may have been moved away with what is around it.
                way.forget()
            else:
                try:
                    unlinked = _unlink_entries(
                        tree, handle, around, path, budget, faults, numbered=groups is not None
                    )
                finally:
                    tree.close(handle)
                files += unlinked.files
                blocks += unlinked.blocks
                budget -= unlinked.files
                if unlinked.cut_short:
                    left.append(entry)
                here, others = _by_group(unlinked.directories, groups, group)
                if not unlinked.cut_short and not unlinked.refused:
                    # Of what other calls are to do, if there is any, the last is likelier.
                    if others:
                        others[0] = others[0][0], others[0][1] + b"/" + duty
                    elif here:
                        here[0] += b"/" + duty
                left.extend(here)
                if not unlinked.cut_short:  # Else they will be met again.
                    elsewhere.extend(others)
                if unlinked.cut_short or unlinked.refused or unlinked.directories:
                    continue
            while True:
                if budget <= 0:
                    left.append(path + duty)
                    break
                try:
                    directory_blocks += way.remove(path)
                except _ForeignError:
                    faults.append(Fault(path, errno.EPERM, _DELETE_FOREIGN))
                    break
                except OSError as error:
                    if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                        blocked.append(path + duty)
                        break
                    if error.errno not in _GONE:
                        faults.append(_fault(path, error, "remove the directory"))
                        break
                else:
                    directories += 1
                    budget -= 1
                    gone = gone or not path
                if not duty:
                    break
                path, duty = path.rpartition(b"/")[0], duty[1:]
    freed = (blocks + directory_blocks) * _BLOCK
    freed_directories = directory_blocks * _BLOCK
    counts = Counts(files, directories, freed, blocked, gone, freed_directories, tuple(elsewhere))
    return Removal(counts, left, faults)


def _by_group(
    directories: list[tuple[int, bytes]], groups: Groups | None, group: int
) -> tuple[list[bytes], list[tuple[int, bytes]]]:
    """Return the directories of *group*, or all where there are none, and those of other groups."""
    if groups is None:
        return [path for _, path in directories], []
    here = [path for inode, path in directories if groups.of(inode) == group]
    others = [(groups.of(inode), path) for inode, path in directories if groups.of(inode) != group]
    return here, others


class _Unlinked(NamedTuple):
    """What became of the entries of one directory."""

    files: int
    blocks: int
    directories: list[tuple[int, bytes]]
    """Those in it, still to be emptied, with the numbers of their inodes, if these were asked for."""
    refused: bool
    """Something in it stays, and so does it."""
    cut_short: bool
    """The budget was used up before its end."""


class _ForeignError(Exception):
    """On the way to a directory one lies in a sticky one, and only its owner may delete it."""


class _Way:
    """How one call comes to the directories that it empties and removes.

    What was seen to be the user's to delete when it was met may be another one by now: whoever owns what is
    around it has renamed it. So root goes from directory to directory, and sees that none lies in a sticky one
    where only its owner may delete it. Of an ordinary user the kernel sees to that.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._top: os.stat_result | None = None
        self._passed: tuple[bytes, Handle | None, os.stat_result] | None = None
        """Where it went last, to go on from."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.forget()

    def begin(self) -> bool:
        """Heed what is foreign; return whether the root itself is not. Raises OSError."""
        self._top = self._tree.status()
        return not _only_for_owners(self._tree.status_around(), self._top.st_uid)

    def open(self, path: bytes) -> tuple[Handle, os.stat_result | None]:
        """Open a directory to delete what is in it; return its status, too, if its sticky bit counts.

        Raises OSError, and _ForeignError.
        """
        tree = self._tree
        handle = tree.open_to_change(path)
        try:
            found = None if self._top is None else tree.status_open(handle)
            if self._top is not None and found is not None and path and _is_root():
                self._see(path, found, self._top)
        except BaseException:
            tree.close(handle)
            raise
        return handle, found if found is not None and found.st_mode & stat.S_ISVTX else None

    def _see(self, path: bytes, found: os.stat_result, top: os.stat_result) -> None:
        """See that what was *found* at *path* is the very directory that lies where it may be deleted.

        Raises OSError, and _ForeignError.
        """
        above, _, last = path.rpartition(b"/")
        for _attempt in range(2):
            try:
                around, status = self._pass_to(above, top)
                name = os.fsdecode(last)
                tree = self._tree
                seen = tree.status_of(last) if around is None else tree.status_in(around, name)
            except OSError as error:
                if error.errno not in _GONE:
                    raise
            else:
                if _only_for_owners(status, seen.st_uid):
                    raise _ForeignError
                if (seen.st_dev, seen.st_ino) == (found.st_dev, found.st_ino):
                    return
            self.forget()  # What is around it was moved, since that was seen.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def remove(self, path: bytes) -> int:
        """Remove a directory that was emptied; return its blocks. Raises OSError, and _ForeignError."""
        tree = self._tree
        handle = tree.open_to_change(path)
        try:
            blocks = _blocks(tree.status_open(handle))
        finally:
            tree.close(handle)
        if not path:
            tree.rmdir_root()
            return blocks
        above, _, last = path.rpartition(b"/")
        name = os.fsdecode(last)
        around = tree.open_to_change(above)
        try:
            if self._top is None or not _is_root():
                tree.rmdir_in(around, name)
                return blocks
            owner = tree.status_in(around, name).st_uid
            if owner in {os.geteuid(), self._top.st_uid}:
                if _only_for_owners(tree.status_open(around), owner):
                    raise _ForeignError
                tree.rmdir_in(around, name)
                return blocks
        finally:
            tree.close(around)
        # It may be another one by now than was emptied, in a directory of somebody else's.
        passed, status = self._pass_to(above, self._top)
        passed = tree.open_to_change(b"") if passed is None else passed
        try:
            if _only_for_owners(status, tree.status_in(passed, name).st_uid):
                raise _ForeignError
            tree.rmdir_in(passed, name)
        finally:
            if not above:
                tree.close(passed)
        return blocks

    def _pass_to(self, path: bytes, top: os.stat_result) -> tuple[Handle | None, os.stat_result]:
        """Go to the directory *path*, and keep it open to go on from; None is the root."""
        if not path:
            return None, top
        start, handle, status = self._passed or (b"", None, top)
        if path == start:
            return handle, status
        if not start or not path.startswith(start + b"/"):
            start, handle, status = b"", None, top
        kept = handle
        try:
            for name in path[len(start) :].strip(b"/").split(b"/"):
                below, found = self._step(handle, status, name, passing=True)
                if handle is not None and handle is not kept:
                    self._tree.close(handle)
                handle, status = below, found
        except BaseException:
            if handle is not None and handle is not kept:
                self._tree.close(handle)
            raise
        self.forget()
        self._passed = path, handle, status
        return handle, status

    def _step(
        self, handle: Handle | None, status: os.stat_result, name: bytes, *, passing: bool
    ) -> tuple[Handle, os.stat_result]:
        opened, found = self._tree.open_in(handle, name, passing=passing)
        if _only_for_owners(status, found.st_uid):
            self._tree.close(opened)
            raise _ForeignError
        return opened, found

    def forget(self) -> None:
        """Begin anew at the root next time."""
        if self._passed is not None and self._passed[1] is not None:
            self._tree.close(self._passed[1])
        self._passed = None


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _unlink_entries(
    tree: Tree,
    handle: Handle,
    around: os.stat_result | None,
    path: bytes,
    budget: int,
    faults: list[Fault],
    *,
    numbered: bool,
) -> _Unlinked:
    """Delete what an open directory holds, but for directories; *around* is its status, if it is sticky."""
    files = blocks = 0
    directories: list[tuple[int, bytes]] = []
    refused: dict[tuple[int, str], int] = {}

    def refuse(entry: "os.DirEntry[str]", number: int, doing: str) -> None:
        refused[number, doing] = refused.get((number, doing), 0) + 1
        if refused[number, doing] <= _MAX_REFUSED:
            faults.append(Fault(prefix + os.fsencode(entry.name), number, doing))

    failed = cut_short = False
    prefix = path + b"/" if path else b""
    try:
        with os.scandir(handle) as entries:
            for entry in entries:
                # Not where something was refused: it would be again, and again.
                if files >= budget and not refused:
                    cut_short = True
                    break
                try:
                    if around is not None and _only_for_owners(around, _status(tree, entry).st_uid):
                        refuse(entry, errno.EPERM, _DELETE_FOREIGN)
                        continue
                    if _is_directory(entry):
                        inode = entry.inode() if numbered else 0
                        directories.append((inode, prefix + os.fsencode(entry.name)))
                        continue
                    found = _status(tree, entry)
                    if stat.S_ISDIR(found.st_mode) and not _leads_away(found):  # By now.
                        directories.append((found.st_ino, prefix + os.fsencode(entry.name)))
                        continue
                    if found.st_nlink <= 1:
                        tree.unlink(handle, entry.name)
                    else:
                        found = _unlink_linked(tree, handle, entry, found)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    refuse(entry, error.errno or errno.EIO, _DELETE)
                    continue
                files += 1
                # The last link to go is what gives the space back.
                if found.st_nlink <= 1:
                    blocks += _blocks(found)
    except FileNotFoundError:
        pass  # It was removed since it was opened (getdents(2)).
    except OSError as error:
        faults.append(_fault(path, error, "read"))
        failed = True
    for (number, doing), count in refused.items():
        if count > _MAX_REFUSED:
            more = f"{doing} {count - _MAX_REFUSED:,} more entries of"
            faults.append(Fault(path, number, more))
    return _Unlinked(files, blocks, directories, bool(refused) or failed, cut_short)


def _unlink_linked(
    tree: Tree, handle: Handle, entry: "os.DirEntry[str]", found: os.stat_result
) -> os.stat_result:
    """Delete a file with several names when no other call is at one of them; return its status right before."""
    file = found.st_dev, found.st_ino
    with _TURNS_LOCK:
        while file in _TURNS:
            _TURN_ENDED.wait()
        _TURNS.add(file)
    try:
        found = tree.status_in(handle, entry.name)
        tree.unlink(handle, entry.name)
    finally:
        with _TURNS_LOCK:
            _TURNS.discard(file)
            _TURN_ENDED.notify_all()
    return found


def _hit(tree: Tree, root: Root, path: bytes, found: os.stat_result) -> Hit:
    """Return a hit with its identity, and whether something is mounted on it."""
    mounted = found.st_dev != root.device
    if not mounted:
        try:
            tree.close(tree.open(path))
        except OSError as error:
            # Any other error will be met, and said, when it is measured.
            mounted = error.errno == errno.EXDEV
    return Hit(path, found.st_dev, found.st_ino, mounted, found.st_ctime_ns)


def _only_for_owners(directory: os.stat_result, owner: int) -> bool:
    """Whether what *owner* has in *directory* is, by the sticky bit, not for this user to delete.

    Root is let by the kernel all the same; that is no reason to do it (inode(7)).
    """
    if not directory.st_mode & stat.S_ISVTX or not hasattr(os, "geteuid"):
        return False
    return owner not in {os.geteuid(), directory.st_uid}


def _fitting(globs: tuple[bytes, ...]) -> Callable[[bytes], object]:
    """Return what tells whether a name fits one of *globs*."""
    if not globs:
        return lambda _name: False
    # As in the shell, a leading dot is nothing special to these patterns (fnmatch.translate).
    # Each byte as a letter, which is how fnmatch itself deals with bytes.
    patterns = (fnmatch.translate(glob.decode("latin-1")) for glob in globs)
    return re.compile("|".join(patterns).encode("latin-1")).match


def _has_head(tree: Tree, prefix: bytes, closed: frozenset[bytes]) -> bool:
    """Whether a directory that has the other parts of a git repository is one, or may be."""
    if prefix + b"HEAD" in closed:
        return True
    try:
        mode = tree.status_of(prefix + b"HEAD").st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _status(tree: Tree, entry: "os.DirEntry[str]") -> os.stat_result:
    """Return the status of an entry itself, never of what a symlink leads to."""
    if tree.complete_entries:
        return entry.stat(follow_symlinks=False)
    return os.lstat(entry.path)


def _is_directory(entry: "os.DirEntry[str]") -> bool:
    """Whether *entry* is a directory itself: no symlink, and on Windows no junction."""
    if not entry.is_dir(follow_symlinks=False):
        return False
    return sys.platform != "win32" or not _leads_away(entry.stat(follow_symlinks=False))


def _leads_away(found: os.stat_result) -> bool:
    """Whether a directory entry is a Windows reparse point (junction, mounted folder)."""
    attributes: int = getattr(found, "st_file_attributes", 0)
    return bool(attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT)


def _blocks(found: os.stat_result) -> int:
    """Blocks of 512 bytes; where the system does not count them, the size rounded up."""
    blocks: int | None = getattr(found, "st_blocks", None)
    return -(-found.st_size // _BLOCK) if blocks is None else blocks


def _depth(path: bytes) -> int:
    """Depth of the entries of *path*: 0 for the children of the root."""
    return path.count(b"/") + 1 if path else 0


def _fault(path: bytes, error: OSError, doing: str) -> Fault:
    return Fault(path, error.errno or errno.EIO, doing)
