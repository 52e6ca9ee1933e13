"""Looks at the modules that ``go mod vendor`` copied.

Sources: the Go Modules Reference, "Vendoring" and "go mod vendor"; ``cmd/go/internal/modcmd/vendor.go``, which writes
``modules.txt`` last; ``cmd/go/internal/modload/vendor.go``, which compares it with ``go.mod``.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from cleanup_nodemodule.proof.declared import placed
from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.stat_cache import StatCache

_LARGEST: Final = 16 * 1024 * 1024

_MODULE: Final = re.compile(r"^# (\S+)(?: (v\S+))?(?: => (\S+)(?: (v\S+))?)?\s*$", re.MULTILINE)

_COPIED: Final = (
    *("AUTHORS", "CONTRIBUTORS", "COPYLEFT", "COPYING", "COPYRIGHT", "LEGAL", "LICENSE", "NOTICE"),
    "PATENTS",
)
"""How names begin that are copied from the directories around a package (``metaPrefixes``)."""


def look(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
    listed = cache.read(artifact, "modules.txt", _LARGEST)
    if listed is None:
        return Declared(missing="no modules.txt inside", command_in=project)
    text = listed.decode("utf-8", "replace")
    made_by = "go: modules.txt inside"
    with_workspace = text.startswith("## workspace")
    file = "go.work" if with_workspace else "go.mod"
    if not cache.proves(project, file, artifact):
        return placed.nothing(made_by, f"no {file}", project)
    modules = {found[1]: found for found in _MODULE.finditer(text)}
    undeclared: list[str] = []
    missing = None
    if not with_workspace:
        said = _words(placed.text_of(artifact, project, "go.mod", cache, _LARGEST) or "")
        sums = _words(placed.text_of(artifact, project, "go.sum", cache, _LARGEST) or "")
        undeclared += (name for name in modules if name not in said and name not in sums)
    for name, found in modules.items():
        place = found[3] or ""
        if place.startswith((".", "/")):
            path = os.path.normpath(os.path.join(project, place))
            around, last = os.path.split(path)
            inside = f"{path}/".startswith(f"{boundary.rstrip('/')}/")
            if not inside or not cache.exists(around, f"{last}/"):
                missing = f"no {place}, where {name} came from"
    undeclared += _strangers(artifact, set(modules))
    return Declared(
        made_by=made_by,
        facts=placed.declared_by((file,), len(modules), "module", undeclared),
        undeclared=tuple(undeclared),
        missing=missing,
        command="go work vendor" if with_workspace else "go mod vendor",
        command_in=project,
        finished=placed.newest(os.path.join(artifact, "modules.txt")),
    )


def is_part(
    artifact: str, paths: Sequence[str], late: Sequence[str], cache: StatCache
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """See :class:`cleanup_nodemodule.proof.declared.answer.IsPart`."""
    text = (cache.read(artifact, "modules.txt", _LARGEST) or b"").decode("utf-8", "replace")
    packages = {line for line in text.splitlines() if line and not line.startswith("#")}
    return placed.parts(
        artifact, paths, late, cache, owned=placed.beneath(packages), later=("modules.txt",)
    )


def _words(text: str) -> Mapping[str, str]:
    """Return the names of modules in ``go.mod`` or ``go.sum``, with what follows each."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = line.partition("//")[0].removeprefix("require").split()
        if len(words) > 1:
            found.setdefault(words[0], words[1])
    return found


def _strangers(artifact: str, modules: set[str]) -> Iterator[str]:
    """Give what lies around the modules and is none."""
    above = {""}
    for module in modules:
        place = os.path.dirname(module)
        while place and place not in above:
            above.add(place)
            place = os.path.dirname(place)
    for place in sorted(above):
        if place in modules:
            continue
        for name in placed.names(artifact, place):
            path = f"{place}/{name}" if place else name
            if path in modules or path in above or path == "modules.txt":
                continue
            if not name.startswith(_COPIED):
                yield path
