"""Looks at a ``node_modules``: who made it, and whether what its project declares brings all of it back."""

import os
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Final

from cleanup_nodemodule.proof.declared import javascript_maker as makers
from cleanup_nodemodule.proof.declared import javascript_projects as projects
from cleanup_nodemodule.proof.declared import javascript_sources as sources
from cleanup_nodemodule.proof.declared import javascript_tools as tools
from cleanup_nodemodule.proof.declared import times
from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.declared.javascript_inside import (
    BUN,
    MOST,
    NPM,
    Inside,
    inside,
    is_within,
    strangers,
    unpacked,
)
from cleanup_nodemodule.proof.declared.javascript_locks import (
    Lock,
    direct,
    document,
    reached,
    split,
)
from cleanup_nodemodule.proof.declared.javascript_parts import edited
from cleanup_nodemodule.proof.declared.javascript_projects import MANIFEST, Manifest, Root
from cleanup_nodemodule.proof.stat_cache import StatCache

_MAX_NAMED: Final = 3
"""Links that are named in a warning."""

_FEWEST: Final = 5
"""Packages that there have to be to tell a copy from an installation that was changed."""

_PERCENT: Final = 80
"""Of them that have to be later than their installer. Fewer may have been replaced by hand."""

NO_LOCK: Final = "no lock file: the same versions may not come back"


