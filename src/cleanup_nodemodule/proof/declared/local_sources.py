"""Whether what packages were installed from on this machine, directories and archives, is still there."""

import os
import re
from typing import Final
from urllib.parse import unquote

from cleanup_nodemodule.proof.stat_cache import StatCache

_SCHEME: Final = re.compile(r"(?:git\+)?file:(?://(?:localhost(?=/))?)?", re.IGNORECASE)
"""What a URL of a file begins with (RFC 8089; pip's "VCS Support")."""

_REMOTE: Final = re.compile(r"[\w.-]+@[\w.-]+:")
"""How SSH is told of a host and a path (git-clone(1), "GIT URLS")."""


def path_in(place: str) -> str | None:
    """Return the path that a URL or a path leads to; None if it leads to another machine, or cannot be told."""
    if "${" in place or "\\" in place or _REMOTE.match(place):
        return None
    scheme = _SCHEME.match(place)
    if scheme is None:
        return None if "://" in place or not place else place
    path = unquote(place[scheme.end() :].partition("#")[0].partition("?")[0])
    # A repository's revision stands behind it.
    return path.rpartition("@")[0] or path if place.lower().startswith("git") else path


def gone(name: str, place: str, directory: str, boundary: str, cache: StatCache) -> str | None:
    """Say that *name* comes from a *place* that is not there any more, or not looked at; None if it is there.

    The place is a path as it is written, relative to *directory*. Nothing outside of *boundary* is looked at: it may be
    on a disk that does not answer. Raises OSError.
    """
    path = os.path.normpath(os.path.join(directory, place))
    limit = boundary.rstrip("/")
    if path == limit:
        return None
    if not path.startswith(f"{limit}/"):
        return f"{name} comes from {place}, which lies outside"
    around, called = os.path.split(path)
    if cache.status(around, called) is None:
        return f"{name} comes from {place}, which is not there"
    return None
