"""Looks at a virtual environment of Python: who made it, and whether what is beside it brings it back.

Sources: PEP 405 and the PyPA's "Virtual environments" (``pyvenv.cfg``); ``virtualenv/create/pyenv_cfg.py``, uv's
``uv-virtualenv/src/virtualenv.rs``; pip's ``operations/install/wheel.py``; and environments that venv, virtualenv, uv, pip,
Poetry, PDM, Pipenv, tox and Nox made.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from cleanup_nodemodule.proof.declared import placed, times
from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.declared.distributions import Installed, is_metadata
from cleanup_nodemodule.proof.declared.python_commands import Place
from cleanup_nodemodule.proof.declared.python_edits import edited, is_empty
from cleanup_nodemodule.proof.declared.python_manifests import Manifests, manifests
from cleanup_nodemodule.proof.declared.python_parts import is_part
from cleanup_nodemodule.proof.declared.python_ways import Way, Ways
from cleanup_nodemodule.proof.stat_cache import StatCache

TOP: Final = frozenset(
    {
        *("pyvenv.cfg", "CACHEDIR.TAG", ".gitignore", ".lock", "pip-selfcheck.json", ".project"),
        *("bin", "Scripts", "lib", "Lib", "lib64", "include", "Include", "share", "etc", "man"),
        *(".DS_Store", "rye-venv.json", ".python-version", "__pycache__"),
    }
)
"""What makes an environment puts this at its top: venv, virtualenv and uv; pip (``.project`` Pipenv); what packages
bring for ``share``, ``etc`` and ``man``."""

_PROGRAMS: Final = re.compile(
    r"(?:activate(?:_this\.py|\.\w+)?|Activate\.ps1|deactivate(?:\.\w+)?"
    r"|(?:python|pypy|pip|easy_install|wheel)w?[-0-9.]*[tdm]*(?:-config|-intel64)?(?:\.exe|\.dll|-script\.py)?|\U0001d70bthon)"
)
"""What makes an environment puts with the programs, whatever the version."""

_VERSIONED: Final = re.compile(r"(?:python|pypy)[0-9.]*[tdm]*")
"""Directories of a version of Python, in ``lib`` and ``include``."""

_AMONG_PROGRAMS: Final = frozenset({"pydoc.bat", "__pycache__", ".DS_Store"})

_AMONG_MODULES: Final = frozenset(
    {
        *(
            "__pycache__",
            "README.txt",
            "README",
            ".gitignore",
            ".DS_Store",
            "easy-install.pth",
            "site.py",
        ),
        *("_virtualenv.py", "_virtualenv.pth", "distutils-precedence.pth", "setuptools.pth"),
    }
)
"""What is no distribution's in ``site-packages``, or lost its own when that was replaced: of Python (``Lib/site-packages``),
virtualenv and uv, setuptools."""

_SHORTEST_REST: Final = 2
"""Letters of a name that pip has to have left, to tell whose it was."""

_LARGEST_SCRIPT: Final = 64 * 1024
"""Bytes of a program that is read to see who wrote it."""


def look(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
    content = cache.read(artifact, "pyvenv.cfg")
    settings = _settings(content or b"")
    installed = Installed(artifact, cache)
    tool = installer(installed)
    return look_at(
        installed,
        manifests(artifact, project, boundary, cache),
        Place(
            os.path.relpath(artifact, project),
            windows=cache.exists(artifact, "Scripts/") and not cache.exists(artifact, "bin/"),
            with_uv=tool == "uv" or (tool is None and "uv" in settings),
            with_system=settings.get("include-system-site-packages", "").lower() == "true",
        ),
        made_by=_made_by(settings),
        maker="pipenv" if tool == "pip" and cache.exists(artifact, ".project") else tool,
        begun=written(artifact, "pyvenv.cfg"),
        undeclared=tuple(strangers(artifact, installed)),
        modified=edited(artifact, installed, cache),
        boundary=boundary,
        cache=cache,
    )


def look_at(
    installed: Installed,
    declared: Manifests,
    place: Place,
    *,
    made_by: str | None,
    maker: str | None,
    begun: int,
    undeclared: tuple[str, ...],
    modified: tuple[str, ...],
    boundary: str,
    cache: StatCache,
) -> Declared:
    """Put together who made it and what brings it back.

    *undeclared* is what no distribution accounts for, *modified* what is not as one brought it.
    It was *begun* when its first file was written.
    """
    ways = Ways(installed, declared, place, boundary, cache)
    way = ways.best(maker)
    missing = None
    if ways.gone:
        missing = f"no {ways.gone[0]}"
    elif way.undeclared and not way.files:
        missing = "no file that declares what is installed"
    else:
        missing = ways.source_gone(way)
    warnings = []
    if way.differing:
        what = "distribution has" if way.differing == 1 else "distributions have"
        warnings.append(f"{way.differing} {what} another version than in {way.files[0]}")
    if place.with_system:
        warnings.append("it uses packages of the system too")
    return Declared(
        made_by=made_by,
        facts=_facts(len(ways.wanted), way),
        undeclared=(*way.undeclared, *undeclared),
        modified=modified,
        missing=missing,
        command=way.command,
        command_in=declared.directory,
        finished=times.last(
            [*([begun] if begun else []), *(one.written for one in installed.distributions)]
        ),
        warnings=tuple(warnings),
    )


def _facts(wanted: int, way: Way) -> tuple[str, ...]:
    if not wanted:
        return ("nothing installed but what a new environment has",)
    if way.undeclared or not way.files:
        return ()
    what = "1 distribution" if wanted == 1 else f"{wanted} distributions, all"
    return (f"{what} declared by {' and '.join(way.files)}",)


def _settings(content: bytes) -> Mapping[str, str]:
    """Return what ``pyvenv.cfg`` says, by the names in small letters (PEP 405)."""
    pairs = (line.partition("=") for line in content.decode("utf-8", "replace").splitlines())
    return {name.strip().lower(): value.strip() for name, mark, value in pairs if mark}


def _made_by(settings: Mapping[str, str]) -> str | None:
    if "home" not in settings:
        return None
    tool = next((name for name in ("uv", "virtualenv") if name in settings), "venv")
    return f"{tool}: pyvenv.cfg inside"


def installer(installed: Installed) -> str | None:
    """Return the tool that installed most, by what it wrote into INSTALLER: ``Poetry 2.5.1``."""
    for one in reversed(installed.distributions):
        if one.name in {"pip", "setuptools", "wheel"}:
            continue
        words = (installed.read(one, "INSTALLER") or b"").decode("utf-8", "replace").split()
        if words:
            return words[0].lower()
    return None


def written(directory: str, name: str) -> int:
    """Return when a file was written, in seconds since the epoch; 0 if it is not there."""
    return placed.newest(os.path.join(directory, name))


def strangers(artifact: str, installed: Installed, top: frozenset[str] = TOP) -> Iterator[str]:
    """Give what no distribution accounts for, at each place where one would be seen.

    *top* are the names that belong to the top. Raises OSError where something cannot be listed.
    """
    listed = dict(_places(artifact, installed, top))
    known: set[str] | None = None
    for place, names in listed.items():
        site = place in installed.entries
        left = [
            name
            for name in names
            if not _is_ordinary(place, name, top, site=site)
            and not (site and _is_left(name, names))
        ]
        if left and known is None:
            known = installed.accounted()
        for name in left:
            path = f"{place}/{name}" if place else name
            if path in (known or ()) or installed.is_recorded(path):
                continue
            if is_empty(os.path.join(artifact, path)) or _is_developed(installed, path):
                continue
            yield name if site else path


def _places(
    artifact: str, installed: Installed, top: frozenset[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give each directory that holds things of several distributions, and what is in it."""
    names = _names(artifact, "")
    yield "", names
    for name in names:
        if name not in {"bin", "Scripts", "lib", "Lib", "lib64", "include", "share", "etc", "man"}:
            continue
        if name not in top or os.path.islink(os.path.join(artifact, name)):
            continue
        if f"{name}/site-packages" not in installed.entries or name != "Lib":
            yield name, _names(artifact, name)
        for site in installed.entries:
            around = os.path.dirname(site)
            if around.startswith(f"{name}/"):
                yield around, _names(artifact, around)
    yield from installed.entries.items()


