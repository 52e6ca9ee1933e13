"""Whether what is installed is what would come back: lock files, and packages linked from outside."""

import errno
import json
import os
import stat
from contextlib import suppress
from typing import Final

from cleanup_nodemodule.proof.stat_cache import StatCache

_MAX_LINKS: Final = 3
"""Links that are named in a warning."""


def warnings(
    artifact: str, lock: str | None, *, locked: bool, cache: StatCache | None = None
) -> tuple[str, ...]:
    """Return why an artifact of installed packages may not come back the same, a phrase each.

    *lock* is the path of the lock file found, *locked* says whether one is needed, *cache* is one of
    this run's. Raises OSError where something could not be looked at.
    """
    cache = cache or StatCache()
    if not locked:
        return ()
    found: list[str] = []
    if lock is None:
        found.append("no lock file: the same versions may not come back")
    elif difference := _difference(artifact, lock, cache):
        found.append(difference)
    links = _links_out(artifact, cache)
    if links:
        more = len(links) - _MAX_LINKS
        names = ", ".join(links[:_MAX_LINKS]) + (f" and {more} more" if more > 0 else "")
        found.append(f"linked from outside: {names}")
    return tuple(found)


def _difference(artifact: str, lock: str, cache: StatCache) -> str | None:
    """Tell how the lock file and what is installed differ, as far as their tool recorded it."""
    root, name = os.path.split(lock)
    if name in {"package-lock.json", "npm-shrinkwrap.json"}:
        # npm keeps a copy of the lock file for what it installed (npm-config, package-lock).
        wanted = _npm_versions(cache.read(root, name), root, artifact)
        # A package of a workspace has none of its own: the one at the top names its packages too.
        copy = cache.read(artifact, ".package-lock.json")
        if copy is None:
            copy = cache.read(root, "node_modules/.package-lock.json")
        present = _npm_versions(copy, root, artifact)
        if wanted is None or present is None:
            return _newer(artifact, lock)
        if any(wanted.get(key, version) != version for key, version in present.items()) or any(
            key not in wanted for key in present
        ):
            return "what is installed differs from the lock file"
        return None
    if name == "pnpm-lock.yaml":
        copy = cache.read(artifact, ".pnpm/lock.yaml")
        content = cache.read(root, name)
        if copy is not None and content is not None:
            return None if copy == content else "what is installed differs from the lock file"
    return _newer(artifact, lock)


def _npm_versions(content: bytes | None, root: str, artifact: str) -> dict[str, str] | None:
    """Return the versions by path that an npm lock file names, of what lies in *artifact*."""
    if content is None:
        return None
    try:
        packages = json.loads(content)["packages"]
        below = artifact.removeprefix(os.path.join(root, "")).replace(os.sep, "/") + "/"
        return {
            path: str(package.get("version"))
            for path, package in packages.items()
            if path.startswith(below) and not package.get("link")
        }
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None


def _newer(artifact: str, lock: str) -> str | None:
    """Compare times where nothing better was recorded: an installation ends after its lock file."""
    try:
        written = os.lstat(lock)[stat.ST_MTIME]
        installed = os.lstat(artifact)[stat.ST_MTIME]
    except OSError:
        return None
    if written > installed + 60:  # Seconds: some tools write the lock file last.
        return "the lock file is newer than what is installed"
    return None


def _links_out(artifact: str, cache: StatCache) -> list[str]:
    """Return the names in *artifact*, scopes (``@scope/name``) included, that link out of it.

    None is followed, as it may lead to a disk that does not answer: what is written in it is compared. Nor is
    a scope looked into that something is mounted on.
    """
    links: list[str] = []
    scopes: list[str] = []
    try:
        # Not the names of everything: there may be a million.
        with os.scandir(artifact) as entries:
            for entry in entries:
                if entry.is_symlink():
                    links.append(entry.name)
                elif entry.name.startswith("@") and entry.is_dir(follow_symlinks=False):
                    scopes.append(entry.name)
    except OSError:
        return []  # That it cannot be read is said by whoever measures it.
    for scope in scopes:
        with suppress(OSError):
            if not cache.exists(artifact, scope + "/"):
                continue
            with os.scandir(os.path.join(artifact, scope)) as entries:
                links += (f"{scope}/{entry.name}" for entry in entries if entry.is_symlink())
    return sorted(name for name in links if _leads_out(artifact, name))


def _leads_out(artifact: str, name: str) -> bool:
    """Whether the symlink *name* leads out of *artifact*, by what is written in it.

    Raises OSError if that may not be read.
    """
    link = os.path.join(artifact, name)
    try:
        target = os.readlink(link)
    except OSError as error:
        if error.errno in _NO_LINK:
            return False
        raise
    place = os.path.normpath(os.path.join(os.path.dirname(link), target))
    # A candidate's path has no symlinks in it.
    return not os.path.join(place, "").startswith(os.path.join(artifact, ""))


_NO_LINK: Final = frozenset({errno.EINVAL, errno.ENOENT, errno.ENOTDIR})
"""What readlink(2) says of what was a symlink a moment ago."""
