"""Looks at what git will read of a repository, before git does.

Git reads what it finds: a device without end, a FIFO that nobody writes to, a terabyte of nothing. So it is
not started where one of the files it opens to answer :mod:`cleanup_nodemodule.proof.git`'s questions is no regular
file, is larger than makes sense, or lies where the repository has no business. Which files these are is
gitrepository-layout(5)'s to say, and was checked with strace(1) for git 2.39: in ordinary repositories, in
worktrees, submodules and bare ones, with a sparse and with a split index. Of the objects these are the
packs, and the commit that HEAD names and its tree where they have files of their own.

Nothing here waits: files are opened only if they are regular, symlinks are followed by their text, and a
mount that may fall silent is not asked. Whatever is changed behind the look is for the limits under which
git runs.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from cleanup_nodemodule.proof.git_config import NAMING, settings_of
from cleanup_nodemodule.proof.git_content import (
    GIBIBYTE,
    LARGEST,
    LINE,
    MEBIBYTE,
    TEXT,
    Unfit,
    around,
    backwards,
    is_beneath,
    kind_of,
    looked_at,
    object_in,
    place_of,
    reference_in,
    tree_of,
)
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.system.files import UnfitError, read_small
from cleanup_nodemodule.work.conversion import LACKED

_LIST: Final = 64 * MEBIBYTE
"""Bytes of a list that git writes, a line for each directory or commit."""


_LARGEST_PACK: Final = 1 << 40
"""Bytes of a pack; those of some repositories have a hundred gigabytes."""

_MEMORY: Final = GIBIBYTE
"""Bytes of memory that git may take besides what it makes of the index."""

_TIMES_THE_INDEX: Final = 4
"""Mapped, and taken apart: a million files took 2.9 times the bytes of their index."""

_MAX_LINKS: Final = 40
"""Symlinks that a path may lead through (path_resolution(7))."""

_MAX_INCLUDED: Final = 100
"""Files that a configuration may name."""

_DEEPEST: Final = 10
"""How deep a configuration may include others, as in git (MAX_INCLUDE_DEPTH in config.c)."""

_MAX_ENTRIES: Final = 100_000
"""Names in the directory of a repository; there are some twenty."""

_OTHER_PLACES: Final = frozenset({"proc", "sysfs", "debugfs", "tracefs", "securityfs", "configfs"})
"""Kinds of file systems on which reading a regular file may wait, or do something."""


class Checked(NamedTuple):
    """What is known of a repository on which git may be started. Pickles."""

    owner: int
    """The user whose the repository is."""
    memory: int
    """Bytes of memory that git needs for it at most."""
    has_index: bool = True
    tree: str | None = None
    """The tree that the index is, if that is noted in it (:class:`~.git_content.Index`)."""


class Doubt(NamedTuple):
    """That git should not be started. Pickles."""

    why: str
    """In words, and what to do about it."""
    errno: int = 0
    """What a system call failed with, if one did."""


def lacked(said: Checked | Doubt) -> bool:
    """Whether there were too few descriptors or too little memory to look."""
    return isinstance(said, Doubt) and said.errno in LACKED


def check(
    repository: str, directories: Iterable[str], kinds: Mapping[str, str], *, bare: bool = False
) -> Checked | Doubt:
    """Look at all that git reads to say of *directories* whether it ignores them, and what it tracks.

    *repository* is the working tree, or a repository without one that is *bare*, *directories* lie in it, all
    of them absolute and without symlinks. *kinds* gives for each mount point what is mounted there.
    """
    try:
        return _Checking(repository, kinds, bare=bare).everything(directories)
    except Unfit as error:
        return Doubt(str(error))
    except OSError as error:
        place = os.fsdecode(error.filename or repository)
        return Doubt(f"{place}: {error.strerror}", error.errno or 0)
    except ValueError as error:  # A NUL, in the name of a user for one.
        return Doubt(f"its files name what cannot be a path: {error}")


class _Checking:
    """One look at one repository."""

    def __init__(self, repository: str, kinds: Mapping[str, str], *, bare: bool) -> None:
        self._repository: Final = repository
        self._bare: Final = bare
        self._kinds: Final = kinds
        self._tops: list[str] = [repository]
        self._included = 0

    def everything(self, directories: Iterable[str]) -> Checked:
        """Look at all of it."""
        directory = self._directory()
        self._tops.append(directory)
        common = self._common(directory)
        self._tops.append(common)
        self._config("config", common, directory)
        self._config("config.worktree", directory, directory)
        for name in ("objects", "refs"):  # Git asks whether it may enter them (access(2)).
            self._reach(name, common, "it")
        for top in {directory: None, common: None}:
            self._file("info/exclude", top, TEXT)
            self._file("info/attributes", top, TEXT)
            self._file("info/sparse-checkout", top, _LIST)
            self._file("shallow", top, _LIST)
            self._file("packed-refs", top, LARGEST)
            self._reftables(top)
        self._file("objects/info/alternates", common, TEXT, outside=True)
        commit = self._head(directory, common)
        self._objects(commit, common)
        for above in around(directories, self._repository):
            # Since git 2.32 a symlink of this name counts for nothing.
            self._file(".gitignore", above, TEXT, outside=True)
        size, tree = self._index(directory)
        memory = _MEMORY + _TIMES_THE_INDEX * (size or 0)
        return Checked(os.lstat(directory).st_uid, memory, size is not None, tree)

    def _directory(self) -> str:
        """Return where the repository is kept: ``.git``, or what that names (gitrepository-layout(5))."""
        if self._bare:
            return self._repository
        here = os.path.join(self._repository, ".git")
        real, status = self._reach(".git", self._repository, here)
        named = "is a symlink to"
        if status is not None and stat.S_ISREG(status.st_mode):
            content = self._content(".git", self._repository, LINE, outside=True) or b""
            if not content.startswith(b"gitdir: "):
                raise Unfit(f"{here} is a file that does not say where the repository is")
            named = "names"
            path = content.removeprefix(b"gitdir: ").rstrip(b"\r\n")
            real, status = self._reach(os.fsdecode(path), self._repository, here)
        if status is None:
            raise Unfit(
                f"{here} {named} {real}, where there is nothing; if it was moved, type `git worktree repair`"
                " in the repository that this is a worktree of, or `git submodule update --init` in the one"
                " around it"
            )
        if not stat.S_ISDIR(status.st_mode):
            raise Unfit(f"{here} is {kind_of(status)} and no repository")
        return real

    def _common(self, directory: str) -> str:
        """Return where the part of the repository is that worktrees have in common."""
        content = self._content("commondir", directory, LINE)
        if content is None:
            return directory
        here = os.path.join(directory, "commondir")
        real, status = self._reach(os.fsdecode(content.rstrip(b"\r\n")), directory, here)
        if status is None or not stat.S_ISDIR(status.st_mode):
            raise Unfit(
                f"{here} names {real}, and there is no repository; if it was moved, type"
                " `git worktree repair` there"
            )
        return real

    def _config(
        self, name: str, base: str, directory: str, depth: int = 0, *, outside: bool = False
    ) -> None:
        """Look at a configuration, and at the files that it has git read (git-config(1))."""
        content = self._content(name, base, TEXT, outside=outside)
        if content is None or not NAMING.search(content):
            return
        here = os.path.join(base, name)
        for section, key, value in settings_of(content, here):
            if not value:
                continue
            path = os.path.expanduser(os.fsdecode(value).removeprefix(":(optional)"))
            if path.startswith("%("):
                raise Unfit(f"{here} names {path}, and only git knows where that is")
            if section.startswith(b"include") and key == b"path":
                self._included += 1
                if depth >= _DEEPEST or self._included > _MAX_INCLUDED:
                    raise Unfit(f"{here} includes too many files")
                within = os.path.dirname(here)
                self._config(path, within, directory, depth + 1, outside=True)
            elif (section, key) == (b"core", b"excludesfile"):
                self._file(path, self._repository, TEXT, outside=True)
            elif (section, key) == (b"core", b"worktree"):
                # Whether it is this one is for git to say; it changes to it at once.
                self._reach(path, directory, here)

    def _head(self, directory: str, common: str) -> str | None:
        """Look at HEAD and the references it leads to; return the commit, None if no file of its own says.

        A condition on the branch has git read them, too.
        """
        content: bytes | None = None
        name = b""
        with contextlib.suppress(OSError):
            # As git made it long ago; git reads the link and no file.
            name = os.fsencode(os.readlink(os.path.join(directory, "HEAD")))
        if not name.startswith(b"refs/"):
            content = self._content("HEAD", directory, LINE)
            name = reference_in(content)
        for _ in range(5):  # As deep as git goes (SYMREF_MAXDEPTH in refs.h).
            if not name.startswith(b"refs/") or b".." in name or b"\0" in name:
                break
            content = None
            for top in {directory: None, common: None}:
                path = os.fsdecode(name)
                _, status = self._reach(path, top, "it")
                # An empty directory is left behind where references are packed.
                if status is not None and not stat.S_ISDIR(status.st_mode):
                    content = self._content(path, top, LINE)
            if content is not None and not content.strip(b"\0 \t\r\n"):
                # As after a power cut. Git takes that for a branch without commits.
                raise Unfit(f"the reference {os.fsdecode(name)} is damaged: there is nothing in it")
            name = reference_in(content)
        return object_in(content)

    def _objects(self, commit: str | None, common: str) -> None:
        """Look at what tells the tree of the *commit*: the packs, and what has a file of its own."""
        for name in ("info/commit-graph", "info/grafts", "objects/info/commit-graph"):
            self._file(name, common, LARGEST, outside=True)
        for name in ("objects/pack", "objects/info/commit-graphs"):
            real, status = self._reach(name, common, "it")
            if status is not None and stat.S_ISDIR(status.st_mode):
                self._listed(real)
        if commit is None:
            return
        content = self._content(place_of(commit), common, TEXT, outside=True)
        if (tree := tree_of(content or b"")) is not None:
            self._file(place_of(tree), common, LARGEST, outside=True)

    def _listed(self, directory: str) -> None:
        """Look at all files in a directory; their size says nothing, as git maps them."""
        with os.scandir(directory) as entries:
            for number, entry in enumerate(entries):
                if number >= _MAX_ENTRIES:
                    raise Unfit(f"there are more than {_MAX_ENTRIES:,} names in {directory}")
                self._file(entry.name, directory, _LARGEST_PACK, outside=True)

    def _reftables(self, top: str) -> None:
        """Look at references that are kept in tables (gitformat-reftable(5))."""
        listed = self._content("reftable/tables.list", top, TEXT) or b""
        for name in listed.split()[:_MAX_INCLUDED]:
            self._file(os.path.join("reftable", os.fsdecode(name)), top, LARGEST)

    def _index(self, directory: str) -> tuple[int | None, str | None]:
        """Look at the index, and at the one it may be based on; return the bytes they have, and its tree.

        There are no bytes if there is no index.
        """
        index = self._file("index", directory, LARGEST)
        size = 0
        tree = None
        if index is not None:
            size = os.lstat(index).st_size
            looked = looked_at(os.fsencode(index))
            if not looked.whole:
                raise Unfit(f"{index} is damaged: its checksum is wrong")
            tree = looked.tree
        shared = 0
        with os.scandir(directory) as entries:
            for number, entry in enumerate(entries):
                if number >= _MAX_ENTRIES:
                    raise Unfit(f"there are more than {_MAX_ENTRIES:,} names in {directory}")
                if entry.name.startswith("sharedindex."):
                    self._file(entry.name, directory, LARGEST)
                    shared = max(shared, entry.stat(follow_symlinks=False).st_size)
        return (None if index is None else size + shared), tree

    def _content(
        self, name: str, base: str, max_bytes: int, *, outside: bool = False
    ) -> bytes | None:
        """Return what is in a file as :meth:`_file` has it, None if there is none."""
        real = self._file(name, base, max_bytes, outside=outside)
        if real is None:
            return None
        try:
            return read_small(real, max_bytes)[0]
        except UnfitError as error:  # Since it was looked at.
            raise Unfit(f"{real}: {error.strerror}") from error

    def _file(self, name: str, base: str, max_bytes: int, *, outside: bool = False) -> str | None:
        """Return where the file *name* in *base* really is, None if there is none.

        Raises Unfit if it is no regular file or has more than *max_bytes* bytes, and unless it may be *outside*
        if a symlink leads out of the repository.
        """
        here = os.path.join(base, name)
        real, status = self._reach(name, base, here)
        if status is None:
            return None
        if not outside and not any(is_beneath(real, top) for top in self._tops):
            raise Unfit(f"{here} leads out of the repository, to {real}")
        if not stat.S_ISREG(status.st_mode):
            raise Unfit(f"{here} is {kind_of(status)} and not a regular file")
        if status.st_size > max_bytes:
            raise Unfit(
                f"{here} has {status.st_size:,} bytes, and more than {max_bytes:,} make no sense there"
            )
        return real

    def _reach(self, path: str, base: str, named_by: str) -> tuple[str, os.stat_result | None]:
        """Return where *path* really is, from *base* on, and what is there, None if nothing is.

        *base* has no symlinks in it. Raises Unfit where the way leads to a mount that may fall silent.
        """
        if "\0" in path:
            raise Unfit(f"{named_by} names a path with a NUL byte in it")
        done = os.sep if os.path.isabs(path) else base
        todo = backwards(path)
        status = None
        links = 0
        while todo:
            name = todo.pop()
            if name == os.pardir:
                done, status = os.path.dirname(done), None
                continue
            done = os.path.join(done, name)
            self._admit(done, named_by)
            try:
                status = os.lstat(done)
                target = os.readlink(done) if stat.S_ISLNK(status.st_mode) else None
            except (FileNotFoundError, NotADirectoryError):
                return os.path.join(done, *todo[::-1]), None
            if target is None:
                continue
            links += 1
            if links > _MAX_LINKS:
                raise Unfit(f"{named_by} leads through more than {_MAX_LINKS} symlinks")
            done, status = os.sep if os.path.isabs(target) else os.path.dirname(done), None
            todo += backwards(target)
        return done, os.lstat(done) if status is None else status

    def _admit(self, path: str, named_by: str) -> None:
        """Raise Unfit if *path* is a mount point that the repository is not beneath, and is not to be asked."""
        kind = self._kinds.get(path)
        if kind is None or is_beneath(self._repository, path):
            return
        if kind in _OTHER_PLACES or mounts.is_silent(kind):
            raise Unfit(f"{named_by} leads to {path}, where {kind} is mounted")
