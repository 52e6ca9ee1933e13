"""A small record on what was taken out of its project, for where the journal could not be written.

An extended attribute of the directory itself (xattr(7)). It is set right before the rename, so that there is
no moment in which a directory has left its project and nothing says why; it goes with the directory.

Who could make such a mark on what is not this program's? As root it is in the namespace ``trusted``, which
only root may write. Without the right to that, and for all others, it is in ``user``, which anybody can write
who may write the directory. So that counts only on a directory of this very user that nobody else may write:
who could forge it could delete what is in there without it. A mark is sealed with what makes the directory
that very directory, and with the name it got, so that it does not count on a copy or on what a backup brought
back.

It is short, as ext4 has room for some fifty bytes in an inode that is there anyway, and else takes a block.
"""

import contextlib
import os
import struct
from dataclasses import dataclass
from typing import Final, Self

from cleanup_nodemodule import engine
from cleanup_nodemodule.record.identity import Being, being_of
from cleanup_nodemodule.system import accounts, machine

_TRUSTED: Final = "trusted.cleanup-nodemodule"
_USER: Final = "user.cleanup-nodemodule"

_FORM: Final = struct.Struct(">B6sIQI4s8s")
"""Version, run, number, bytes, process, when that was started, seal; the name follows."""

_VERSION: Final = 1


CAN_MARK: Final = hasattr(os, "setxattr")
"""Whether Python has the calls, as on Linux."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is written on a directory that a run is about to rename."""

    run: str
    """The run's id."""
    number: int
    """Its number in the journal of that run."""
    allocated_bytes: int
    """What it took when it was measured."""
    pid: int
    """The process of the run."""
    started: bytes
    """A digest of when that was started: before or later, the same number may be another process."""
    seal: bytes
    """A digest of who wrote it on what, and of the name that was renamed to."""
    name: str
    """What the directory is called in its project."""

    @classmethod
    def of(
        cls,
        run: str,
        number: int,
        path: str,
        staged: str,
        being: Being,
        *,
        allocated_bytes: int = 0,
    ) -> Self:
        """Return what this process writes on *being*, at *path*, before it renames that to *staged*."""
        pid = os.getpid()
        return cls(
            *(run, number, allocated_bytes, pid, _started(pid), _seal(being, staged)),
            os.path.basename(path),
        )

    @property
    def is_alive(self) -> bool:
        """Whether the run that wrote it is at work still."""
        return machine.started(self.pid) is not None and _started(self.pid) == self.started


def put(descriptor: int, mark: Mark) -> int:
    """Write *mark* on an open directory, if its file system keeps such things; return the bytes it takes.

    Never raises OSError.
    """
    head = (_VERSION, bytes.fromhex(mark.run), mark.number, mark.allocated_bytes)
    text = _FORM.pack(*head, mark.pid, mark.started, mark.seal) + os.fsencode(mark.name)
    for name in _names():
        with contextlib.suppress(OSError):
            before = os.fstat(descriptor).st_blocks
            os.setxattr(_way(descriptor), name, text)
            return 512 * (os.fstat(descriptor).st_blocks - before)
    return 0


def take_off(descriptor: int) -> int:
    """Undo :func:`put`; return the bytes that takes, which are none. Never raises OSError."""
    for name in _names() if CAN_MARK else ():
        with contextlib.suppress(OSError):
            os.removexattr(_way(descriptor), name)
    return 0


def believed(path: str) -> Mark | None:
    """Return the mark of the directory *path*, if there is one that can be believed.

    Raises OSError where the directory cannot be opened.
    """
    if not CAN_MARK:
        return None
    descriptor = engine.open_directory(os.fsencode(path))
    try:
        status = os.fstat(descriptor)
        own = status.st_uid == os.geteuid() and not accounts.writable_by_others(status)
        for name in _names():
            if name == _TRUSTED or own:
                with contextlib.suppress(OSError):
                    return _understood(
                        os.getxattr(_way(descriptor), name), _seal(being_of(descriptor), path)
                    )
    finally:
        os.close(descriptor)
    return None


def _understood(text: bytes, seal: bytes) -> Mark | None:
    if len(text) <= _FORM.size:
        return None
    version, run, number, allocated, pid, started, sealed = _FORM.unpack_from(text)
    name = text[_FORM.size :]
    if version != _VERSION or sealed != seal or name in {b".", b".."} or {*b"/\0"} & {*name}:
        return None
    return Mark(run.hex(), number, allocated, pid, started, seal, os.fsdecode(name))


def _seal(being: Being, staged: str) -> bytes:
    words = (os.geteuid(), machine.machine(), being.volume, being.inode, being.birth_ns)
    return _digest(f"{words} {os.path.basename(staged)}", 8)


def _started(process: int) -> bytes:
    return _digest(str(machine.started(process)), 4)


def _digest(text: str, size: int) -> bytes:
    import hashlib  # noqa: PLC0415 - it takes long to import, and only deleting needs it

    return hashlib.blake2b(os.fsencode(text), digest_size=size).digest()


def _names() -> tuple[str, ...]:
    return (_TRUSTED, _USER) if os.geteuid() == 0 else (_USER,)


def _way(descriptor: int) -> str:
    """Return a path of what is open by O_PATH, as fsetxattr(2) does not take such a descriptor."""
    return f"/proc/self/fd/{descriptor}"
