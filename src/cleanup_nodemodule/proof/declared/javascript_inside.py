"""What lies at the top of a ``node_modules``: packages, links, the marks of the tool that made it, and other things."""

import errno
import fnmatch
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from cleanup_nodemodule.proof.declared import times
from cleanup_nodemodule.proof.stat_cache import StatCache

MOST: Final = 100_000
"""Packages that are looked at; the largest known installations have 5,000."""

_SAMPLE: Final = 64
"""Packages whose times are looked at, to see when they were installed."""

NPM: Final = "npm"
PNPM: Final = "pnpm"
YARN_1: Final = "Yarn 1"
YARN: Final = "Yarn"
BUN: Final = "Bun"
DENO: Final = "Deno"

MARKS: Final[tuple[tuple[str, str, str], ...]] = (
    # npm 7 and later: arborist, lib/shrinkwrap.js ("hidden lockfile").
    (NPM, ".package-lock.json", ".package-lock.json"),
    # pnpm: modules-yaml. It is written last, but for links in .bin.
    (PNPM, ".modules.yaml", ".modules.yaml"),
    # Yarn 1: src/integrity-checker.js.
    (YARN_1, ".yarn-integrity", ".yarn-integrity"),
    # Yarn with nodeLinker "node-modules": plugin-nm, NodeModulesLinker.ts.
    (YARN, ".yarn-state.yml", ".yarn-state.yml"),
    # Yarn with nodeLinker "pnpm": plugin-pnpm, PnpmLinker.ts.
    (YARN, ".store/", ".store/"),
    # Bun with the isolated linker: bun.sh, Isolated installs.
    (BUN, ".bun/", ".bun/"),
    # Deno: cli, npm_installer/local.rs. The directory is older than what lies in it, this file is written last.
    (DENO, ".deno/", ".deno/.setup-cache.bin"),
)
"""Each tool's mark inside, and what is written when the tool is through."""

STORES: Final = frozenset({".pnpm", ".bun", ".deno", ".store"})
"""Where tools keep the packages that the links at the top lead to."""

_WRITTEN: Final = (
    # Of package managers. What pnpm found in its way and put into ".ignored" is somebody else's, and not known.
    ".bin .package-lock.json .modules.yaml .pnpm .pnpm-workspace-state*.json .yarn-integrity .yarn-state.yml "
    ".package-map.json .store .bun .bun-tag* .deno .staging "
    # Caches: of find-cache-dir, Vite, Vitest, Babel, Nx, Parcel, webpack, Rollup, Rspack, Turborepo, and so on.
    "$app .cache .vite .vite-* .vitest .vitest-* .babel-cache .nx .parcel-cache .webpack-cache .rollup.cache "
    ".rspack-cache .turbo .wireit .swc .esbuild .jiti .c12 .tmp .eslintcache .stylelintcache .prettiercache "
    "*.tsbuildinfo .ngcc_lock_file __ngcc_entry_points__.json "
    # What frameworks and language servers generate there.
    ".prisma .zenstack .keystone .vue-global-types .svelte2tsx* .remix .react-router .astro .nitro .umi .strapi .mui "
    ".contentlayer "
    # What graphical desktops leave everywhere.
    ".DS_Store Thumbs.db"
)
"""Names at the top that are no packages, and that tools write; shell wildcards."""

_RETIRED: Final = "." + "?*-" + "[0-9A-Za-z_-]" * 8
"""What npm calls a package while it installs another in its place (arborist, retire-path.js)."""


@dataclass(frozen=True)
class Inside:
    """What lies at the top of a ``node_modules``."""

    packages: tuple[str, ...]
    """Names of directories that may be packages, ``@scope/name`` where they lie in a scope."""
    links: Mapping[str, str]
    """Names of symlinks, and where they lead to by what is written in them: absolute paths."""
    others: tuple[str, ...]
    """What is neither, and what no tool is known to write there."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all packages."""
        return (*self.packages, *self.links)

    @cached_property
    def all(self) -> frozenset[str]:
        """The same, to look names up in."""
        return frozenset(self.names)


