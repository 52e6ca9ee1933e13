"""What the three functions of the engine in Python ask about an entry."""

import errno
import fnmatch
import functools
import os
import re
import stat
import sys
from collections.abc import Callable
from typing import Final

from cleanup_nodemodule.engine._tree import Handle, Tree
from cleanup_nodemodule.engine.contract import DEVICE_SHIFT, Fault, Hit, Root

BLOCK: Final = 512
"""Bytes in a unit of ``st_blocks`` (stat(3type)), whatever the file system's own block size."""


MAX_REFUSED: Final = 20
"""Entries of one directory that are named because they could not be deleted, for each reason; the
others are counted."""


_HIGHEST: Final = 2**64 - 1

_LINKS_OF_A_LEAF: Final = 2
"""Its name, and its own "."."""


GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What opening a listed directory says when it has vanished or has been replaced by something that
is no directory. A tree in use changes; neither is a problem."""


def is_leaf(tree: Tree, root: Root, handle: Handle) -> bool:
    """Whether an open directory has no directory in it, for sure."""
    if not tree.links_tell:
        return False
    found = os.stat(handle)
    return found.st_nlink == _LINKS_OF_A_LEAF and found.st_dev == root.device


def hit_of(tree: Tree, root: Root, path: bytes, found: os.stat_result) -> Hit:
    """Return a hit with its identity, and whether something is mounted on it."""
    mounted = found.st_dev != root.device
    if not mounted:
        try:
            tree.close(tree.open(path))
        except OSError as error:
            # Any other error will be met, and said, when it is measured.
            mounted = error.errno == errno.EXDEV
    return Hit(path, found.st_dev, found.st_ino, mounted, found.st_ctime_ns)


def only_for_owners(directory: os.stat_result, owner: int) -> bool:
    """Whether what *owner* has in *directory* is, by the sticky bit, not for this user to delete.

    Root is let by the kernel all the same; that is no reason to do it (inode(7)).
    """
    if not directory.st_mode & stat.S_ISVTX or not hasattr(os, "geteuid"):
        return False
    return owner not in {os.geteuid(), directory.st_uid}


@functools.lru_cache(
    maxsize=64
)  # A call for a small directory takes less time than to compile eight of them.
def fitting(globs: tuple[bytes, ...]) -> Callable[[bytes], object]:
    """Return what tells whether a name fits one of *globs*."""
    if not globs:
        return lambda _name: False
    # As in the shell, a leading dot is nothing special to these patterns (fnmatch.translate).
    # Each byte as a letter, which is how fnmatch itself deals with bytes.
    patterns = (fnmatch.translate(glob.decode("latin-1")) for glob in globs)
    return re.compile("|".join(patterns).encode("latin-1")).match


def has_head(tree: Tree, prefix: bytes, closed: frozenset[bytes]) -> bool:
    """Whether a directory that has the other parts of a git repository is one, or may be."""
    if prefix + b"HEAD" in closed:
        return True
    try:
        mode = tree.status_of(prefix + b"HEAD").st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def status_of(tree: Tree, entry: "os.DirEntry[str]") -> os.stat_result:
    """Return the status of an entry itself, never of what a symlink leads to."""
    if tree.complete_entries:
        return entry.stat(follow_symlinks=False)
    return os.lstat(entry.path)


def is_directory(entry: "os.DirEntry[str]") -> bool:
    """Whether *entry* is a directory itself: no symlink, and on Windows no junction."""
    if not entry.is_dir(follow_symlinks=False):
        return False
    return sys.platform != "win32" or not leads_away(entry.stat(follow_symlinks=False))


def leads_away(found: os.stat_result) -> bool:
    """Whether a directory entry is a Windows reparse point (junction, mounted folder)."""
    attributes: int = getattr(found, "st_file_attributes", 0)
    return bool(attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT)


def blocks_of(found: os.stat_result) -> int:
    """Blocks of 512 bytes; where the system does not count them, the size rounded up."""
    blocks: int | None = getattr(found, "st_blocks", None)
    return -(-found.st_size // BLOCK) if blocks is None else blocks


def elsewhere(inode: int, device: int) -> int:
    """Return what stands for an inode that is not on the device of the root in ``Usage.links``."""
    return inode ^ (device << DEVICE_SHIFT & _HIGHEST)


def depth_of(path: bytes) -> int:
    """Depth of the entries of *path*: 0 for the children of the root."""
    return path.count(b"/") + 1 if path else 0


def fault_of(path: bytes, error: OSError, doing: str) -> Fault:
    return Fault(path, error.errno or errno.EIO, doing)


class ForeignError(Exception):
    """On the way to a directory one lies in a sticky one, and only its owner may delete it."""


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
