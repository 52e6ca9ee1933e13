"""The user's state directory: where the journal and the locks are, and whether that can be trusted.

What is written there decides what ``resume`` finishes and what ``regenerate`` runs, so nobody but the
user (and root) may be able to write it, or to put another directory in its place.
"""

import errno
import os
import re
import socket
import stat
from typing import Final

from cleanup_nodemodule.errors import CleanupError
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.words import PROGRAM

_MAX_LINKS: Final = 40
"""Symlinks that a path may lead through (path_resolution(7))."""

ADVICE: Final = "set XDG_STATE_HOME to a directory that only you can write"


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


def directory() -> str:
    """Return the path of this user's state directory; it need not be there.

    ``$XDG_STATE_HOME`` counts if it is set. Otherwise it lies in the home directory: that of ``HOME``,
    unless another account owns that and ours has a home directory of its own, as under a ``sudo``
    that leaves HOME as it was. Then it lies in the latter, as ssh(1) has it; pip and Homebrew turn
    their cache off or refuse. Root's record must not be led by another user's files.

    Like the rest of the edge, this reads the environment. Raises StateError where nothing says where that
    is: without ``HOME`` for an account without an entry in passwd(5), as in a container.
    """
    import platformdirs  # noqa: PLC0415 - for start-up's sake

    try:
        path = platformdirs.user_state_dir(PROGRAM)
    except RuntimeError as error:
        raise StateError(
            errno.ENOENT,
            f"there is no place for the record of what is deleted, as neither HOME nor passwd names a"
            f" home directory for {user_name()}; {ADVICE}",
        ) from error
    return of_own_account(path, "XDG_STATE_HOME")


def of_own_account(path: str, variable: str) -> str:
    """Return *path*, or where it would be in this account's own home; see :func:`directory`.

    The environment's *variable* says, if it is set, that *path* is where the user wants it.
    """
    if not hasattr(os, "geteuid") or os.path.isabs(os.environ.get(variable, "")):
        return path
    beneath = os.path.join(os.path.expanduser("~"), "")
    if path.startswith(beneath) and (own := home_instead()) is not None:
        return os.path.join(own, path[len(beneath) :])
    return path


def host_name() -> str:
    """Return the name of this machine, fit for a part of a file name."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", socket.gethostname()).lstrip(".")[:64]
    return name or "localhost"


def machine() -> str:
    """Return what names this machine whatever it is called, fit for a part of a file name.

    Made of machine-id(5) as sd_id128_get_machine_app_specific(3) does it, as that itself is not to be given
    away. Where there is none, the name of the machine.
    """
    try:
        with open("/etc/machine-id", "rb") as file:
            key = bytes.fromhex(file.read(64).decode("ascii"))
    except (OSError, ValueError):
        key = b""
    if len(key) != _MACHINE_ID:
        return host_name()
    import hmac  # noqa: PLC0415 - for start-up's sake

    return hmac.digest(key, PROGRAM.encode(), "sha256").hex()[:32]


_MACHINE_ID: Final = 16
"""Bytes of a machine's id."""


