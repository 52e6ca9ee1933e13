"""Which tool made a ``node_modules``: by its mark inside, by that of the workspace, or by what only it leaves."""

import os
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from cleanup_nodemodule.proof.declared import times
from cleanup_nodemodule.proof.declared.javascript_inside import (
    BUN,
    DENO,
    NPM,
    PNPM,
    YARN,
    Inside,
    is_within,
    made_by_mark,
)
from cleanup_nodemodule.proof.declared.javascript_locks import document, table
from cleanup_nodemodule.proof.declared.javascript_projects import MANIFEST, Root
from cleanup_nodemodule.proof.declared.javascript_tools import LockFile, copy_inside, has_lock_file
from cleanup_nodemodule.proof.stat_cache import StatCache

_STORES: Final = {PNPM: ".pnpm", BUN: ".bun", DENO: ".deno", YARN: ".store"}
"""Where each tool keeps the packages that the links at the top lead to."""

_VIRTUAL_STORE: Final = re.compile(
    rb"""^\s*"?virtualStoreDir"?:\s*["']?([^"'\n,]+)""", re.MULTILINE
)
"""Where pnpm keeps them, if not there (pnpm.io, virtualStoreDir, enableGlobalVirtualStore)."""


class Made(NamedTuple):
    """Who made a ``node_modules``, as far as that is known."""

    tool: str | None = None
    fact: str | None = None
    """How that is known."""
    finished: int = 0
    """When the tool was through, in seconds since the epoch; 0 if that is not known."""
    top: str = ""
    """The ``node_modules`` that its mark lies in."""
    alone: bool = False
    """The project has been installed by itself, though it is a part of a workspace."""
    strangers: tuple[str, ...] = ()
    """Packages that the tool did not put there."""
    store: str = ""
    """Where the links lead to that the tool has made."""


def made(
    artifact: str, project: str, root: Root, inside: Inside, around: str, cache: StatCache
) -> Made:
    """Return who made *artifact* by its mark, or by the mark of the workspace that *project* is a part of.

    *around* is the directory whose ``node_modules`` the workspace's mark lies in. Raises OSError.
    """
    mark = made_by_mark(artifact, artifact, cache)
    if mark is not None:
        tool, name, finished = mark
        alone = (
            bool(root.member)
            and not (root.rush or root.lerna)
            and has_lock_file(project, artifact, cache)
        )
        fact = f"{tool}: {name} inside"
        return Made(tool, fact, finished, artifact, alone, (), _store(tool, artifact, cache))
    if root.path == project or root.lerna:
        return Made()
    top = os.path.join(around, "node_modules")
    mark = made_by_mark(top, artifact, cache)
    if mark is None:
        return Made()
    tool, name, finished = mark
    store = _store(tool, top, cache)
    by_name = _by_name(tool, top, os.path.relpath(artifact, root.path), inside, artifact, cache)
    strangers = [one for one in inside.packages if one not in by_name]
    strangers += (
        one
        for one, target in inside.links.items()
        if one not in by_name and not is_within(target, store) and not is_within(target, root.path)
    )
    if strangers and len(strangers) == len(inside.names):
        return Made()
    where = os.path.relpath(top, root.path)
    fact = f"{tool}: {name} of {where} above has it"
    return Made(tool, fact, finished, top, strangers=tuple(strangers), store=store)


def _store(tool: str, top: str, cache: StatCache) -> str:
    store = os.path.join(top, _STORES.get(tool, "."))
    if tool == PNPM:
        found = _VIRTUAL_STORE.search(cache.read(top, ".modules.yaml") or b"")
        if found:
            store = os.path.normpath(os.path.join(top, os.fsdecode(found[1].strip())))
    return store


def _by_name(
    tool: str, top: str, place: str, inside: Inside, artifact: str, cache: StatCache
) -> frozenset[str]:
    """Return the packages at *place* in the workspace that the tool says it has installed there."""
    copy = copy_inside(tool, top, artifact, cache)
    if copy is None:
        return frozenset()
    if place in copy.places:
        return inside.all
    return frozenset(one for one in inside.names if f"{place}/{one}" in copy.places)


def by_content(artifact: str, inside: Inside, lock: LockFile | None, cache: StatCache) -> Made:
    """Return who made *artifact* by what only that tool leaves, where none has left a mark. Raises OSError.

    Until version 6 npm wrote into each ``package.json`` where the package came from (npm 6, lib/install/
    update-package-json.js). Bun's hoisted linker leaves nothing: what it made has each package in the version that the
    lock file says. Neither leaves out what a package needs; somebody who made a part of it by hand does.
    """
    if not inside.packages:
        return Made()
    locked = None if lock is None else lock.lock
    if _came_from(_manifest(artifact, inside.packages[0], cache)):
        locked = None
    newest = 0
    hollow = 0
    for name in inside.packages:
        read = _manifest(artifact, name, cache)
        if locked is not None:
            # What comes from git or a file has no version there.
            versions = locked.versions.get(name, ())
            if not any(one == read.get("version") or not one[:1].isdigit() for one in versions):
                return Made()
        elif not _came_from(read):
            return Made()
        needed = set(table(read.get("dependencies"))).difference(
            table(read.get("optionalDependencies"))
        )
        if not all(
            one in inside.all or cache.exists(artifact, f"{name}/node_modules/{one}/")
            for one in needed
        ):
            return Made()
        status = cache.status(artifact, f"{name}/{MANIFEST}")
        newest = max(newest, int(status.st_mtime) if status else 0)
        hollow += _is_hollow(os.path.join(artifact, name))
    if hollow > len(inside.packages) // 2:
        return Made()
    if locked is None:
        return Made(
            NPM,
            "npm: each package.json inside says where it came from",
            times.last([newest]),
            artifact,
        )
    return Made(
        BUN,
        "Bun: each package inside has the locked version",
        finished_by_bun(artifact, cache),
        artifact,
    )


def finished_by_bun(artifact: str, cache: StatCache) -> int:
    """Return when Bun was through. It makes the links in ``.bin`` last, if there are new ones, and writes its lock file.

    Other tools add to the top of a ``node_modules``, and git writes lock files, but hardly both at once.
    """
    linked = cache.status(artifact, ".bin")
    locked = cache.status(os.path.dirname(artifact), "bun.lock")
    changed = os.lstat(artifact).st_mtime
    written = min(locked.st_mtime, changed) if locked else changed
    return times.last([int(linked.st_mtime if linked else 0), int(written)])


def _manifest(artifact: str, package: str, cache: StatCache) -> dict[str, Any]:
    return document(cache.read(artifact, f"{package}/{MANIFEST}") or b"")


def _came_from(read: Mapping[str, Any]) -> bool:
    """Whether npm wrote into a package's manifest what it is, and where it came from."""
    is_it = read.get("_id") == f"{read.get('name')}@{read.get('version')}"
    return is_it and not _CAME_FROM.isdisjoint(read)


_CAME_FROM: Final = frozenset({"_resolved", "_from"})


def _is_hollow(package: str) -> bool:
    """Whether there is nothing in a package but its manifest. Raises OSError."""
    with os.scandir(package) as entries:
        return all(entry.name == MANIFEST for entry in entries)
