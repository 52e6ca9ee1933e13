"""A file system in memory that misbehaves on purpose (FUSE, fuse(4)).

    python misbehaving.py MOUNTPOINT '{"tree": {...}, "ways": {...}}'

The tree is as in ``support.trees``: a mapping is a directory, a number a file of that size. The ways, each a
mapping from paths within the file system:

* ``fail``: from ``OPERATION PATH`` to an error number, for ``getattr``, ``opendir``, ``readdir``,
  ``unlink``, ``rmdir``, ``rename`` and ``statfs``. A ``*`` stands for any part of a path.
* ``broken``: from a directory to how many entries it gives before reading it fails with EIO.
* ``breaking``: from a directory, ``*`` as above, to how many entries it gives at a time; whoever has
  deleted one of them gets EIO instead of the next ones.
* ``mute``: patterns for ``OPERATION PATH``, which is never answered.
* ``silent``: paths, of which nothing is ever answered, nor of what lies beneath.
* ``typeless``: ``true`` if reading a directory does not tell what is a directory (DT_UNKNOWN).
* ``caseless``: ``true`` if names that differ in case only are the same.
* ``links``: how many names each entry says that it has.
* ``strict``: ``true`` if a directory can be read on only from a place that the same open of it has told. Whoever
  goes on from any other ends the file system, as with sshfs(1) 3.7.3 (cache_readdir of libfuse).
* ``near``: of how many entries of a directory lseek(2) takes the place; of any more it needs all 64 bits.

The extended attribute ``user.ways`` of the root takes others later, ``user.calls`` tells how often what
was asked for.
"""

import errno
import fnmatch
import itertools
import json
import os
import stat
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

# Of two libraries the third version, which mounts over what is not empty. It is chosen by the import.
os.environ.setdefault("FUSE_LIBRARY_NAME", "fuse3")

from mfusepy import FUSE, FuseOSError, Operations

_BLOCK: Final = 512

_FAR: Final = -(2**63)
"""The first of the places that lseek(2) does not take."""


class _Node:
    """A file or a directory."""

    def __init__(self, numbers: Iterator[int], what: Any) -> None:
        self.inode = next(numbers)
        self.children: dict[str, _Node] | None = None
        self.size = 0
        if isinstance(what, dict):
            self.children = {name: _Node(numbers, inner) for name, inner in what.items()}
        elif isinstance(what, str):
            self.size = len(what)
            self.content = what.encode()
        else:
            self.size = int(what)
            self.content = b"x" * self.size

    @property
    def mode(self) -> int:
        return stat.S_IFREG | 0o644 if self.children is None else stat.S_IFDIR | 0o755


