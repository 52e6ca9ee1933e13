"""What a file of a git repository has to look like to be whole."""

import os
import re
import stat
import zlib
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Final, NamedTuple

from cleanup_nodemodule.system.files import open_regular, read_small
from cleanup_nodemodule.work.conversion import LACKED

_KIBIBYTE: Final = 1024


MEBIBYTE: Final = 1024 * _KIBIBYTE


GIBIBYTE: Final = 1024 * MEBIBYTE


LINE: Final = 64 * _KIBIBYTE
"""Bytes of a file that has one line in it."""


TEXT: Final = 4 * MEBIBYTE
"""Bytes of a file that people write, such as a ``.gitignore``; git itself gives up at 100 MiB."""


LARGEST: Final = GIBIBYTE
"""Bytes of an index, or of all references: ten million files are about that."""


class Unfit(Exception):
    """Git is not to be started. The message says why."""


def reference_in(content: bytes | None) -> bytes:
    """Return what a symbolic reference leads to, nothing if it is none."""
    return content[4:].strip() if content is not None and content.startswith(b"ref:") else b""


def object_in(content: bytes | None) -> str | None:
    """Return the object that a reference names, None if it names none (gitrepository-layout(5))."""
    name = (content or b"").strip()
    return name.decode() if _OBJECT.fullmatch(name) else None


_OBJECT: Final = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")


_COMMIT: Final = re.compile(rb"commit \d+\0tree ([0-9a-f]{40,64})\n")
"""How a commit begins (gitformat-commit in git's documentation, and ``git cat-file commit``)."""


def tree_of(compressed: bytes) -> str | None:
    """Return the tree of a commit that lies in a file of its own; None if that is no commit."""
    try:
        begin = zlib.decompressobj().decompress(compressed, _KIBIBYTE)
    except zlib.error:
        return None
    found = _COMMIT.match(begin)
    return found[1].decode() if found else None


class Index(NamedTuple):
    """What is known of an index."""

    whole: bool
    """It ends with the checksum of what comes before it."""
    tree: str | None = None
    """The tree that all of it is, if it was noted (Cache tree, gitformat-index(5)): as after a checkout and
    a commit, and not once something was added or taken out."""


_NOTED: Final = re.compile(rb"TREE....\0\d+ \d+\n", re.DOTALL)
"""How a cache tree begins, where the tree of all that is in the index is known: its number of entries is
-1 where it is not."""

_OVERLAP: Final = 128
"""Bytes of a piece that are looked at again with the next one: a cache tree may begin there."""


def is_whole(index: bytes) -> bool:
    """Whether the index ends with the checksum of what comes before it."""
    return looked_at(index).whole


def looked_at(index: bytes) -> Index:
    """Look at an index (gitformat-index(5)).

    One that is not there is whole: a repository without commits has none. index.skipHash has it end with
    zeros. Raises OSError where there are too few descriptors or too little memory.
    """
    try:
        with open(index, "rb", opener=open_regular) as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST or file.read(4) != b"DIRC":
                return Index(whole=False)
            looks = (_look(file, size, name) for name in ("sha1", "sha256"))
            return next((one for one in looks if one.whole), Index(whole=False))
    except FileNotFoundError:
        return Index(whole=True)
    except OSError as error:
        if error.errno in LACKED:
            raise
        return Index(whole=False)


def _look(file: BinaryIO, size: int, name: str) -> Index:
    import hashlib  # noqa: PLC0415 - for start-up's sake

    digest = hashlib.new(name, usedforsecurity=False)
    left = size - digest.digest_size
    file.seek(max(0, left))
    end = file.read(digest.digest_size)
    if end == bytes(digest.digest_size):
        return Index(whole=True)
    file.seek(0)
    tree: bytes | None = None
    last = b""
    while left > 0:
        piece = file.read(min(left, MEBIBYTE))
        if not piece:
            return Index(whole=False)
        digest.update(piece)
        left -= len(piece)
        last = last[-_OVERLAP:] + piece
        for found in _NOTED.finditer(last):
            tree = last[found.end() :][: digest.digest_size]
    return Index(end == digest.digest(), tree.hex() if tree else None)


_LARGEST_OWN: Final = 64 * _KIBIBYTE
"""Bytes of a ``.gitignore`` that a tool writes into its own directory."""


def ignoring_themselves(directories: Sequence[str]) -> frozenset[str]:
    """Return those of *directories* that hold a ``.gitignore`` which ignores all that is in them.

    Tools write it there (venv since Python 3.13, pytest, mypy, ruff): ``git status`` says nothing of the
    directory then, though no pattern outside ignores it (gitignore(5)).
    """
    return frozenset(one for one in directories if _ignores_itself(one))


def _ignores_itself(directory: str) -> bool:
    try:
        content = read_small(os.path.join(directory, ".gitignore"), _LARGEST_OWN)[0]
    except OSError:
        return False
    lines = [line.rstrip() for line in content.splitlines()]
    return b"*" in lines and not any(line.startswith(b"!") for line in lines)


_KINDS: Final = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a directory",
}


def is_beneath(path: str, top: str) -> bool:
    """Whether *path* is *top* or lies in it."""
    return path == top or path.startswith(os.path.join(top, ""))


def place_of(name: str) -> str:
    """Return where an object is that has a file of its own (gitrepository-layout(5))."""
    return os.path.join("objects", name[:2], name[2:])


def backwards(path: str) -> list[str]:
    """Return the names in a path, the last one first."""
    return [word for word in path.split(os.sep)[::-1] if word not in {"", "."}]


def kind_of(status: os.stat_result) -> str:
    """Return what it is that is no regular file, in words."""
    return _KINDS.get(stat.S_IFMT(status.st_mode), "something else")


def around(directories: Iterable[str], top: str) -> set[str]:
    """Return the directories that *directories* lie in, up to *top*."""
    found = {top}
    for directory in directories:
        above = os.path.dirname(directory)
        while above not in found and is_beneath(above, top):
            found.add(above)
            above = os.path.dirname(above)
    return found