def _names(artifact: str, place: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(os.listdir(os.path.join(artifact, place))))
    except NotADirectoryError:
        return ()


def _is_ordinary(place: str, name: str, top: frozenset[str], *, site: bool) -> bool:
    if site:
        return (
            name in _AMONG_MODULES
            or is_metadata(name)
            # What virtualenv put there; namespaces.
            or name.endswith((".virtualenv", "-nspkg.pth"))
        )
    if not place:
        return name in top
    if place in {"bin", "Scripts"}:
        return name in _AMONG_PROGRAMS or _PROGRAMS.fullmatch(name) is not None
    if place in {"lib", "lib64", "Lib"}:
        return _VERSIONED.fullmatch(name) is not None or name == "site-packages"
    if place == "include":
        return _VERSIONED.fullmatch(name) is not None or name == "site"
    return name == "site-packages"


def _is_left(name: str, names: Collection[str]) -> bool:
    """Whether pip could not take away what it replaced: it puts ``~`` for the first letter (pip's utils/temp_dir.py)."""
    rest = name.lstrip("~")
    if rest == name or len(rest) < _SHORTEST_REST:
        return False
    return any(
        one != name and (one.endswith(rest) or (one.startswith(name + "-") and is_metadata(one)))
        for one in names
    )


def _is_developed(installed: Installed, path: str) -> bool:
    """Whether it is a program that setuptools wrote for a project in development mode, which it records nowhere."""
    if not path.startswith(("bin/", "Scripts/")):
        return False
    return b"EASY-INSTALL-" in (installed.content(path, _LARGEST_SCRIPT) or b"")[:500]


__all__ = ["TOP", "installer", "is_part", "look", "look_at", "strangers", "written"]
