"""Bytecode whose source is gone: the only copy of what somebody wrote."""

import re
from collections.abc import Sequence
from typing import Final

from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.stat_cache import StatCache

COMMAND: Final = "python3 -m compileall -q ."
"""Compiles again whatever has its source (the Python manual, compileall)."""

_TAGGED: Final = re.compile(r"\.[a-z]+-?[0-9][\w.-]*$")
"""The tag of an interpreter at the end of a name, with what follows it: ``.cpython-311``, ``.pypy310``,
``.graalpy231-310``, ``.cpython-311.opt-1``, ``.cpython-311-pytest-8.1.1`` (PEP 3147, PEP 488;
``_pytest/assertion/rewrite.py``)."""

_ENDINGS: Final = (".pyc", ".pyo")


def look(artifact: str, project: str, boundary: str, cache: StatCache) -> Declared:  # noqa: ARG001 - as all looks
    """Return whether all bytecode in a ``__pycache__`` comes back from the sources around it.

    Raises OSError where one of the two cannot be listed.
    """
    gone = orphans(artifact, project, cache)
    return Declared(undeclared=gone, command=COMMAND, command_in=project)


def is_part(
    artifact: str,  # noqa: ARG001 - as for all ecosystems
    paths: Sequence[str],
    late: Sequence[str],  # noqa: ARG001 - the interpreter writes at any time
    cache: StatCache,  # noqa: ARG001 - nothing is looked up
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return all *paths*: there are no packages that could have brought them."""
    return tuple(paths), ()


def orphans(artifact: str, project: str, cache: StatCache) -> tuple[str, ...]:
    """Return the names in a ``__pycache__`` whose source is not beside it, in order.

    *project* is the directory around it. A source is called like the bytecode without its tag, with ``.py`` or, if
    a script was compiled by itself, with nothing. Raises OSError where one of the two cannot be listed.
    """
    sources = None
    found = []
    for name in cache.names(artifact):
        if not name.endswith(_ENDINGS):
            continue
        if sources is None:
            sources = cache.names(project)
        tag = name.find(".cpython-")
        if tag >= 0 and f"{name[:tag]}.py" in sources:
            continue
        stem = _TAGGED.sub("", name[:-4])
        if f"{stem}.py" in sources or f"{stem}.pyw" in sources:
            continue
        if stem not in sources or not cache.exists(project, stem):
            found.append(name)
    return tuple(sorted(found))
