"""The stores of pnpm, Bun, Yarn and Deno.

npm unpacks archives, and shares nothing (cacache).
"""

import os
import re
from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from cleanup_nodemodule.survey.stores.manager import Content, Manager, Sample, with_setting
from cleanup_nodemodule.survey.stores.opened import Opened
from cleanup_nodemodule.survey.stores.place import Place, said_in
from cleanup_nodemodule.system.accounts import writable_by_others
from cleanup_nodemodule.words import quoted, shell_command

_VERSION: Final = re.compile(r"v([0-9]{1,4})")

_PACKAGE: Final = re.compile(r"(?:^|.*/)node_modules/((?:@[^/]+/)?[^@/.][^/]*)/(.+)")
"""The innermost package that a file lies in, and its path there; of a path that begins with ``node_modules``."""

_USUAL_MODE: Final = 0o644
"""Permissions that Yarn does not note in the name of a file (@yarnpkg/fslib, algorithms/copyPromise.ts)."""

_UNNAMED: Final = ("@T@", "@GH@", "@G@")
"""How Bun's cache begins the names of packages that are of an archive, of GitHub or of git, and not of a registry."""

_VERSIONS: Final = 256
"""Versions of one package in a store that are looked at, at most."""


def _package(sample: Sample) -> tuple[str, str] | None:
    """Return the name of the package that a sample lies in, and its path there; None if it lies in none."""
    found = _PACKAGE.fullmatch("node_modules/" + sample.path)
    return (found[1], found[2]) if found else None


def _versions(directory: str, place: Place) -> list[str]:
    """Return the directories of a store's layouts in *directory*, such as ``v10``, the latest first."""
    where = place.reach(directory)
    if where is None:
        return []
    try:
        with Opened(where) as opened:
            found = [name for name in opened.listed("") if _VERSION.fullmatch(name)]
    except OSError:
        return []
    return [os.path.join(where, name) for name in sorted(found, key=_number, reverse=True)]


def _number(name: str) -> int:
    found = _VERSION.fullmatch(name)
    return int(found[1]) if found else 0


class Pnpm(Manager):
    """pnpm (pnpm.io/settings, storeDir; pnpm.io/cli/store)."""

    store: ClassVar[str] = "pnpm store"

    def made(self, place: Place) -> bool:
        """Whether it has pnpm's record of the installation."""
        return bool(place.read(place.artifact, ".modules.yaml"))

    def stores(self, place: Place) -> Iterable[str]:
        """Give the store of the installation, then those of today's settings and of the file system."""
        yield from place.said(".modules.yaml", "storeDir", place.artifact)
        for directory in (*self._said(place), *self._usual(place), self._on(place.mount)):
            yield from _versions(directory, place)
            yield directory

    def _said(self, place: Place) -> Iterator[str]:
        if value := place.variable(
            "PNPM_CONFIG_STORE_DIR", "pnpm_config_store_dir", "npm_config_store_dir"
        ):
            yield place.absolute(value, place.project)
        yield from place.said("pnpm-workspace.yaml", "storeDir", *place.above)
        yield from place.said(".npmrc", "store-dir", *place.above, *place.homes)
        for directory in place.in_homes("XDG_CONFIG_HOME", ".config", "Library/Preferences"):
            pnpm = os.path.join(directory, "pnpm")
            yield from place.said("config.yaml", "storeDir", pnpm)
            yield from place.said("rc", "store-dir", pnpm)

    def _usual(self, place: Place) -> Iterator[str]:
        if home := place.variable("PNPM_HOME"):
            yield os.path.join(home, "store")
        for directory in place.in_homes(
            "XDG_DATA_HOME", ".local/share", "Library", "AppData/Local"
        ):
            yield os.path.join(directory, "pnpm", "store")

    def _on(self, mount: str) -> str:
        """Return its store on a file system that its usual one is not on."""
        return os.path.join(mount, ".pnpm-store")

    def ends(self, sample: Sample, content: Content, store: Opened) -> Iterator[str] | None:  # noqa: ARG002 - all are called so
        """Give the names by the SHA-512 of what is in it; what can be executed has another ending."""
        digest = content.digest("sha512")
        if digest is None:
            return None
        name = f"files/{digest[:2]}/{digest[2:]}"
        both = (name, name + "-exec")
        return iter(both[::-1] if sample.mode & 0o111 else both)

    def command(self, store: str, place: Place) -> str:
        """Return what prunes that store: it says which, and which pnpm, where the one of today has another."""
        directory, name = os.path.split(store)
        if not _VERSION.fullmatch(name):
            return shell_command("pnpm", "store", "prune", "--store-dir", store)
        pnpm = "pnpm"
        made_by = said_in(place.read(place.artifact, ".modules.yaml"), "packageManager")
        if (major := re.match(r"pnpm@([0-9]{1,4})\.", made_by)) and any(
            _number(os.path.basename(one)) > _number(name) for one in _versions(directory, place)
        ):
            # A later pnpm has another layout, and leaves this one alone.
            pnpm = f"npx pnpm@{major[1]}"
        usual = {place.reach(one) for one in self._usual(place)}
        return f"{pnpm} store prune" + (
            "" if directory in usual else f" --store-dir {quoted(directory)}"
        )


