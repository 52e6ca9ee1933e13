"""Looks at the dependencies that Mix fetched.

Sources: the manual of Mix, ``mix deps`` and ``mix deps.get``; ``mix/lib/mix/dep/lock.ex``, ``mix/lib/mix/scm/git.ex``; Hex's
``hex/scm.ex`` (``.hex``, ``.fetch``).
"""

import os
import re
from collections.abc import Sequence
from typing import Final

from cleanup_nodemodule.proof.declared import placed
from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.stat_cache import StatCache

_LARGEST: Final = 16 * 1024 * 1024

_LOCKED: Final = re.compile(r"^\s*\"([^\"]+)\":\s*\{:(?:hex|git)\b", re.MULTILINE)

_MARKS: Final = (".hex", ".fetch", "hex_metadata.config")
"""What Hex and Mix leave in each dependency that they fetched."""

_LATER: Final = (
    *("*/.fetch", "*/.hex", "*/priv/*.so", "*/c_src/*.o", "*/ebin/*", "*/_build/*", "*/.mix/*"),
    *("*/rebar.lock", "*/.git/*", "*/.rebar3/*"),
)
"""What compiling writes into a dependency (``mix deps.compile`` with make, rebar3 and erlang.mk)."""


def look(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:
    """See :class:`cleanup_nodemodule.proof.declared.answer.Look`."""
    del boundary
    inside = placed.names(artifact)
    marks = [
        f"{name}/{mark}"
        for name in inside
        for mark in _MARKS
        if cache.exists(os.path.join(artifact, name), mark)
    ]
    made_by = f"Mix: {marks[0]} inside" if marks else None
    if not cache.proves(project, "mix.exs", artifact):
        return placed.nothing(made_by, "no mix.exs", project)
    text = placed.text_of(artifact, project, "mix.lock", cache, _LARGEST)
    if text is None:
        return placed.nothing(made_by, "no mix.lock", project)
    locked = set(_LOCKED.findall(text))
    undeclared = [name for name in inside if name not in locked]
    return Declared(
        made_by=made_by,
        facts=placed.declared_by(("mix.lock",), len(inside), "dependenc[y|ies]", undeclared),
        undeclared=tuple(undeclared),
        command="mix deps.get",
        command_in=project,
        finished=placed.newest(*(os.path.join(artifact, mark) for mark in marks)),
    )


def is_part(
    artifact: str, paths: Sequence[str], late: Sequence[str], cache: StatCache
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """See :class:`cleanup_nodemodule.proof.declared.answer.IsPart`."""
    owned = {
        name
        for name in placed.names(artifact)
        if any(cache.exists(os.path.join(artifact, name), mark) for mark in _MARKS)
    }

    def listed(path: str) -> bool:
        # Hex writes down the files of each package.
        name, _, inner = path.partition("/")
        content = cache.read(os.path.join(artifact, name), "hex_metadata.config") or b""
        return f'<<"{inner}">>'.encode() in content

    return placed.parts(
        artifact, paths, late, cache, owned=placed.beneath(owned), later=_LATER, listed=listed
    )
