"""Looks at what Bundler installed into a project.

Sources: bundle-config(1) (``path``), bundle-install(1); ``bundler/lockfile_parser.rb``, ``rubygems/basic_specification.rb``,
``bundler/source/git.rb`` (where a git gem lies); and what Bundler left.
"""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from cleanup_nodemodule.proof.declared import placed
from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.stat_cache import StatCache

_LARGEST: Final = 16 * 1024 * 1024

_SPEC: Final = re.compile(r"^    ([^\s(!]+) \(([^)]+)\)", re.MULTILINE)
"""A gem in a lock file, in four spaces; what it needs is in six."""

_REVISION: Final = re.compile(r"^  revision: ([0-9a-f]{12})", re.MULTILINE)

_VERSIONED: Final = re.compile(r"(.+?)-\d")

_RUBY: Final = frozenset(
    {
        "bin",
        "build_info",
        "cache",
        "doc",
        "extensions",
        "gems",
        "plugins",
        "specifications",
        "bundler",
    }
)
"""What RubyGems and Bundler keep for one version of Ruby."""

_LATER: Final = (
    "*/extensions/*",
    "*/build_info/*",
    "*/cache/*",
    "*/plugins/*",
    "*/specifications/*",
    "*/bin/*",
    "*/gem.build_complete",
    "*/mkmf.log",
    "*/gem_make.out",
)

_PATH: Final = re.compile(r"^BUNDLE_PATH: \"?([^\"\n]+?)\"?\s*$", re.MULTILINE)


def look(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
    del boundary
    rubies = tuple(_rubies(artifact, cache))
    made_by = None
    if rubies:
        made_by = f"Bundler: {rubies[0]}/specifications inside"
    for lock in ("Gemfile.lock", "gems.locked"):
        text = placed.text_of(artifact, project, lock, cache, _LARGEST)
        if text is not None:
            break
    else:
        return placed.nothing(made_by, "no Gemfile.lock", project)
    locked = {name for name, _ in _SPEC.findall(text)} | {"bundler"}
    revisions = set(_REVISION.findall(text))
    undeclared: list[str] = []
    gems = 0
    undeclared += (
        name
        for name in placed.names(artifact)
        if not any(ruby.startswith(f"{name}/") for ruby in rubies)
    )
    for ruby in rubies:
        installed = placed.names(artifact, ruby, "gems")
        cloned = placed.names(artifact, ruby, "bundler", "gems")
        gems += len(installed) + len(cloned)
        undeclared += (
            f"{ruby}/{name}" for name in placed.names(artifact, ruby) if name not in _RUBY
        )
        undeclared += (name for name in installed if not _is_locked(name, locked))
        undeclared += (
            name
            for name in cloned
            if name != "extensions" and name.rpartition("-")[2] not in revisions
        )
    relative = os.path.relpath(artifact, project)
    settings = placed.text_of(artifact, project, ".bundle/config", cache, _LARGEST) or ""
    configured = _PATH.search(settings)
    command = "bundle install"
    if configured is None or os.path.normpath(configured[1]) != relative:
        command = f"BUNDLE_PATH={shlex.quote(relative)} {command}"
    return Declared(
        made_by=made_by,
        facts=placed.declared_by((lock,), gems, "gem", undeclared),
        undeclared=tuple(undeclared),
        command=command,
        command_in=project,
        finished=_finished(artifact, rubies),
    )


def is_part(
    artifact: str, paths: Sequence[str], late: Sequence[str], cache: StatCache
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """See :class:`cleanup_nodemodule.proof.declared.answer.IsPart`."""
    owned = set()
    for ruby in _rubies(artifact, cache):
        # What has a specification was installed; a directory alone was put there.
        specified = {
            name.removesuffix(".gemspec") for name in placed.names(artifact, ruby, "specifications")
        }
        owned |= {f"{ruby}/gems/{name}" for name in specified}
        owned |= {f"{ruby}/{name}" for name in ("cache", "extensions", "doc", "build_info")}
        owned |= {
            f"{ruby}/bundler/gems/{name}"
            for name in placed.names(artifact, ruby, "bundler", "gems")
        }
    return placed.parts(artifact, paths, late, cache, owned=placed.beneath(owned), later=_LATER)


def _rubies(artifact: str, cache: StatCache) -> Iterator[str]:
    """Give the directories of each version of Ruby: ``ruby/3.1.0``."""
    for found in cache.matches(artifact, "*/*/specifications/"):
        yield os.path.dirname(found.rstrip("/"))


def _is_locked(name: str, locked: set[str]) -> bool:
    found = _VERSIONED.match(name)
    if found is not None and found[1] in locked:
        return True
    return any(name.startswith(f"{one}-") for one in locked if one.count("-") or one[-1:].isdigit())


def _finished(artifact: str, rubies: Sequence[str]) -> int:
    places = [os.path.join(artifact, ruby, "specifications") for ruby in rubies]
    files = [os.path.join(place, name) for place in places for name in placed.names(place)]
    files += (os.path.join(artifact, ruby, "bundler/gems") for ruby in rubies)
    return placed.newest(*places, *files)
