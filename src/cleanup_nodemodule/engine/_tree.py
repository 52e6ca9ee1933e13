"""What a walk needs of a directory tree, by whatever means the system has."""

import os
from abc import ABC, abstractmethod
from typing import Any, Self, TypeAlias

Handle: TypeAlias = Any
"""An open directory: a descriptor or a path, whatever its tree works with and ``os.scandir`` takes."""


class Tree(ABC):
    """A root held open for the time of one engine call."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    @abstractmethod
    def release(self) -> None:
        """Let go of the root."""

    @abstractmethod
    def open(self, path: bytes) -> Handle:
        """Open the directory *path* beneath the root; ``b""`` is the root.

        Raises OSError: ``EXDEV`` for a mount point, ``ELOOP`` or ``ENOTDIR`` for a symlink.
        """

    def open_to_change(self, path: bytes) -> Handle:
        """Open a directory to delete what is in it: as ``open``, and ``EXDEV`` for a subvolume of btrfs, too.

        That is no mount point, so openat2(2) lets it pass.
        """
        return self.open(path)

    @abstractmethod
    def open_in(
        self, handle: Handle | None, name: bytes, *, passing: bool
    ) -> tuple[Handle, os.stat_result]:
        """Open the directory *name* in an open one, or in the root, as ``open_to_change`` does; and its status.

        *passing* is to open only what lies in it.
        """

    can_ask: bool
    """Files can be opened to be asked where they lie on the disk, and where names lie."""

    @abstractmethod
    def open_to_ask(self, handle: Handle, name: str, found: os.stat_result) -> int:
        """Return a descriptor of the entry *name* of an open directory, to be read, if it still is the one *found*.

        Raises OSError, with ``EXDEV`` for a mount point, and with ``ESTALE`` for another one.
        """

    @abstractmethod
    def status_open(self, handle: Handle) -> os.stat_result:
        """Return the status of an open directory."""

    @abstractmethod
    def close(self, handle: Handle) -> None:
        """Give back what ``open`` returned."""

    @abstractmethod
    def status(self) -> os.stat_result:
        """Return the root's own status."""

    @abstractmethod
    def status_around(self) -> os.stat_result:
        """Return the status of the directory that the root lies in."""

    @abstractmethod
    def status_of(self, path: bytes) -> os.stat_result:
        """Return the status of *path* beneath the root, by its parent: a mount point's own."""

    links_tell: bool
    """A directory here has as many links as directories in it, and two more."""

    complete_entries: bool
    """The status that an ``os.DirEntry`` gives knows device, inode and link count. On Windows it
    does not (os.DirEntry), and ``os.lstat`` has to be asked."""

    @abstractmethod
    def status_in(self, handle: Handle, name: str) -> os.stat_result:
        """Return the status of the entry *name* of an open directory, never of what it leads to."""

    @abstractmethod
    def unlink(self, handle: Handle, name: str) -> None:
        """Remove the entry *name*, not a directory, of an open directory."""

    @abstractmethod
    def rmdir_in(self, handle: Handle, name: str) -> None:
        """Remove the empty directory *name* of an open directory."""

    @abstractmethod
    def rmdir_root(self) -> None:
        """Remove the root itself, empty, if it is still that."""
