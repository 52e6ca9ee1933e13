"""Picks the engine once and says which one runs.

An engine is three functions, ``find``, ``measure`` and ``remove``, with the contract written down in
:mod:`cleanup_nodemodule.engine.contract`. Everything above calls them through this package.
"""

import os
import sys
from typing import Final

from cleanup_nodemodule.engine._python import find, measure, remove

NAME: Final = "python"
"""The running engine, as ``--version`` and the report name it."""

__all__ = ["NAME", "default_workers", "find", "measure", "remove"]


def default_workers() -> int:
    """Return how many threads get the most out of this engine.

    One, where the interpreter lets only one thread run: measured on a warm cache, a second makes the
    Python engine half again as slow, as each waits for the other at every system call.
    """
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        return 1
    return os.cpu_count() or 1
