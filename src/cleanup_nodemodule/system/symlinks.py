"""The way to a directory or a file that the user gave: whose symlinks on it are followed.

Root is told to search ``/home/a/src``. If the user a makes that a symlink to what belongs to b, root would
delete there what a may not. The kernel has the same trouble with symlinks in directories that everybody
may write, and follows one only if it is the follower's own or that of the directory's owner
(``protected_symlinks``, proc_sys_fs(5)). Here a symlink is followed, wherever it is, if it belongs to root,
or to whoever runs this, or to the owner of what it leads to: nobody gains by that last one but on their own.
"""

import errno
import os
import stat
from contextlib import suppress
from typing import Final

from cleanup_nodemodule.system import accounts

_MAX_LINKS: Final = 40
"""Symlinks that a path may lead through (path_resolution(7))."""


class LinkError(OSError):
    """A symlink that is not followed, as it is somebody else's. The message says what to type."""


def resolve(path: str) -> tuple[str, os.stat_result]:
    """Return what *path*, which is absolute, leads to: its path without symlinks, and its status.

    Raises LinkError for a symlink that is not to be trusted, and OSError. Where there are descriptors of
    paths (Linux) each name is looked up in the directory that was found before, and the status is that of
    what the way has led to, whatever has been swapped since. Whoever opens the path has to compare.
    """
    if os.sep != "/":  # Windows, where only administrators make symlinks.
        real = os.path.realpath(path, strict=True)
        return real, os.stat(real)
    way = _Way()
    try:
        todo = _names(path)
        links = 0
        doubts: list[tuple[int, str, str, int]] = []
        """Symlinks of others: names left behind each, its path, where it leads, and its owner."""
        while True:
            while doubts and len(todo) <= doubts[-1][0]:
                _, link, target, owner = doubts.pop()
                if way.status().st_uid != owner:
                    raise LinkError(errno.EACCES, _refusal(link, target, way.path, todo), path)
            if not todo:
                return way.path, way.status()
            name = todo.pop()
            if name == os.pardir:
                way.up()
                continue
            owner, leads_to = way.enter(name)
            if leads_to is None:
                continue
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            if not _is_ours(owner):
                doubts.append((len(todo), os.path.join(way.path, name), leads_to, owner))
            if leads_to.startswith(os.sep):
                way.back()
            todo += _names(leads_to)
    finally:
        way.close()


def resolve_file(path: str, *, own: bool = False) -> str:
    """Return the path of a file, which is absolute, without symlinks, as :func:`resolve` follows them.

    The file itself need not be there. With *own*, a symlink in its place is followed only if it belongs to root or to
    whoever runs this, wherever it leads. Raises LinkError and OSError as :func:`resolve` does.
    """
    for _ in range(_MAX_LINKS):
        if not own:
            with suppress(FileNotFoundError):
                return resolve(path)[0]
        around, _status = resolve(os.path.dirname(path))
        path = os.path.join(around, os.path.basename(path))
        if not os.path.islink(path):
            return path
        if not _is_ours(os.lstat(path).st_uid):
            raise LinkError(errno.EACCES, os.strerror(errno.EACCES), path)
        path = os.path.join(around, os.readlink(path))
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


def _is_ours(owner: int) -> bool:
    if owner in {0, os.geteuid()}:
        return True
    return owner in accounts.unmapped()


def _names(path: str) -> list[str]:
    """Return the names of a path, the first one last."""
    return [name for name in reversed(path.split(os.sep)) if name not in {"", os.curdir}]


def _refusal(link: str, target: str, real: str, todo: list[str]) -> str:
    rest = os.path.join(real, *reversed(todo))
    return (
        f"{link} is a symlink to {target}, made by somebody who does not own that directory;"
        f" if you mean it, type: -p {rest}"
    )


class _Way:
    """Directories from the top, each looked up in the one before."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._here: int | None = None
        self.back()

    @property
    def path(self) -> str:
        return os.sep + os.sep.join(self._names)

    def status(self) -> os.stat_result:
        return os.stat(self.path) if self._here is None else os.fstat(self._here)

    def back(self) -> None:
        """Go back to the top."""
        self._names.clear()
        if hasattr(os, "O_PATH"):
            self._become(os.open(os.sep, os.O_PATH | os.O_CLOEXEC))

    def up(self) -> None:
        """Go to the directory above, by its names: ``..`` may have been moved."""
        names = self._names[:-1]
        self.back()
        for name in names:
            if self.enter(name)[1] is not None:
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), self.path)

    def enter(self, name: str) -> tuple[int, str | None]:
        """Go to what has that name; return its owner. For a symlink stay, and return where it leads."""
        if self._here is None:
            return self._enter_by_path(name)
        there = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._here)
        try:
            status = os.fstat(there)
            if stat.S_ISLNK(status.st_mode):
                # Of the very symlink whose owner that is (readlink(2)).
                return status.st_uid, os.readlink("", dir_fd=there)
            self._names.append(name)
            self._become(os.dup(there))
        finally:
            os.close(there)
        return status.st_uid, None

    def _enter_by_path(self, name: str) -> tuple[int, str | None]:
        path = os.path.join(self.path, name)
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return status.st_uid, os.readlink(path)
        self._names.append(name)
        return status.st_uid, None

    def _become(self, descriptor: int) -> None:
        self.close()
        self._here = descriptor

    def close(self) -> None:
        if self._here is not None:
            os.close(self._here)
            self._here = None
