"""Tells what came with packages, or was written among them by tools, from what people put there.

Two lists are judged. What the watch met by its name: data bases, keys, documents, archives. And what is later than the
installer: files that were edited, or written by scripts and tools.
"""

import fnmatch
import os
import re
import stat
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cleanup_nodemodule.proof.declared import javascript_patches as patches
from cleanup_nodemodule.proof.declared import times
from cleanup_nodemodule.proof.declared.javascript_inside import (
    BUN,
    DENO,
    PNPM,
    STORES,
    YARN,
    is_known,
    is_recorded,
    made_by_mark,
)
from cleanup_nodemodule.proof.declared.javascript_locks import document, table
from cleanup_nodemodule.proof.declared.javascript_maker import finished_by_bun
from cleanup_nodemodule.proof.declared.javascript_names import (
    BROUGHT,
    BUILDING,
    CERTIFICATES,
    EXAMPLES,
    STORED,
    TEMPLATES,
    TOOLS,
    VALUABLE,
    WORKING_COPIES,
    WRITING,
)
from cleanup_nodemodule.proof.declared.javascript_projects import (
    MANIFEST,
    Manifest,
    manifest,
    root_of,
)
from cleanup_nodemodule.proof.stat_cache import StatCache

_UNPACKING: Final = 60
"""Seconds that unpacking one package takes at most; its files have the time of then, or all the same old one."""

_COMPILING: Final = 600
"""Seconds after the installer in which the scripts of packages are taken to have run. Compiling takes minutes."""

_FINISHING: Final = 120
"""Seconds in which the scripts of the project are. They run last, and patch, generate, or copy."""

_AFTERWARDS: Final = frozenset({PNPM, YARN, BUN, DENO})
"""Tools that run the scripts of packages once they have written their mark, or that have none. npm and Yarn 1 do so
before. (Tried with all of them: pnpm and Yarn write for another second, links in .bin above all.)"""

_MUCH_EARLIER: Final = 3600
"""Seconds between two installations, so that what was unpacked before belongs to another one."""

_MODULES: Final = "node_modules"


class _Package(NamedTuple):
    """What the manifest of a package says."""

    unpacked: int | None
    """When it was written, in seconds; None without a manifest."""
    scripts: frozenset[str]
    """Names of its scripts."""
    files: tuple[str, ...]
    """The files that it lists."""
    rewritten: bool
    """npm before version 7 wrote it anew, so that it is later than the package's other files."""


class _Place(NamedTuple):
    """Where a file lies."""

    package: str
    """The path of the innermost package around it; "" if there is none."""
    name: str
    """That package's name."""
    rest: str
    """The path in it."""


