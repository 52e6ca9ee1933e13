"""Says which working copies lie in an artifact: somebody's work, whatever proves the artifact."""

import os
import stat
from collections.abc import Iterable, Mapping
from typing import Final

from cleanup_nodemodule.proof.version_control.reading import Unknown, reach
from cleanup_nodemodule.proof.version_control.systems import INSIDE, NAMED

__all__ = ("INSIDE", "is_mark", "working_copies")

_HELD: Final[Mapping[str, tuple[str, ...]]] = {
    ".hg": ("requires", "store", "dirstate", "data", "00changelog.i", "hgrc", "sharedpath"),
    ".svn": ("wc.db", "entries", "format"),
    ".bzr": ("branch-format", "checkout", "branch", "repository"),
    "_darcs": ("format", "hashed_inventory", "inventory", "patches"),
    "CVS": ("Entries", "Repository", "Root"),
    ".jj": ("repo", "working_copy"),
    ".pijul": ("pristine", "changes", "config"),
    ".sl": ("requires", "store", "treestate", "dirstate"),
    ".got": ("repository", "file-index", "format"),
    "_MTN": ("options", "revision", "format"),
    ".plastic": ("plastic.workspace", "plastic.selector"),
}
"""By mark, what lies in the directory of that name where it is really one of that system: one of these."""

_MARKS: Final[Mapping[str, str]] = {
    mark.lower(): mark for mark in NAMED if os.fsencode(mark.lower()) in INSIDE
}


def is_mark(path: str) -> bool:
    """Whether a path ends with the name by which a working copy is recognised."""
    return path.rpartition("/")[2].lower() in _MARKS


def working_copies(artifact: str, met: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return path and system of each working copy in *artifact*, of the paths in it that were *met*.

    These are relative to it, and the names are some of :data:`INSIDE`, in letters of either size. What
    cannot be looked at counts. The path is absolute, of the directory that holds the mark. Raises OSError where
    there are too few descriptors or too little memory.
    """
    found: dict[tuple[str, str], None] = {}
    for path in met:
        mark = _MARKS.get(os.path.basename(path).lower())
        if mark is None:
            continue
        top, name = os.path.split(os.path.join(artifact, path))
        try:
            real = _is_mark(top, name, mark)
        except Unknown:
            real = True
        if real:
            found[top, NAMED[mark]] = None
    return tuple(found)


def _is_mark(top: str, name: str, mark: str) -> bool:
    """Whether what is called *name* in *top* was made by the system that has that *mark*."""
    path = reach(top, name)
    if path is None:
        return False
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return True
    if mark not in _HELD:
        return stat.S_ISREG(mode) and os.lstat(path).st_size > 0
    return stat.S_ISDIR(mode) and any(reach(top, name, held) is not None for held in _HELD[mark])
