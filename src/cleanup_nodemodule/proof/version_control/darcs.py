"""What Darcs tracks, by its pristine tree and what is pending.

``darcs`` itself is not asked: ``_darcs/prefs/defaults`` gives it commands to run before and after each of its own
(the Darcs manual, "prehook" and "posthook").
"""

import re
import zlib
from collections.abc import Mapping
from typing import Final

from cleanup_nodemodule.proof.version_control.reading import LARGEST, Unknown, read

_ROOT: Final = re.compile(rb"pristine:((?:\d{10}-)?[0-9a-f]{64})\n")
"""How an inventory begins that names the pristine tree."""

_KINDS: Final = {b"directory:": True, b"file:": False}

_PENDING: Final = re.compile(
    rb"^(?:adddir|addfile|hunk|binary|replace|move) \./(\S+)", re.MULTILINE
)
"""Where a change that waits for the next record names a file (the Darcs manual, "Patch theory")."""

_SPELLED: Final = re.compile(rb"\\(\d+)\\")
"""How blanks and backslashes in names are written: ``\\32\\`` (encodeWhite in Darcs.Util.Path)."""

_GZIP: Final = 31
"""The window of zlib that takes files with a header of gzip (``inflateInit2`` in zlib's manual)."""


def tracked(top: str, names: Mapping[bytes, str]) -> frozenset[str]:
    """Return those of the directories, by their *names* beneath *top*, that Darcs tracks something in.

    Raises Unknown and OSError.
    """
    form = read(top, "_darcs", "format") or b""
    if b"no-working-dir" in form:
        return frozenset()
    inventory = read(top, "_darcs", "hashed_inventory", max_bytes=LARGEST) or b""
    root = _ROOT.match(inventory)
    if b"hashed" not in form or root is None:
        raise Unknown("the repository is of another format than hashed")
    trees = _Trees(top)
    pending = _pending(top)
    return frozenset(
        path
        for name, path in names.items()
        if trees.has(root[1].decode(), name) or _reaches(pending, name)
    )


def _pending(top: str) -> list[bytes]:
    """Return the files that changes which were not recorded yet are about."""
    content = read(top, "_darcs", "patches", "pending", max_bytes=LARGEST) or b""
    return [_spelled(name).rstrip(b"/") for name in _PENDING.findall(content)]


def _reaches(files: list[bytes], name: bytes) -> bool:
    return any(file == name or file.startswith(name + b"/") for file in files)


class _Trees:
    """The directories of the pristine tree, each read once."""

    def __init__(self, top: str) -> None:
        self._top: Final = top
        self._known: dict[str, dict[bytes, tuple[bool, str]]] = {}

    def has(self, root: str, name: bytes) -> bool:
        """Whether something of that *name* is in the tree *root*."""
        tree = root
        *above, last = name.split(b"/")
        for part in above:
            directory, tree = self._entries(tree).get(part, (False, ""))
            if not directory:
                return False
        return last in self._entries(tree)

    def _entries(self, tree: str) -> dict[bytes, tuple[bool, str]]:
        if tree not in self._known:
            content = read(self._top, "_darcs", "pristine.hashed", tree, max_bytes=LARGEST)
            if content is None:
                raise Unknown("a part of the pristine tree is not there; type `darcs repair`")
            lines = _unpacked(content).split(b"\n")
            entries = zip(lines[::3], lines[1::3], lines[2::3], strict=False)
            self._known[tree] = {
                _spelled(name): (_KINDS.get(kind, False), _checked(hashed))
                for kind, name, hashed in entries
            }
        return self._known[tree]


def _checked(name: bytes) -> str:
    if not re.fullmatch(rb"(?:\d{10}-)?[0-9a-f]{64}", name):
        raise Unknown("the pristine tree is damaged")
    return name.decode()


def _unpacked(content: bytes) -> bytes:
    """Return what is in a file that may be packed by gzip."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    unpacking = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacking.decompress(content, LARGEST)
    except zlib.error as error:
        raise Unknown("the pristine tree is damaged") from error
    if unpacking.unconsumed_tail:
        raise Unknown(f"a list of files has more than {LARGEST:,} bytes")
    return unpacked


def _spelled(name: bytes) -> bytes:
    return _SPELLED.sub(
        lambda found: chr(int(found[1]) % 0x110000).encode("utf-8", "replace"), name
    )
