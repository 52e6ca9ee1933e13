"""Opens directories beneath a root by their paths, where the system has no descriptors for them."""

import errno
import os
import stat
from typing import Final

from cleanup_nodemodule.engine._by_descriptor import stale
from cleanup_nodemodule.engine._tree import Handle, Tree
from cleanup_nodemodule.engine.contract import Root

_FILE_ATTRIBUTE_REPARSE_POINT: Final = 0x400


class PathTree(Tree):
    """A root held by its path, for systems without directory descriptors."""

    complete_entries = False
    links_tell = False
    can_ask = False

    def __init__(self, root: Root, *, mount_ok: bool) -> None:
        self._path = os.fsdecode(root.path)
        self._identity = root
        found = self.status()
        if not stat.S_ISDIR(found.st_mode):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self._path)
        if not mount_ok and _is_reparse_point(found):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), self._path)
        self._check_identity(found)

    def release(self) -> None:
        pass

    def open(self, path: bytes) -> str:
        current = self._path
        for name in path.split(b"/") if path else ():
            current, _ = self.open_in(current, name, passing=True)
        return current

    def open_in(
        self,
        handle: Handle | None,
        name: bytes,
        *,
        passing: bool,  # noqa: ARG002 - nothing is opened
    ) -> tuple[str, os.stat_result]:
        place = os.path.join(self._path if handle is None else str(handle), os.fsdecode(name))
        found = os.lstat(place)
        if stat.S_ISLNK(found.st_mode) or _is_reparse_point(found):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), place)
        if not stat.S_ISDIR(found.st_mode):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), place)
        if found.st_dev != self._identity.device:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), place)
        return place, found

    def open_to_ask(self, handle: Handle, name: str, found: os.stat_result) -> int:  # noqa: ARG002 - nobody is asked
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP), name)

    def status_open(self, handle: Handle) -> os.stat_result:
        return os.lstat(handle)

    def close(self, handle: Handle) -> None:
        pass

    def status(self) -> os.stat_result:
        return os.lstat(self._path)

    def status_around(self) -> os.stat_result:
        return os.lstat(os.path.dirname(self._path))

    def status_of(self, path: bytes) -> os.stat_result:
        return os.lstat(os.path.join(self._path, *os.fsdecode(path).split("/")))

    def status_in(self, handle: Handle, name: str) -> os.stat_result:
        return os.lstat(os.path.join(handle, name))

    def unlink(self, handle: Handle, name: str) -> None:
        os.unlink(os.path.join(handle, name))

    def rmdir_in(self, handle: Handle, name: str) -> None:
        os.rmdir(os.path.join(handle, name))

    def rmdir_root(self) -> None:
        self._check_identity(self.status())
        os.rmdir(self._path)

    def _check_identity(self, found: os.stat_result) -> None:
        if (found.st_dev, found.st_ino) != (self._identity.device, self._identity.inode):
            raise stale(self._identity.path)


def _is_reparse_point(found: os.stat_result) -> bool:
    """Whether Windows would lead elsewhere from here ([MS-FSCC] 2.6, file attributes)."""
    attributes: int = getattr(found, "st_file_attributes", 0)
    return bool(attributes & _FILE_ATTRIBUTE_REPARSE_POINT)
