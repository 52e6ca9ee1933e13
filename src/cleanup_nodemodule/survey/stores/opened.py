"""A directory that is held open, in which anything may be: an artifact, or what settings call a store.

Nothing is opened outside of it. No symlink is followed and no mount is entered (openat2(2)), and of files only regular ones
are opened, without waiting.
"""

import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple, Self

from cleanup_nodemodule import engine
from cleanup_nodemodule.engine.contract import Root
from cleanup_nodemodule.system.extents import first_of
from cleanup_nodemodule.system.files import open_regular

MOST: Final = 20_000
"""Names of one directory that are looked at, at most."""

LARGEST: Final = 1 << 20
"""Bytes of a file that is read, at most."""


class Found(NamedTuple):
    """A regular file."""

    name: str
    status: os.stat_result


class Opened:
    """A directory with its device."""

    def __init__(self, path: str, identity: tuple[int, int] | None = None) -> None:
        """Open the directory *path*, absolute and without symlinks, if it is that of the *identity*. Raises OSError."""
        if identity is None:
            status = os.lstat(path)
            identity = status.st_dev, status.st_ino
        self.path: Final = path
        self.device: Final = identity[0]
        self._tree: Final = engine.open_beneath(Root(os.fsencode(path), *identity, ()))
        self._listed: Final[dict[str, tuple[str, ...]]] = {}
        self._holders: dict[str, list[str]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        self._tree.release()

    def scan(self, path: str, names: int, files: int) -> tuple[list[str], list[Found]]:
        """Return some of the directories in *path*, and some of its regular files.

        At most so many *names* are looked at, and of so many *files* the status is asked. Nothing if *path* is no directory.
        """
        directories: list[str] = []
        found: list[Found] = []
        with suppress(OSError, ValueError), self._scanned(path) as entries:
            for entry in itertools.islice(entries, names):
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        directories.append(entry.name)
                    elif len(found) < files and entry.is_file(follow_symlinks=False):
                        found.append(Found(entry.name, entry.stat(follow_symlinks=False)))
        return directories, found

    @contextmanager
    def _scanned(self, path: str) -> Iterator[Iterator["os.DirEntry[str]"]]:
        handle = self._tree.open(os.fsencode(path.rstrip("/")))
        try:
            with os.scandir(handle) as entries:
                yield entries
        finally:
            self._tree.close(handle)

    def listed(self, path: str) -> tuple[str, ...]:
        """Return the names in the directory *path*, in order; each directory is read once."""
        if path not in self._listed:
            self._listed[path] = tuple(sorted(self._names(path)))
        return self._listed[path]

    def _names(self, path: str) -> list[str]:
        with suppress(OSError, ValueError), self._scanned(path) as entries:
            return [os.fsdecode(entry.name) for entry in itertools.islice(entries, MOST)]
        return []

    def holders(self, name: str, directories: Iterable[str]) -> list[str]:
        """Return which of the *directories* in this one hold that *name*.

        All are read with the first question, and *directories* are those of that question.
        """
        if self._holders is None:
            self._holders = {}
            for directory in itertools.islice(directories, MOST):
                for one in self._names(directory):
                    self._holders.setdefault(one, []).append(directory)
        return self._holders.get(name, [])

    def status(self, path: str) -> os.stat_result | None:
        """Return the status of *path* beneath, None if nothing is there or it is not to be reached."""
        try:
            return self._tree.status_of(os.fsencode(path))
        except (OSError, ValueError):
            return None

    def _open(self, path: str) -> int:
        """Return a descriptor of the regular file *path* beneath. Raises OSError."""
        parent, _, name = os.fsencode(path).rpartition(b"/")
        handle = self._tree.open(parent)
        try:
            if isinstance(handle, int):
                return open_regular(os.fsdecode(name), directory=handle)
            return open_regular(os.path.join(os.fsdecode(handle), os.fsdecode(name)))
        finally:
            self._tree.close(handle)

    def read(self, path: str) -> bytes | None:
        """Return the content of the regular file *path* beneath; None for any other, or one that is too large."""
        try:
            with open(self._open(path), "rb") as file:
                content = file.read(LARGEST + 1)
        except (OSError, ValueError):
            return None
        return content if len(content) <= LARGEST else None

    def begins(self, path: str) -> int | None:
        """Return where the content of the regular file *path* beneath begins on the disk, as :func:`first_of` does.

        None, too, if there is no such file. Raises CannotTellError.
        """
        try:
            descriptor = self._open(path)
        except (OSError, ValueError):
            return None
        try:
            return first_of(descriptor)
        finally:
            os.close(descriptor)
