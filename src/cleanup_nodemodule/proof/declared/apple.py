"""Looks at what CocoaPods and Carthage installed.

Sources: ``cocoapods/lib/cocoapods/sandbox.rb`` (what is in ``Pods``), ``cocoapods-core/lib/cocoapods-core/lockfile.rb``
(``Podfile.lock``, of which ``Manifest.lock`` is a copy); Carthage's ``Documentation/Artifacts.md`` and
``Documentation/VersionFile.md``.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from cleanup_nodemodule.proof.declared import local_sources, placed
from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.declared.toml import table, tables
from cleanup_nodemodule.proof.stat_cache import StatCache

_LARGEST: Final = 16 * 1024 * 1024

_PODS_OWN: Final = frozenset(
    {
        *("Headers", "Local Podspecs", "Manifest.lock", "Pods.xcodeproj", "Target Support Files"),
        *(".project_cache", "_Prebuild"),
    }
)
"""What is in ``Pods`` beside the pods (sandbox.rb; ``.project_cache`` of incremental installation)."""

_POD: Final = re.compile(r"^  - \"?([^\s\"/(:]+)", re.MULTILINE)

_EXTERNAL: Final = re.compile(
    r"^  \"?([^\s\":]+)\"?:\n(?:    .*\n)*?    :(?:path|podspec): [\"']?([^\"'\n]+)", re.MULTILINE
)
"""A pod that has a path of its own (lockfile.rb, ``EXTERNAL SOURCES``)."""

_SECTION: Final = re.compile(r"^([A-Z][A-Z ]*):", re.MULTILINE)

_PODS_LATER: Final = ("Pods.xcodeproj/*", "Manifest.lock", ".project_cache/*")
"""What Xcode writes into its project: ``xcuserdata``."""

_RESOLVED: Final = re.compile(r"^(?:github|git|binary) \"([^\"]+)\" \"", re.MULTILINE)

_PLATFORMS: Final = frozenset({"iOS", "Mac", "macOS", "tvOS", "watchOS", "visionOS"})


def look_at_pods(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
    manifest = cache.read(artifact, "Manifest.lock", _LARGEST)
    made_by = None if manifest is None else "CocoaPods: Manifest.lock inside"
    text = placed.text_of(artifact, project, "Podfile.lock", cache, _LARGEST)
    if text is None or not cache.proves(project, "Podfile", artifact):
        missing = "no Podfile.lock" if text is None else "no Podfile"
        return placed.nothing(made_by, missing, project)
    pods = set(_POD.findall(_section(text, "PODS")))
    inside = [name for name in placed.names(artifact) if name not in _PODS_OWN]
    undeclared = [name for name in inside if name not in pods]
    differs = manifest is not None and manifest.decode("utf-8", "replace") != text
    return Declared(
        made_by=made_by,
        facts=placed.declared_by(("Podfile.lock",), len(inside), "pod", undeclared),
        undeclared=tuple(undeclared),
        missing=_source_gone(text, project, boundary, cache),
        command="pod install",
        command_in=project,
        finished=placed.newest(os.path.join(artifact, "Manifest.lock")),
        warnings=("what is installed differs from the lock file",) if differs else (),
    )


def _source_gone(text: str, project: str, boundary: str, cache: StatCache) -> str | None:
    """Say which pod comes from a path that is not there any more: they are relative to the ``Podfile``."""
    for name, written in _EXTERNAL.findall(_section(text, "EXTERNAL SOURCES")):
        path = local_sources.path_in(written)
        if path is not None:
            told = local_sources.gone(name, path, project, boundary, cache)
            if told is not None:
                return told
    return None


def is_part_of_pods(
    artifact: str, paths: Sequence[str], late: Sequence[str], cache: StatCache
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """See :class:`cleanup_nodemodule.proof.declared.answer.IsPart`."""
    text = (cache.read(artifact, "Manifest.lock", _LARGEST) or b"").decode("utf-8", "replace")
    owned = set(_POD.findall(_section(text, "PODS"))) | _PODS_OWN
    return placed.parts(
        artifact, paths, late, cache, owned=placed.beneath(owned), later=_PODS_LATER
    )


def _section(text: str, name: str) -> str:
    """Return one part of ``Podfile.lock``."""
    begin = text.find(f"{name}:\n")
    if begin < 0:
        return ""
    after = _SECTION.search(text, begin + len(name) + 2)
    return text[begin : after.start() if after else len(text)]


def look_at_carthage(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
    del boundary
    versions = dict(_versions(artifact, cache))
    made_by = f"Carthage: .{min(versions)}.version inside" if versions else None
    text = placed.text_of(artifact, project, "Cartfile.resolved", cache, _LARGEST)
    if text is None:
        return placed.nothing(made_by, "no Cartfile.resolved", project)
    resolved = {
        os.path.basename(one).removesuffix(".git").removesuffix(".json")
        for one in _RESOLVED.findall(text)
    }
    built = _built(versions.values())
    undeclared = [name for name in sorted(versions) if name not in resolved]
    for place in ("", *sorted(_PLATFORMS)):
        for name in placed.names(artifact, place):
            stem = name.split(".")[0]
            ordinary = name.endswith((".version", ".bcsymbolmap")) or (
                not place and name in _PLATFORMS
            )
            if not ordinary and stem not in built and name != "Static":
                undeclared.append(os.path.join(place, name))
    return Declared(
        made_by=made_by,
        facts=placed.declared_by(
            ("Cartfile.resolved",), len(versions), "dependenc[y|ies]", undeclared
        ),
        undeclared=tuple(undeclared),
        command="carthage bootstrap",
        command_in=project,
        finished=placed.newest(*(os.path.join(artifact, f".{name}.version") for name in versions)),
    )


def is_part_of_carthage(
    artifact: str, paths: Sequence[str], late: Sequence[str], cache: StatCache
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """See :class:`cleanup_nodemodule.proof.declared.answer.IsPart`."""
    built = _built(dict(_versions(artifact, cache)).values())

    def owned(path: str) -> bool:
        names = path.split("/")
        first = names[1] if names[0] in _PLATFORMS and len(names) > 1 else names[0]
        return first.split(".")[0] in built

    return placed.parts(artifact, paths, late, cache, owned=owned, later=(".*.version",))


def _versions(artifact: str, cache: StatCache) -> Iterator[tuple[str, Any]]:
    for name in placed.names(artifact):
        if name.startswith(".") and name.endswith(".version"):
            try:
                yield name[1:-8], json.loads(cache.read(artifact, name) or b"{}")
            except (ValueError, RecursionError):
                yield name[1:-8], {}


def _built(versions: Any) -> set[str]:
    """Return the names of the frameworks that the version files list for each platform."""
    return {
        str(one.get("name"))
        for version in versions
        for platform in table(version).values()
        for one in tables(platform)
    }
