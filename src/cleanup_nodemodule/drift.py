"""Whether what is installed is what would come back: lock files, and packages linked from outside."""

import json
import os
import stat
from typing import Final

from cleanup_nodemodule.proofs import read

_MOST_LINKS: Final = 3
"""Links that are named in a warning."""


def warnings(artifact: str, lock: str | None, *, locked: bool) -> tuple[str, ...]:
    """Return why an artifact of installed packages may not come back the same, a phrase each.

    *lock* is the path of the lock file found, *locked* says whether one is needed.
    """
    if not locked:
        return ()
    found: list[str] = []
    if lock is None:
        found.append("no lock file: the same versions may not come back")
    elif difference := _difference(artifact, lock):
        found.append(difference)
    links = _links_out(artifact)
    if links:
        more = len(links) - _MOST_LINKS
        names = ", ".join(links[:_MOST_LINKS]) + (f" and {more} more" if more > 0 else "")
        found.append(f"linked from outside: {names}")
    return tuple(found)


def _difference(artifact: str, lock: str) -> str | None:
    """Tell how the lock file and what is installed differ, as far as their tool recorded it."""
    name = os.path.basename(lock)
    if name in {"package-lock.json", "npm-shrinkwrap.json"}:
        # npm keeps a copy of the lock file for what it installed (npm-config, package-lock).
        wanted = _npm_versions(read(lock), os.path.dirname(lock), artifact)
        # A package of a workspace has none of its own: the one at the top names its packages too.
        root = os.path.dirname(lock)
        copy = read(os.path.join(artifact, ".package-lock.json"))
        if copy is None:
            copy = read(os.path.join(root, "node_modules", ".package-lock.json"))
        present = _npm_versions(copy, root, artifact)
        if wanted is None or present is None:
            return _newer(artifact, lock)
        if any(wanted.get(key, version) != version for key, version in present.items()) or any(
            key not in wanted for key in present
        ):
            return "what is installed differs from the lock file"
        return None
    if name == "pnpm-lock.yaml":
        copy = read(os.path.join(artifact, ".pnpm", "lock.yaml"))
        content = read(lock)
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


def _links_out(artifact: str) -> list[str]:
    """Return the names in *artifact*, scopes (``@scope/name``) included, that link out of it."""
    try:
        # Not the names of everything: there may be a million.
        with os.scandir(artifact) as entries:
            names = [one.name for one in entries if one.is_symlink() or one.name.startswith("@")]
        links = [name for name in names if os.path.islink(os.path.join(artifact, name))]
        for scope in set(names).difference(links):
            with os.scandir(os.path.join(artifact, scope)) as entries:
                links += (f"{scope}/{entry.name}" for entry in entries if entry.is_symlink())
    except OSError:
        return []
    inside = os.path.join(artifact, "")  # A candidate's path has no symlinks in it.
    return sorted(
        name
        for name in links
        if not os.path.realpath(os.path.join(artifact, name)).startswith(inside)
    )
