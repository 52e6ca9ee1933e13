"""Whether what a project of JavaScript takes from this machine is still there: directories, archives, its workspace.

Sources: npm-docs, package.json ("Local Paths") and npm-package-arg, ``npa.js``; yarnpkg.com, "Protocols"; pnpm.io,
"Workspace" (``workspace:``).
"""

import os
import re
from collections.abc import Mapping
from typing import Final

from cleanup_nodemodule.proof.declared import local_sources
from cleanup_nodemodule.proof.declared.javascript_inside import Inside
from cleanup_nodemodule.proof.stat_cache import StatCache

_PATHS: Final = frozenset({"file", "link", "portal"})
"""What a range begins with that names a path."""

_ARCHIVE: Final = re.compile(r"[^:/]+\.(?:tgz|tar|tar\.gz)", re.IGNORECASE)
"""A file beside the manifest (npa.js, ``isFileType``)."""

_WORKSPACE: Final = "workspace"


def path_of(wanted: str) -> str | None:
    """Return the path in a range, None if it has none. npm takes one without ``file:`` too."""
    kind, colon, path = wanted.partition(":")
    if colon and (kind in _PATHS or (kind == _WORKSPACE and path.startswith("."))):
        # A later Yarn writes behind it which project asks for it.
        path = path.partition("::")[0].partition("#")[0].removeprefix("//")
    elif wanted.startswith((".", "/", "~/")) or _ARCHIVE.fullmatch(wanted):
        path = wanted.partition("#")[0]
    else:
        return None
    return os.path.expanduser(path) if path.startswith("~/") else path


def missing(
    place: str,
    asks: Mapping[str, str],
    inside: Inside,
    boundary: str,
    cache: StatCache,
    *,
    together: bool,
) -> str | None:
    """Say what the manifest in *place* asks for, and lies inside, that comes from a place that is gone.

    *together* says whether the project is a part of a workspace. Raises OSError.
    """
    for name, wanted in asks.items():
        if name not in inside.all:
            continue
        path = path_of(wanted)
        if path is not None:
            told = local_sources.gone(name, path, place, boundary, cache)
        elif wanted.startswith(f"{_WORKSPACE}:"):
            target = inside.links.get(name)
            left = target is not None and cache.status(*os.path.split(target)) is None
            told = f"{name} comes from a workspace, which is not there"
            told = told if left or not together else None
        else:
            continue
        if told is not None:
            return told
    return None


def missing_by_lock(
    place: str, local: Mapping[str, str], inside: Inside, boundary: str, cache: StatCache
) -> str | None:
    """Say what is installed that the lock file in *place* has from a path that is gone. Raises OSError.

    *local* has such paths by those that the packages are installed at.
    """
    for installed, path in local.items():
        name = installed.rpartition("node_modules/")[2]
        if name in inside.all or cache.status(place, installed) is not None:
            told = local_sources.gone(name, path, place, boundary, cache)
            if told is not None:
                return told
    return None
