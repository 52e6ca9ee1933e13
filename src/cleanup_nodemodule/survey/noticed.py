"""Other ecosystems that a search passes by: their directories are seen for nothing, by the names it reads anyway.

Who looks for ``node_modules`` in a project with an environment of a hundred megabytes should hear of that. So the
engine hands back the names below, and each is believed only with a file beside or inside it, as in the catalogue.
The catalogue itself is not read for this: all of its files take longer than to search a small project.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import nsmallest
from typing import Final

from cleanup_nodemodule.proof.stat_cache import StatCache

_BESIDE: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    ".venv": (("python", ".venv/pyvenv.cfg"),),
    "venv": (("python", "venv/pyvenv.cfg"),),
    "env": (("python", "env/pyvenv.cfg"),),
    "__pycache__": (("python", "__pycache__/*.pyc"),),
    "dist": (("python", "dist/*.whl"),),
    ".tox": (("python", "tox.ini"), ("python", "tox.toml"), ("python", "pyproject.toml")),
    ".nox": (("python", "noxfile.py"),),
    ".mypy_cache": (("python", ".mypy_cache/CACHEDIR.TAG"),),
    ".pytest_cache": (("python", ".pytest_cache/CACHEDIR.TAG"),),
    ".ruff_cache": (("python", ".ruff_cache/CACHEDIR.TAG"),),
    "target": (
        ("rust", "target/CACHEDIR.TAG"),
        ("rust", "target/.rustc_info.json"),
        ("java", "pom.xml"),
        ("scala", "build.sbt"),
        ("clojure", "project.clj"),
    ),
    "build": (
        ("java", "build.gradle"),
        ("java", "build.gradle.kts"),
        ("flutter", "pubspec.yaml"),
        ("cmake", "build/CMakeCache.txt"),
    ),
    ".gradle": (("java", "settings.gradle*"), ("java", "build.gradle*")),
    "obj": (("dotnet", "obj/project.assets.json"),),
    "Pods": (("apple", "Podfile.lock"),),
    "DerivedData": (("apple", "DerivedData/*/info.plist"),),
    ".dart_tool": (("flutter", "pubspec.yaml"),),
    "_build": (("elixir", "mix.exs"), ("ocaml", "dune-project")),
    "deps": (("elixir", "mix.lock"),),
    ".build": (("swift", "Package.swift"),),
    "vendor": (("php", "vendor/composer/installed.json"), ("go", "vendor/modules.txt")),
    ".terraform": (("terraform", ".terraform.lock.hcl"),),
    "Library": (("unity", "ProjectSettings/ProjectVersion.txt"),),
    ".godot": (("godot", "project.godot"),),
    ".stack-work": (("haskell", "stack.yaml"),),
    "dist-newstyle": (("haskell", "cabal.project"), ("haskell", "*.cabal")),
    ".zig-cache": (("zig", "build.zig"),),
    "elm-stuff": (("elm", "elm.json"),),
    ".lake": (("lean", "lakefile.*"),),
    ".pio": (("platformio", "platformio.ini"),),
    "node_modules": (("js", "package.json"),),
}
"""By a directory's name, ecosystems with a marker, relative to the directory around it."""

MOST: Final = 2000
"""Directories that are looked at; beyond that their number is a lower bound."""


def names(ecosystems: Collection[str]) -> frozenset[bytes]:
    """Return the names to notice where the rules of these *ecosystems* are looked for."""
    return frozenset(
        os.fsencode(name)
        for name, markers in _BESIDE.items()
        if not all(ecosystem in ecosystems for ecosystem, _ in markers)
    )


def count(paths: Sequence[str], ecosystems: Collection[str], cache: StatCache) -> Mapping[str, int]:
    """Return how many of the directories *paths* are artifacts of other ecosystems, by ecosystem.

    What lies in another one is a part of that, and does not count. Nor does a name that nobody notices.
    """
    found: Counter[str] = Counter()
    for path in _outermost(paths):
        around, name = os.path.split(path)
        for ecosystem, marker in _BESIDE.get(name, ()):
            if ecosystem not in ecosystems and _is_there(cache, around, marker):
                found[ecosystem] += 1
                break
    return found


def _is_there(cache: StatCache, directory: str, marker: str) -> bool:
    try:
        return next(iter(cache.matches(directory, marker)), None) is not None
    except OSError:  # Nobody asked for it.
        return False


def first(paths: Iterable[str]) -> list[str]:
    """Return those of the *paths* that are looked at: the first ones in order."""
    return nsmallest(MOST, paths, key=lambda path: os.path.join(path, ""))


def _outermost(paths: Iterable[str]) -> list[str]:
    outermost: list[str] = []
    for path in first(paths):
        if not outermost or not path.startswith(os.path.join(outermost[-1], "")):
            outermost.append(path)
    return outermost
