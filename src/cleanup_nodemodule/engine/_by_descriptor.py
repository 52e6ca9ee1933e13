"""Opens directories beneath a root by descriptors, where the system has them (openat2(2))."""

import errno
import functools
import os
import stat
import sys
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from cleanup_nodemodule.engine._tree import Handle, Tree
from cleanup_nodemodule.engine.contract import Root

# include/uapi/linux/openat2.h; the number is the same on every architecture but Alpha.
_SYS_OPENAT2: Final = 437


_NO_XDEV: Final = 0x01


_NO_MAGICLINKS: Final = 0x02


_NO_SYMLINKS: Final = 0x04


_BENEATH: Final = 0x08


_CONFINED: Final = _BENEATH | _NO_SYMLINKS | _NO_MAGICLINKS


_SAME_MOUNT: Final = _CONFINED | _NO_XDEV


_LINKS_TELL: Final = frozenset({0xEF53, 0x58465342, 0x01021994})
"""File systems (statfs(2)) known to give a directory a link for the ".." of each directory in it: ext2 to
ext4, XFS, tmpfs. ext4 gives one where there are more than it can count to ("dir_nlink", ext4(5)); others
always give one (btrfs, overlay where layers meet) or two. find(1) goes by the same (fts.c,
leaf_optimization)."""


_LONGEST: Final = 4000
"""Bytes of path to hand to one call: under PATH_MAX (4096 on Linux, limits.h) with room to spare.
macOS has 1024, and is given single components beyond that."""


ATTEMPTS: Final = 8
"""How often a call is repeated that the kernel could not settle because of a rename going on
(EAGAIN, openat2(2)) or that a signal interrupted (EINTR)."""


_NO_OPENAT2: Final = frozenset({errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.E2BIG})
"""What the call fails with where the kernel, or a filter before it, does not know it."""


_Opener: TypeAlias = Callable[[int, bytes, int, int], int]
"""Directory descriptor, path, open(2) flags, openat2(2) resolve flags; gives a descriptor."""


def walk(open_at: _Opener, start: int, path: bytes, *, mounts: bool, close: bool) -> int:
    """Open *path* beneath *start* in as few steps as it takes; *close* start on success."""
    flags = PARENT_FLAGS if mounts else _FLAGS
    resolve = _CONFINED if mounts else _SAME_MOUNT
    if not path:
        return start
    current = start
    try:
        for step in _steps(path):
            following = open_at(current, step, flags, resolve)
            if current != start:
                os.close(current)
            current = following
    except BaseException:
        if current != start:
            os.close(current)
        raise
    if close:
        os.close(start)
    return current


def stale(path: bytes) -> OSError:
    return OSError(errno.ESTALE, os.strerror(errno.ESTALE), path)


def _mounted(path: bytes) -> OSError:
    return OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)


class DescriptorTree(Tree):
    """A root and its parent, held by descriptors."""

    complete_entries = True
    can_ask = sys.platform == "linux"

    def __init__(self, root: Root, *, mount_ok: bool) -> None:
        self._device = root.device
        self._inode = root.inode
        self._path = root.path
        self._open_at = opener()
        self._confined = self._open_at is _open_kernel
        parent, _, self._name = root.path.rpartition(b"/")
        # O_PATH (open(2)): a parent need not be readable, only searchable.
        self._parent = os.open("/", PARENT_FLAGS)
        try:
            around = parent.strip(b"/")
            self._parent = walk(self._open_at, self._parent, around, mounts=True, close=True)
            if self._name:
                self._root = self._open_at(
                    self._parent, self._name, _FLAGS, _CONFINED if mount_ok else _SAME_MOUNT
                )
            else:
                self._root = os.open("/", _FLAGS)
        except BaseException:
            os.close(self._parent)
            raise
        try:
            found = self.status()
            if (found.st_dev, found.st_ino) != (root.device, root.inode):
                raise stale(root.path)
            if not mount_ok and not self._confined and self.status_around().st_dev != root.device:
                raise _mounted(root.path)
            self.links_tell = _file_system()(self._root) in _LINKS_TELL
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        os.close(self._root)
        os.close(self._parent)

    def open(self, path: bytes) -> int:
        if self._confined and len(path) <= _LONGEST:
            handle = self._open_at(self._root, path or b".", _FLAGS, _SAME_MOUNT)
        else:
            handle = walk(self._open_at, self._root, path or b".", mounts=False, close=False)
        return handle if self._confined else self._on_device(handle, path)

    def open_to_change(self, path: bytes) -> int:
        return self._on_device(self.open(path), path)

    def open_in(
        self, handle: Handle | None, name: bytes, *, passing: bool
    ) -> tuple[int, os.stat_result]:
        around = handle if isinstance(handle, int) else self._root
        flags = PARENT_FLAGS if passing else _FLAGS
        opened = self._on_device(self._open_at(around, name, flags, _SAME_MOUNT), name)
        return opened, os.fstat(opened)

    def open_to_ask(self, handle: Handle, name: str, found: os.stat_result) -> int:
        opened = self._open_at(handle, os.fsencode(name), _ASK_FLAGS, _SAME_MOUNT)
        try:
            now = os.fstat(opened)
            same = (now.st_dev, now.st_ino) == (found.st_dev, found.st_ino)
            if not same or stat.S_IFMT(now.st_mode) != stat.S_IFMT(found.st_mode):
                raise stale(os.fsencode(name))
        except BaseException:
            os.close(opened)
            raise
        return opened

    def status_open(self, handle: Handle) -> os.stat_result:
        return os.fstat(handle)

    def _on_device(self, handle: int, path: bytes) -> int:
        try:
            if os.fstat(handle).st_dev != self._device:
                raise _mounted(path)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def close(self, handle: Handle) -> None:
        os.close(handle)

    def status(self) -> os.stat_result:
        return os.fstat(self._root)

    def status_around(self) -> os.stat_result:
        return os.fstat(self._parent)

    def status_of(self, path: bytes) -> os.stat_result:
        parent, _, name = path.rpartition(b"/")
        directory = self.open(parent)
        try:
            return os.stat(name, dir_fd=directory, follow_symlinks=False)
        finally:
            os.close(directory)

    def status_in(self, handle: Handle, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=handle, follow_symlinks=False)

    def unlink(self, handle: Handle, name: str) -> None:
        os.unlink(name, dir_fd=handle)

    def rmdir_in(self, handle: Handle, name: str) -> None:
        os.rmdir(name, dir_fd=handle)

    def rmdir_root(self) -> None:
        found = os.stat(self._name, dir_fd=self._parent, follow_symlinks=False)
        if (found.st_dev, found.st_ino) != (self._device, self._inode):
            raise stale(self._path)
        os.rmdir(self._name, dir_fd=self._parent)


