"""Whether somebody else could alter a file or a directory: then nobody is to believe what it says."""

import errno
import os
import stat
from typing import Final

from cleanup_nodemodule.errors import CleanupError
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.system.accounts import account_name, unmapped, writable_by_others

_MAX_LINKS: Final = 40
"""Symlinks that a path may lead through (path_resolution(7))."""


ADVICE: Final = "set XDG_STATE_HOME to a directory that only you can write to"


class StateError(CleanupError, OSError):
    """The state directory cannot be used. The message says why, and what to do."""

    code = ProblemCode.USE_RECORD

    def __init__(self, number: int, message: str) -> None:
        super().__init__(number, message)
        self.message = message

    def __str__(self) -> str:
        return self.message

    @property
    def number(self) -> int | None:
        """What the system said, or what comes nearest to it (errno(3))."""
        return self.errno


def check(path: str, *, own: bool = True) -> None:
    """Raise StateError unless *path* is a directory that nobody but this user and root can alter.

    Every directory on the way there, through symlinks too, has to belong to root or to this user, and
    others may write it only if it is sticky; the symlinks have to belong to one of them as well. With
    *own*, the directory itself has to be this user's, and may not even be sticky.
    """
    try:
        fault = _fault(path, own=own)
    except OSError as error:
        raise unusable(path, error) from error
    if fault is not None:
        raise StateError(
            errno.EPERM,
            f"the record of what is deleted cannot be kept in {path!r}: {fault}; {ADVICE}",
        )


def untrusted(path: str, account: int | None = None, *, sticky: bool = False) -> str | None:
    """Return why somebody else could alter the directory *path* or what it leads to; None if nobody.

    With *sticky* it may be one such as /tmp, in which others may make files, and exchange only their own.
    It may be root's or that of *account*, a user id; None is this user's. Raises OSError where that cannot
    be found out.
    """
    return _fault(path, own=False, sticky_end=sticky, account=account)


def untrusted_file(path: str, status: os.stat_result) -> str | None:
    """Return why somebody else could write the file *path*, or put another one there; None if nobody.

    *status* is that of the file itself, when it was open. Raises OSError where that cannot be found out.
    """
    if not hasattr(os, "geteuid"):
        return None
    if status.st_uid not in {0, os.geteuid(), *unmapped()}:
        return f"it belongs to {account_name(status.st_uid)}"
    if writable_by_others(status):
        return f"others may write to it (mode {stat.S_IMODE(status.st_mode):04o})"
    # Both where it is said to be, and where a symlink leads.
    for one in dict.fromkeys((os.path.abspath(path), os.path.realpath(path))):
        if (fault := untrusted(os.path.dirname(one))) is not None:
            return fault
    return None


def unusable(path: str, error: OSError) -> StateError:
    """Return the error for a state directory that cannot be used, for what the system said."""
    return StateError(
        error.errno or errno.EIO,
        f"the record of what is deleted cannot be kept in {path!r}:"
        f" {error.filename!r}: {error.strerror}; {ADVICE}",
    )


def _fault(
    path: str, *, own: bool, sticky_end: bool = True, account: int | None = None
) -> str | None:
    if not os.path.isabs(path):
        return "it is not an absolute path"
    if not hasattr(os, "geteuid"):
        # Windows: a profile's access list keeps others out.
        return None if os.path.isdir(path) else "it is not a directory"
    trusted = {0, os.geteuid() if account is None else account, *unmapped()}
    todo = [name for name in reversed(path.split(os.sep)) if name]
    done, links = os.sep, 0
    while True:
        status = os.lstat(done)
        last = not todo
        if status.st_uid not in trusted:
            return f"{done!r} belongs to {account_name(status.st_uid)}"
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _MAX_LINKS:
                return f"{done!r} is one of too many symlinks"
            target = os.readlink(done)
            todo += [name for name in reversed(target.split(os.sep)) if name]
            done = os.sep if target.startswith(os.sep) else os.path.dirname(done)
        elif not stat.S_ISDIR(status.st_mode):
            return f"{done!r} is not a directory"
        else:
            accepted = not (last and (own or not sticky_end))
            sticky = bool(status.st_mode & stat.S_ISVTX) and accepted
            if writable_by_others(status) and not sticky:
                return f"others may write to {done!r} (mode {stat.S_IMODE(status.st_mode):04o})"
            if last:
                break
        while todo and todo[-1] in {".", ".."}:
            done = os.path.dirname(done) if todo.pop() == ".." else done
        if todo:
            done = os.path.join(done, todo.pop())
    if own and status.st_uid != os.geteuid():
        return f"it belongs to {account_name(status.st_uid)}"
    return None