def look(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """Return who made *artifact*, a ``node_modules``, and whether *project* declares all that is in it.

    Reads the names at its top, the manifest, and the lock file. Raises OSError where something could not be looked at.
    """
    found = inside(artifact, cache)
    if found is None:
        return Declared(missing=f"more than {MOST:,} packages to look at")
    root = projects.root_of(project, boundary, artifact, cache)
    return _Look(artifact, project, boundary, root, found, cache).answer()


class _Look:
    """A look at one artifact."""

    def __init__(
        self,
        artifact: str,
        project: str,
        boundary: str,
        root: Root,
        found: Inside,
        cache: StatCache,
    ) -> None:
        self._artifact = artifact
        self._project = project
        self._boundary = boundary
        self._inside = found
        self._cache = cache
        self._around = _rush_around(root, project, found) if root.rush else root.path
        made = makers.made(artifact, project, root, found, self._around, cache)
        self._root = root if not made.alone else Root(project)
        place = self._lock_place()
        if made.tool is None:
            bun = tools.lock_of(BUN, place, artifact, cache)
            made = makers.by_content(artifact, found, bun, cache)
        told = self._manifest if isinstance(self._manifest, Manifest) else None
        if self._root.member and not root.lerna and (told is None or not told.tool):
            above = projects.manifest(root.path, artifact, cache)
            told = above if isinstance(above, Manifest) else told
        self._lock = tools.lock_file(place, made.tool, told, artifact, cache)
        self._made = made

    def answer(self) -> Declared:
        """Put together what has been found."""
        made, manifest = self._made, self._manifest
        if isinstance(manifest, str):
            return Declared(made.fact, missing=manifest, finished=made.finished)
        undeclared = self._undeclared(manifest)
        missing = self._missing(manifest)
        command, place, warnings = self._command(manifest)
        warnings += self._links()
        finished = made.finished
        if finished and not times.is_odd(finished) and self._is_copied(finished):
            finished = 0
            warnings.append("it was copied: nothing tells whether a file in it was changed")
        return Declared(
            made.fact,
            () if undeclared or missing else (self._how(),),
            undeclared,
            missing,
            command,
            place,
            finished,
            tuple(warnings),
            self._edited(finished),
        )

    def _edited(self, finished: int) -> tuple[str, ...]:
        """Return what was edited before something else was installed. Other tools keep times from elsewhere."""
        if not finished or self._made.tool != NPM:
            return ()
        return edited(self._artifact, self._inside.packages, finished, self._cache)

    @cached_property
    def _manifest(self) -> Manifest | str:
        """What the project's manifest says, or what is missing."""
        place, artifact, cache = self._project, self._artifact, self._cache
        if self._root.rush and self._project == self._around:
            # All projects are installed there, and rush.json names them.
            return Manifest()
        found = projects.manifest(place, artifact, cache)
        asks = projects.deno_asks(place, artifact, cache)
        if not asks:
            return found
        return Manifest(asks) if isinstance(found, str) else found.asking(asks)

    def _lock_place(self) -> str:
        root = self._root
        if root.rush:
            # For all projects, or for those of a subspace (rushjs.io, Subspaces).
            subspace = os.path.basename(self._around)
            place = os.path.join(root.path, "common/config/subspaces", subspace)
            shared = not self._cache.exists(place, "pnpm-lock.yaml")
            return os.path.join(root.path, "common/config/rush") if shared else place
        return self._project if root.lerna else root.path

    @property
    def _importers(self) -> Mapping[str, Mapping[str, str]] | None:
        lock = None if self._lock is None else self._lock.lock
        return None if lock is None else lock.importers

    # What is declared.

    def _undeclared(self, manifest: Manifest) -> tuple[str, ...]:
        roots = self._roots(manifest)
        locks = self._locks
        declared = reached(roots, locks) if locks else self._by_manifests(roots)
        declared.update(manifest.asks)
        found = {name for name in self._inside.packages if name not in declared}
        for name, target in self._inside.links.items():
            if name not in declared and not self._is_project(target):
                found.add(name)
        if self._made.tool == NPM and self._copy is not None and self._made.top == self._artifact:
            # What is made for another machine is locked too, and not brought back here.
            found |= set(self._inside.packages).difference(self._copy.needs)
        found |= manifest.bundled & self._inside.all
        return tuple(
            sorted(
                {
                    *found,
                    *self._made.strangers,
                    *self._inside.others,
                    *strangers(self._artifact, self._cache),
                }
            )
        )

    @cached_property
    def _locks(self) -> list[Lock]:
        """The lock file, and what the tool wrote down inside."""
        lock = None if self._lock is None else self._lock.lock
        copy = self._copy
        if copy is not None and copy.patterns and (lock is not None or not self._is_asked(copy)):
            # Yarn 1 does not say there who needs what.
            copy = None
        if copy is not None and not copy.needs:
            copy = None
        return [one for one in (lock, copy) if one is not None]

    def _is_asked(self, copy: Lock) -> bool:
        """Whether all that was asked for when Yarn 1 installed is asked for still."""
        asked = {split(one)[0] for one in copy.patterns}
        manifest = self._manifest
        return isinstance(manifest, Manifest) and asked <= self._roots(manifest)

    @cached_property
    def _copy(self) -> Lock | None:
        return tools.copy_inside(self._made.tool, self._made.top, self._artifact, self._cache)

    def _roots(self, manifest: Manifest) -> set[str]:
        """Return what the project asks for, and all that are installed together with it."""
        roots = set(manifest.asks)
        root = self._root
        if root.lerna or not (root.member or root.patterns):
            return roots
        importers = self._importers
        if importers is not None:
            own = "" if root.rush else root.member
            for member, asks in importers.items():
                place = os.path.normpath(os.path.join(self._around, member))
                if member != own and self._cache.exists(place, MANIFEST):
                    roots.update(asks)
            return roots
        for one in self._members:
            roots.update(one.asks)
            roots.add(one.name)
        return roots

    @cached_property
    def _members(self) -> list[Manifest]:
        """The manifests of all projects of the workspace, where no lock file says what they ask for."""
        root = self._root
        if root.lerna or not (root.member or root.patterns):
            return []
        paths = ("", *projects.members(root, self._cache))
        read = (
            projects.manifest(os.path.join(root.path, one).rstrip("/"), self._artifact, self._cache)
            for one in paths
        )
        return [one for one in read if isinstance(one, Manifest)]

    def _is_project(self, target: str) -> bool:
        """Whether a link leads to a project that is installed along with this one."""
        if not is_within(target, self._root.path):
            return False
        if os.path.relpath(target, self._around).replace(os.sep, "/") in (self._importers or {}):
            return True
        path = os.path.relpath(target, self._root.path).replace(os.sep, "/")
        return projects.is_member(path, self._root.patterns) and self._cache.exists(
            target, MANIFEST
        )

    def _by_manifests(self, roots: Iterable[str]) -> set[str]:
        """Return what the manifests of what lies inside lead to, where no lock file says it."""
        present = frozenset(self._inside.packages)
        seen = {name for name in roots if name in present}
        stack = list(seen)
        while stack:
            name = stack.pop()
            read = document(self._cache.read(self._artifact, f"{name}/{MANIFEST}") or b"")
            for one in direct({**read, "devDependencies": {}}):
                if one in present and one not in seen:
                    seen.add(one)
                    stack.append(one)
        return seen

    # How it comes back.

    def _missing(self, manifest: Manifest) -> str | None:
        root = self._root
        if not (manifest.asks or root.rush or root.member or root.patterns):
            return f"{MANIFEST} declares no packages"
        if self._lock is not None and self._lock.lock is None:
            return f"{self._lock.name} cannot be read"
        asked = [(self._project, manifest.asks)]
        # What projects that are installed together take from paths is in the same node_modules.
        asked += (
            (os.path.join(self._around, one), asks) for one, asks in (self._importers or {}).items()
        )
        together = bool(root.rush or root.member or root.patterns)
        inside, boundary, cache = self._inside, self._boundary, self._cache
        for place, asks in asked:
            told = sources.missing(place, asks, inside, boundary, cache, together=together)
            if told is not None:
                return told
        local = {} if self._lock is None or self._lock.lock is None else self._lock.lock.local
        return sources.missing_by_lock(self._lock_place(), local, inside, boundary, cache)

    def _command(self, manifest: Manifest) -> tuple[str, str, list[str]]:
        """Return the command that brings it back, where to run it, and why it may not bring back the same."""
        root, lock = self._root, self._lock
        place = self._project if root.lerna else root.path
        if root.rush:
            return (
                ("rush update", place, [NO_LOCK]) if lock is None else ("rush install", place, [])
            )
        if root.lerna and any(is_within(to, root.path) for to in self._inside.links.values()):
            return "npx lerna bootstrap", root.path, []
        if lock is None:
            tool = self._made.tool or tools.declared_tool(manifest) or NPM
            return tools.COMMANDS[tool][1], place, [NO_LOCK]
        frozen, plain = tools.COMMANDS[lock.tool]
        names = {one.name for one in self._members} if self._importers is None else set()
        if tools.differ(manifest, lock, "" if root.lerna else root.member, names):
            return plain, place, [f"{MANIFEST} and {lock.name} differ: {frozen} fails"]
        return frozen, place, self._differs(lock)

    def _differs(self, lock: tools.LockFile) -> list[str]:
        """Tell whether other versions are locked than are installed, as far as the tool wrote them down."""
        copy = self._copy
        if copy is None or lock.lock is None or not copy.versions:
            return []
        locked = lock.lock.versions
        if all(
            one in locked.get(name, ())
            for name, versions in copy.versions.items()
            for one in versions
        ):
            return []
        return ["what is installed differs from the lock file"]

    def _links(self) -> list[str]:
        """Warn of links that no tool has made, or that lead nowhere."""
        out: list[str] = []
        nowhere: list[str] = []
        store = self._made.store
        for name, target in self._inside.links.items():
            if is_within(target, self._artifact) or (store and is_within(target, store)):
                continue
            if not is_within(target, self._root.path):
                out.append(name)
            elif self._cache.status(os.path.dirname(target), os.path.basename(target)) is None:
                nowhere.append(name)
        told = (("linked from outside", out), ("linked to what is not there", nowhere))
        return [f"{what}: {_some(names)}" for what, names in told if names]

    def _is_copied(self, finished: int) -> bool:
        """Whether nearly all packages are later than their installer, as in a copy that did not keep their times."""
        moments = unpacked(self._artifact, self._inside, self._cache)
        later = sum(one > finished for one in moments)
        return len(moments) >= _FEWEST and later * 100 >= len(moments) * _PERCENT

    def _how(self) -> str:
        number = len(self._inside.names)
        by = MANIFEST if self._lock is None else self._lock.name
        return f"{number:,} package{'' if number == 1 else 's'}, all declared by {by}"


def _rush_around(root: Root, project: str, found: Inside) -> str:
    """Return the directory that the packages of a Rush project are installed in, that of its subspace."""
    temp = os.path.join(root.path, "common/temp")
    if is_within(project, temp):
        return project
    for target in found.links.values():
        before, store, _ = target.partition("/node_modules/")
        if store and is_within(before, temp):
            return before
    return temp


def _some(names: Collection[str]) -> str:
    """Return the first names, and how many there are more."""
    shown = sorted(names)[:_MAX_NAMED]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
