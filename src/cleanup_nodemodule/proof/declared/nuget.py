"""Looks at packages that NuGet restored beside a solution.

Sources: NuGet's documentation, "packages.config reference" and "How NuGet packages are installed"
(``packages/ID.VERSION/ID.VERSION.nupkg``).
"""

import io
import os
import re
import zipfile
from collections.abc import Sequence
from typing import Final

from cleanup_nodemodule.proof.declared import placed
from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.stat_cache import StatCache

_LARGEST: Final = 4 * 1024 * 1024

_LARGEST_PACKAGE: Final = 64 * 1024 * 1024

_PACKAGE: Final = re.compile(r"<package\b([^>]*)>")
_ATTRIBUTE: Final = re.compile(r"\b(id|version)\s*=\s*[\"']([^\"']+)[\"']")

_CONFIGS: Final = (
    "packages.config",
    "*/packages.config",
    "*/*/packages.config",
    ".nuget/packages.config",
)


def look(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
    del boundary
    inside = [name for name in placed.names(artifact) if name != "repositories.config"]
    restored = [
        name for name in inside if cache.exists(os.path.join(artifact, name), f"{name}.nupkg")
    ]
    made_by = f"NuGet: {restored[0]}/{restored[0]}.nupkg inside" if restored else None
    wanted: set[str] = set()
    files: dict[str, None] = {}
    for pattern in _CONFIGS:
        for file in cache.matches(project, pattern):
            text = placed.text_of(artifact, project, file, cache, _LARGEST) or ""
            files[file] = None
            for written in _PACKAGE.findall(text):
                one = {name.lower(): value for name, value in _ATTRIBUTE.findall(written)}
                wanted.add(f"{one.get('id', '')}.{one.get('version', '')}".lower())
    if not files:
        return placed.nothing(made_by, "no packages.config", project)
    undeclared = [name for name in inside if name not in restored or name.lower() not in wanted]
    return Declared(
        made_by=made_by,
        facts=placed.declared_by(list(files)[:2], len(restored), "package", undeclared),
        undeclared=tuple(undeclared),
        command="nuget restore",
        command_in=project,
        finished=placed.newest(
            *(os.path.join(artifact, name, f"{name}.nupkg") for name in restored),
            *(os.path.join(artifact, name) for name in restored),
        ),
    )


def is_part(
    artifact: str, paths: Sequence[str], late: Sequence[str], cache: StatCache
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """See :class:`cleanup_nodemodule.proof.declared.answer.IsPart`."""
    owned = {
        name
        for name in placed.names(artifact)
        if cache.exists(os.path.join(artifact, name), f"{name}.nupkg")
    }

    def listed(path: str) -> bool:
        # The package itself lies in its directory: an archive (Open Packaging Conventions).
        name, _, inner = path.partition("/")
        content = cache.read(os.path.join(artifact, name), f"{name}.nupkg", _LARGEST_PACKAGE)
        try:
            with zipfile.ZipFile(io.BytesIO(content or b"")) as archive:
                return inner in archive.namelist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            return False

    later = ("repositories.config",)
    return placed.parts(
        artifact, paths, late, cache, owned=placed.beneath(owned), later=later, listed=listed
    )
