"""Opening directories beneath a root, and never anywhere else.

Three ways, best first, chosen by what the system offers:

* Linux 5.6 and later: ``openat2(2)`` with ``RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
  RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS``. The kernel refuses a symlink anywhere in the path and
  every mount point, bind mounts of the same file system included, in one call a directory.
* Other POSIX systems: one ``openat(2)`` a component with ``O_NOFOLLOW``, or one for the whole path
  with ``O_NOFOLLOW_ANY`` (macOS 10.15, open(2)). Mount points are told by ``st_dev``, so a bind
  mount of the same file system is not seen there.
* Windows: paths. A reparse point (symlink, junction, mounted folder) among the components is
  refused by ``lstat``, which leaves a window between the check and the use.
"""

import errno
import functools
import os
import sys
from collections.abc import Callable

from cleanup_nodemodule.engine._by_descriptor import (
    ATTEMPTS,
    PARENT_FLAGS,
    DescriptorTree,
    opener,
    walk,
)
from cleanup_nodemodule.engine._by_path import PathTree
from cleanup_nodemodule.engine._tree import Tree
from cleanup_nodemodule.engine.contract import Root


def open_tree(root: Root, *, mount_ok: bool) -> Tree:
    """Open *root* and check that it is the inode it is said to be.

    With *mount_ok* the root may itself be a mount point, as a place to search may be.
    Raises OSError, with ``ESTALE`` if another directory has taken the root's place.
    """
    if os.open in os.supports_dir_fd and os.scandir in os.supports_fd:
        return DescriptorTree(root, mount_ok=mount_ok)
    return PathTree(root, mount_ok=mount_ok)


def open_plainly(path: bytes) -> int:
    """Open the directory *path*, absolute, following no symlink; mount points may be on the way.

    Raises OSError.
    """
    top = os.open("/", PARENT_FLAGS)
    try:
        return walk(opener(), top, path.strip(b"/"), mounts=True, close=True)
    except BaseException:
        os.close(top)
        raise


def rename_exclusively(directory: int, old: str, new: str) -> bool:
    """Rename within the open directory unless something has the new name.

    Returns False, with nothing done, where the system or the file system has no call for that
    (``RENAME_NOREPLACE``, renameat2(2); ``RENAME_EXCL``, renameatx_np(2) of macOS). Raises OSError, with
    ``EEXIST`` if the name is taken.
    """
    rename = _exclusive_rename()
    if rename is None:
        return False
    number = rename(directory, os.fsencode(old), os.fsencode(new))
    if number in {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM}:
        return False
    if number:
        raise OSError(number, os.strerror(number), new)
    return True


@functools.cache
def _exclusive_rename() -> Callable[[int, bytes, bytes], int] | None:
    """Return what renames without replacing, and gives an errno; None where there is no such call."""
    if sys.platform not in {"linux", "darwin"}:
        return None
    import ctypes  # noqa: PLC0415 - it takes long to import, and only deleting needs it

    name, flag = ("renameat2", 1) if sys.platform == "linux" else ("renameatx_np", 4)
    library = ctypes.CDLL(None, use_errno=True)
    call = getattr(library, name, None)  # Not in glibc before 2.28.
    if call is None:
        return None
    call.argtypes = (
        *(ctypes.c_int, ctypes.c_char_p),
        *(ctypes.c_int, ctypes.c_char_p),
        ctypes.c_uint,
    )

    def rename(directory: int, old: bytes, new: bytes) -> int:
        for _attempt in range(ATTEMPTS):
            if call(directory, old, directory, new, flag) == 0:
                return 0
            number: int = ctypes.get_errno()
            if number != errno.EINTR:
                break
        return number

    return rename
