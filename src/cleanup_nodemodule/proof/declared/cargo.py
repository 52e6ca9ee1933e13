"""Looks at the crates that ``cargo vendor`` copied.

Sources: the Cargo Book, "cargo vendor" and "Source Replacement", "Directory sources" (``.cargo-checksum.json``);
``cargo/ops/vendor.rs``.
"""

import hashlib
import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from cleanup_nodemodule.proof.declared import placed
from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.declared.toml import table
from cleanup_nodemodule.proof.stat_cache import StatCache

_LARGEST: Final = 64 * 1024 * 1024

_SUMS: Final = ".cargo-checksum.json"

_CRATE: Final = re.compile(
    r'^\[\[package\]\]\r?\nname = "([^"]+)"\r?\nversion = "([^"]+)"(?:\r?\nsource = "([^"]+)")?',
    re.MULTILINE,
)
"""How Cargo begins a crate in its lock file. What has no source is of the workspace, or lies at a path."""


def look(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
    del boundary
    inside = placed.names(artifact)
    crates = [name for name in inside if cache.exists(os.path.join(artifact, name), _SUMS)]
    made_by = f"cargo: {crates[0]}/{_SUMS} inside" if crates else None
    text = placed.text_of(artifact, project, "Cargo.lock", cache, _LARGEST)
    if text is None or not cache.proves(project, "Cargo.toml", artifact):
        return placed.nothing(
            made_by, "no Cargo.lock" if text is None else "no Cargo.toml", project
        )
    locked: set[str] = set()
    for name, version, source in _CRATE.findall(text):
        if source:
            # Where there are several versions of a crate, all but one have it in their names.
            locked |= {name, f"{name}-{version}"}
    undeclared = [name for name in inside if name not in crates or name not in locked]
    return Declared(
        made_by=made_by,
        facts=placed.declared_by(("Cargo.lock",), len(crates), "crate", undeclared),
        undeclared=tuple(undeclared),
        command=f"cargo vendor --locked {shlex.quote(os.path.relpath(artifact, project))}".removesuffix(
            " vendor"
        ),
        command_in=project,
        finished=placed.newest(*(os.path.join(artifact, name, _SUMS) for name in crates)),
    )


def is_part(
    artifact: str, paths: Sequence[str], late: Sequence[str], cache: StatCache
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """See :class:`cleanup_nodemodule.proof.declared.answer.IsPart`."""
    known: dict[str, Mapping[str, object]] = {}

    def sums(crate: str) -> Mapping[str, object]:
        if crate not in known:
            content = cache.read(os.path.join(artifact, crate), _SUMS, _LARGEST)
            try:
                known[crate] = table(table(json.loads(content or b"{}")).get("files"))
            except (ValueError, RecursionError):
                known[crate] = {}
        return known[crate]

    def owned(path: str) -> bool:
        crate, _, inner = path.partition("/")
        files = sums(crate)
        return inner in files or any(file.startswith(f"{inner}/") for file in files)

    def same(path: str) -> bool:
        crate, _, inner = path.partition("/")
        wanted = sums(crate).get(inner)
        content = cache.read(artifact, path, _LARGEST) if isinstance(wanted, str) else None
        return content is not None and hashlib.sha256(content).hexdigest() == wanted

    later = (f"*/{_SUMS}",)
    return placed.parts(
        artifact, paths, late, cache, owned=owned, later=later, same=same, listed=owned
    )
