"""Reads what lock files of JavaScript's package managers declare, those that are JSON: names, versions, who needs what.

Nothing else is taken from them. What cannot be read is left out: a name too few keeps an artifact, a name too many
would let one go.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeGuard

LARGEST: Final = 32 * 1024 * 1024
"""Bytes of a lock file that are read at most. The largest that are known, of repositories with thousands of projects,
have 10 MiB; reading JSON takes up to twenty times as much memory."""

DIRECT: Final = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
"""What is installed for a project (package.json, npm-docs; npm installs peers since version 7)."""


_NONE: Final[Mapping[str, Any]] = {}


class Lock(NamedTuple):
    """What a lock file declares. Versions of one name are put together: what lies inside is known by names."""

    needs: Mapping[str, Collection[str]] = _NONE
    """For each name that it locks, the names that this one needs."""
    versions: Mapping[str, Collection[str]] = _NONE
    """The versions of each name."""
    importers: Mapping[str, Mapping[str, str]] | None = None
    """What each project of the workspace asks for, by its path ("" is the root); None if the file does not say."""
    patterns: Collection[str] = frozenset()
    """Yarn 1: everything that was asked for, as ``name@range``."""
    places: Collection[str] = frozenset()
    """What its tool has installed in other projects of the workspace: paths of packages, or of all that lie together."""
    local: Mapping[str, str] = _NONE
    """Where packages were installed from on this machine: the paths, relative to the lock file, by those of the packages."""
    rewritten: bool = False
    """The tool may have written other ranges and names than the manifests have, by overrides or hooks."""


def reached(roots: Iterable[str], locks: Collection[Lock]) -> set[str]:
    """Return *roots*, and each name that *locks* lock and that one of them leads to."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        name = stack.pop()
        for lock in locks:
            for needed in lock.needs.get(name, ()):
                if needed not in seen:
                    seen.add(needed)
                    stack.append(needed)
    return {name for name in seen if any(name in lock.needs for lock in locks)}


class Making:
    """A lock while it is read."""

    def __init__(self) -> None:
        self.needs: dict[str, set[str]] = {}
        self.versions: dict[str, set[str]] = {}

    def add(self, name: str, version: object = None, needed: Iterable[str] = ()) -> set[str]:
        """Lock *name*, and return what it needs."""
        needs = self.needs.get(name)
        if needs is None:
            needs = self.needs[name] = set()
            self.versions[name] = set()
        if isinstance(version, str):
            self.versions[name].add(version)
        needs.update(needed)
        return needs


def document(content: bytes) -> dict[str, Any]:
    """Return the JSON object in *content*, an empty one if it is none."""
    try:
        # npm and Node.js take a byte order mark away too (read-package-json-fast).
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def table(of: object) -> dict[str, Any]:
    """Return *of* if it is an object, else an empty one."""
    return of if isinstance(of, dict) else {}


def npm(content: bytes) -> Lock | None:
    """Read ``package-lock.json``, ``npm-shrinkwrap.json``, or npm's copy (npm-docs, package-lock.json)."""
    read = document(content)
    packages = read.get("packages")
    if isinstance(packages, dict):
        return _npm_packages(packages)
    dependencies = read.get("dependencies")
    return _npm_tree(dependencies) if isinstance(dependencies, dict) else None


def _npm_packages(packages: dict[str, Any]) -> Lock:
    """Read versions 2 and 3, where each package has the path that it is installed at."""
    needs: dict[str, Collection[str]] = {}
    versions: dict[str, Collection[str]] = {}
    importers: dict[str, dict[str, str]] = {}
    places: list[str] = []
    local: dict[str, str] = {}
    for path, found in packages.items():
        entry = found if isinstance(found, dict) else {}
        before, inside, name = path.rpartition("node_modules/")
        if not inside or (before and not before.endswith("/")):
            importers[path] = direct(entry)
            continue
        if before and not before.startswith("node_modules/"):
            places.append(path)
        version = entry.get("version")
        resolved = entry.get("resolved")
        if isinstance(resolved, str) and resolved.startswith(("file:", "../")):
            local[path] = resolved.removeprefix("file:")
        if entry.get("link"):
            entry, version = table(packages.get(str(entry.get("resolved")))), None
        needed = _npm_needs(entry)
        locked = (version,) if isinstance(version, str) else ()
        # Nearly all are there once: a set for each of them takes longer than all the rest.
        if name in needs:
            needed, locked = (*needs[name], *needed), (*versions[name], *locked)
        needs[name], versions[name] = needed, locked
    # npm's copy has no root.
    return Lock(
        needs,
        versions,
        importers if "" in importers else None,
        places=frozenset(places),
        local=local,
    )


def _npm_needs(entry: Mapping[str, Any]) -> tuple[str, ...]:
    needs: tuple[str, ...] = ()
    for kind in ("dependencies", "optionalDependencies"):
        if isinstance(found := entry.get(kind), dict):
            needs = (*needs, *found)
    if isinstance(peers := entry.get("peerDependencies"), dict):
        # A peer that may be missing is installed only if something else asks for it.
        meta = table(entry.get("peerDependenciesMeta"))
        needs = (*needs, *(name for name in peers if not table(meta.get(name)).get("optional")))
    return needs


