"""What CVS tracks, by the text files in its directories.

Each directory of a working copy has a ``CVS`` of its own, with a list of what is tracked beside it (the CVS manual,
"How data is stored in the working directory").
"""

import os
import stat
from collections.abc import Iterable
from typing import Final

from cleanup_nodemodule.proof.version_control.reading import LARGEST, Unknown, reach, read

_LISTS: Final = ("Entries", "Entries.Log")
"""What is tracked, and what was added to that since: there each line begins with ``A`` or ``R`` and a blank."""


def tracked(top: str, directories: Iterable[str]) -> frozenset[str]:
    """Return those of *directories*, beneath *top*, that CVS tracks, *top* being the innermost with a ``CVS``.

    Raises Unknown and OSError.
    """
    if not is_working_copy(top):
        return frozenset()
    listed: set[bytes] = set()
    for name in _LISTS:
        for line in (read(top, "CVS", name, max_bytes=LARGEST) or b"").splitlines():
            entry = line[2:] if line.startswith((b"A ", b"R ")) else line
            if entry.startswith(b"D/"):
                listed.add(entry.split(b"/")[1])
    if read(top, "CVS", "Entries") is None:
        raise Unknown("the list of what is tracked is missing")
    # A directory on the way that is listed and has no CVS was checked out and has lost it.
    return frozenset(
        path
        for path in directories
        if os.fsencode(os.path.relpath(path, top).split(os.sep)[0]) in listed
        or is_working_copy(path)
    )


def is_working_copy(top: str) -> bool:
    """Whether the directory ``CVS`` in *top* is one of CVS, and not of somebody who calls theirs so."""
    if (mark := reach(top, "CVS")) is None or stat.S_ISREG(os.lstat(mark).st_mode):
        return False
    return any(reach(top, "CVS", name) is not None for name in ("Entries", "Repository", "Root"))
