"""Whose account this is, and who may write a file."""

import functools
import os
import stat


def user_name() -> str:
    """Return the name of the account that this process acts for, or its number."""
    if not hasattr(os, "geteuid"):
        return os.environ.get("USERNAME", "")
    import pwd  # noqa: PLC0415 - there is none on Windows

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


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


@functools.lru_cache(maxsize=1024)
def owner_name(number: int) -> str | None:
    """Return what the user with that id is called, or the number where nobody is called so; None on Windows."""
    try:
        import pwd  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return None
    try:
        return pwd.getpwuid(number).pw_name
    except (KeyError, OverflowError, OSError):
        return str(number)


def account_name(uid: int) -> str:
    """Return words for the user with this id, who is somebody else."""
    import pwd  # noqa: PLC0415 - there is none on Windows

    try:
        return f"another user ({pwd.getpwuid(uid).pw_name})"
    except KeyError:
        return f"another user ({uid})"


def name_of(number: int) -> str:
    """Return what the user with that id is called, fit for a sentence."""
    try:
        import pwd  # noqa: PLC0415 - there is none on Windows

        return pwd.getpwuid(number).pw_name
    except (ImportError, KeyError):
        return f"the user {number}"
