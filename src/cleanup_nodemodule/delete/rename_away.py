"""Takes an artifact out of its project in one step, before anything in it is deleted.

A rename beside itself is atomic (rename(2)): the project has the whole artifact or nothing of it, at
any moment, whatever happens to this process. It also shuts the door: who comes by the artifact's path
from now on finds nothing there, so what is looked at behind the rename is what will be deleted.

Everything goes by a descriptor of the directory around it, which is opened without following a
symlink. Whoever owns the project may swap things meanwhile, but cannot make this reach anything
elsewhere.
"""

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from cleanup_nodemodule import engine
from cleanup_nodemodule.model import Candidate, Identity

if TYPE_CHECKING:
    from cleanup_nodemodule.record.mark import Mark


_IMPOSSIBLE: Final = frozenset(
    {
        errno.EXDEV,  # overlayfs, for what lies in a lower layer (its documentation, "redirect_dir")
        errno.ENOSPC,  # a new name may take a block
        errno.EDQUOT,
        errno.ENAMETOOLONG,
        errno.EINVAL,
        errno.ENOSYS,
        errno.EOPNOTSUPP,
        errno.EMLINK,
    }
)
"""What rename(2) says where the file system cannot do it, rather than this user."""


class ImpossibleError(OSError):
    """The file system cannot rename the artifact: it can only be deleted in place."""


class ChangedError(Exception):
    """What is there is not what was approved. It is as it was."""


class StuckError(Exception):
    """What was renamed could not be put back, as its place was taken."""


def stage(candidate: Candidate, staged: str, marking: "Mark | None" = None) -> int:
    """Rename the artifact to *staged*, beside itself, with *marking* on it; return the bytes that takes.

    Raises ChangedError if another directory is in its place, or it was written into since it was
    found; ImpossibleError where it has to be deleted in place; FileNotFoundError if it is gone; and any
    other OSError where this user may not rename it. Nothing has happened then. But StuckError says
    that what somebody put in its place in this very moment is now at *staged*.
    """
    name, hidden = os.path.basename(candidate.path), os.path.basename(staged)
    with _around(candidate.path) as (parent, prefix):
        _check(candidate, _status(prefix + name, parent))
        taken = 0
        if marking is not None:
            # Before, so that there is no moment in which it has left its project without.
            taken = _mark(parent, name, candidate.identity, marking)
        try:
            os.rename(prefix + name, prefix + hidden, src_dir_fd=parent, dst_dir_fd=parent)
        except OSError as error:
            if marking is not None:
                _mark(parent, name, candidate.identity, None)
            if error.errno in _IMPOSSIBLE:
                raise ImpossibleError(error.errno, error.strerror, candidate.path) from error
            raise
        try:
            if _is(_status(prefix + hidden, parent), candidate.identity):
                return taken
            # Somebody was faster than we are between the two calls.
            _rename_back(parent, prefix + hidden, prefix + name)
        except FileNotFoundError:
            pass  # And faster again: it has been taken away from there.
        except OSError as error:
            raise StuckError from error
        raise ChangedError


def check(candidate: Candidate) -> None:
    """Raise ChangedError unless the artifact is as it was found, FileNotFoundError if it is gone."""
    with _around(candidate.path) as (parent, prefix):
        _check(candidate, _status(prefix + os.path.basename(candidate.path), parent))


def is_at(path: str, identity: Identity) -> bool:
    """Whether the directory is there. Raises OSError, but not where nothing is."""
    try:
        with _around(path) as (parent, prefix):
            return _is(_status(prefix + os.path.basename(path), parent), identity)
    except (FileNotFoundError, NotADirectoryError):
        return False


class Held:
    """A directory that is held by a descriptor, which stays with it wherever it is moved."""

    def __init__(self, itself: int, around: int | None, identity: Identity) -> None:
        self.itself: Final = itself
        self.identity: Final = identity
        self._around = around
        self.is_open = True

    def take_around(self) -> int | None:
        """Return a descriptor, for the caller to close, by which its file system can be asked (fsync(2)).

        It is of the directory around, or of itself if that may not be read; None if neither may.
        """
        around, self._around = self._around, None
        return around

    def let_go(self) -> None:
        """Close the directory itself, which takes a moment where nothing else holds what was deleted."""
        if self.is_open:
            self.is_open = False
            os.close(self.itself)

    def close(self) -> None:
        """Let go of everything."""
        self.let_go()
        if (around := self.take_around()) is not None:
            os.close(around)


