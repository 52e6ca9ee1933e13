"""Tells distributions that a project can build again from those that were released once.

``dist`` holds what was uploaded as well as what was built a minute ago. Only files that the project's present
version gives, and that this machine can make, come back: wheels of an earlier version, or for another platform, do
not. The version has to be written down, in the manifest or where that says: one that is worked out from tags says
nothing about these files.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from cleanup_nodemodule.proof.stat_cache import StatCache

_WHEEL: Final = re.compile(
    r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-\d[^-]*)?-[^-]+-[^-]+-(?P<platform>[^-]+)\.whl"
)
"""A wheel's name (binary distribution format, "File name convention")."""

_ARCHIVE: Final = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)\.(?:tar\.gz|zip)")
"""A source distribution's name (source distribution format; before PEP 625 the name had dashes)."""


_WRITTEN: Final = re.compile(
    r"^(?:__version__|VERSION|version)(?:\s*:[^=]+)?\s*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE
)
"""Where a module says its version."""


def python(directory: str, project: str, cache: StatCache) -> str | None:
    """Return one of the distributions in *directory* that *project* gives now, None if there is none.

    Raises OSError where something could not be looked at.
    """
    names = sorted(name for name, _ in cache.entries(directory))
    return next((name for name in names if is_of_python(name, project, cache)), None)


def is_of_python(name: str, project: str, cache: StatCache) -> bool:
    """Whether a file of this *name* is a distribution of what *project* is now."""
    wanted = _of_pyproject(project, cache) or _of_setup_cfg(project, cache)
    return wanted is not None and _is_of(name, *wanted)


def _is_of(file: str, name: str, version: str) -> bool:
    found = _WHEEL.fullmatch(file) or _ARCHIVE.fullmatch(file)
    if found is None or _plain(found["name"]) != name:
        return False
    if _version(found["version"]) != version:
        return False
    platform = found.groupdict().get("platform")
    return platform is None or any(_is_here(one) for one in platform.split("."))


def _is_here(tag: str) -> bool:
    """Whether wheels with this platform's *tag* are built on this machine (platform compatibility tags)."""
    import sysconfig  # noqa: PLC0415 - only where there are wheels

    here = re.sub(r"[-.]", "_", sysconfig.get_platform())
    return tag in {"any", here}


def _of_pyproject(project: str, cache: StatCache) -> tuple[str, str] | None:
    import tomllib  # noqa: PLC0415 - only where a project builds distributions

    try:
        manifest = tomllib.loads((cache.read(project, "pyproject.toml") or b"").decode())
    except (ValueError, RecursionError):
        return None
    for table in (manifest.get("project"), _at(manifest, "tool", "poetry")):
        if isinstance(table, dict):
            name, version = table.get("name"), table.get("version")
            if isinstance(name, str) and not isinstance(version, str):
                version = _in_a_module(manifest, name, project, cache)
            if isinstance(name, str) and isinstance(version, str):
                return _plain(name), _version(version)
    return None


def _in_a_module(manifest: dict[str, Any], name: str, project: str, cache: StatCache) -> str | None:
    """Return the version from where the manifest says that it is written down.

    That is an attribute or a file for setuptools ("Dynamic metadata"), a file for hatch ("Versioning") and pdm ("Dynamic
    version"), and the module itself for flit ("The build backend").
    """
    kept = _at(manifest, "tool", "setuptools", "dynamic", "version", "file")
    if isinstance(kept, str):
        return (cache.read(project, kept) or b"").decode(errors="replace").strip() or None
    files: list[str] = []
    for path in (("hatch", "version", "path"), ("pdm", "version", "path")):
        file = _at(manifest, "tool", *path)
        files += [file] if isinstance(file, str) else []
    attribute = _at(manifest, "tool", "setuptools", "dynamic", "version", "attr")
    module = attribute.rpartition(".")[0] if isinstance(attribute, str) else None
    if str(_at(manifest, "build-system", "build-backend")).startswith("flit"):
        module = re.sub(r"[-.]", "_", name)
    if module:
        place = module.replace(".", "/")
        files += [f"{top}{place}{end}" for top in ("", "src/") for end in (".py", "/__init__.py")]
    for file in files:
        found = _WRITTEN.search((cache.read(project, file) or b"").decode(errors="replace"))
        if found is not None:
            return found[1]
    return None


def _of_setup_cfg(project: str, cache: StatCache) -> tuple[str, str] | None:
    from configparser import ConfigParser  # noqa: PLC0415 - only where a project builds distributions
    from configparser import Error as ConfigurationError  # noqa: PLC0415 - as above

    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string((cache.read(project, "setup.cfg") or b"").decode())
        name, version = parser["metadata"]["name"], parser["metadata"]["version"]
    except (ConfigurationError, KeyError, ValueError):
        return None
    return None if ":" in version else (_plain(name), _version(version))


def _at(table: Any, *keys: str) -> Any:
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def _plain(name: str) -> str:
    """Return a project's name as it is compared (name normalization)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _version(text: str) -> str:
    """Return a version as it is compared: ``1.0-rc1`` is written ``1.0rc1`` in names of files."""
    text = re.sub(r"^v", "", text.strip().lower())
    return re.sub(r"[-_.]?(a|b|rc|post|dev)(?:[-_.]?(\d+))?", r"\1\2", text.replace("_", "-"))


DISTRIBUTIONS: Final[Mapping[str, Callable[[str, str, StatCache], str | None]]] = {"python": python}
"""By the word that rules write for ``distributions``."""

IS_OF: Final[Mapping[str, Callable[[str, str, StatCache], bool]]] = {"python": is_of_python}
"""By the same word, what tells a distribution of the project from others."""