_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
)


_ASK_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


PARENT_FLAGS: Final = (
    getattr(os, "O_PATH", os.O_RDONLY)
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


def _steps(path: bytes) -> Iterator[bytes]:
    """Cut *path* into pieces that one opening call takes."""
    longest = _LONGEST if opener() is _open_kernel else _shortest_step()
    start = 0
    while len(path) - start > longest:
        cut = path.rfind(b"/", start, start + longest + 1)
        if cut < 0:
            cut = path.find(b"/", start)
        if cut < 0:
            break
        yield path[start:cut]
        start = cut + 1
    yield path[start:]


def _shortest_step() -> int:
    # Without a call that checks the whole path, every component is a step of its own.
    return 1000 if hasattr(os, "O_NOFOLLOW_ANY") else 0


def _open_component(directory: int, step: bytes, flags: int, _resolve: int) -> int:
    """``openat(2)`` that follows no symlink; mount points are the caller's to tell."""
    return os.open(step, flags | getattr(os, "O_NOFOLLOW_ANY", 0), dir_fd=directory)


def _open_kernel(directory: int, step: bytes, flags: int, resolve: int) -> int:
    """``openat2(2)`` beneath *directory*."""
    return _openat2()(directory, step, flags, resolve)


@functools.cache
def opener() -> _Opener:
    """Choose the best way to open that this system really has."""
    if sys.platform != "linux" or hasattr(sys, "getandroidapilevel"):
        return _open_component  # Android kills a process for a call it does not know.
    if os.uname().machine == "alpha":
        return _open_component
    here = os.open("/", PARENT_FLAGS)
    try:
        # ENOSYS before Linux 5.6; EPERM where a seccomp filter does not know the call.
        os.close(_open_kernel(here, b".", PARENT_FLAGS, _CONFINED))
    except OSError as error:
        if error.errno not in _NO_OPENAT2:
            raise
        return _open_component
    finally:
        os.close(here)
    return _open_kernel


@functools.cache
def _openat2() -> Callable[[int, bytes, int, int], int]:
    # Not needed elsewhere, and it takes longer to import than everything else here together.
    import ctypes  # noqa: PLC0415 - as the comment above says

    class OpenHow(ctypes.Structure):
        _fields_ = (
            ("flags", ctypes.c_uint64),
            ("mode", ctypes.c_uint64),
            ("resolve", ctypes.c_uint64),
        )

    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long
    syscall.argtypes = (
        ctypes.c_long,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_void_p,
        ctypes.c_size_t,
    )
    size = ctypes.sizeof(OpenHow)
    get_errno = ctypes.get_errno

    @functools.cache
    def prepared(flags: int, resolve: int) -> tuple[OpenHow, int]:
        how = OpenHow(flags, 0, resolve)
        return how, ctypes.addressof(how)

    def openat2(directory: int, path: bytes, flags: int, resolve: int) -> int:
        _, address = prepared(flags, resolve)
        for _attempt in range(ATTEMPTS):
            descriptor: int = syscall(_SYS_OPENAT2, directory, path, address, size)
            if descriptor >= 0:
                return descriptor
            number = get_errno()
            if number not in (errno.EAGAIN, errno.EINTR):
                break
        raise OSError(number, os.strerror(number), path)

    return openat2


@functools.cache
def _file_system() -> Callable[[int], int]:
    """Return what tells the type of the file system that a descriptor is on; 0 where nothing does."""
    if sys.platform != "linux":
        return lambda _descriptor: 0
    import ctypes  # noqa: PLC0415 - it takes long to import

    fstatfs = ctypes.CDLL(None).fstatfs
    fstatfs.argtypes = (ctypes.c_int, ctypes.c_void_p)

    def ask(descriptor: int) -> int:
        # The type comes first, in a word of the C library's; the whole is 120 bytes at most.
        words = (ctypes.c_ulong * 64)()
        return 0 if fstatfs(descriptor, words) else words[0] & 0xFFFFFFFF

    return ask


def kind_of(descriptor: int) -> int:
    """Return the type of the file system that a descriptor is on (statfs(2)); 0 where nothing tells."""
    return _file_system()(descriptor)