def hold(candidate: Candidate) -> Held | None:
    """Open the artifact, if it is as it was found; None on systems without such descriptors.

    Raises ChangedError if another directory is in its place, or it was written into since it was
    found; FileNotFoundError if it is gone; and any other OSError.
    """
    if os.rename not in os.supports_dir_fd:
        return None
    with _around(candidate.path) as (parent, _):
        try:
            itself = os.open(os.path.basename(candidate.path), _ITSELF, dir_fd=parent)
        except OSError as error:
            # A symlink or a file is in its place.
            if error.errno in {errno.ELOOP, errno.ENOTDIR}:
                raise ChangedError from error
            raise
        try:
            _check(candidate, os.fstat(itself))
            return Held(itself, _readable(parent, itself), candidate.identity)
        except BaseException:
            os.close(itself)
            raise


_DIRECTORY: Final = (
    getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)
_ITSELF: Final = _DIRECTORY | getattr(os, "O_PATH", os.O_RDONLY)
"""To hold a directory that need not be readable (open(2))."""


def _readable(*directories: int | None) -> int | None:
    """Return a descriptor for reading of the first of these directories that may be read."""
    for directory in directories:
        try:
            return os.open(".", _DIRECTORY | os.O_RDONLY, dir_fd=directory)
        except PermissionError:
            continue
    return None


def is_somewhere(held: Held) -> bool:
    """Whether what is held is still in some directory, and has not been deleted."""
    if not held.is_open:  # It was let go of when it was gone.
        return False
    try:
        status = os.fstat(held.itself)
    except OSError as error:
        return error.errno not in {errno.ENOENT, errno.ESTALE}
    return status.st_nlink > 0


def whereabouts(held: Held) -> str | None:
    """Return where a directory is now that is held; None if nobody can say."""
    if sys.platform != "linux" or not held.is_open:
        return None
    try:
        # Behind the path of what is gone it says so (proc_pid_fd(5)), and then nothing is found there.
        path = os.readlink(f"/proc/self/fd/{held.itself}")
        return path if path.startswith("/") and is_at(path, held.identity) else None
    except OSError:
        return None


def holds(path: str, name: str) -> bool:
    """Whether the directory *path* has an entry of that name, if it can be looked at."""
    try:
        with _around(os.path.join(path, name)) as (parent, prefix):
            _status(prefix + name, parent)
    except OSError:
        return False
    return True


def _check(candidate: Candidate, found: os.stat_result) -> None:
    # ext4 gives an inode number to the next directory that is made, so it alone proves nothing.
    fresh = candidate.changed in {0, found.st_ctime_ns}
    if not _is(found, candidate.identity) or not fresh:
        raise ChangedError


def put_back(staged: str, path: str, identity: Identity) -> None:
    """Undo :func:`stage`.

    Raises StuckError if something is in the old place, ChangedError if something else is in the new
    one, and OSError.
    """
    with _around(path) as (parent, prefix):
        if not _is(_status(prefix + os.path.basename(staged), parent), identity):
            raise ChangedError
        _rename_back(parent, prefix + os.path.basename(staged), prefix + os.path.basename(path))
        _mark(parent, os.path.basename(path), identity, None)


def _mark(parent: int | None, name: str, identity: Identity, marking: "Mark | None") -> int:
    """Put *marking* on the directory *name*, or take any off, if it is still that; return the bytes it takes.

    Never raises OSError.
    """
    from cleanup_nodemodule.record import mark  # noqa: PLC0415 - only to delete

    if parent is None:  # Systems without descriptors of directories have no such attributes either.
        return 0
    with contextlib.suppress(OSError):
        held = os.open(name, _ITSELF, dir_fd=parent)
        try:
            if _is(os.fstat(held), identity):
                return mark.take_off(held) if marking is None else mark.put(held, marking)
        finally:
            os.close(held)
    return 0


def _rename_back(parent: int | None, hidden: str, name: str) -> None:
    try:
        if parent is not None and engine.rename_exclusively(parent, hidden, name):
            return
        _status(name, parent)
    except FileExistsError as error:
        raise StuckError from error
    except FileNotFoundError:
        pass
    else:
        raise StuckError
    try:
        # No call refuses to replace here. Were a directory put there in this moment, rename(2) would
        # replace it only if it is empty.
        os.rename(hidden, name, src_dir_fd=parent, dst_dir_fd=parent)
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
            raise StuckError from error
        raise


def _is(found: os.stat_result, identity: Identity) -> bool:
    return stat.S_ISDIR(found.st_mode) and (found.st_dev, found.st_ino) == identity


def _status(name: str, parent: int | None) -> os.stat_result:
    return os.stat(name, dir_fd=parent, follow_symlinks=False)


@contextlib.contextmanager
def _around(path: str) -> Iterator[tuple[int | None, str]]:
    """Open the directory around *path*; where there are no descriptors, give its path instead."""
    directory = os.path.dirname(path)
    if os.rename not in os.supports_dir_fd:
        yield None, os.path.join(directory, "")
        return
    descriptor = engine.open_directory(os.fsencode(directory))
    try:
        yield descriptor, ""
    finally:
        os.close(descriptor)
