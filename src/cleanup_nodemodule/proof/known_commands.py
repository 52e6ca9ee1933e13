"""Tells whether the program itself could have written a command that brings an artifact back.

The commands come from the journal, which somebody could have altered, and they go to a shell. So each is compared with
what its rule would write for that directory: letter by letter, or written anew from the words that are free in it.
"""

import fnmatch
import os
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Final

from cleanup_nodemodule.proof import cmake, environment, meson
from cleanup_nodemodule.proof.declared import bytecode, javascript_tools, python_commands
from cleanup_nodemodule.proof.package_scripts import manifest
from cleanup_nodemodule.proof.rules import Regeneration, Rule
from cleanup_nodemodule.proof.stat_cache import StatCache

_WRITTEN: Final[Mapping[str, tuple[str, ...]]] = {
    "bundler": ("bundle install", "BUNDLE_PATH={name} bundle install"),
    "bytecode": (bytecode.COMMAND,),
    "cargo": ("cargo vendor --locked", "cargo vendor --locked {name}"),
    "carthage": ("carthage bootstrap",),
    "cocoapods": ("pod install",),
    "composer": ("composer install",),
    "dart": ("dart pub get",),
    "elm": ("elm make src/Main.elm",),
    "go": ("go mod vendor", "go work vendor"),
    "mix": ("mix deps.get",),
    "nox": ("nox --install-only",),
    "npm": (
        *(command for both in javascript_tools.COMMANDS.values() for command in both),
        *("rush install", "rush update", "npx lerna bootstrap"),
    ),
    "nuget": ("nuget restore",),
    "pypackages": ("pdm sync", "pdm install"),
    "spago": ("spago install",),
    "tox": ("tox --notest",),
}
"""What the looks at packages write, by the word that rules write for ``packages``."""

_RECIPES: Final[Mapping[str, Callable[[str, str, str, StatCache], bool]]] = {
    "cmake": cmake.knows,
    "editable": environment.knows,
    "meson": meson.knows,
}

_TOX: Final = "tox --notest -e "
_ENVIRONMENTS: Final = re.compile(r"[A-Za-z0-9][\w.,:+-]*", re.ASCII)


def is_known(rule: Rule, command: str, artifact: str, place: str, cache: StatCache) -> bool:
    """Whether *rule* has this command for *artifact*, to be run in *place*.

    Both are absolute. The artifact may be gone. Raises OSError where something could not be looked at.
    """
    if any(os.path.normpath(path) != path for path in (artifact, place)):
        return False
    if not artifact.startswith(os.path.join(place, "")):
        return False
    name = os.path.relpath(artifact, place)
    if not rule.fits(tuple(artifact.split(os.sep))):
        return False
    return (
        any(_is_filled(entry, command, artifact, place, cache) for entry in rule.regenerate)
        or any(
            command == one.replace("{name}", shlex.quote(name))
            for one in _WRITTEN.get(rule.packages or "", ())
        )
        or _is_composed(rule.packages, command, name, place, cache)
    )


def _is_composed(
    packages: str | None, command: str, name: str, place: str, cache: StatCache
) -> bool:
    if packages == "python":
        return python_commands.knows(command, name, place, cache)
    if packages == "pypackages":
        return command.startswith("pdm ") and python_commands.knows(command, ".venv", place, cache)
    if packages == "tox" and command.startswith(_TOX):
        return _ENVIRONMENTS.fullmatch(command.removeprefix(_TOX)) is not None
    return False


def _is_filled(
    entry: Regeneration, command: str, artifact: str, place: str, cache: StatCache
) -> bool:
    """Whether it is the command of this entry, with the names of here."""
    if entry.recipe is not None and _RECIPES[entry.recipe](command, artifact, place, cache):
        return True
    name = shlex.quote(os.path.relpath(artifact, place))
    before, gap, after = entry.command.replace("{name}", name).partition("{script}")
    if not gap:
        return command == before
    if not command.startswith(before) or not command.endswith(after):
        return False
    said = command[len(before) : len(command) - len(after)]
    scripts = manifest(cache.read(place, "package.json")).get("scripts")
    return isinstance(scripts, dict) and any(
        said == shlex.quote(script)
        and any(fnmatch.fnmatchcase(script, one) for one in entry.script)
        for script in scripts
    )
