"""Which packages are changed on purpose when they are installed, by patches that lie in the project."""

import os
import re
from collections.abc import Collection, Iterable
from typing import Final

from cleanup_nodemodule.proof.declared.javascript_projects import Manifest
from cleanup_nodemodule.proof.stat_cache import StatCache

_PATCH: Final = re.compile(r"^(.+?)\+[0-9][^+]*?(?:\+\d+(?:\+[^+]*)?)?(?:\.dev)?\.patch$")
"""``name+1.0.0.patch``, ``@scope+name+1.0.0.patch``, ``outer++inner+1.0.0.patch`` (patch-package, README)."""

_YARN_PATCH: Final = re.compile(r"^(.+?)-(?:npm|patch|virtual)-.*\.patch$")
"""``@scope-name-npm-1.0.0-0123456789.patch`` (yarnpkg.com, yarn patch-commit)."""


def patched(
    places: Iterable[str], manifests: Collection[Manifest], artifact: str, cache: StatCache
) -> dict[str, int]:
    """Return the names of packages that are patched, and when their patch was last changed, in seconds.

    Raises OSError.
    """
    found: dict[str, int] = {}

    def add(name: str, time: int) -> None:
        found[name] = max(found.get(name, 0), time)

    for place in places:
        for path in cache.matches(place, "patches/*.patch"):
            parts = _PATCH.match(os.path.basename(path))
            if parts and cache.proves(place, path, artifact):
                add(_name(parts[1].split("++")[-1]), _time(place, path, cache))
        for path in cache.matches(place, ".yarn/patches/*.patch"):
            parts = _YARN_PATCH.match(os.path.basename(path))
            if parts and cache.proves(place, path, artifact):
                add(
                    _name(parts[1].replace("-", "/", 1) if parts[1].startswith("@") else parts[1]),
                    _time(place, path, cache),
                )
    for one in manifests:
        for name in one.patched:
            at = name.find("@", 1)
            add(name if at < 0 else name[:at], 0)
    return found


def _name(text: str) -> str:
    return text.replace("+", "/", 1) if text.startswith("@") else text


def _time(place: str, path: str, cache: StatCache) -> int:
    status = cache.status(place, path)
    return 0 if status is None else int(status.st_mtime)
