"""Looks at what Composer installed.

Sources: ``Composer/Repository/FilesystemRepository.php`` (``installed.json``), ``Composer/Autoload/AutoloadGenerator.php``,
``Composer/Installer/BinaryInstaller.php``; the manual, "composer.json" and "Repositories" (``path``).
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cleanup_nodemodule.proof.declared import local_sources, placed
from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.declared.toml import strings, table, tables
from cleanup_nodemodule.proof.stat_cache import StatCache

_LARGEST: Final = 64 * 1024 * 1024

_OWN: Final = frozenset(
    {
        *("ClassLoader.php", "InstalledVersions.php", "LICENSE", "installed.json", "installed.php"),
        *("platform_check.php", "include_paths.php", "tmp"),
    }
)
"""What Composer itself keeps in ``vendor/composer``, beside ``autoload_*.php``."""

_LATER: Final = (
    "autoload.php",
    "composer/autoload_*.php",
    "composer/*.php",
    "composer/installed.json",
    "composer/LICENSE",
    "bin/*",
)
"""What ``composer dump-autoload`` writes again, and what it writes last."""


def look(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
    installed = _installed(artifact, cache)
    if installed is None:
        return Declared(missing="no composer/installed.json inside", command_in=project)
    made_by = "Composer: composer/installed.json inside"
    manifest = _parsed(placed.text_of(artifact, project, "composer.json", cache, _LARGEST))
    if manifest is None:
        return placed.nothing(made_by, "no composer.json", project)
    lock = _parsed(placed.text_of(artifact, project, "composer.lock", cache, _LARGEST))
    packages = {str(one.get("name", "")).lower(): one for one in installed}
    if lock is not None:
        file = "composer.lock"
        listed = tables(lock.get("packages")) + tables(lock.get("packages-dev"))
        declared = {str(one.get("name", "")).lower() for one in listed}
    else:
        file = "composer.json"
        listed = []
        declared = _reached(manifest, packages)
    undeclared = sorted(name for name in packages if name not in declared)
    undeclared += _strangers(artifact, installed)
    patched = [one for one in installed if table(one.get("extra")).get("patches_applied")]
    return Declared(
        made_by=made_by,
        facts=placed.declared_by((file,), len(packages), "package", undeclared),
        undeclared=tuple(undeclared),
        missing=_gone(
            [*installed, *(one for one in listed if str(one.get("name", "")).lower() in packages)],
            project,
            boundary,
            cache,
        )
        or (_repository_gone(manifest, project, boundary, cache) if lock is None else None),
        command="composer install",
        command_in=project,
        finished=placed.newest(
            *(
                os.path.join(artifact, "composer", name)
                for name in ("installed.json", "installed.php")
            )
        ),
        warnings=tuple(
            f"{len(patched)} of its packages are patched, by what composer.json names"
            for _ in patched[:1]
        ),
    )


def is_part(
    artifact: str, paths: Sequence[str], late: Sequence[str], cache: StatCache
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """See :class:`cleanup_nodemodule.proof.declared.answer.IsPart`."""
    owned = {place for one in _installed(artifact, cache) or [] if (place := _place(one))}
    return placed.parts(artifact, paths, late, cache, owned=placed.beneath(owned), later=_LATER)


def _parsed(text: str | None) -> Mapping[str, Any] | None:
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _installed(artifact: str, cache: StatCache) -> list[Mapping[str, Any]] | None:
    """Return what Composer says that it installed; Composer 1 wrote the list alone."""
    content = cache.read(artifact, "composer/installed.json", _LARGEST)
    try:
        value = json.loads(content or b"")
    except (ValueError, RecursionError):
        return None
    return tables(value.get("packages") if isinstance(value, dict) else value)


def _place(package: Mapping[str, Any]) -> str | None:
    """Return where a package lies, relative to ``vendor``; None if that is somewhere else, or nowhere."""
    if "install-path" not in package:
        return str(package.get("name", "")).lower()
    path = package["install-path"]
    if not isinstance(path, str):
        return None
    place = os.path.normpath(os.path.join("composer", path))
    return None if place.startswith("..") or os.path.isabs(place) else place


def _strangers(artifact: str, installed: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    places = {place.lower() for one in installed if (place := _place(one))}
    above = {os.path.dirname(place) for place in places}
    for name in placed.names(artifact):
        if name in {"autoload.php", "bin", "composer"} or name.lower() in places:
            continue
        if name.lower() not in above:
            yield name
            continue
        for inner in placed.names(artifact, name):
            if f"{name}/{inner}".lower() not in places:
                yield f"{name}/{inner}"
    for inner in placed.names(artifact, "composer"):
        ordinary = inner in _OWN or (inner.startswith("autoload_") and inner.endswith(".php"))
        if not ordinary and f"composer/{inner}".lower() not in places:
            yield f"composer/{inner}"
    programs: set[str] = set()
    for one in installed:
        programs.update(map(os.path.basename, strings(one.get("bin"))))
    for inner in placed.names(artifact, "bin"):
        if inner not in programs and inner.removesuffix(".bat") not in programs:
            yield f"bin/{inner}"


def _reached(manifest: Mapping[str, Any], packages: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return all that ``composer.json`` leads to, as far as it is installed."""
    also: dict[str, list[str]] = {}
    for name, one in packages.items():
        for key in ("provide", "replace"):
            for other in table(one.get(key)):
                also.setdefault(str(other).lower(), []).append(name)
    stack = [*table(manifest.get("require")), *table(manifest.get("require-dev"))]
    found: set[str] = set()
    while stack:
        name = str(stack.pop()).lower()
        if name not in found:
            found.add(name)
            stack += (*table(packages.get(name, {}).get("require")), *also.get(name, ()))
    return found


def _gone(
    installed: Sequence[Mapping[str, Any]], project: str, boundary: str, cache: StatCache
) -> str | None:
    """Say which package was installed from a directory that is not there any more, or that is not looked at."""
    for one in installed:
        dist = table(one.get("dist"))
        url = str(dist.get("url", ""))
        if dist.get("type") != "path" and "://" in url:
            continue
        path = os.path.normpath(os.path.join(project, url))
        if not url or not f"{path}/".startswith(f"{boundary.rstrip('/')}/"):
            if dist.get("type") == "path":
                return f"{url}, where {one.get('name')} came from, lies outside"
            continue
        around, name = os.path.split(path)
        if not cache.exists(around, f"{name}/" if dist.get("type") == "path" else name):
            return f"no {url}, where {one.get('name')} came from"
    return None


def _repository_gone(
    manifest: Mapping[str, Any], project: str, boundary: str, cache: StatCache
) -> str | None:
    """Say which repository is a directory that is not there any more: without a lock file Composer asks all of them.

    One with wildcards may be empty (``Composer/Repository/PathRepository.php``).
    """
    found = manifest.get("repositories")
    for one in tables(list(found.values()) if isinstance(found, dict) else found):
        url = str(one.get("url", ""))
        if one.get("type") == "path" and not re.search(r"[*?{\[$~]", url):
            told = local_sources.gone("a repository", url, project, boundary, cache)
            if told is not None:
                return told
    return None
