"""The user's state directory: where the journal and the locks are, and whether that can be trusted.

What is written there decides what ``resume`` finishes and what ``regenerate`` runs, so nobody but the
user (and root) may be able to write it, or to put another directory in its place.
"""

import errno
import os

from cleanup_nodemodule.record.trust import ADVICE, StateError, check, unusable
from cleanup_nodemodule.system.accounts import home_instead, user_name
from cleanup_nodemodule.words import PROGRAM


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
            f"there is no place for the record of what is deleted, because neither HOME nor passwd names a"
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
            raise unusable(path, error) from error
        sync_directory(os.path.dirname(name))
    check(path)


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
