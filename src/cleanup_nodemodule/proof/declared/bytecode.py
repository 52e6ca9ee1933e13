"""Bytecode whose source is gone: the only copy of what somebody wrote."""

import os
import re
from typing import Final

from cleanup_nodemodule.proof.stat_cache import StatCache

COMMAND: Final = "python3 -m compileall -q ."
"""Compiles again whatever has its source (the Python manual, compileall)."""

_TAGGED: Final = re.compile(r"\.[a-z]+-?[0-9][\w.-]*$")
"""The tag of an interpreter at the end of a name, with what follows it: ``.cpython-311``, ``.pypy310``,
``.graalpy231-310``, ``.cpython-311.opt-1``, ``.cpython-311-pytest-8.1.1`` (PEP 3147, PEP 488;
``_pytest/assertion/rewrite.py``)."""

_ENDINGS: Final = (".pyc", ".pyo")


def orphans(artifact: str, project: str, cache: StatCache) -> tuple[str, ...]:
    """Return the names in a ``__pycache__`` whose source is not beside it, in order.

    *project* is the directory around it. A source is called like the bytecode without its tag, with ``.py`` or, if
    a script was compiled by itself, with nothing. Raises OSError where one of the two cannot be listed.
    """
    sources = None
    found = []
    for name in os.listdir(artifact):
        if not name.endswith(_ENDINGS):
            continue
        if sources is None:
            sources = set(os.listdir(project))
        tag = name.find(".cpython-")
        if tag >= 0 and f"{name[:tag]}.py" in sources:
            continue
        stem = _TAGGED.sub("", name[:-4])
        if f"{stem}.py" in sources or f"{stem}.pyw" in sources:
            continue
        if stem not in sources or not cache.exists(project, stem):
            found.append(name)
    return tuple(sorted(found))