def inside(artifact: str, cache: StatCache) -> Inside | None:
    """List the top of *artifact* and its scopes; None if there is too much. Raises OSError."""
    packages: list[str] = []
    links: dict[str, str] = {}
    others: list[str] = []
    places = [("", artifact)]
    for scope, place in places:
        with os.scandir(place) as entries:
            for entry in entries:
                name = scope + entry.name
                if not scope and is_known(entry.name):
                    if _is_retired(entry.name) and not _was_package(artifact, entry.name, cache):
                        others.append(name)
                    continue
                if entry.is_symlink():
                    target = _leads_to(place, entry.name)
                    if target is not None:
                        links[name] = target
                elif not entry.is_dir(follow_symlinks=False) or entry.name.startswith("."):
                    others.append(name)
                elif scope or not entry.name.startswith("@"):
                    packages.append(name)
                elif cache.exists(artifact, name + "/"):
                    places.append((name + "/", entry.path))
                else:
                    others.append(name)
                if len(packages) + len(links) + len(others) > MOST:
                    return None
    return Inside(tuple(sorted(packages)), dict(sorted(links.items())), tuple(sorted(others)))


def _is_retired(name: str) -> bool:
    """Whether only npm gives such a name, to a package that it replaces."""
    return name not in _PLAIN and fnmatch.fnmatchcase(name, _RETIRED)


def _was_package(artifact: str, name: str, cache: StatCache) -> bool:
    """Whether what has the *name* of a package that npm replaces is one, or that package is there."""
    replaced = name[1 : -len("-XXXXXXXX")]
    return cache.exists(artifact, f"{name}/package.json") or cache.exists(artifact, replaced + "/")


_STORED: Final = re.compile(r"node_modules$|file\+|.+@")
"""What tools call a directory in a store; pnpm leaves the version of a local package away."""


def strangers(artifact: str, cache: StatCache) -> list[str]:
    """Return what lies in the stores of *artifact* that no tool calls a package. Raises OSError.

    A package is ``name@version`` there, with more behind it. What is not needed any more stays for a week (pnpm.io,
    modulesCacheMaxAge), so that not each has to be declared. All links of a store lie in its ``node_modules``.
    """
    found: list[str] = []
    for store in (".pnpm", ".bun", ".deno"):
        if not cache.exists(artifact, store + "/"):
            continue
        with os.scandir(os.path.join(artifact, store)) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        found += (f"{store}/{name}" for name in names if not _STORED.match(name))
        links = f"{store}/node_modules"
        if cache.exists(artifact, links + "/"):
            with os.scandir(os.path.join(artifact, links)) as entries:
                real = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
            found += (f"{links}/{name}" for name in real if not name.startswith(("@", ".")))
    if cache.exists(artifact, ".bin/"):
        with os.scandir(os.path.join(artifact, ".bin")) as entries:
            own = [one.name for one in entries if not one.is_symlink()]
        found += (f".bin/{name}" for name in own if not _is_shim(artifact, name, cache))
    return found


_SHIM: Final = re.compile(rb"basedir=|@IF EXIST|@ECHO off|@SETLOCAL", re.IGNORECASE)
"""What cmd-shim writes where a link does not do (npm's cmd-shim, @zkochan/cmd-shim)."""

_BINARY: Final = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
"""How programs begin that no person has written."""


def _is_shim(artifact: str, name: str, cache: StatCache) -> bool:
    """Whether a file in ``.bin`` that is no link was put there by a package manager."""
    if name.endswith(".bunx"):
        return True
    start = cache.read(artifact, f".bin/{name}")
    # What is too large to be read is no script.
    if start is None:
        return cache.exists(artifact, f".bin/{name}")
    return start.startswith(_BINARY) or _SHIM.search(start) is not None


_RECORDED: Final = re.compile(
    r"\.(?:zip|7z|rar|tar|tgz|mp[34]|m4[av]|mov|mkv|avi|webm|wav|flac|heic|psd|apk|aab|ipa|dmg|iso)$",
    re.IGNORECASE,
)
"""Films, archives and releases, which hardly a tool keeps in a cache of its own among packages."""

_DOWNLOADED: Final = re.compile(
    r"\.cache/(?:puppeteer|ms-playwright|playwright|electron|cypress|selenium|prisma|webpack|storybook)/"
)
"""Caches of those that do: browsers that were downloaded, and packed modules."""


