"""The stores of uv and PDM. pip and Poetry unpack archives, and share nothing."""

import os
import re
from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from cleanup_nodemodule.survey.stores.manager import Content, Manager, Sample, with_setting
from cleanup_nodemodule.survey.stores.opened import Opened
from cleanup_nodemodule.survey.stores.place import Place, said_in
from cleanup_nodemodule.words import shell_command

_SITE: Final = re.compile(r"(?:^|.*/)(?:site|dist)-packages/([^/]+)(/.+)?")
"""What of a file's path is in the distribution that it is of (sysconfig, ``purelib`` and ``platlib``)."""

_HOLDERS: Final = 256
"""Distributions that have something of one name at their top, and are looked at, at most."""

_SHARD: Final = re.compile(r"[0-9a-f]{2}")
"""The first letters of a digest."""

_INSTALLERS: Final = 4
"""Distributions that are asked who installed them, at most."""


def _in_distribution(sample: Sample) -> tuple[str, str] | None:
    """Return the first name of a file's path in its distribution, and that path; None if it is of none."""
    found = _SITE.fullmatch(sample.path)
    return (found[1], found[1] + (found[2] or "")) if found else None


def _installed_by(place: Place, installer: str) -> bool:
    """Whether one of the first distributions in an environment says that the *installer* put it there (PEP 376)."""
    where = place.reach(place.artifact)
    try:
        opened = Opened(where or "")
    except OSError:
        return False
    with opened:
        sites = [f"lib/{name}/site-packages" for name in opened.listed("lib")[:_INSTALLERS]]
        for site in (*sites, "Lib/site-packages"):
            told = [name for name in opened.listed(site) if name.endswith(".dist-info")]
            for name in told[:_INSTALLERS]:
                if (opened.read(f"{site}/{name}/INSTALLER") or b"").strip() == installer.encode():
                    return True
    return False


class Uv(Manager):
    """uv (docs.astral.sh/uv/concepts/cache)."""

    store: ClassVar[str] = "uv cache"

    def made(self, place: Place) -> bool:
        """Whether uv made the environment, or installed something in it."""
        return bool(said_in(place.read(place.artifact, "pyvenv.cfg"), "uv")) or _installed_by(
            place, "uv"
        )

    def stores(self, place: Place) -> Iterable[str]:
        """Give the cache of the environment, of uv.toml and pyproject.toml, and the usual ones."""
        if value := place.variable("UV_CACHE_DIR"):
            yield place.absolute(value, place.project)
        configurations = place.in_homes("XDG_CONFIG_HOME", ".config")
        for directory, name, keys in (
            *((one, "uv.toml", ()) for one in place.above),
            *((one, "pyproject.toml", ("tool", "uv")) for one in place.above),
            *((os.path.join(one, "uv"), "uv.toml", ()) for one in configurations),
            ("/etc/uv", "uv.toml", ()),
        ):
            said = place.table(directory, name, *keys).get("cache-dir")
            if isinstance(said, str):
                yield place.absolute(said, directory)
        yield from self._usual(place)

    def _usual(self, place: Place) -> Iterator[str]:
        for directory in place.in_homes("XDG_CACHE_HOME", ".cache"):
            yield os.path.join(directory, "uv")
        for home in place.homes if os.name == "nt" else ():
            yield os.path.join(home, "AppData/Local/uv/cache")

    def ends(self, sample: Sample, content: Content, store: Opened) -> Iterator[str] | None:  # noqa: ARG002 - by its name
        """Give where the distributions lie that have it: ``archive-v0/ID/rich/console.py``."""
        found = _in_distribution(sample)
        if found is None:
            return None
        first, rest = found
        archives = (
            f"{bucket}/{one}"
            for bucket in store.listed("")
            if bucket.startswith("archive-v")
            for one in store.listed(bucket)
        )
        return (f"{one}/{rest}" for one in store.holders(first, archives)[:_HOLDERS])

    def command(self, store: str, place: Place) -> str:
        """Return what empties that cache: ``uv cache prune`` leaves what is in use by nobody, if it can be installed."""
        if store in {place.reach(one) for one in self._usual(place)}:
            return "uv cache clean"
        return shell_command("uv", "cache", "clean", "--cache-dir", store)


class Pdm(Manager):
    """PDM with ``install.cache`` (pdm-project.org/latest/usage/config)."""

    store: ClassVar[str] = "PDM cache"

    def made(self, place: Place) -> bool:
        """Whether PDM has chosen the environment for the project, or installed something in it."""
        return os.path.lexists(os.path.join(place.project, ".pdm-python")) or _installed_by(
            place, "pdm"
        )

    def stores(self, place: Place) -> Iterable[str]:
        """Give the packages in the cache of the environment, of PDM's settings, and in the usual ones."""
        for directory in (*self._said(place), *self._usual(place)):
            yield os.path.join(directory, "packages")

    def _said(self, place: Place) -> Iterator[str]:
        if value := place.variable("PDM_CACHE_DIR"):
            yield place.absolute(value, place.project)
        configurations = place.in_homes("XDG_CONFIG_HOME", ".config", "Library/Application Support")
        for directory, name in (
            (place.project, "pdm.toml"),
            *((os.path.join(one, "pdm"), "config.toml") for one in configurations),
        ):
            said = place.table(directory, name).get("cache_dir")
            if isinstance(said, str):
                yield place.absolute(said, directory)

    def _usual(self, place: Place) -> Iterator[str]:
        for directory in place.in_homes("XDG_CACHE_HOME", ".cache", "Library/Caches"):
            yield os.path.join(directory, "pdm")

    def ends(self, sample: Sample, content: Content, store: Opened) -> Iterator[str] | None:  # noqa: ARG002 - by its name
        """Give where the distributions lie that have it: ``rich-14.0.0-py3-none-any/rich/console.py``.

        Up to PDM 2.17 or so it was one directory lower, in ``lib``; since then the directories are in others with two
        letters.
        """
        found = _in_distribution(sample)
        if found is None:
            return None
        first, rest = found
        return (
            f"{one}/{rest}" for one in store.holders(first, self._distributions(store))[:_HOLDERS]
        )

    def _distributions(self, store: Opened) -> Iterator[str]:
        for one in store.listed(""):
            if _SHARD.fullmatch(one):
                yield from (f"{one}/{inner}" for inner in store.listed(one))
            else:
                yield from (one, f"{one}/lib")

    def command(self, store: str, place: Place) -> str:
        """Return what empties that part of the cache, or what nobody refers to of it."""
        directory = os.path.dirname(store)
        if directory in {place.reach(one) for one in self._usual(place)}:
            return "pdm cache clear packages"
        return with_setting("PDM_CACHE_DIR", directory, "pdm cache clear packages")