class Bun(Manager):
    """Bun (bun.com/docs/pm/global-cache)."""

    store: ClassVar[str] = "Bun cache"

    def made(self, place: Place) -> bool:
        """Whether it has the directory of the isolated linker, or the project has a lock file of Bun."""
        return any(
            os.path.lexists(os.path.join(directory, name))
            for directory, name in (
                (place.artifact, ".bun"),
                *((one, lock) for one in place.above for lock in ("bun.lock", "bun.lockb")),
            )
        )

    def stores(self, place: Place) -> Iterable[str]:
        """Give the cache of the environment, of bunfig.toml, and of each home."""
        if value := place.variable("BUN_INSTALL_CACHE_DIR"):
            yield place.absolute(value, place.project)
        for directory, name in (
            *((one, "bunfig.toml") for one in place.above),
            *((one, ".bunfig.toml") for one in (place.variable("XDG_CONFIG_HOME"), *place.homes)),
        ):
            said = (
                place.table(directory, name, "install", "cache").get("dir") if directory else None
            )
            if isinstance(said, str):
                yield place.absolute(said, place.project)
        yield from self._usual(place)

    def _usual(self, place: Place) -> Iterator[str]:
        if value := place.variable("BUN_INSTALL"):
            yield os.path.join(value, "install/cache")
        if value := place.variable("XDG_CACHE_HOME"):
            yield os.path.join(value, ".bun/install/cache")
        for home in place.homes:
            yield os.path.join(home, ".bun/install/cache")

    def ends(self, sample: Sample, content: Content, store: Opened) -> Iterator[str] | None:  # noqa: ARG002 - by its name
        """Give where the versions of its package lie: ``lodash@4.17.21@@@1/…``."""
        found = _package(sample)
        if found is None:
            return None
        package, rest = found
        scope, _, name = package.rpartition("/")
        places = [
            *(f"{scope}/{one}" for one in store.listed(scope) if one.startswith(name + "@")),
            *(one for one in store.listed("") if one.startswith(_UNNAMED)),
        ]
        return (os.path.join(one.lstrip("/"), rest) for one in places[:_VERSIONS])

    def command(self, store: str, place: Place) -> str:
        """Return what empties that cache: none prunes it."""
        if store in {place.reach(one) for one in self._usual(place)}:
            return "bun pm cache rm"
        return with_setting("BUN_INSTALL_CACHE_DIR", store, "bun pm cache rm")


class YarnClassic(Manager):
    """Yarn 1, which clones from its cache where the file system can (classic.yarnpkg.com/en/docs/cli/cache)."""

    store: ClassVar[str] = "Yarn cache"

    def made(self, place: Place) -> bool:
        """Whether it has Yarn's record of the installation."""
        return os.path.lexists(os.path.join(place.artifact, ".yarn-integrity"))

    def stores(self, place: Place) -> Iterable[str]:
        """Give the cache of the environment, of .yarnrc, and the usual ones, each with its layouts."""
        for directory in (*self._said(place), *self._usual(place)):
            yield from _versions(directory, place)

    def _said(self, place: Place) -> Iterator[str]:
        if value := place.variable("YARN_CACHE_FOLDER"):
            yield place.absolute(value, place.project)
        yield from place.said(".yarnrc", "cache-folder", *place.above, *place.homes)

    def _usual(self, place: Place) -> Iterator[str]:
        if place.owner == 0:
            yield "/usr/local/share/.cache/yarn"
        if value := place.variable("XDG_CACHE_HOME"):
            yield os.path.join(value, "yarn")
        for home in place.homes:
            yield os.path.join(home, ".cache/yarn")
            yield os.path.join(home, "Library/Caches/Yarn")

    def ends(self, sample: Sample, content: Content, store: Opened) -> Iterator[str] | None:  # noqa: ARG002 - by its name
        """Give where the versions of its package lie: ``npm-lodash-4.17.21-…-integrity/node_modules/lodash/…``."""
        found = _package(sample)
        if found is None:
            return None
        package, rest = found
        begins = f"npm-{package.replace('/', '-')}-"
        versions = [one for one in store.listed("") if one.startswith(begins)]
        return (f"{one}/node_modules/{package}/{rest}" for one in versions[:_VERSIONS])

    def command(self, store: str, place: Place) -> str:
        """Return what empties that cache: none prunes it."""
        directory = os.path.dirname(store)
        if directory in {place.reach(one) for one in self._usual(place)}:
            return "yarn cache clean"
        return shell_command("yarn", "cache", "clean", "--cache-folder", directory)


