"""Looks at directories that one tool alone fills, and that hold nothing but what it makes: they have a shape.

Sources: Dart's package layout conventions and ``pub/lib/src/entrypoint.dart`` (``.dart_tool/package_config.json``); Elm's
``builder/src/Stuff.hs``; Spago's ``Spago/Paths.purs`` and ``Spago/Lock.purs``.
"""

import fnmatch
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.proof.declared import placed
from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.stat_cache import StatCache

_LARGEST: Final = 16 * 1024 * 1024

_LOCKED: Final = re.compile(
    r"^    \"?([a-z][a-z0-9-]*)\"?:\s*(?:\{|$)|\"([a-z][a-z0-9-]*)\": \{", re.MULTILINE
)
"""A package in ``spago.lock``, which Spago writes as YAML, and since 0.93.29 as JSON."""


_SPAGO_PACKAGES: Final = ("packages", "p")
"""Where Spago puts packages, of old and of new."""

_SPAGO: Final = frozenset({*_SPAGO_PACKAGES, "run", "stashes", "persisted-warnings"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What one tool fills."""

    tool: str
    marks: tuple[str, ...]
    """Patterns of which one has to be inside."""
    entries: tuple[str, ...]
    """Patterns of all that may be at the top."""
    manifests: tuple[str, ...]
    """Files beside it of which one has to be there."""
    command: str

    def look(self, artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
        """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
        del boundary
        mark = next((name for one in self.marks for name in cache.matches(artifact, one)), None)
        made_by = None if mark is None else f"{self.tool}: {mark.rstrip('/')} inside"
        manifest = next(
            (name for name in self.manifests if cache.proves(project, name, artifact)), None
        )
        if manifest is None:
            return placed.nothing(made_by, f"no {self.manifests[0]}", project)
        undeclared = tuple(
            name
            for name in placed.names(artifact)
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in self.entries)
        )
        return Declared(
            made_by=made_by,
            facts=() if undeclared else (f"nothing but what {self.tool} makes of {manifest}",),
            undeclared=undeclared,
            command=self.command,
            command_in=project,
        )

    def is_part(
        self, artifact: str, paths: Sequence[str], late: Sequence[str], cache: StatCache
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """See :class:`cleanup_nodemodule.proof.declared.answer.IsPart`."""
        del artifact, cache
        # Its tool writes into it with each build: no file in it is late.
        del late
        return tuple(paths), ()


DART: Final = Shape(
    tool="pub",
    marks=("package_config.json",),
    entries=(
        *("package_config.json", "package_config_subset", "package_graph.json", "version", "build"),
        *("flutter_build", "pub", "test", "hooks_runner", "dartpad", "extension_discovery"),
        *("build_resolvers", "chrome-device", "native_assets*"),
    ),
    manifests=("pubspec.yaml",),
    command="dart pub get",
)

ELM: Final = Shape(
    tool="Elm",
    marks=("0.*/d.dat", "0.*/*.elmi", "exact-dependencies.json", "build-artifacts/"),
    entries=(
        "0.*",
        "generated-code",
        "tests-*",
        "exact-dependencies.json",
        "build-artifacts",
        "packages",
    ),
    manifests=("elm.json", "elm-package.json"),
    command="elm make src/Main.elm",
)


def look_at_spago(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
    del boundary
    inside = placed.names(artifact)
    packages = _spago_packages(artifact)
    mark = next(iter(packages), None)
    made_by = None if mark is None else f"Spago: {mark} inside"
    text = placed.text_of(artifact, project, "spago.lock", cache, _LARGEST)
    if text is None:
        return placed.nothing(made_by, "no spago.lock", project)
    locked = {one or other for one, other in _LOCKED.findall(text)}
    undeclared = [
        name for name in inside if name not in {"p", "BUILD_PLAN", "docs", "run", "cache"}
    ]
    undeclared += (name for name in packages if re.sub(r"-\d[\w.+-]*$", "", name[2:]) not in locked)
    return Declared(
        made_by=made_by,
        facts=placed.declared_by(("spago.lock",), len(packages), "package", undeclared),
        undeclared=tuple(undeclared),
        command="spago install",
        command_in=project,
        finished=placed.newest(*(os.path.join(artifact, name) for name in packages)),
    )


def is_part_of_spago(
    artifact: str, paths: Sequence[str], late: Sequence[str], cache: StatCache
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """See :class:`cleanup_nodemodule.proof.declared.answer.IsPart`."""
    owned = set(_spago_packages(artifact))
    return placed.parts(
        artifact,
        paths,
        late,
        cache,
        owned=placed.beneath(owned),
        later=("run/*", "stashes/*", "persisted-warnings/*"),
    )


def _spago_packages(artifact: str) -> list[str]:
    return [
        f"{place}/{name}" for place in _SPAGO_PACKAGES for name in placed.names(artifact, place)
    ]
