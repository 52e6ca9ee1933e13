"""Tells the command that brings an artifact back: the one that would work here, with the names of here."""

import os
import shlex
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from cleanup_nodemodule.proof import cmake, environment, meson
from cleanup_nodemodule.proof.package_scripts import script_of
from cleanup_nodemodule.proof.rules import Regeneration, Rule
from cleanup_nodemodule.proof.stat_cache import StatCache

RECIPES: Final[Mapping[str, Callable[[str, str, StatCache], str | None]]] = {
    "cmake": cmake.command,
    "editable": environment.command,
    "meson": meson.command,
}
"""What reads the command from the artifact itself, by the word that rules write for ``recipe``. Each is given the artifact
and its project, and returns None where it cannot tell."""


class Way(NamedTuple):
    """The way back of an artifact."""

    command: str | None = None
    directory: str | None = None
    """Where to run it."""
    lock: str | None = None
    """The path of the lock file that it goes by."""


NO_WAY: Final = Way()


def command_for(rule: Rule, artifact: str, project: str, boundary: str, cache: StatCache) -> Way:
    """Return the command that brings *artifact* back.

    It is to be run where its lock file is, or else in *project*. Looks for one no further up than *boundary*. Raises
    OSError where something could not be looked at.
    """
    entries = rule.regenerate

    def locked(directory: str) -> tuple[Regeneration, str] | None:
        return next(
            (
                (entry, os.path.join(directory, entry.lock))
                for entry in entries
                if entry.lock is not None and cache.proves(directory, entry.lock, artifact)
            ),
            None,
        )

    question = ("lock", rule.id, rule.own, cache.owner(artifact))
    found = cache.nearest(question, project, boundary, locked)
    if found is not None:
        place, (entry, lock) = found
        return Way(_filled(entry, artifact, place, None, cache), place, lock)
    for entry in entries:
        script = _script(entry, artifact, project, cache)
        if entry.lock is None and (script is not None or not entry.script):
            return Way(_filled(entry, artifact, project, script, cache), project)
    return NO_WAY


def _script(entry: Regeneration, artifact: str, project: str, cache: StatCache) -> str | None:
    if not entry.script or not cache.proves(project, "package.json", artifact):
        return None
    package = cache.read(project, "package.json")
    return script_of(package, entry.script, project, artifact, cache)


def _filled(
    entry: Regeneration, artifact: str, place: str, script: str | None, cache: StatCache
) -> str:
    """Return the command with the artifact's name, relative to *place*, and that of the script."""
    if entry.recipe is not None:
        told = RECIPES[entry.recipe](artifact, place, cache)
        if told is not None:
            return told
    if "{" not in entry.command:
        return entry.command
    name = shlex.quote(os.path.relpath(artifact, place))
    return entry.command.replace("{name}", name).replace("{script}", shlex.quote(script or ""))
