"""Looks at directories that hold several Python environments: those of tox, Nox, and of PEP 582.

Sources: tox's ``tox/tox_env/info.py`` (``.tox-info.json``) and ``tox/tox_env/api.py`` (``log``, ``tmp``); tox 3's
``tox/venv.py`` (``.tox-config1``); Nox's ``nox/virtualenv.py`` and ``nox/sessions.py`` (``tmp``); PEP 582 and PDM's manual,
"Working with PEP 582". Each was made with the tool.
"""

import ast
import json
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from cleanup_nodemodule.proof.declared import placed, python, requirements, times
from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.declared.distributions import Installed
from cleanup_nodemodule.proof.declared.python_commands import Place
from cleanup_nodemodule.proof.declared.python_edits import edited
from cleanup_nodemodule.proof.declared.python_manifests import Manifests, manifests
from cleanup_nodemodule.proof.declared.python_parts import is_part as is_part_of_one
from cleanup_nodemodule.proof.declared.python_ways import SEEDS
from cleanup_nodemodule.proof.declared.requirements import Requirement
from cleanup_nodemodule.proof.declared.toml import strings, table
from cleanup_nodemodule.proof.stat_cache import StatCache

_TOX_TOP: Final = frozenset(
    {
        ".gitignore",
        "CACHEDIR.TAG",
        ".tmp",
        "dist",
        "log",
        ".package.lock",
        ".package_cache",
        "shared",
    }
)
_TOX_ENVIRONMENT: Final = python.TOP | {".tox-info.json", ".tox-config1", "log", "tmp", "dist"}
_TOX_LATER: Final = (
    ".tmp/*",
    "log/*",
    "*/log/*",
    "*/tmp/*",
    "*/.tox-info.json",
    ".pkg*",
    ".package*",
    "dist/*",
)

_PACKING: Final = (".pkg", ".package")
"""How the names begin of the environments that tox packs the project in (``package_env``, ``wheel_build_env``)."""

_NOX_TOP: Final = frozenset({".gitignore", "CACHEDIR.TAG", ".cache"})
_NOX_ENVIRONMENT: Final = python.TOP | {"tmp"}

_CACHES: Final = (".mypy_cache", ".pytest_cache", ".ruff_cache")
"""What is run in an environment keeps this in it, where it is told to."""

_LARGEST: Final = 4 * 1024 * 1024


