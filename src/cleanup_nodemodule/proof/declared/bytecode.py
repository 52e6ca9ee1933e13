"""Bytecode whose source is gone: the only copy of what somebody wrote."""

import re
from collections.abc import Collection, Sequence
from typing import Final

from cleanup_nodemodule.proof.declared.answer import Declared
from cleanup_nodemodule.proof.stat_cache import StatCache

COMMAND: Final = "python3 -m compileall -q ."
"""Compiles again whatever has its source (the Python manual, compileall)."""

_TAGGED: Final = re.compile(r"\.[a-z]+-?[0-9][\w.-]*$")
"""The tag of an interpreter at the end of a name, with what follows it: ``.cpython-311``, ``.pypy310``,
``.graalpy231-310``, ``.cpython-311.opt-1``, ``.cpython-311-pytest-8.1.1`` (PEP 3147, PEP 488;
``_pytest/assertion/rewrite.py``)."""

_PYTHON: Final = re.compile(rb"#!.*(?:python|pypy)")
"""How a script begins that Python runs."""

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

    *project* is the directory around it. A source is a file called like the bytecode without its tag, with ``.py`` or, if
    a script of Python was compiled by itself, with nothing. Raises OSError where one of the two cannot be listed.
    """
    sources = None
    found = []
    for name in cache.names(artifact):
        if not name.endswith(_ENDINGS):
            continue
        if sources is None:
            sources = cache.names(project)
        tag = name.find(".cpython-")
        if tag >= 0 and _is_source(f"{name[:tag]}.py", project, sources, cache):
            continue
        stem = _TAGGED.sub("", name[:-4])
        if any(_is_source(stem + ending, project, sources, cache) for ending in (".py", ".pyw")):
            continue
        if not _is_script(stem, project, sources, cache):
            found.append(name)
    return tuple(sorted(found))


def _is_source(name: str, project: str, names: Collection[str], cache: StatCache) -> bool:
    """Whether there is a file of this *name*, or a link to one, beside the bytecode."""
    return name in names and not cache.exists(project, name + "/")


def _is_script(name: str, project: str, names: Collection[str], cache: StatCache) -> bool:
    """Whether Python runs the file of this *name*, as its first line says."""
    if name not in names or not cache.exists(project, name):
        return False
    return _PYTHON.match(cache.read(project, name) or b"") is not None
