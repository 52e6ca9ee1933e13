"""The version control systems besides git, and the names by which their working copies are recognised."""

import os
from collections.abc import Mapping
from typing import Final

GIT: Final = ".git"
"""The name of a repository of git, which :mod:`cleanup_nodemodule.proof.git` asks."""

JUJUTSU: Final = ".jj"
"""The mark of a system that may work on a repository of git which lies beside it."""

_P4CONFIG: Final = frozenset({".p4config", "p4config.txt", ".p4config.txt"})
"""Names that people give to the file of a Perforce workspace: the command reference of Perforce, P4CONFIG, has
``.p4config`` and ``p4config.txt`` as examples."""

NAMED: Final[Mapping[str, str]] = {
    ".hg": "Mercurial",  # hg(1), FILES
    ".svn": "Subversion",  # the Subversion book, "In the Belly of the Whale"
    ".fslckout": "Fossil",  # fossil's checkout database, "The Fossil Technical Overview"
    "_FOSSIL_": "Fossil",  # the same under its older name, which is the one of Windows
    ".bzr": "Bazaar",  # Breezy's developer document "indices and formats": the control directory
    "_darcs": "Darcs",  # the Darcs manual
    "CVS": "CVS",  # the CVS manual, "How data is stored in the working directory"
    JUJUTSU: "Jujutsu",  # its technical document "Architecture", of the working copy
    ".pijul": "Pijul",  # the Pijul manual, "pijul init"
    ".sl": "Sapling",  # its document "Internals", "dot dir"
    ".got": "Game of Trees",  # got-worktree(5)
    "_MTN": "Monotone",  # the Monotone manual, "Workspaces"
    ".plastic": "Plastic SCM",  # Unity Version Control, of workspaces
    **dict.fromkeys(_P4CONFIG, "Perforce"),
}
"""The name of each system by its mark."""


def named() -> Mapping[str, str]:
    """Return the name of each system by its mark, with the one that ``P4CONFIG`` gives to Perforce's."""
    mark = os.environ.get("P4CONFIG", "")
    if not mark or os.sep in mark or mark in {os.curdir, os.pardir}:
        return NAMED
    return {**NAMED, mark: "Perforce"}


INSIDE: Final = frozenset(
    os.fsencode(mark.lower()) for mark, system in NAMED.items() if system != "Perforce"
)
"""The names that the walk through an artifact watches for, in small letters (ASCII): what lies beneath is
somebody's working copy. A file that names a Perforce server is no working copy by itself."""