class Yarn(Manager):
    """Yarn 2 and later, with ``nmMode: hardlinks-global`` or ``nodeLinker: pnpm`` (yarnpkg.com/configuration/yarnrc)."""

    store: ClassVar[str] = "Yarn store"

    def made(self, place: Place) -> bool:
        """Whether its record says so, or the packages lie where the pnpm linker puts them."""
        if os.path.lexists(os.path.join(place.artifact, ".store")):
            return True
        said = said_in(place.read(place.artifact, ".yarn-state.yml"), "nmMode")
        return said == "hardlinks-global"

    def stores(self, place: Place) -> Iterable[str]:
        """Give the two stores, by either way of linking, in what may be the global folder."""
        for directory in (*self._said(place), *self._usual(place)):
            for name in ("store", "index"):
                yield os.path.join(directory, name)

    def _said(self, place: Place) -> Iterator[str]:
        if value := place.variable("YARN_GLOBAL_FOLDER"):
            yield place.absolute(value, place.project)
        yield from place.said(".yarnrc.yml", "globalFolder", *place.above, *place.homes)

    def _usual(self, place: Place) -> Iterator[str]:
        if value := place.variable("XDG_DATA_HOME"):
            yield os.path.join(value, "yarn/berry")
        for home in place.homes:
            yield os.path.join(home, ".yarn/berry")
            yield os.path.join(home, "AppData/Local/Yarn/Berry")

    def ends(self, sample: Sample, content: Content, store: Opened) -> Iterator[str] | None:
        """Give the names by the SHA-1 of what is in it, and in an index by its permissions where these are not usual."""
        digest = content.digest("sha1")
        if digest is None:
            return None
        start, rest = digest[:2], digest[2:]
        mode = "" if sample.mode == _USUAL_MODE else f"{sample.mode:o}"
        layouts = [one for one in store.listed("") if _VERSION.fullmatch(one)]
        both = (f"{start}/{digest}{mode}.dat", f"{start}/{rest}.dat")
        return iter([*both, *(f"{one}/{start}/{rest}.dat" for one in layouts)])

    def command(self, store: str, place: Place) -> str | None:
        """Return what deletes that store: ``yarn cache clean`` leaves it alone, and each installation makes it again.

        None where it is not the owner's alone: then it may be anything that somebody wants to have deleted.
        """
        try:
            status = os.lstat(store)
        except OSError:
            return None
        if status.st_uid != place.owner or writable_by_others(status):
            return None
        return shell_command("rm", "-r", store)


class Deno(Manager):
    """Deno (docs.deno.com/runtime/reference/env_variables, DENO_DIR)."""

    store: ClassVar[str] = "Deno cache"

    def made(self, place: Place) -> bool:
        """Whether it has the directory that Deno keeps the packages in."""
        return os.path.lexists(os.path.join(place.artifact, ".deno"))

    def stores(self, place: Place) -> Iterable[str]:
        """Give the cache of the environment and of each home."""
        if value := place.variable("DENO_DIR"):
            yield place.absolute(value, place.project)
        yield from self._usual(place)

    def _usual(self, place: Place) -> Iterator[str]:
        if value := place.variable("XDG_CACHE_HOME"):
            yield os.path.join(value, "deno")
        for home in place.homes:
            yield os.path.join(home, ".cache/deno")
            yield os.path.join(home, "Library/Caches/deno")

    def ends(self, sample: Sample, content: Content, store: Opened) -> Iterator[str] | None:  # noqa: ARG002 - by its name
        """Give where the versions of its package lie: ``npm/REGISTRY/lodash/4.17.21/…``."""
        found = _package(sample)
        if found is None:
            return None
        package, rest = found
        versions = (
            f"{registry}/{package}/{version}"
            for registry in (f"npm/{one}" for one in store.listed("npm"))
            for version in store.listed(f"{registry}/{package}")[:_VERSIONS]
        )
        return (f"{one}/{rest}" for one in versions)

    def command(self, store: str, place: Place) -> str:
        """Return what empties that cache: none prunes it."""
        if store in {place.reach(one) for one in self._usual(place)}:
            return "deno clean"
        return with_setting("DENO_DIR", store, "deno clean")