def is_recorded(path: str) -> bool:
    """Whether *path* is what people put even into a directory of a tool's: a film, an archive, a release."""
    return _RECORDED.search(path) is not None and _DOWNLOADED.match(path) is None


def is_known(name: str) -> bool:
    """Whether *name*, at the top, is no package but what a tool is known to write."""
    if name in _PLAIN:
        return True
    if not name.startswith(".") and not name.endswith((".json", ".tsbuildinfo", ".db")):
        return False
    return any(fnmatch.fnmatchcase(name, one) for one in _WILD)


_PLAIN: Final = frozenset(name for name in _WRITTEN.split() if "*" not in name)
_WILD: Final = (*(name for name in _WRITTEN.split() if "*" in name), _RETIRED)


def _leads_to(place: str, name: str) -> str | None:
    """Return where a symlink leads to, None if it has gone. Raises OSError if that may not be read."""
    try:
        target = os.readlink(os.path.join(place, name))
    except OSError as error:
        if error.errno in _NO_LINK:
            return None
        raise
    # A candidate's path has no symlinks in it.
    return os.path.normpath(os.path.join(place, target))


_NO_LINK: Final = frozenset({errno.EINVAL, errno.ENOENT, errno.ENOTDIR})
"""What readlink(2) says of what was a symlink a moment ago."""


_SAID: Final[Mapping[str, bytes]] = {
    ".modules.yaml": b"virtualStoreDir",
    ".yarn-integrity": b"topLevelPatterns",
    ".yarn-state.yml": b"__metadata",
}
"""What each tool writes into its mark (the sources that :data:`MARKS` names). npm's is read where its packages are."""

_NOTHING: Final = len("{}\r\n")
"""Bytes of a mark in which nothing is said."""


def _is_written(artifact: str, mark: str, cache: StatCache) -> bool:
    """Whether a tool has written its *mark*, and nobody only made a file of that name."""
    status = cache.status(artifact, mark.rstrip("/"))
    if not mark.endswith("/") and status is not None and status.st_size <= _NOTHING:
        return False
    said = _SAID.get(mark)
    content = None if said is None else cache.read(artifact, mark)
    # One that is too large to be read is nobody's by hand.
    return said is None or content is None or said in content


def made_by_mark(artifact: str, around: str, cache: StatCache) -> tuple[str, str, int] | None:
    """Return the tool whose mark lies in *artifact*, the mark, and when it was through; the last of several.

    *around* is the artifact that has to be believed. Raises OSError.
    """
    found: list[tuple[int, str, str]] = []
    for tool, mark, written in MARKS:
        if cache.proves(artifact, mark, around) and _is_written(artifact, mark, cache):
            status = cache.status(artifact, written.rstrip("/")) or cache.status(
                artifact, mark.rstrip("/")
            )
            found.append((int(status.st_mtime) if status else 0, tool, mark))
    if not found:
        return None
    # A time that says nothing does not make a mark the last.
    finished, tool, mark = max(found, key=lambda one: (not times.is_odd(one[0]), one))
    return tool, mark, _by_packages(artifact, cache) if times.is_odd(finished) else finished


def _by_packages(artifact: str, cache: StatCache) -> int:
    """Return when the packages of *artifact* were installed, where the time of its mark says nothing. Never 0.

    Where those of most packages are as odd, it is odd too: then each file has to be compared with its own package.
    """
    found = inside(artifact, cache)
    moments = unpacked(artifact, found, cache) if found else []
    told = [one for one in moments if not times.is_odd(one)]
    if len(told) * 2 > len(moments):
        return max(told)
    return times.last([1, *(one for one in moments if times.is_odd(one))])


def unpacked(artifact: str, found: Inside, cache: StatCache) -> list[int]:
    """Return when the manifests of the packages at the top were written, of a part of them if they are many."""
    store = os.path.join(artifact, "")
    names = [*found.packages]
    names += (to.removeprefix(store) for to in found.links.values() if to.startswith(store))
    names = names[:: max(1, len(names) // _SAMPLE)]
    status = (cache.status(artifact, f"{name}/package.json") for name in names)
    return [int(one.st_mtime) for one in status if one is not None]


def is_within(path: str, directory: str) -> bool:
    """Whether *path* is *directory* or lies in it, by name."""
    return (path + os.sep).startswith(os.path.join(directory, ""))