def look_at_tox(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
    declared = manifests(artifact, project, boundary, cache)
    names = tuple(_environments(artifact, cache))
    mark = next((name for name in names if cache.exists(artifact, f"{name}/.tox-info.json")), None)
    made_by = f"tox: {mark}/.tox-info.json inside" if mark else None
    if not _has_tox(artifact, project, cache):
        return placed.nothing(made_by, "no tox.ini", project)

    def roots(name: str) -> list[Requirement] | None:
        return _of_tox(os.path.join(artifact, name), cache)

    return _several(
        artifact,
        declared,
        [name for name in names if not name.startswith(_PACKING)],
        ordinary=_TOX_TOP,
        top=_TOX_ENVIRONMENT,
        roots=roots,
        made_by=made_by,
        command=lambda made: (
            f"tox --notest -e {shlex.quote(','.join(made))}" if made else "tox --notest"
        ),
        cache=cache,
    )


def look_at_nox(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
    declared = manifests(artifact, project, boundary, cache)
    names = tuple(_environments(artifact, cache))
    made_by = f"Nox: {names[0]}/pyvenv.cfg inside" if names else None
    text = placed.text_of(artifact, project, "noxfile.py", cache, _LARGEST)
    if text is None:
        return placed.nothing(made_by, "no noxfile.py", project)
    asked = _of_nox(text, project, boundary, cache)
    asked += (one for file in declared.files for one in file.requirements)
    asked += (one for group in declared.project.groups for one in group.requirements)
    return _several(
        artifact,
        declared,
        names,
        ordinary=_NOX_TOP,
        top=_NOX_ENVIRONMENT,
        roots=lambda _: asked,
        made_by=made_by,
        command=lambda _: "nox --install-only",
        cache=cache,
    )


def look_at_pypackages(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
    declared = manifests(artifact, project, boundary, cache)
    versions = [name.rstrip("/") for name in cache.matches(artifact, "[0-9].*/")]
    answers = []
    made_by = None
    for version in versions:
        top = os.path.join(artifact, version)
        installed = Installed(top, cache, ("lib/", "Lib/"))
        tool = python.installer(installed)
        if tool == "pdm" and made_by is None:
            made_by = f"PDM: INSTALLER of each distribution inside {version}"
        answers.append(
            python.look_at(
                installed,
                declared,
                Place(".venv"),
                made_by=made_by,
                maker="pdm",
                begun=0,
                undeclared=tuple(python.strangers(top, installed, _PEP_582)),
                modified=edited(top, installed, cache),
                boundary=boundary,
                cache=cache,
            )
        )
    undeclared = [one for answer in answers for one in answer.undeclared]
    modified = [
        f"{version}/{one}"
        for version, answer in zip(versions, answers, strict=True)
        for one in answer.modified
    ]
    undeclared += (name for name in placed.names(artifact) if name not in {*versions, ".gitignore"})
    missing = next((answer.missing for answer in answers if answer.missing), None)
    command = answers[0].command if answers else "pdm sync"
    if command is None or not command.startswith("pdm "):
        # Only PDM installs there.
        command, missing = "pdm install", missing or "no pdm.lock"
    return Declared(
        made_by=made_by,
        facts=answers[0].facts if answers and not undeclared else (),
        undeclared=tuple(undeclared),
        modified=tuple(modified),
        missing=missing,
        command=command,
        command_in=project,
        finished=max((answer.finished for answer in answers), default=0),
        warnings=tuple(dict.fromkeys(one for answer in answers for one in answer.warnings)),
    )


_PEP_582: Final = frozenset({"bin", "Scripts", "lib", "Lib", "include", "share", "etc", "man"})


def is_part(
    artifact: str, paths: Sequence[str], late: Sequence[str], cache: StatCache
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """See :class:`cleanup_nodemodule.proof.declared.answer.IsPart`."""
    rest = [path for path in late if not placed.fits(path, _TOX_LATER)]
    met: list[str] = []
    modified: list[str] = []
    for name in dict.fromkeys(path.partition("/")[0] for path in (*paths, *rest)):
        inner_paths, inner_late = (
            [
                path.partition("/")[2]
                for path in of
                if path.partition("/")[0] == name and "/" in path
            ]
            for of in (paths, rest)
        )
        caches = _caches(os.path.join(artifact, name), cache) if inner_late else ()
        inner_late = [path for path in inner_late if path.partition("/")[0] not in caches]
        sites = ("lib/", "Lib/") if name[:1].isdigit() else None
        one = is_part_of_one(os.path.join(artifact, name), inner_paths, inner_late, cache, sites)
        met += (f"{name}/{path}" for path in one[0])
        modified += (f"{name}/{path}" for path in one[1])
    met += (path for path in paths if "/" not in path)
    modified += (path for path in rest if "/" not in path and path not in _TOX_TOP)
    return tuple(met), tuple(modified)


def _caches(environment: str, cache: StatCache) -> frozenset[str]:
    """Return the caches at the top of an environment that say by their tag that they are some."""
    return frozenset(name for name in _CACHES if cache.exists(environment, f"{name}/CACHEDIR.TAG"))


def _environments(artifact: str, cache: StatCache) -> Iterator[str]:
    for found in cache.matches(artifact, "*/pyvenv.cfg"):
        yield found.partition("/")[0]


def _several(
    artifact: str,
    declared: Manifests,
    names: Sequence[str],
    *,
    ordinary: frozenset[str],
    top: frozenset[str],
    roots: Callable[[str], Iterable[Requirement] | None],
    made_by: str | None,
    command: Callable[[Sequence[str]], str],
    cache: StatCache,
) -> Declared:
    """Put together what is said of each environment. *roots* are what its tool installs into it."""
    undeclared = [
        name
        for name in placed.names(artifact)
        if name not in names and name not in ordinary and not name.startswith(_PACKING)
    ]
    finished = number = 0
    modified: list[str] = []
    for name in names:
        directory = os.path.join(artifact, name)
        installed = Installed(directory, cache)
        asked = roots(name)
        own = _own(installed, declared, artifact)
        extras = frozenset(group.name for group in declared.project.groups if group.kind == "extra")
        reached = installed.reached(
            [
                *(asked or ()),
                *(Requirement(seed) for seed in SEEDS),
                *(Requirement(one, extras) for one in own),
            ]
        )
        number += len(installed.by_name)
        undeclared += (f"{name}/{one}" for one in sorted(set(installed.by_name) - reached))
        ours = top | _caches(directory, cache)
        undeclared += (f"{name}/{one}" for one in python.strangers(directory, installed, ours))
        modified += (f"{name}/{one}" for one in edited(directory, installed, cache))
        moments = [one.written for one in installed.distributions]
        begun = python.written(directory, "pyvenv.cfg")
        finished = max(finished, begun, times.last(moments))
    what = "environment" if len(names) == 1 else "environments"
    return Declared(
        made_by=made_by,
        facts=()
        if undeclared
        else (f"{len(names)} {what} with {number} distributions, all declared",),
        undeclared=tuple(undeclared),
        modified=tuple(modified),
        command=command(names),
        command_in=declared.directory,
        finished=finished,
    )


def _own(installed: Installed, declared: Manifests, artifact: str) -> set[str]:
    """Return the names of the project itself, which is packed into *artifact* first, or linked."""
    found = {declared.project.name}
    for one in installed.distributions:
        direct = installed.direct(one)
        if direct is not None and f"{direct.path}/".startswith(
            (f"{artifact}/", f"{declared.directory}/")
        ):
            found.add(one.name)
    return found


def _has_tox(artifact: str, project: str, cache: StatCache) -> bool:
    if any(cache.proves(project, name, artifact) for name in ("tox.ini", "tox.toml")):
        return True
    return any(
        mark in (placed.text_of(artifact, project, name, cache, _LARGEST) or "")
        for name, mark in (("setup.cfg", "[tox:tox]"), ("pyproject.toml", "[tool.tox"))
    )


def _of_tox(environment: str, cache: StatCache) -> list[Requirement] | None:
    """Return what tox noted that it was to install; None if it noted nothing."""
    content = cache.read(environment, ".tox-info.json")
    if content is None:
        lines = (
            (cache.read(environment, ".tox-config1") or b"").decode("utf-8", "replace").splitlines()
        )
        return list(requirements.from_lines(line.partition(" ")[2] for line in lines[2:]))
    try:
        deps = table(table(table(json.loads(content)).get("PythonRun")).get("deps"))
    except (ValueError, RecursionError):
        return None
    return list(requirements.from_lines(strings(deps.get("requirements"))))


def _of_nox(text: str, project: str, boundary: str, cache: StatCache) -> list[Requirement]:
    """Return what is written out in a ``noxfile.py``: names, and files of them."""
    try:
        tree = ast.parse(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    found: list[Requirement] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if node.value.endswith((".txt", ".in")):
            found += requirements.from_file(project, node.value, boundary, cache)[0]
        elif "\n" not in node.value and (one := requirements.requirement(node.value)) is not None:
            found.append(one)
    return found