def is_part(
    artifact: str, paths: Sequence[str], late: Sequence[str], cache: StatCache
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which *paths* came with no package of *artifact*, and which *late* files no tool has written.

    Both are relative to it. Looks at these files and at the manifests around them. Raises OSError.
    """
    if not paths and not late:
        return (), ()
    parts = _Parts(artifact, cache)
    unexpected = tuple(path for path in paths if not parts.came_with_package(path))
    return unexpected, tuple(path for path in late if not parts.is_explained(path))


def edited(
    artifact: str, packages: Iterable[str], finished: int, cache: StatCache
) -> tuple[str, ...]:
    """Return which files at the top of *packages* were changed after npm unpacked these, but before it was last through.

    npm leaves a package alone that it has unpacked before, so that its last run, which *finished* then, says nothing of
    an edit before it. Each file has the time of unpacking (pacote, lib/fetcher.js: noMtime), and is compared with the
    manifest beside it. Looks only at packages much older than *finished*, and at the files at their top. Raises OSError.
    """
    found: list[str] = []
    parts: _Parts | None = None
    for package in packages:
        status = cache.status(artifact, f"{package}/{MANIFEST}")
        if status is None or status.st_mtime > finished - _MUCH_EARLIER:
            continue
        unpacked = int(status.st_mtime)
        with os.scandir(os.path.join(artifact, package)) as entries:
            times = [
                (entry.name, entry.stat(follow_symlinks=False).st_mtime)
                for entry in entries
                if entry.is_file(follow_symlinks=False)
            ]
        for name in sorted(name for name, time in times if time > unpacked + _UNPACKING):
            parts = parts or _Parts(artifact, cache)
            if not parts.is_explained_since(f"{package}/{name}", unpacked):
                found.append(f"{package}/{name}")
    return tuple(found)


def place_of(path: str) -> _Place:
    """Find the innermost package around *path*, by the names of the directories.

    It lies right below a ``node_modules``, in a scope or not, or in Yarn's store as ``.store/chalk-npm-4.1.2-…/package``.
    """
    parts = path.split("/")
    start = 0
    for number, part in enumerate(parts[:-1]):
        if part == _MODULES:
            start = number + 1
    if start == 0 and parts[0] == ".store" and parts[2:3] == ["package"]:
        name = parts[1].rpartition("-npm-")[0]
        name = name.replace("-", "/", 1) if name.startswith("@") else name
        return _Place("/".join(parts[:3]), name, "/".join(parts[3:]))
    end = start + (2 if parts[start].startswith("@") else 1)
    if end >= len(parts) or parts[start].startswith("."):
        return _Place("", "", path)
    return _Place("/".join(parts[:end]), "/".join(parts[start:end]), "/".join(parts[end:]))


class _Parts:
    """What is known of one artifact while its files are judged."""

    def __init__(self, artifact: str, cache: StatCache) -> None:
        self._artifact = artifact
        self._cache = cache
        self._packages: dict[str, _Package] = {}
        project = os.path.dirname(artifact)
        around = cache.repositories(project)
        root = root_of(project, around[0] if around else project, artifact, cache)
        mark = made_by_mark(artifact, artifact, cache)
        if mark is None and root.path != project:
            above = "common/temp" if root.rush else ""
            mark = made_by_mark(os.path.join(root.path, above, _MODULES), artifact, cache)
        self._tool, _, self._finished = mark or (BUN, "", finished_by_bun(artifact, cache))
        self._own = [
            found
            for place in {project, root.path}
            if isinstance(found := manifest(place, artifact, cache), Manifest)
        ]
        self._patched = patches.patched({project, root.path}, self._own, artifact, cache)

    def _modified(self, path: str) -> int | None:
        status = self._cache.status(self._artifact, path)
        return None if status is None else int(status.st_mtime)

    def _package(self, package: str) -> _Package:
        """Return what the manifest of the package at this path says."""
        known = self._packages.get(package)
        if known is None:
            path = f"{package}/{MANIFEST}"
            read = document(self._cache.read(self._artifact, path) or b"")
            listed = read.get("files")
            known = self._packages[package] = _Package(
                self._modified(path),
                frozenset(table(read.get("scripts"))),
                tuple(one for one in listed if isinstance(one, str))
                if isinstance(listed, list)
                else (),
                "_id" in read,
            )
        return known

    # What was met by its name.

    def came_with_package(self, path: str) -> bool:
        """Whether *path* came with a package, or is what a tool keeps in its cache."""
        place = place_of(path)
        name = os.path.basename(path)
        if name in WORKING_COPIES:
            return False
        if not place.package:
            if CERTIFICATES.match(path) or self._cache.exists(self._artifact, f"{path}/{MANIFEST}"):
                return True
            known = is_known(path.partition("/")[0])
            return known and not (VALUABLE.search(name) or is_recorded(path))
        package = self._package(place.package)
        unpacked = package.unpacked
        status = self._cache.status(self._artifact, path)
        if unpacked is None or status is None:
            return False
        written = int(status.st_mtime)
        if stat.S_ISDIR(status.st_mode):
            # Made when it was installed, while its files may have the time of the tool's cache.
            return written <= max(self._finished, unpacked) + _UNPACKING
        earlier = package.rewritten and written < unpacked
        if abs(written - unpacked) > _UNPACKING and written not in _FIXED_TIMES and not earlier:
            return False
        if not VALUABLE.search(name) or TEMPLATES.search(name):
            return True
        if self._finished and unpacked > self._finished + _UNPACKING and STORED.search(name):
            return BROUGHT.get(place.name) == place.rest
        return (
            any(EXAMPLES.match(part) for part in place.rest.split("/")[:-1])
            or _is_listed(place.rest, package.files)
            or BROUGHT.get(place.name) == place.rest
        )

    # What is later than the installer.

    def is_explained(self, path: str) -> bool:
        """Whether a tool, a script or a patch has written the late file *path*."""
        top = path.partition("/")[0]
        if TOOLS.search(path) or (top not in STORES and is_known(top)):
            return True
        written = self._modified(path)
        if written is None:
            return True
        place = place_of(path)
        if not place.package:
            # The state of a store, which its tool writes with every run.
            return top in STORES and path.count("/") < _DEEPER
        if times.is_odd(self._finished) and self._is_as_unpacked(place, written):
            return True
        since = written - self._finished if self._finished else _COMPILING + 1
        return self._is_explained(path, place, written, since)

    def is_explained_since(self, path: str, unpacked: int) -> bool:
        """Whether a tool, a script or a patch has written a file of a package that was *unpacked* then.

        Scripts of the project run with every installation, of which only the last is known.
        """
        if TOOLS.search(path):
            return True
        written = self._modified(path)
        if written is None:
            return True
        place = place_of(path)
        since = written - unpacked
        if since <= _COMPILING and not _INSTALLING.isdisjoint(self._package(place.package).scripts):
            return True
        if abs(written - self._finished) <= _FINISHING:
            since = min(since, abs(written - self._finished))
        return self._is_explained(path, place, written, since)

    def _is_explained(self, path: str, place: _Place, written: int, since: int) -> bool:
        """Whether a script or a patch has written it, *since* seconds after an installation."""
        if since <= _FINISHING and any(one.scripts for one in self._own):
            return True
        until = self._patched.get(place.name)
        if until is not None and (written <= until or since <= _FINISHING):
            return True
        return self._by_package(place, since) or self._by_gradle(path)

    def _is_as_unpacked(self, place: _Place, written: int) -> bool:
        """Whether a file is as old as the manifest of its package, where the installer's own time says nothing."""
        unpacked = self._package(place.package).unpacked
        if unpacked is None or times.is_ahead(unpacked) != times.is_ahead(written):
            return False
        if place.rest == MANIFEST:
            return times.is_odd(written)
        return written <= unpacked + _UNPACKING

    def _by_package(self, place: _Place, since: int) -> bool:
        """Whether a script of the package itself has written it, *since* seconds after the installer."""
        writing = WRITING.get(place.name)
        if writing is not None and writing.match(place.rest):
            return True
        scripts = self._package(place.package).scripts
        gyp = self._cache.exists(self._artifact, f"{place.package}/binding.gyp")
        if gyp and place.rest.startswith("build/"):
            return True
        built = gyp or not _INSTALLING.isdisjoint(scripts)
        return since <= _COMPILING and built and self._tool in _AFTERWARDS

    def _by_gradle(self, path: str) -> bool:
        found = BUILDING.match(path)
        return found is not None and any(
            self._cache.exists(self._artifact, f"{found[1]}/{name}")
            for name in ("build.gradle", "build.gradle.kts")
        )


_DEEPER: Final = 3
"""Slashes in paths of a store that may be in one of its packages."""

_INSTALLING: Final = frozenset({"preinstall", "install", "postinstall"})
"""Scripts of a package that are run when it is installed."""


_FIXED_TIMES: Final = frozenset({499162500, 456789000})
"""Times that packages have whenever they were packed (npm-packlist: 1985-10-26; Yarn's cache: 1984-06-22)."""


def _is_listed(path: str, files: Sequence[str]) -> bool:
    """Whether the manifest of a package lists a file: in ``files`` (npm-docs, package.json).

    That it lists everything says nothing of one file.
    """
    for pattern in files:
        plain = re.sub(r"^(?:\./|/)+|(?:/\*\*|/\*)*/?$", "", pattern)
        if not plain.strip("*./") or plain.startswith("!"):
            continue
        if path == plain or path.startswith(plain + "/") or fnmatch.fnmatchcase(path, plain):
            return True
    return False
