"""What Mercurial tracks, by its dirstate.

``hg`` itself is not asked: it loads the extensions and runs the hooks and aliases that ``.hg/hgrc`` names.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final

from cleanup_nodemodule.proof.version_control.reading import LARGEST, Unknown, reach, read

_PARENTS: Final = 40
"""Bytes of the two revisions that the working copy is based on, before the entries."""

_ENTRY: Final = struct.Struct(">ciiii")
"""State, mode, size, time and the length of the name (mercurial/pure/parsers.py, parse_dirstate)."""

_SECOND: Final = b"dirstate-v2\n"
"""What a dirstate of the second format begins with (``hg help internals.dirstate-v2``)."""

_DOCKET: Final = struct.Struct(">32s32sIIIII4s20sIB")
"""After that: the two parents; of the tree where the nodes at its root begin, how many these are, and more; the
bytes that count of the other file, and the length of its name."""

_NODE: Final = struct.Struct(">IHHIHIIIIHIII")
"""Path, base name, copy source, children, what is counted beneath, flags, size and time."""

_TRACKED: Final = 0b111
"""Flags of a node: tracked in the working copy, in the first parent, or in the second."""

_PARTIAL: Final = frozenset(
    {b"exp-sparse", b"narrowhg-experimental", b"treestate", b"treedirstate", b"eden"}
)
"""Requirements with which the dirstate lacks files, or is none (``hg help internals.requirements``, and those
of Facebook's extensions)."""

_STANDINS: Final = b".hglf/"
"""Where the large files are tracked (``hg help extensions.largefiles``)."""


def files(top: str, take: Callable[[bytes], None]) -> None:
    """Have *take* be given every file that Mercurial tracks in the working copy *top*, or has until a commit.

    Raises Unknown and OSError.
    """
    requirements = read(top, ".hg", "requires")
    partial = _PARTIAL.intersection((requirements or b"").split())
    if partial or reach(top, ".hg", "sparse") is not None:
        raise Unknown("only a part of the repository is checked out")
    dirstate = read(top, ".hg", "dirstate", max_bytes=LARGEST)
    if dirstate is None or not dirstate.strip(b"\0"):
        _check_empty(top)
        return
    tracked = _second if dirstate.startswith(_SECOND) else _first
    large = _STANDINS in dirstate or reach(top, _STANDINS.decode().rstrip("/")) is not None
    for file in tracked(top, dirstate):
        take(file)
        if large and file.startswith(_STANDINS):
            take(file.removeprefix(_STANDINS))


def _check_empty(top: str) -> None:
    """Raise Unknown unless the repository is new: otherwise no revision is checked out."""
    if reach(top, ".hg", "sharedpath") is not None or read(
        top, ".hg", "store", "00changelog.i", max_bytes=LARGEST
    ):
        raise Unknown(
            "no revision is checked out; if that was lost, type `hg debugrebuilddirstate`"
        )


def _first(_top: str, dirstate: bytes) -> Iterator[bytes]:
    """Give the files of the format that all versions can write.

    Also those with the state ``r``: they are in the parent, and are removed with the next commit.
    """
    position, end = _PARENTS, len(dirstate)
    while position < end:
        if position + _ENTRY.size > end:
            raise Unknown("the dirstate is cut off")
        length = _ENTRY.unpack_from(dirstate, position)[4]
        position += _ENTRY.size
        if not 0 < length <= end - position:
            raise Unknown("the dirstate is damaged")
        # Behind a NUL comes what it was copied from.
        yield dirstate[position : position + length].partition(b"\0")[0]
        position += length


def _second(top: str, docket: bytes) -> Iterator[bytes]:
    """Give the files of the second format, which are nodes of a tree in another file."""
    try:
        *_, begin, count, _, _, _, _, _, used, length = _DOCKET.unpack_from(docket, len(_SECOND))
        place = len(_SECOND) + _DOCKET.size
        name = docket[place : place + length].decode("ascii")
        if not name.isalnum():
            raise Unknown("the dirstate is damaged")
        data = read(top, ".hg", f"dirstate.{name}", max_bytes=LARGEST)
        if data is None or len(data) < used:
            raise Unknown("the dirstate is damaged: a part of it is missing")
        yield from _nodes(data, begin, count)
    except (struct.error, UnicodeDecodeError) as error:
        raise Unknown("the dirstate is damaged") from error


def _nodes(data: bytes, begin: int, count: int) -> Iterator[bytes]:
    left = len(data) // _NODE.size
    todo = [(begin, count)]
    while todo:
        begin, count = todo.pop()
        left -= count
        if left < 0:  # More than there is room for: they lead to each other.
            raise Unknown("the dirstate is damaged")
        for number in range(count):
            node = _NODE.unpack_from(data, begin + number * _NODE.size)
            path, length, children, below, flags = node[0], node[1], node[5], node[6], node[9]
            if flags & _TRACKED:
                yield data[path : path + length]
            if below:
                todo.append((children, below))
