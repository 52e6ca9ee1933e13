"""Which working trees belong to one repository of git."""

import os
from typing import Final

from cleanup_nodemodule.proof.last_used import gitdir
from cleanup_nodemodule.proof.stat_cache import StatCache

_WORKTREES: Final = "worktrees"
"""The directory in that of a repository which has one for each further working tree (gitrepository-layout(5))."""


def repository_of(tree: str, cache: StatCache) -> str:
    """Return the directory of the repository of a working tree: that which all its working trees share.

    That is the "commondir" of gitrepository-layout(5). Follows no symlink and enters no mount, as the files that say
    where it is may be somebody else's: where they cannot be read, their names tell.
    """
    link = cache.read(tree, ".git")
    place = gitdir(tree, link) if link is not None else None
    if place is None:
        return os.path.join(tree, ".git")
    top = os.path.commonpath((tree, place))
    common = cache.read(top, os.path.join(os.path.relpath(place, top), "commondir"))
    if common is not None and b"\0" not in common:
        return os.path.normpath(os.path.join(place, os.fsdecode(common.strip())))
    around, name = os.path.split(os.path.dirname(place))
    return around if name == _WORKTREES else place
