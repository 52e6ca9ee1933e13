"""What the engine in Python asks a file system about one file: its extents, its attributes, its layer. Linux only."""

import errno
import fcntl
import functools
import os
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from cleanup_nodemodule.engine._by_descriptor import ATTEMPTS

# include/uapi/linux/fiemap.h
_HEAD: Final = struct.Struct("=QQIIII")
_EXTENT: Final = struct.Struct("=QQQ16xI12x")
_ASK_EXTENTS: Final = 3 << 30 | _HEAD.size << 16 | ord("f") << 8 | 11
"""``FS_IOC_FIEMAP``. Some processors have other numbers for it (asm/ioctl.h): there nobody can be asked."""
_OF_ATTRIBUTES: Final = 0x2  # FIEMAP_FLAG_XATTR
_LAST: Final = 0x1  # FIEMAP_EXTENT_LAST, and so on
_ENCODED: Final = 0x8
_INLINE: Final = 0x200
_SHARED: Final = 0x2000

_AT_ONCE: Final = 64
"""Extents that are asked for with one call."""

_EVERYTHING: Final = 2**64 - 1

# include/uapi/linux/stat.h: struct statx
_STATUS: Final = 256
_MADE: Final = struct.Struct("=qI")
_MADE_AT: Final = 80
_WHEN_MADE: Final = 0x800  # STATX_BTIME
_NO_FOLLOW: Final = 0x100  # AT_SYMLINK_NOFOLLOW

# include/uapi/linux/fcntl.h and exportfs.h
_HANDLE_FID: Final = 0x200  # AT_HANDLE_FID
_EMPTY_PATH: Final = 0x1000  # AT_EMPTY_PATH
_MAX_HANDLE: Final = 128  # MAX_HANDLE_SZ

# fs/overlayfs/overlayfs.h: struct ovl_fb begins at the fifth byte of what a handle has.
_OF_OVERLAY: Final = 0xF8  # OVL_FILEID_V1
_MAGIC_AT: Final = 4
_MAGIC: Final = 0xFB  # OVL_FH_MAGIC
_FLAGS_AT: Final = 6
_UPPER: Final = 4  # OVL_FH_FLAG_PATH_UPPER


class Extent(NamedTuple):
    """A part of a file, in bytes."""

    logical: int
    """Where it begins in the file."""
    physical: int
    """Where it begins on the disk."""
    length: int
    """In the file. On the disk it may be less, if it is encoded."""
    flags: int

    @property
    def encoded(self) -> bool:
        """Whether it is compressed."""
        return bool(self.flags & _ENCODED)

    @property
    def inline(self) -> bool:
        """Whether it lies where the file system keeps what it knows of the file."""
        return bool(self.flags & _INLINE)

    @property
    def shared(self) -> bool:
        """Whether something else has it too."""
        return bool(self.flags & _SHARED)


def extents_of(descriptor: int, *, attributes: bool = False) -> Iterator[Extent]:
    """Give the extents of an open file as it is on the disk now, or the one that its extended attributes have.

    Raises OSError, with ``EOPNOTSUPP`` where the file system cannot be asked.
    """
    start = 0
    answer = bytearray(_HEAD.size + _AT_ONCE * _EXTENT.size)
    while True:
        flags = _OF_ATTRIBUTES if attributes else 0
        _HEAD.pack_into(answer, 0, start, _EVERYTHING - start, flags, 0, _AT_ONCE, 0)
        _ask(descriptor, answer)
        *_, count, _, _ = _HEAD.unpack_from(answer)
        extent = None
        for number in range(count):
            extent = Extent(*_EXTENT.unpack_from(answer, _HEAD.size + number * _EXTENT.size))
            yield extent
        if extent is None or extent.flags & _LAST or extent.logical + extent.length <= start:
            return
        start = extent.logical + extent.length


def _ask(descriptor: int, answer: bytearray) -> None:
    for attempt in range(ATTEMPTS):
        try:
            fcntl.ioctl(descriptor, _ASK_EXTENTS, answer)
        except InterruptedError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return


def attributes_of(descriptor: int) -> list[int]:
    """Return the bytes that the name and the value of each extended attribute have, as far as anybody may see them."""
    try:
        names = os.listxattr(descriptor)
    except OSError:
        return []
    sizes = []
    for name in names:
        try:
            value = os.getxattr(descriptor, name)
        except OSError:
            continue  # It was taken away, or is not for everybody.
        sizes.append(len(os.fsencode(name)) + len(value))
    return sizes


def made(path: str) -> int | None:
    """Return when a file was made, nanoseconds since the epoch (statx(2)); None where nobody tells."""
    import ctypes  # noqa: PLC0415 - only for overlays, and it takes long to import

    call = getattr(ctypes.CDLL(None), "statx", None)
    if call is None:
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)
    answer = ctypes.create_string_buffer(_STATUS)
    here = -100  # AT_FDCWD, by which an absolute path goes.
    if call(here, os.fsencode(path), _NO_FOLLOW, _WHEN_MADE, answer) != 0:
        return None
    if not int.from_bytes(answer.raw[:4], sys.byteorder) & _WHEN_MADE:
        return None
    seconds, nanoseconds = _MADE.unpack_from(answer, _MADE_AT)
    return int(seconds * 1_000_000_000 + nanoseconds)


def is_upper(directory: int, name: bytes) -> bool | None:
    """Whether the entry *name* of an open directory of an overlay is in the upper layer alone; ``b""`` is the directory.

    None where nobody says so: it takes Linux 6.6, and an overlay (name_to_handle_at(2)).
    """
    handle = _handle_of()(directory, name, _HANDLE_FID | (0 if name else _EMPTY_PATH))
    if handle is None or len(handle) <= _FLAGS_AT or handle[_MAGIC_AT] != _MAGIC:
        return None
    return bool(handle[_FLAGS_AT] & _UPPER)


@functools.cache
def _handle_of() -> Callable[[int, bytes, int], bytes | None]:
    """Return what gives the file handle of an entry, if it is one of an overlay."""
    import ctypes  # noqa: PLC0415 - only for overlays, and it takes long to import

    call = getattr(ctypes.CDLL(None, use_errno=True), "name_to_handle_at", None)
    if call is None:
        return lambda _directory, _name, _flags: None
    call.argtypes = (
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_void_p,
        ctypes.c_int,
    )
    head = struct.Struct("=Ii")

    def ask(directory: int, name: bytes, flags: int) -> bytes | None:
        mount = ctypes.c_int()
        for _attempt in range(ATTEMPTS):
            handle = ctypes.create_string_buffer(head.pack(_MAX_HANDLE, 0), head.size + _MAX_HANDLE)
            if call(directory, name, handle, ctypes.byref(mount), flags) == 0:
                length, kind = head.unpack_from(handle)
                return handle.raw[head.size : head.size + length] if kind == _OF_OVERLAY else None
            if ctypes.get_errno() != errno.EINTR:
                break
        return None

    return ask