def boot() -> str | None:
    """Return what names the time since the system was started; None where it does not say (random(4))."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read(64).strip() or None
    except (OSError, ValueError):
        return None


def started(process: int) -> str | None:
    """Return what tells a living process from others that have its number before or after it.

    That is when it was started, and in which session of the system. None if there is no such process, or
    nothing to ask.
    """
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            status = file.read()
        # The name, in parentheses, may be any; the time is the 22nd field (proc_pid_stat(5)).
        ticks = status.rpartition(b")")[2].split()[19].decode("ascii")
    except (OSError, LookupError, ValueError):
        return None
    return f"{boot()} {ticks}"


def user_name() -> str:
    """Return the name of the account that this process acts for, or its number."""
    if not hasattr(os, "geteuid"):
        return os.environ.get("USERNAME", "")
    import pwd  # noqa: PLC0415 - there is none on Windows

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def prepare(path: str) -> None:
    """Make the directory with all that lies above it, mode 0700, or check it if it is there.

    What is made is on disk when this returns. Raises StateError where it cannot be made or trusted.
    """
    if not os.path.isabs(path):
        check(path)
    missing: list[str] = []
    there = path
    while not os.path.lexists(there):
        missing.append(there)
        there = os.path.dirname(there)
    if missing:
        check(there, own=False)
    for name in reversed(missing):
        try:
            os.mkdir(name, 0o700)
        except FileExistsError:
            pass  # Another run was faster; whether it was one of ours is checked below.
        except OSError as error:
            raise _unusable(path, error) from error
        sync_directory(os.path.dirname(name))
    check(path)


def check(path: str, *, own: bool = True) -> None:
    """Raise StateError unless *path* is a directory that nobody but this user and root can alter.

    Every directory on the way there, through symlinks too, has to belong to root or to this user, and
    others may write it only if it is sticky; the symlinks have to belong to one of them as well. With
    *own*, the directory itself has to be this user's, and may not even be sticky.
    """
    try:
        fault = _fault(path, own=own)
    except OSError as error:
        raise _unusable(path, error) from error
    if fault is not None:
        raise StateError(
            errno.EPERM,
            f"the record of what is deleted cannot be kept in {path!r}: {fault}; {ADVICE}",
        )


def untrusted(path: str, account: int | None = None) -> str | None:
    """Return why somebody else could alter the directory *path* or what it leads to; None if nobody.

    It may be root's or that of *account*, a user id; None is this user's. Raises OSError where that cannot
    be found out.
    """
    return _fault(path, own=False, sticky_end=False, account=account)


def untrusted_file(path: str, status: os.stat_result) -> str | None:
    """Return why somebody else could write the file *path*, or put another one there; None if nobody.

    *status* is that of the file itself, when it was open. Raises OSError where that cannot be found out.
    """
    if not hasattr(os, "geteuid"):
        return None
    if status.st_uid not in {0, os.geteuid(), *unmapped()}:
        return f"it belongs to {account_name(status.st_uid)}"
    if writable_by_others(status):
        return f"others may write it (mode {stat.S_IMODE(status.st_mode):04o})"
    # Both where it is said to be, and where a symlink leads.
    for one in dict.fromkeys((os.path.abspath(path), os.path.realpath(path))):
        if (fault := untrusted(os.path.dirname(one))) is not None:
            return fault
    return None


def sync_directory(path: str) -> None:
    """Have the names in *path* reach the disk, where the system can be asked for that."""
    if os.name == "nt":  # It cannot open a directory.
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return  # Made in one that may be written and not read.
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def _unusable(path: str, error: OSError) -> StateError:
    return StateError(
        error.errno or errno.EIO,
        f"the record of what is deleted cannot be kept in {path!r}:"
        f" {error.filename!r}: {error.strerror}; {ADVICE}",
    )


def _fault(
    path: str, *, own: bool, sticky_end: bool = True, account: int | None = None
) -> str | None:
    if not os.path.isabs(path):
        return "it is no absolute path"
    if not hasattr(os, "geteuid"):
        # Windows: a profile's access list keeps others out.
        return None if os.path.isdir(path) else "it is no directory"
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
            return f"{done!r} is no directory"
        else:
            accepted = not (last and (own or not sticky_end))
            sticky = bool(status.st_mode & stat.S_ISVTX) and accepted
            if writable_by_others(status) and not sticky:
                return f"others may write {done!r} (mode {stat.S_IMODE(status.st_mode):04o})"
            if last:
                break
        while todo and todo[-1] in {".", ".."}:
            done = os.path.dirname(done) if todo.pop() == ".." else done
        if todo:
            done = os.path.join(done, todo.pop())
    if own and status.st_uid != os.geteuid():
        return f"it belongs to {account_name(status.st_uid)}"
    return None


def writable_by_others(status: os.stat_result) -> bool:
    """Whether an account other than the owner and root may write it.

    The group may where it is one the owner has to himself: with a umask of 002, as many systems have
    it, every directory in a home directory is writable by that (pam_umask(8), ``usergroups``).
    """
    if not status.st_mode & stat.S_IWGRP:
        return bool(status.st_mode & stat.S_IWOTH)
    if status.st_mode & stat.S_IWOTH:
        return True
    import grp  # noqa: PLC0415 - there is none on Windows
    import pwd  # noqa: PLC0415 - there is none on Windows

    try:
        owner = pwd.getpwuid(status.st_uid)
        group = grp.getgrgid(status.st_gid)
    except KeyError:
        return True
    alone = owner.pw_gid == group.gr_gid and owner.pw_name == group.gr_name
    return not alone or not {*group.gr_mem} <= {owner.pw_name}


def unmapped() -> set[int]:
    """Return the owner that files of unknown accounts seem to have in a user namespace.

    There the root directory itself may have it (user_namespaces(7)); outside of one nothing has.
    """
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            if file.read().split() == ["0", "0", "4294967295"]:
                return set()
        with open("/proc/sys/kernel/overflowuid", encoding="ascii") as file:
            return {int(file.read())}
    except (OSError, ValueError):
        return set()


def home_instead() -> str | None:
    """Return the home directory of this account where ``HOME`` is that of another; None where it is not."""
    if not hasattr(os, "geteuid"):
        return None
    own = _own_home()
    if own is None or not _owner(os.path.expanduser("~")) != os.geteuid() == _owner(own):
        return None
    return own


def _own_home() -> str | None:
    import pwd  # noqa: PLC0415 - there is none on Windows

    try:
        home = pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return None
    return home if os.path.isabs(home) else None


def _owner(path: str) -> int | None:
    try:
        return os.stat(path).st_uid
    except OSError:
        return None


def account_name(uid: int) -> str:
    """Return words for the user with this id, who is somebody else."""
    import pwd  # noqa: PLC0415 - there is none on Windows

    try:
        return f"another user ({pwd.getpwuid(uid).pw_name})"
    except KeyError:
        return f"another user ({uid})"