def _npm_tree(dependencies: dict[str, Any]) -> Lock:
    """Read version 1, where packages lie in each other as they are installed."""
    lock = Making()
    local: dict[str, str] = {}
    stack = [dependencies]
    while stack:
        for name, found in stack.pop().items():
            entry = table(found)
            version = entry.get("version")
            lock.add(name, version, table(entry.get("requires")))
            if isinstance(version, str) and version.startswith("file:"):
                local[f"node_modules/{name}"] = version.removeprefix("file:")
            if inner := table(entry.get("dependencies")):
                stack.append(inner)
    return Lock(lock.needs, lock.versions, local=local)


def direct(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return what a manifest, or an entry like one, asks for: names and ranges."""
    found: dict[str, str] = {}
    # npm takes a name that is in several of them from the first that has it (npm-docs, package.json).
    for kind in reversed(DIRECT):
        asked = table(manifest.get(kind))
        found |= {name: wanted for name, wanted in asked.items() if isinstance(wanted, str)}
    return found


_TRAILING: Final = re.compile(r",(?=\s*[}\]])")
"""A comma that JSON does not have. Within a string it may go as well: no name of a package has one."""


def bun(content: bytes) -> Lock | None:
    """Read ``bun.lock`` (Bun's documentation, Lockfile; JSON with commas at the ends)."""
    text = content.decode("utf-8", "replace")
    read = document(_TRAILING.sub("", text).encode())
    packages = read.get("packages")
    if not isinstance(packages, dict):
        return None
    lock = Making()
    for path, found in packages.items():
        entry = found if isinstance(found, list) else []
        parts = str(path).split("/")
        scoped = len(parts) > 1 and parts[-2].startswith("@")
        name = "/".join(parts[-2:]) if scoped else parts[-1]
        told = next((table(part) for part in entry if isinstance(part, dict)), {})
        optional = told.get("optionalPeers")
        without = set(optional) if _is_names(optional) else set()
        needs = [*table(told.get("dependencies")), *table(told.get("optionalDependencies"))]
        needs += (peer for peer in table(told.get("peerDependencies")) if peer not in without)
        resolved = entry[0] if entry and isinstance(entry[0], str) else ""
        lock.add(name, resolved[resolved.find("@", 1) + 1 :], needs)
    importers = {path: direct(table(one)) for path, one in table(read.get("workspaces")).items()}
    rewritten = bool(read.get("overrides") or read.get("catalog") or read.get("catalogs"))
    return Lock(lock.needs, lock.versions, importers, rewritten=rewritten)


def _is_names(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def deno(content: bytes) -> Lock | None:
    """Read ``deno.lock``, of version 3 and later (deno_lockfile, format.rs)."""
    read = document(content)
    packages = read.get("npm", table(read.get("packages")).get("npm"))
    specifiers = read.get("specifiers", table(read.get("packages")).get("specifiers"))
    if not isinstance(packages, dict) and not isinstance(specifiers, dict):
        return None
    lock = Making()
    for identity, found in table(packages).items():
        name, _, version = split(identity)
        needs = lock.add(name, version.partition("_")[0])
        for kind in ("dependencies", "optionalDependencies"):
            wanted = table(found).get(kind)
            # A list since version 4, a table of names before.
            for one in wanted if _is_names(wanted) else table(wanted):
                alias, _, target = split(one)
                needs.add(alias)
                behind = (
                    split(target.removeprefix("npm:"))[0] if target.startswith("npm:") else None
                )
                lock.add(alias, None, () if behind is None else (behind,))
    workspace = table(read.get("workspace"))
    importers = {"": _deno_asks(workspace)}
    for path, member in table(workspace.get("members")).items():
        importers[path] = _deno_asks(table(member))
    return Lock(lock.needs, lock.versions, importers, rewritten=True)


def _deno_asks(of: Mapping[str, Any]) -> dict[str, str]:
    lists = (of.get("dependencies"), table(of.get("packageJson")).get("dependencies"))
    asked: dict[str, str] = {}
    for found in lists:
        for one in found if _is_names(found) else ():
            if one.startswith("npm:"):
                name, _, wanted = split(one.removeprefix("npm:"))
                asked[name] = wanted
    return asked


def split(identity: str) -> tuple[str, str, str]:
    """Split ``@scope/name@1.0.0`` before its version."""
    at = identity.find("@", 1)
    return (identity, "", "") if at < 0 else (identity[:at], "@", identity[at + 1 :])


def yarn_integrity(content: bytes) -> Lock | None:
    """Read Yarn 1's ``.yarn-integrity``: what it installed, without who needs what (integrity-checker.js)."""
    read = document(content)
    entries = read.get("lockfileEntries")
    top = read.get("topLevelPatterns")
    if not isinstance(entries, dict) or not _is_names(top):
        return None
    lock = Making()
    for pattern in entries:
        lock.add(split(pattern)[0])
    names = list(lock.needs)
    for pattern in top or ():
        lock.add(split(pattern)[0], None, names)
    folders = read.get("modulesFolders")
    places = frozenset(folders if _is_names(folders) else ())
    return Lock(lock.needs, {}, None, frozenset(top or ()), places)
