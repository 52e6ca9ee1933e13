"""By which paths of this process a place is reached that another process names."""

import os
import re
import stat
from collections.abc import Iterator
from typing import Final

from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.system.own_processes import Own
from cleanup_nodemodule.system.process_files import Process, name_of


class Places:
    """Gathers where processes are at work, under all the names that these places have here."""

    def __init__(self, here: mounts.Table, kinds: dict[str, str], namespace: str) -> None:
        self._here = here
        self._kinds = kinds
        self._namespace = namespace
        self._tables: dict[object, mounts.Table] = {}
        self._own_table: Final = mounts.read()
        self._named: dict[tuple[object, str, bool], tuple[str, ...]] = {}
        self._identified: set[tuple[object, str]] = set()
        self.paths: set[tuple[str, str]] = set()
        self.directories: dict[tuple[int, int], str] = {}
        self.mounts: dict[str, str] = {}
        for point, device, inner in here.points():
            self._mount(device, inner, f"by the path {point}")

    def add(self, process: Process, own: Own) -> None:
        """Add where a process is at work, as far as it may be looked at."""
        who = f"{name_of(process.number)} ({process.number})"
        key, table = self._table_of(process, who)
        beside, reads = own.is_beside(process), own.reads(process)
        for place in process.programs:
            self._enter(key, table, place, who)
        for place in () if beside else process.cwd:
            self._enter(key, table, place, who)
        for place in process.files:
            if not (reads and place in process.written):
                self._enter(key, table, place, who)
        for place in self._told(process, beside=beside, reads=reads):
            self._enter(key, table, place, who, told=True)
        if table is not self._here and not process.unseen:
            self._identify(key, table, process, who)

    def _table_of(self, process: Process, who: str) -> tuple[object, mounts.Table]:
        """Return the mounts of the namespace that a process is in, each read once, and a key for it."""
        if process.namespace == self._namespace:
            return None, self._here
        # Without the right to look at it, what is mounted where it runs may be read all the same.
        unknown = process.namespace is None
        key: object = (process.namespace, process.root)
        if key in self._tables and not unknown:
            return key, self._tables[key]
        try:
            text = mounts.read(process.number)
        except OSError:
            return None, self._here  # It has ended.
        if unknown:
            # The numbers of mounts tell one namespace from the other.
            if text == self._own_table:
                return None, self._here
            key = text
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = mounts.Table(mounts.parse(text), process.root)
            for _, device, inner in table.points():
                self._mount(device, inner, f"where {who} runs, such as a container")
        return key, table

    def _mount(self, device: str, inner: str, how: str) -> None:
        """Add that something is mounted on a directory of a file system."""
        for path in self._here.paths(device, inner):
            if path not in self._kinds:
                self.mounts.setdefault(path, how)

    def _enter(
        self, key: object, table: mounts.Table, place: str, who: str, *, told: bool = False
    ) -> None:
        names = self._named.get((key, place, told))
        if names is None:
            names = tuple(dict.fromkeys(self._names(table, place, told=told)))
            self._named[key, place, told] = names
        self.paths.update((name, who) for name in names)

    def _names(self, table: mounts.Table, place: str, *, told: bool) -> Iterator[str]:
        """Yield by which paths a place can be reached here; what it was *told* without symlinks too."""
        if table is self._here:
            names = table.names(place)
        else:
            origin = table.origin(place)
            there = [] if origin is None else self._here.paths(*origin)
            # Container engines mount an overlay from outside.
            paths = (*there, *table.beneath_overlay(place))
            names = tuple(name for path in paths for name in self._here.names(path))
        for name in names:
            # Who serves a file system was told where to mount it, and is not at work there.
            if told and mounts.is_silent(self._kinds.get(name, "")):
                continue
            yield name
            if told:
                yield from self._here.names(mounts.resolve(name, self._kinds)[0])

    def _told(self, process: Process, *, beside: bool, reads: bool) -> Iterator[str]:
        """Yield what the arguments of a process name, as its mount namespace calls it."""
        cwd = next(iter(process.cwd), None)
        for word in process.words:
            for path in absolute(word):
                place = mounts.beneath(process.root, path)
                if not (reads and place in process.written):
                    yield place
            if cwd is None or word.startswith(("-", "/")) or not word:
                continue
            place = os.path.normpath(os.path.join(cwd, word))
            if not beside:
                # A word without a slash may be any: only what lies beneath the current directory has
                # such a name, and that counts already.
                if "/" in word:
                    yield place
            elif not (reads and place in process.written) and self._may_be_file(place):
                yield place

    def _may_be_file(self, path: str) -> bool:
        """Whether there is a regular file; also where the disk may not answer."""
        if mounts.resolve(os.path.dirname(path), self._kinds)[1]:
            return True
        try:
            return stat.S_ISREG(os.lstat(path).st_mode)
        except (OSError, ValueError):
            return False

    def _identify(self, key: object, table: mounts.Table, process: Process, who: str) -> None:
        """Remember which directories a process of another mount namespace is in."""
        ways = [("cwd", cwd, True) for cwd in process.cwd[:1]]
        for link, path, all_above in (*ways, ("root", process.root, False)):
            if (key, path) in self._identified:
                continue
            if all_above:
                self._identified.add((key, path))
            for identity in _upwards(f"/proc/{process.number}/{link}", path, table):
                self.directories.setdefault(identity, who)
                if not all_above:
                    break


def _upwards(link: str, path: str, table: mounts.Table) -> Iterator[tuple[int, int]]:
    """Yield device and inode of the directory a link of /proc leads to, and of those above it.

    *path* is what it is called in its namespace, which has the mounts of *table*. Ends where a file system
    may not answer. (O_PATH opens nothing there; but to come to a directory by such a link, some ask the
    server whether it still is one: complete_walk in fs/namei.c of Linux.)
    """
    descriptor: int | None = None
    try:
        while True:
            mount = table.mount_of(path)
            if mount is None or mounts.is_silent(mount.kind):
                return
            name, directory = (link, None) if descriptor is None else ("..", descriptor)
            above = os.open(name, os.O_PATH | os.O_CLOEXEC, dir_fd=directory)
            if descriptor is not None:
                os.close(descriptor)
            descriptor = above
            status = os.fstat(descriptor)
            yield status.st_dev, status.st_ino
            if os.path.dirname(path) == path:
                return
            path = os.path.dirname(path)
    except OSError:
        return  # It has ended, or is not there any more.
    finally:
        if descriptor is not None:
            os.close(descriptor)


def absolute(word: str) -> Iterator[str]:
    """Yield the absolute paths in an argument: ``/x``, ``--flag=/x``, ``-I/x``, ``/x:/y``, ``file:///x``."""
    pieces = [word, *re.split(r"[=:,]", word)] if "/" in word else []
    if word.startswith("-"):
        pieces.append(word[word.find("/") :])
    for piece in dict.fromkeys(pieces):
        # Two slashes are followed by the name of a host.
        if piece.startswith("/") and not (piece.startswith("//") and piece[2:3] != "/"):
            yield os.path.normpath("/" + piece.lstrip("/"))
