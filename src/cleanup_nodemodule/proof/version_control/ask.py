"""Asks a version control system which of some directories it tracks something in."""

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from cleanup_nodemodule.proof.git_process import Holding
from cleanup_nodemodule.proof.version_control import bazaar, cvs, darcs, mercurial
from cleanup_nodemodule.proof.version_control.reading import Unknown
from cleanup_nodemodule.proof.version_control.systems import named
from cleanup_nodemodule.work.conversion import LACKED

_FILES: Final = frozenset({"Fossil", "Perforce"})
"""Systems whose mark is a file; that of all others is a directory."""


class Said(NamedTuple):
    """What a system says of some directories. Pickles."""

    system: str
    """Its name."""
    tracked: frozenset[str] = frozenset()
    """Those that it tracks something in."""
    unknown: str | None = None
    """Why nobody can say which these are, in words."""
    errno: int = 0
    """What a system call failed with, if one did."""


def lacked(said: Said) -> bool:
    """Whether there were too few descriptors or too little memory to look."""
    return said.errno in LACKED


def ask(top: str, mark: str, directories: Sequence[str]) -> Said:
    """Ask the system whose *mark* lies in *top* about *directories* beneath that.

    All paths are absolute, and have no symlinks in them. Nothing is started, written or waited for.
    """
    system = named().get(mark, mark)
    try:
        return Said(system, _tracked(top, mark, system, directories))
    except Unknown as error:
        return Said(system, unknown=f"{system} in {top}: {error}")
    except OSError as error:
        why = f"{system} in {top}: {error.strerror}"
        return Said(system, unknown=why, errno=error.errno or 0)


def depends(top: str, mark: str) -> tuple[str, ...]:
    """Return the files on which the answer about *top* depends, absolute."""
    return tuple(os.path.join(top, name) for name in _DEPENDS.get(mark, ()))


_DEPENDS: Final[Mapping[str, tuple[str, ...]]] = {
    ".hg": (".hg/dirstate", ".hg/requires", ".hg/sparse"),
    ".svn": (".svn/wc.db", ".svn/wc.db-journal", ".svn/wc.db-wal"),
    ".bzr": (".bzr/checkout/dirstate", ".bzr/checkout/format"),
    "_darcs": ("_darcs/hashed_inventory", "_darcs/patches/pending", "_darcs/format"),
    "CVS": ("CVS/Entries", "CVS/Entries.Log"),
    ".fslckout": (".fslckout", ".fslckout-journal", ".fslckout-wal"),
    "_FOSSIL_": ("_FOSSIL_", "_FOSSIL_-journal", "_FOSSIL_-wal"),
}
"""Of those systems whose files are read; of the others nothing is ever known."""


def _tracked(top: str, mark: str, system: str, directories: Sequence[str]) -> frozenset[str]:
    status = _status(os.path.join(top, mark))
    other = stat.S_ISDIR if system in _FILES else stat.S_ISREG
    if other(status.st_mode):
        return frozenset()  # Something else of that name.
    names = {os.fsencode(os.path.relpath(path, top)): path for path in directories}
    match mark:
        case ".hg":
            return _holding(mercurial.files, top, names)
        case ".bzr":
            return _holding(bazaar.files, top, names)
        case "_darcs":
            return darcs.tracked(top, names)
        case "CVS":
            return cvs.tracked(top, directories)
        case ".svn" | ".fslckout" | "_FOSSIL_":
            return _by_data_base(top, mark, names)
        case _:
            raise Unknown("its files are not read, and its program is not asked")


def _status(path: str) -> os.stat_result:
    try:
        return os.lstat(path)
    except OSError as error:
        if error.errno in LACKED:
            raise
        raise Unknown(f"{path}: {error.strerror}") from error


def _holding(
    files: Callable[[str, Callable[[bytes], None]], None], top: str, names: Mapping[bytes, str]
) -> frozenset[str]:
    holding = Holding(names)
    files(top, holding.take)
    return frozenset(holding.found)


def _by_data_base(top: str, mark: str, names: Mapping[bytes, str]) -> frozenset[str]:
    try:
        from cleanup_nodemodule.proof.version_control import (  # noqa: PLC0415 - for start-up's sake
            databases,
        )
    except ImportError as error:
        raise Unknown(f"this Python has no SQLite to read it with: {error}") from error
    if mark == ".svn":
        return databases.subversion(top, names)
    return databases.fossil(top, mark, names)


def innermost(around: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return those of the tops and marks *around* a directory, the innermost first, that are to be asked.

    Each directory of a working copy of CVS has a mark of its own, and only the nearest counts.
    """
    asked: list[tuple[str, str]] = []
    for top, mark in around:
        if mark != "CVS" or all(other != "CVS" for _, other in asked):
            asked.append((top, mark))
    return tuple(asked)