class Misbehaving(Operations):  # type: ignore[misc]  # it has no types
    """The operations; paths are absolute within the file system."""

    def __init__(self, tree: dict[str, Any], ways: dict[str, Any]) -> None:
        self._root = _Node(itertools.count(1), tree)
        self._ways = ways
        self._calls: Counter[str] = Counter()
        self._forever = threading.Event()
        self._handles = itertools.count(1)
        self._told: dict[int, set[int]] = {}
        self._listed: dict[int, list[tuple[str, _Node]]] = {}

    def _enter(self, operation: str, path: str) -> None:
        """Count a call, and misbehave."""
        self._calls[f"{operation} {path}"] += 1
        for pattern in self._ways.get("mute", ()):
            if fnmatch.fnmatchcase(f"{operation} {path}", pattern):
                self._forever.wait()
        for silent in self._ways.get("silent", ()):
            if (path + "/").startswith(silent.rstrip("/") + "/"):
                self._forever.wait()
        for pattern, number in self._ways.get("fail", {}).items():
            if fnmatch.fnmatchcase(f"{operation} {path}", pattern):
                raise FuseOSError(number)

    def _find(self, path: str) -> _Node:
        node = self._root
        for name in path.split("/")[1:] if path != "/" else ():
            if node.children is None:
                raise FuseOSError(errno.ENOTDIR)
            inner = node.children.get(self._spelling(node.children, name))
            if inner is None:
                raise FuseOSError(errno.ENOENT)
            node = inner
        return node

    def _spelling(self, children: dict[str, _Node], name: str) -> str:
        if not self._ways.get("caseless"):
            return name
        return next((known for known in children if known.lower() == name.lower()), name)

    def _around(self, path: str) -> tuple[dict[str, _Node], str]:
        above, _, name = path.rpartition("/")
        children = self._find(above or "/").children
        if children is None:
            raise FuseOSError(errno.ENOTDIR)
        return children, self._spelling(children, name)

    def getattr(self, path: str, _fh: int | None = None) -> dict[str, Any]:
        self._enter("getattr", path)
        node = self._find(path)
        return {
            "st_mode": node.mode,
            "st_ino": node.inode,
            "st_nlink": self._ways.get("links", 1),
            "st_size": node.size,
            "st_blocks": -(-node.size // _BLOCK),
            "st_ctime": 1_000_000_000,
            "st_mtime": 1_000_000_000,
            "st_uid": os.geteuid(),
            "st_gid": os.getegid(),
        }

    def opendir(self, path: str) -> int:
        self._enter("opendir", path)
        handle = next(self._handles)
        self._told[handle] = {0}
        self._listed[handle] = self._list(path)
        return handle

    def releasedir(self, _path: str, handle: int) -> int:
        del self._told[handle], self._listed[handle]
        return 0

    def readdir_with_offset(self, path: str, offset: int, handle: int) -> Iterator[Any]:
        self._enter("readdir", path)
        if self._ways.get("strict") and offset not in self._told[handle]:
            os.abort()
        # What is deleted meanwhile moves nothing for who has it open.
        listed = self._listed[handle] if self._ways.get("strict") else self._list(path)
        for entry in self._entries(path, listed, offset):
            self._told[handle].add(entry[-1])
            yield entry

    def _list(self, path: str) -> list[tuple[str, _Node]]:
        node = self._find(path)
        return [(".", node), ("..", node), *(node.children or {}).items()]

    def _entries(self, path: str, entries: list[tuple[str, _Node]], offset: int) -> Iterator[Any]:
        near = self._ways.get("near", sys.maxsize)
        offset -= _FAR if offset < 0 else 0
        broken = self._ways.get("broken", {}).get(path)
        patterns = self._ways.get("breaking", {}).items()
        breaking = next((n for pattern, n in patterns if fnmatch.fnmatchcase(path, pattern)), 0)
        if breaking and offset and any(c.startswith(f"unlink {path}/") for c in self._calls):
            raise FuseOSError(errno.EIO)
        # One entry a call where it is to break, so that those before it get through.
        for number, (name, entry) in enumerate(entries[offset:], offset + 1):
            if broken is not None and number > broken + 2:
                if number == offset + 1:
                    raise FuseOSError(errno.EIO)
                return
            if breaking and number > offset + breaking:
                return
            mode = 0 if self._ways.get("typeless") else entry.mode
            yield (
                name,
                {"st_mode": mode, "st_ino": entry.inode},
                (_FAR if number > near else 0) + number,
            )

    def read(self, path: str, size: int, offset: int, _fh: int) -> bytes:
        return self._find(path).content[offset : offset + size]

    def unlink(self, path: str) -> int:
        self._enter("unlink", path)
        children, name = self._around(path)
        del children[name]
        return 0

    def rmdir(self, path: str) -> int:
        self._enter("rmdir", path)
        children, name = self._around(path)
        if children[name].children:
            raise FuseOSError(errno.ENOTEMPTY)
        del children[name]
        return 0

    def rename(self, old: str, new: str) -> int:
        self._enter("rename", old)
        children, name = self._around(old)
        node = children.pop(name)
        into, new_name = self._around(new)
        into[new_name] = node
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        self._enter("statfs", path)
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 1000, "f_bfree": 500}

    def getxattr(self, _path: str, name: str, _position: int = 0) -> bytes:
        if name != "user.calls":
            raise FuseOSError(errno.ENODATA)
        return json.dumps(self._calls).encode()

    def setxattr(
        self, _path: str, name: str, value: bytes, _options: int, _position: int = 0
    ) -> int:
        if name != "user.ways":
            raise FuseOSError(errno.ENOTSUP)
        self._ways = json.loads(value)
        return 0


if __name__ == "__main__":
    FUSE(
        Misbehaving(**json.loads(sys.argv[2])),
        sys.argv[1],
        foreground=True,
        # Nothing is remembered by the kernel, so that every question gets here.
        attr_timeout=0,
        entry_timeout=0,
        negative_timeout=0,
        use_ino=True,
    )
