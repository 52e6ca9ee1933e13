"""The package managers of JavaScript: their lock files, what installs from them, and which one counts."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple, TypeVar

from cleanup_nodemodule.proof.declared import javascript_lines, javascript_locks
from cleanup_nodemodule.proof.declared.javascript_inside import BUN, DENO, NPM, PNPM, YARN, YARN_1
from cleanup_nodemodule.proof.declared.javascript_locks import LARGEST, Lock
from cleanup_nodemodule.proof.declared.javascript_projects import Manifest
from cleanup_nodemodule.proof.stat_cache import StatCache

_LOCKS: Final[tuple[tuple[str, str, Callable[[bytes], Lock | None] | None], ...]] = (
    # The first of npm's counts where both are there (npm-docs, npm-shrinkwrap.json).
    (NPM, "npm-shrinkwrap.json", javascript_locks.npm),
    (NPM, "package-lock.json", javascript_locks.npm),
    (PNPM, "pnpm-lock.yaml", javascript_lines.pnpm),
    (YARN, "yarn.lock", javascript_lines.yarn),
    (BUN, "bun.lock", javascript_locks.bun),
    # Bun's before version 1.2 has a format of its own, and is not read.
    (BUN, "bun.lockb", None),
    (DENO, "deno.lock", javascript_locks.deno),
)
"""The lock file of each tool, and what reads it."""

_COPIES: Final = (
    (NPM, ".package-lock.json", javascript_locks.npm),
    (PNPM, ".pnpm/lock.yaml", javascript_lines.pnpm),
    (YARN_1, ".yarn-integrity", javascript_locks.yarn_integrity),
    (YARN, ".yarn-state.yml", javascript_lines.yarn_state),
)
"""What each tool writes down inside of what it has installed."""

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    NPM: ("npm ci", "npm install"),
    PNPM: ("pnpm install --frozen-lockfile", "pnpm install"),
    YARN_1: ("yarn install --frozen-lockfile", "yarn install"),
    YARN: ("yarn install --immutable", "yarn install"),
    BUN: ("bun install --frozen-lockfile", "bun install"),
    DENO: ("deno install", "deno install"),
}
"""What installs exactly what a tool's lock file has, and what goes by the manifest."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_REMEMBERED: Final = 16
"""Lock files that are remembered once they are read. All projects of a workspace ask for the same ones."""


class LockFile(NamedTuple):
    """A lock file that is there."""

    tool: str
    name: str
    lock: Lock | None
    """None if it cannot be read."""


class _Known:
    """The lock files that were read last, by their place and by their content: pnpm keeps a copy of its own."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], tuple[object, bytes]] = {}
        self._said: dict[bytes, tuple[Lock | None, bool]] = {}

    def read(
        self, place: str, name: str, reader: Callable[[bytes], Lock | None], cache: StatCache
    ) -> tuple[Lock | None, bool]:
        """Return what the lock file says, and whether it is of a later Yarn. Raises OSError."""
        status = cache.status(place, name)
        stamp = status and (status.st_ino, status.st_size, status.st_mtime_ns)
        known, digest = self._read.get((place, name), (None, b""))
        said = self._said.get(digest) if known == stamp else None
        if said is None:
            content = cache.read(place, name, LARGEST)
            if content is None:
                return None, False
            digest = reader.__name__.encode() + hashlib.sha256(content).digest()
            said = self._said.get(digest) or (reader(content), b"\n__metadata:" in content)
            self._remember(self._said, digest, said)
            self._remember(self._read, (place, name), (stamp, digest))
        return said

    @staticmethod
    def _remember(known: dict[_Key, _Value], key: _Key, value: _Value) -> None:
        known[key] = value
        for one in [*known][:-_REMEMBERED]:
            # In one step, as another thread may make room as well.
            known.pop(one, None)


def _read(
    place: str, name: str, reader: Callable[[bytes], Lock | None], cache: StatCache
) -> tuple[Lock | None, bool]:
    return cache.made("javascript lock files", _Known).read(place, name, reader, cache)


def copy_inside(tool: str | None, artifact: str, of: str, cache: StatCache) -> Lock | None:
    """Return what *tool* wrote down in *artifact* of what it has installed. Raises OSError.

    *of* is the artifact that has to be believed.
    """
    for maker, name, reader in _COPIES:
        if maker == tool and cache.proves(artifact, name, of):
            return _read(artifact, name, reader, cache)[0]
    return None


def lock_file(
    place: str, maker: str | None, manifest: Manifest | None, artifact: str, cache: StatCache
) -> LockFile | None:
    """Return the lock file in *place* that counts: the maker's, that of ``packageManager``, or the first.

    Raises OSError.
    """
    there = [one for one in _LOCKS if cache.proves(place, one[1], artifact)]
    for tool in (maker or _NOBODY, (manifest and declared_tool(manifest)) or _NOBODY, None):
        for one, name, reader in there:
            if tool in {one, None} or (tool == YARN_1 and one == YARN):
                if reader is None:
                    return LockFile(one, name, None)
                lock, later = _read(place, name, reader, cache)
                return LockFile(YARN_1 if one == YARN and not later else one, name, lock)
    return None


_NOBODY: Final = ""


def lock_of(tool: str, place: str, artifact: str, cache: StatCache) -> LockFile | None:
    """Return the lock file of *tool* in *place*. Raises OSError."""
    found = lock_file(place, tool, None, artifact, cache)
    return found if found is not None and found.tool == tool else None


def has_lock_file(place: str, artifact: str, cache: StatCache) -> bool:
    """Whether a lock file lies in *place*. Raises OSError."""
    return any(cache.proves(place, name, artifact) for _, name, _ in _LOCKS)


def declared_tool(manifest: Manifest) -> str | None:
    """Return the tool that ``packageManager`` names."""
    name, _, version = manifest.tool.partition("@")
    if name == "yarn":
        return YARN_1 if version.startswith(("0.", "1.")) else YARN
    return {"npm": NPM, "pnpm": PNPM, "bun": BUN, "deno": DENO}.get(name)


def differ(manifest: Manifest, found: LockFile, member: str, members: Collection[str] = ()) -> bool:
    """Whether a manifest asks for something else than its lock file was made for.

    Then the command that changes no lock file fails. *member* is the project's path in the workspace, *members* has
    the names of the packages in it, which Yarn 1 does not write down.
    """
    lock = found.lock
    if lock is None or found.tool == DENO:
        # Deno puts into its lock file what is missing there.
        return False
    asks = {
        name: wanted
        for name, wanted in manifest.asks.items()
        if not wanted.startswith(("link:", "portal:"))
    }
    if lock.importers is None:
        if found.tool != YARN_1 or manifest.rewritten:
            return any(name not in lock.needs for name in asks if name not in members)
        return any(
            f"{name}@{wanted}" not in lock.patterns
            for name, wanted in asks.items()
            if name not in members and not wanted.startswith("file:")
        )
    locked = lock.importers.get(member)
    if locked is None:
        return True
    # Peers are not written down by all of them.
    if any(name not in locked and name not in manifest.peers for name in asks):
        return True
    if any(
        name not in asks and not wanted.startswith(("link:", "portal:"))
        for name, wanted in locked.items()
    ):
        return True
    if lock.rewritten or manifest.rewritten:
        return False
    return any(
        wanted != locked[name] and "npm:" + wanted != locked[name]
        for name, wanted in asks.items()
        if name in locked
    )
